package b24

import (
	"context"
	"encoding/json"
	"errors"
	"time"
)

// A request is one REST call on its way: it may be sent several times.
type request struct {
	name       string   // in errors and in the log
	path       string   // after the portal's endpoint
	methods    []string // whose budgets it uses; the first decides whether it is worth sending
	timeout    time.Duration
	repeatable bool
	prompt     bool
	user       int64 // whose pair alone may be used; 0 for any
	admin      bool  // see [AsAdmin]
	proven     bool  // the answer tells whose pair it was, see [Client.asking]
	endpoint   string
	unsure     bool           // an attempt may have run although it failed
	place      *time.Duration // that it came with and has not used, see [Access]
	body       func(accessToken string) ([]byte, error)
	params     func() json.RawMessage  // for the log
	heard      func(*answer, *Request) // adds to the log what an answer tells; may be nil
}

// How long a request may take. Bitrix24's cloud ends one after 60 s, so that what
// takes long is not cut off before (platform contract, 4).
const (
	light = 30 * time.Second
	heavy = 65 * time.Second
)

// An Option changes how a call is made.
type Option func(*request)

// slow marks a call that a portal may work on for as long as it works on any: what
// creates something is given up no sooner, or it would be looked for, and made again,
// while it still comes into being.
func slow() Option { return func(r *request) { r.timeout = heavy } }

// Repeatable marks a call that may run twice without harm: a read, or a write
// of fixed values. Only such a call is repeated when its outcome is unknown.
func Repeatable() Option { return func(r *request) { r.repeatable = true } }

// Prompt marks a call that somebody on the telephone waits for: it does not
// queue behind the others, and is refused where it would wait for long.
func Prompt() Option { return func(r *request) { r.prompt = true } }

// AsAdmin marks a call that the portal answers fully to administrators only. It is
// not made with the pair of the app's system user, who is none, and a refusal of
// rights has the next pair tried. Where no person's pair is left it is refused with
// [AccessDenied], unasked.
//
// https://apidocs.bitrix24.com/settings/system-user.html
func AsAdmin() Option { return func(r *request) { r.admin = true } }

// proven marks a batch whose first command asks who the pair's user is.
func proven() Option { return func(r *request) { r.proven = true } }

// only marks a call that is a user's own: it is made with that user's pair of
// tokens or not at all.
func only(user int64) Option { return func(r *request) { r.user = user } }

// mayUse reports whether the request may be made with a pair.
func (r *request) mayUse(pair Token) bool {
	return (r.user == 0 || pair.UserID == r.user) && !(r.admin && pair.Kind == SystemToken)
}

// again reports whether a request is worth sending once more right away. What
// certainly did not run is tried three times more; what may have run only if
// it is repeatable, and twice.
func (r *request) again(err error, attempt int) (time.Duration, bool) {
	wait := time.Second << attempt
	failure, failed := errors.AsType[*Failure](err)
	refusal, refused := errors.AsType[*Error](err)
	switch {
	case errors.Is(err, context.Canceled), refused && refusal.Status == 0:
		return 0, false
	case errors.Is(err, QueryLimitExceeded), errors.Is(err, ConnectionError), failed && !failure.Sent:
		return wait, attempt < 3
	}
	return wait, r.repeatable && Unsure(err) && attempt < 2
}
