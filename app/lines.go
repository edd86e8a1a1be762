package main

import (
	"bytes"
	"io"
)

// A lineReader cuts a stream into chunks of complete lines, as many as one read
// brings: a slow stream gives one line at a time, a fast one full chunks.
type lineReader struct {
	in      io.Reader
	line    int    // number of the next line
	rest    []byte // beginning of a line that is not complete yet
	skips   bool   // the rest of a line that was too long is to be skipped
	err     error  // of the last read
	pending bool   // rest may hold complete lines
}

// next fills c with the next lines, or says that there are none left (io.EOF).
func (r *lineReader) next(c *chunk) error {
	c.text, c.tooLong, c.first = c.text[:0], false, r.line
	for {
		for r.pending {
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
	r.rest, r.err, r.pending = r.rest[:n+read], err, read > 0
}

// cut moves complete lines from the rest to c and reports whether there are any.
func (r *lineReader) cut(c *chunk) bool {
	r.pending = false
	if r.skips {
		return r.skip()
	}
	end := bytes.LastIndexByte(r.rest, '\n') + 1
	if end == 0 {
		return r.tooLong(c)
	}
	c.text = append(c.text, r.rest[:end]...)
	r.line += bytes.Count(c.text, []byte("\n"))
	r.rest = r.rest[:copy(r.rest, r.rest[end:])]
	return true
}

// tooLong gives up on a line that is too long before it ends.
func (r *lineReader) tooLong(c *chunk) bool {
	if len(r.rest) <= maxLine+1 { // one more for a carriage return
		return false
	}
	c.tooLong, r.skips = true, true
	r.line++
	r.rest = r.rest[:0]
	return true
}

// skip forgets the rest of a line that was too long. It never fills a chunk.
func (r *lineReader) skip() bool {
	end := bytes.IndexByte(r.rest, '\n') + 1
	if end == 0 {
		r.rest = r.rest[:0]
		return false
	}
	r.rest = r.rest[:copy(r.rest, r.rest[end:])]
	r.skips, r.pending = false, len(r.rest) > 0
	return false
}

// last is a line without an end, then the error of the last read.
func (r *lineReader) last(c *chunk) error {
	if r.err != io.EOF || r.skips || len(r.rest) == 0 {
		return r.err
	}
	c.text = append(c.text, r.rest...)
	r.rest, r.line = r.rest[:0], r.line+1
	return nil
}
