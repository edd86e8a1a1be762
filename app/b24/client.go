package b24

import (
	"context"
	"encoding/json"
)

// A Client calls the REST methods of one portal in the background, with the
// pairs of tokens its [Keeper] has. It may be used by several goroutines.
type Client struct {
	app      *App
	memberID string
	keeper   Keeper
	portal   *portal
}

// Params are the parameters of a REST method: strings, numbers, bools, slices
// and nested Params. The names auth, access_token, auth_connector, start,
// state and token have a meaning of their own to Bitrix24.
type Params map[string]any

// An Option changes how a call is made.
type Option func(*options)

type options struct {
	repeatable bool
}

// Repeatable marks a call that may run twice without harm: a read, or a write
// of fixed values. Only such a call is repeated when its outcome is unknown.
func Repeatable() Option { return func(o *options) { o.repeatable = true } }

// Call calls a REST method and decodes its result into out, which may be nil.
// A call that is not [Repeatable] is sent again only when it did not run.
func (c *Client) Call(ctx context.Context, method string, params Params, out any, opts ...Option) error {
	return nil
}

func invoke[T any](ctx context.Context, c *Client, method string, params Params, opts ...Option) (T, error) {
	var out T
	err := c.Call(ctx, method, params, &out, opts...)
	return out, err
}

type answer struct {
	Result json.RawMessage
}
