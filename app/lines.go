package main

import (
	"bytes"
	"io"
)

// A lineReader cuts a stream into chunks of complete lines, as many as one read
// brings: a slow stream gives one line at a time, a fast one full chunks.
type lineReader struct {
	in    io.Reader
	line  int    // number of the next line
	rest  []byte // read, but not in a chunk yet
	seen  int    // bytes of rest that are known to hold no end of a line
	skips bool   // rest continues a line that was too long
	err   error  // of the last read
}

// next fills c with the next lines, or says that there are none left (io.EOF).
func (r *lineReader) next(c *chunk) error {
	c.text, c.tooLong, c.first = c.text[:0], false, r.line
	for {
		for r.seen < len(r.rest) {
			if r.cut(c) {
				return nil
			}
		}
		if r.err != nil {
			return r.last(c)
		}
		r.read()
	}
}

// read adds what the stream has to the rest.
func (r *lineReader) read() {
	n := len(r.rest)
	if cap(r.rest)-n < readSize {
		r.rest = append(make([]byte, 0, 2*n+readSize), r.rest...)
	}
	read, err := r.in.Read(r.rest[n : n+readSize])
	r.rest, r.err = r.rest[:n+read], err
}

// cut moves complete lines from the rest to c and reports whether there are any.
func (r *lineReader) cut(c *chunk) bool {
	if r.skips {
		r.skip()
		return false
	}
	end := r.seen + bytes.LastIndexByte(r.rest[r.seen:], '\n') + 1
	if end == r.seen {
		r.seen = len(r.rest)
		return r.tooLong(c)
	}
	c.text = append(c.text, r.rest[:end]...)
	r.line += bytes.Count(c.text, []byte("\n"))
	r.forget(end)
	r.seen = len(r.rest)
	return true
}

// tooLong gives up on a line that is too long before it ends.
func (r *lineReader) tooLong(c *chunk) bool {
	if len(r.rest) <= maxLine+1 { // one more for a carriage return
		return false
	}
	c.tooLong, r.skips = true, true
	r.line++
	r.forget(len(r.rest))
	return true
}

// skip forgets the rest of a line that was too long.
func (r *lineReader) skip() {
	end := bytes.IndexByte(r.rest, '\n') + 1
	r.skips = end == 0
	if r.skips {
		end = len(r.rest)
	}
	r.forget(end)
}

// forget drops the first n bytes of the rest.
func (r *lineReader) forget(n int) {
	r.rest, r.seen = r.rest[:copy(r.rest, r.rest[n:])], 0
}

// last is a line without an end, then the error of the last read.
func (r *lineReader) last(c *chunk) error {
	if r.err != io.EOF || r.skips || len(r.rest) == 0 {
		return r.err
	}
	c.text = append(c.text, r.rest...)
	r.forget(len(r.rest))
	r.line++
	return nil
}
