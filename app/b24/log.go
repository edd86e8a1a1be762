package b24

import (
	"context"
	"encoding/json"
	"time"
)

// A Request is an entry of the REST log: one HTTP request, answered or not.
type Request struct {
	At        time.Time
	CallID    int64           // call the request was made for, see [WithCall]; 0 for none
	Method    string          // "batch: a, b" for a batch
	Params    json.RawMessage // without tokens, numbers and texts masked
	Status    int             // HTTP status, 0 when there was no answer
	Code      Code            // refusal, or "" also for a request without an answer
	Duration  time.Duration
	Operating float64 // seconds of the portal's budget used up, as it told
}

type callKey struct{}

// WithCall names the call that requests are made for, by its row id.
func WithCall(ctx context.Context, id int64) context.Context {
	return context.WithValue(ctx, callKey{}, id)
}
