// Package callflow carries a call through the house: it reads what the CRM
// knows about the number, has the rules decide, writes the decision down, and
// only then acts on it, step by step. Every step may be done twice.
package callflow

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"callwise/app/b24"
	"callwise/app/call"
	"callwise/models"
)

// A Flow carries calls. Its fields are set once; one Flow serves all workers
// of a process.
type Flow struct {
	Store    *models.Store
	Bitrix24 *b24.App
	Log      *slog.Logger
	// PBX sends commands to the Cloud PBXs.
	PBX *http.Client
	// Lookups remembers who calls, for the PBXs that ask.
	Lookups *Lookups
	// Recordings fetches recordings from where the PBXs keep them.
	Recordings *http.Client
	// PublicURL is where Bitrix24 reaches us, without a slash at the end.
	PublicURL string
	// Owner names this process in leases.
	Owner string
	// Lease is how long a worker that died keeps its call and its number.
	Lease time.Duration
	// LockWait is how long a call waits for another call of its number before
	// it is registered without a decision (decision.md F.6).
	LockWait time.Duration
	// ReadWait is how long a call that rings waits for the CRM to be read before
	// it is registered without a decision (decision.md B.5-21).
	ReadWait time.Duration
	// CommandWindow is how long a command to the PBX is tried.
	CommandWindow time.Duration
	// Insecure accepts command URLs at http loopback addresses.
	Insecure bool
	// Title names what the app creates in a portal's CRM, in its language.
	Title func(lang string, d call.Direction, number string) string
	// Todo are the words of the reminder of a missed call, in a portal's language.
	Todo func(lang string, c MissedCall) (title, text string)
	// Alert are the words of an alert, in a portal's language and zone.
	Alert func(lang string, a Alert) string
	// PlacementTitles are the names of the call log in the portal's menu, by
	// Bitrix24's language codes.
	PlacementTitles map[string]string
	// Metrics are counted; nil counts nothing.
	Metrics *Metrics
	// Now is the clock.
	Now func() time.Time
}

// Times of decision.md F.6 and interface.md §4.
const (
	DefaultLease         = 15 * time.Second
	DefaultLockWait      = 5 * time.Second
	DefaultReadWait      = 10 * time.Second
	DefaultCommandWindow = 20 * time.Second
	giveUpAfter          = 72 * time.Hour
	// staleRegister is how long an unanswered registration may be repeated:
	// Bitrix24 recognises it for 30 minutes.
	staleRegister = 25 * time.Minute
)

// Advance carries the call that callKey belongs to as far as its stored events
// allow. A wake-up too many does no harm. If another worker has the call, it
// returns at once: the holder looks for new events before it goes.
//
// An error for which [Wait] reports true passes by itself.
func (f *Flow) Advance(ctx context.Context, portalID int64, callKey string) error {
	for {
		portal, err := f.Store.PortalByID(ctx, portalID)
		if err != nil {
			return err
		}
		id, err := f.locate(ctx, portal, callKey)
		if errors.Is(err, models.ErrConflict) {
			return &Later{After: time.Second, Err: err} // two workers found the same call under two names
		}
		if err != nil || id == 0 {
			return err
		}
		held, err := f.hold(ctx, callLease(id), func(ctx context.Context) error {
			return f.carry(ctx, portal, id)
		})
		if err != nil {
			return err
		}
		if !held {
			return f.insist(ctx, portalID, id)
		}
		pending, err := f.Store.HasPending(ctx, portalID, id)
		if err != nil || !pending {
			return err
		}
	}
}

// errHeld: another worker has the call.
var errHeld = errors.New("callflow: another worker has the call")

// insist comes again for a call that another worker has and that waits for the
// file of a recording: the holder may have looked before it was due.
func (f *Flow) insist(ctx context.Context, portalID, id int64) error {
	row, err := f.Store.CallByID(ctx, portalID, id)
	if err != nil || row.Progress.Recording.Waiting == "" {
		return err
	}
	return &Later{After: 2 * time.Second, Err: errHeld}
}

// carry does what is due for one call and records how it went.
func (f *Flow) carry(ctx context.Context, portal *models.Portal, id int64) error {
	w, err := f.load(ctx, portal, id)
	if err != nil {
		return err
	}
	if w.row.State == models.CallFailed && !w.news() {
		return nil
	}
	return w.settle(ctx, w.run(b24.WithCall(ctx, id)))
}

