package callflow

import (
	"context"
	"slices"
)

// A Mark is what the log's line about a job says of the call it carried, and that
// about a request of the calls it brought news of. The work fills it in.
type Mark struct {
	Call    int64 // row id; 0 for none
	Named   NamedCalls
	Code    string // why the call is to be carried again, or was given up
	GivenUp bool
	Err     error // what our own house did wrong
	Remarks []string
}

type markKey struct{}

// WithMark returns a context whose work fills m in. One goroutine at a time may
// work with it.
func WithMark(ctx context.Context, m *Mark) context.Context {
	return context.WithValue(ctx, markKey{}, m)
}

// markOf is the mark of ctx, or one that nobody reads.
func markOf(ctx context.Context) *Mark {
	if m, ok := ctx.Value(markKey{}).(*Mark); ok {
		return m
	}
	return &Mark{}
}

// name adds the call under a key, once, unless there are enough of them.
func (m *Mark) name(portalID int64, callKey string) {
	c := namedCall{portalID, callKey}
	if len(m.Named) < mostNamed && !slices.Contains(m.Named, c) {
		m.Named = append(m.Named, c)
	}
}

// remark adds a word on something that went wrong on the way, and why.
func (m *Mark) remark(what, why string) { m.Remarks = append(m.Remarks, what+": "+why) }
