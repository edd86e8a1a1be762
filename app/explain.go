package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"runtime"
	"strconv"

	"callwise/app/rules"
	"callwise/views"

	"github.com/go-json-experiment/json/jsontext"
	"golang.org/x/sync/errgroup"
)

const (
	maxLine  = 1 << 20 // bytes of a case; a longer line is malformed
	readSize = 64 << 10
)

// explain reads one case per line (interface.md §5) and writes one result per
// line, in order, as soon as it is decided: it asks in for more only when
// workers have all that came before. It reports how many lines were malformed;
// each of them has a line in out that says so. Its memory does not grow with
// the number of lines. If ctx ends, a read that is under way is abandoned.
func explain(ctx context.Context, in io.Reader, out io.Writer) (malformed int, err error) {
	workers, ctx := errgroup.WithContext(ctx)
	depth := 2 * runtime.GOMAXPROCS(0)
	free, todo, inOrder := make(chan *chunk, depth), make(chan *chunk, depth), make(chan *chunk, depth)
	for range depth {
		free <- &chunk{decided: make(chan struct{}, 1)}
	}
	lines := &lineReader{in: in, line: 1}
	read := make(chan error, 1)
	go func() { // not a worker: it may hang in a read for ever
		defer close(inOrder)
		defer close(todo)
		read <- feed(ctx, lines, free, todo, inOrder)
	}()
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() error { return decideAll(ctx, todo) })
	}
	workers.Go(func() error {
		var err error
		malformed, err = writeAll(ctx, inOrder, free, out)
		return err
	})
	if err := workers.Wait(); err != nil {
		return malformed, err
	}
	return malformed, <-read
}

// feed cuts what is read into chunks and hands each to the workers and, in its
// order, to the writer.
func feed(ctx context.Context, lines *lineReader, free <-chan *chunk, todo, inOrder chan<- *chunk) error {
	for {
		c, err := receive(ctx, free)
		if err != nil {
			return err
		}
		err = lines.next(c)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		todo <- c // never blocks: there are not more chunks than places
		inOrder <- c
	}
}

func decideAll(ctx context.Context, todo <-chan *chunk) error {
	for {
		c, err := receive(ctx, todo)
		if c == nil {
			return err
		}
		c.decide()
		c.decided <- struct{}{}
	}
}

func writeAll(ctx context.Context, inOrder <-chan *chunk, free chan<- *chunk, out io.Writer) (malformed int, err error) {
	for {
		c, err := receive(ctx, inOrder)
		if c == nil {
			return malformed, err
		}
		if _, err := receive(ctx, c.decided); err != nil {
			return malformed, err
		}
		malformed += c.malformed
		if _, err := out.Write(c.results); err != nil {
			return malformed, err
		}
		free <- c
	}
}

// receive takes the next value of ch, the zero value once it is closed.
func receive[T any](ctx context.Context, ch <-chan T) (T, error) {
	select {
	case v := <-ch:
		return v, nil
	case <-ctx.Done():
		var none T
		return none, context.Cause(ctx)
	}
}

// A chunk is some complete lines on their way through explain. It is used again
// for later ones.
type chunk struct {
	text    []byte // complete lines
	first   int    // number of the first one
	tooLong bool   // there is no text but a line that is too long

	results   []byte
	malformed int
	decided   chan struct{}
}

func (c *chunk) decide() {
	c.results, c.malformed = c.results[:0], 0
	if c.tooLong {
		c.refuse(c.first, errTooLong)
		return
	}
	number := c.first
	for line := range bytes.Lines(c.text) {
		c.decideLine(number, line)
		number++
	}
}

var errTooLong = errors.New("the line is longer than 1 MiB")

func (c *chunk) decideLine(number int, line []byte) {
	line = bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r"))
	if len(line) == 0 {
		return
	}
	if len(line) > maxLine {
		c.refuse(number, errTooLong)
		return
	}
	parsed, err := rules.ParseCase(line)
	if err != nil {
		c.refuse(number, err)
		return
	}
	c.results = appendResult(c.results, rules.Decide(parsed), rules.WouldChange(parsed))
}

func (c *chunk) refuse(number int, err error) {
	c.malformed++
	c.results = append(c.results, `{"error":`...)
	c.results = append(c.results, quoted(err.Error())...)
	c.results = append(c.results, `,"line":`...)
	c.results = strconv.AppendInt(c.results, int64(number), 10)
	c.results = append(c.results, "}\n"...)
}

// appendResult adds a result line of interface.md §5. It is written by hand
// because it is most of the work; the tests hold it against encoding/json.
func appendResult(b []byte, d rules.Decision, change *rules.Change) []byte {
	b = append(b, `{"create":"`...)
	b = append(b, d.Create...)
	b = append(b, `","log_to":[`...)
	for i, target := range d.LogTo {
		b = appendComma(b, i)
		b = appendTarget(b, target)
	}
	b = append(b, `],"reason":"`...)
	b = append(b, d.Reason...)
	b = append(b, `","notes":[`...)
	for i, note := range d.Notes {
		b = appendComma(b, i)
		b = append(b, '"')
		b = append(b, note...)
		b = append(b, '"')
	}
	b = append(b, `],"explanation":`...)
	b = append(b, explanations[explained{d.Reason, d.Create}]...)
	b = append(b, `,"would_change":`...)
	b = appendChange(b, change)
	return append(b, "}\n"...)
}

func appendComma(b []byte, i int) []byte {
	if i == 0 {
		return b
	}
	return append(b, ',')
}

func appendTarget(b []byte, t rules.Target) []byte {
	b = append(b, `{"type":"`...)
	b = append(b, t.Type.String()...)
	if t.New {
		return append(b, `","new":true}`...)
	}
	b = append(b, `","id":`...)
	b = strconv.AppendInt(b, t.ID, 10)
	return append(b, '}')
}

func appendChange(b []byte, c *rules.Change) []byte {
	if c == nil {
		return append(b, "null"...)
	}
	b = append(b, `{"switch":"`...)
	b = append(b, c.Switch...)
	b = append(b, `","to":`...)
	switch to := c.To.(type) {
	case bool:
		b = strconv.AppendBool(b, to)
	case rules.Repeat:
		b = append(b, '"')
		b = append(b, to...)
		b = append(b, '"')
	}
	b = append(b, `,"create":"`...)
	b = append(b, c.Create...)
	return append(b, `"}`...)
}

// explained is what an explanation depends on.
type explained struct {
	reason rules.Reason
	create rules.Create
}

// explanations are the English sentences, quoted as JSON.
var explanations = func() map[explained]string {
	all := map[explained]string{}
	for _, reason := range rules.Reasons {
		for _, create := range []rules.Create{
			rules.None, rules.Lead, rules.DealContact, rules.RepeatedLead, rules.RepeatedDeal, rules.RepeatedDealContact,
		} {
			all[explained{reason, create}] = quoted(views.EnglishSentence(string(reason), string(create)))
		}
	}
	return all
}()

// quoted is a JSON string; what is no UTF-8 in s is replaced.
func quoted(s string) string {
	b, _ := jsontext.AppendQuote(nil, s)
	return string(b)
}
