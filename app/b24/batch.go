package b24

import (
	"context"
	"strings"
)

// A Command is one call inside a [Batch].
type Command struct {
	Key    string // names the result: letters, digits and _
	Method string
	Params Params
}

// A Batch is up to 50 calls in one request, carried out in order.
//
// https://apidocs.bitrix24.com/settings/how-to-call-rest-api/batch.html
type Batch struct {
	// Halt stops at the first command that fails. Writes that use earlier
	// results need it: a reference to a failed command reaches the portal as
	// plain text.
	Halt     bool
	Commands []Command
}

// Add appends a command.
func (b *Batch) Add(key, method string, params Params) {
	b.Commands = append(b.Commands, Command{key, method, params})
}

// Ref refers to the result of an earlier command of the same batch, or to a
// place in it, as the whole value of a parameter.
func Ref(key string, path ...string) string {
	return "$result[" + strings.Join(append([]string{key}, path...), "][") + "]"
}

// Answers are the results of a batch by the keys of its commands.
type Answers struct {
}

// Decode puts the result of one command into out, which may be nil. It returns
// an [*Error] for a command that was refused and [ErrNotExecuted] for one that
// was not reached.
func (a Answers) Decode(key string, out any) error { return nil }

// Next returns where the next page of a list starts, and whether there is one.
func (a Answers) Next(key string) (start int, ok bool) { return 0, false }

// Total returns how many rows a list has, and whether the portal told.
func (a Answers) Total(key string) (rows int, ok bool) { return 0, false }

// Batch carries out several calls in one request. The error is about the
// request as a whole; each command has its own answer. A batch is repeated by
// itself only if it did not run or is [Repeatable], that is, of reads only.
func (c *Client) Batch(ctx context.Context, b Batch, opts ...Option) (Answers, error) {
	return Answers{}, nil
}