// load reads a call, its events and what they tell.
func (f *Flow) load(ctx context.Context, portal *models.Portal, id int64) (*work, error) {
	row, err := f.Store.CallByID(ctx, portal.ID, id)
	if err != nil {
		return nil, err
	}
	events, err := f.Store.EventsOf(ctx, portal.ID, row.Keys()...)
	if err != nil {
		return nil, err
	}
	w := &work{Flow: f, portal: portal, row: row, events: events, over: row.State == models.CallFinished}
	w.client = f.Bitrix24.Client(portal.MemberID, f.keeper())
	told, err := tellAll(withoutEchoes(row.Kind, events))
	if err != nil {
		return nil, err
	}
	w.call = call.Fold(told)
	if direction, fixed := directions[row.Kind]; fixed {
		w.call.Direction = direction
	}
	w.phone = call.ParsePhone(w.call.Phone, region(portal, w.call.Line))
	return w, nil
}

// directions are those that the kind of a call decides, whatever the PBX that
// carries it calls them.
var directions = map[models.CallKind]call.Direction{
	models.KindClick: call.Outgoing, models.KindCallback: call.Callback,
}

// withoutEchoes leaves out the END that Bitrix24 sends for a call of our own:
// the PBX knows better how it ended.
func withoutEchoes(kind models.CallKind, events []models.Event) []models.Event {
	if kind == models.KindBuiltin || kind == models.KindOther {
		return events
	}
	return slices.DeleteFunc(slices.Clone(events), func(e models.Event) bool { return e.Type == b24.VoximplantEnd })
}

// A Later is an error that passes: the call is to be carried on after a while.
type Later struct {
	After time.Duration
	Err   error
}

func (l *Later) Error() string { return "later: " + l.Err.Error() }

func (l *Later) Unwrap() error { return l.Err }

// Wait says how long to wait before the work that ended with err is taken up
// again, and whether that helps.
func Wait(err error) (time.Duration, bool) {
	later, ok := errors.AsType[*Later](err)
	if !ok {
		return 0, false
	}
	return later.After, true
}

// settle records the end of one round of work: done, to be tried later, or
// given up. Events count as done unless the round is to be repeated.
func (w *work) settle(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return errors.Join(err, context.Cause(ctx))
	}
	if err == nil {
		w.row.Attempts, w.row.FailingSince, w.row.RetryAt, w.row.ErrorCode = 0, nil, nil, ""
		if w.row.State == models.CallFailed && !w.call.Ended {
			w.row.State = models.CallOpen
		}
		return errors.Join(w.resume(ctx, w.portal), w.close(ctx))
	}
	if !b24.IsPortal(err) {
		return err // our own house, such as the database: it says nothing about the call
	}
	if err := w.suspend(ctx, w.portal, err); err != nil {
		return err
	}
	now := w.Now().UTC()
	if w.row.FailingSince == nil {
		w.row.FailingSince = &now
	}
	w.row.Attempts++
	w.row.ErrorCode = errorCode(err)
	if wait, passes := patience(err); passes && now.Sub(*w.row.FailingSince) < giveUpAfter {
		return w.later(ctx, max(wait, backOff(w.row.Attempts)), err)
	}
	w.Log.WarnContext(ctx, "call given up", "portal", w.portal.ID, "call", w.row.ID, "code", w.row.ErrorCode)
	w.row.State, w.row.RetryAt = models.CallFailed, nil
	return w.close(ctx)
}

// later has the round repeated after a while.
func (w *work) later(ctx context.Context, wait time.Duration, err error) error {
	at := w.Now().UTC().Add(wait)
	w.row.RetryAt = &at
	return errors.Join(&Later{After: wait, Err: err}, w.Store.SaveCall(ctx, w.row))
}

// patience says how long to wait for what failed. What an administrator or a
// payment mends is asked for again too: calls wait for it up to [giveUpAfter].
func patience(err error) (time.Duration, bool) {
	switch {
	case errors.Is(err, b24.ErrNeedsAuth):
		return 5 * time.Minute, true
	case b24.Suspended(err), b24.Gone(err):
		return time.Hour, true
	}
	return b24.Retry(err)
}

// close saves the row and counts the events it was made from as done.
func (w *work) close(ctx context.Context) error {
	if err := w.Store.SaveCall(ctx, w.row); err != nil {
		return err
	}
	return w.Store.MarkDone(ctx, w.portal.ID, idsOf(w.events))
}

// news reports whether events arrived that were not worked on yet.
func (w *work) news() bool {
	for _, e := range w.events {
		if e.DoneAt == nil {
			return true
		}
	}
	return false
}

// backOff doubles from one second to five minutes.
func backOff(attempts int) time.Duration {
	return min(time.Second<<min(attempts-1, 9), 5*time.Minute)
}

// errorCode is what the call log shows of an error: a code, never a text that
// could quote a number.
func errorCode(err error) string {
	if err == nil {
		return ""
	}
	if code, ok := errors.AsType[b24.Code](err); ok {
		return string(code)
	}
	switch {
	case errors.Is(err, b24.ErrNeedsAuth):
		return "NEEDS_AUTH"
	case errors.Is(err, b24.ErrUninstalled):
		return "UNINSTALLED"
	}
	return "PORTAL_UNREACHABLE"
}
