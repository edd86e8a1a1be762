// Package callflow carries a call through the house: it reads what the CRM
// knows about the number, has the rules decide, writes the decision down, and
// only then acts on it, step by step. Every step may be done twice.
package callflow

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"callwise/app/b24"
	"callwise/app/call"
	"callwise/models"

	"go.opentelemetry.io/otel/attribute"
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
	// Recordings fetches recordings from where the PBXs keep them, for those who
	// listen, and Looks asks for them on behalf of calls: that many listen to
	// recordings of one host keeps no call waiting.
	Recordings, Looks *http.Client
	// PublicURL is where Bitrix24 reaches us, without a slash at the end.
	PublicURL string
	// Owner names this process in leases.
	Owner string
	// Lease is how long a worker that died keeps its call and its number.
	Lease time.Duration
	// LockWait is how long a call waits for another call of its number before
	// it is registered without a decision (decision.md F.6).
	LockWait time.Duration
	// MayRun is how long Bitrix24 may go on with a request whose answer was lost.
	MayRun time.Duration
	// ReadWait is how long a call that rings waits for the CRM to be read before
	// it is registered without a decision (decision.md B.5-21).
	ReadWait time.Duration
	// LegWait is how long after the end of a leg that nobody answered the call
	// waits to hear that somebody else answered: events come in any order, and
	// Bitrix24 takes one end of a call only.
	LegWait time.Duration
	// CommandWindow is how long a command to the PBX is tried.
	CommandWindow time.Duration
	// RecoverAfter is how long the events of a finished call may be on their way.
	RecoverAfter time.Duration
	// KeepCalls is how long calls are kept.
	KeepCalls time.Duration
	// Title names what the app creates in a portal's CRM, in its language.
	Title func(lang string, d call.Direction, number string) string
	// MissedTitle names the activity that the app writes of an incoming call which
	// nobody answered.
	MissedTitle func(lang, number string) string
	// Todo are the words of the reminder of a missed call, in a portal's language.
	Todo func(lang string, c MissedCall) (title, text string)
	// Alert are the words of an alert, in a portal's language and zone.
	Alert func(lang string, a Alert) string
	// PlacementTitles are the names of the call log in the portal's menu, by
	// Bitrix24's language codes.
	PlacementTitles map[string]string
	// Traces has what is done for a call recorded in the call's trace.
	Traces bool
	// Room is where this process works; nil has room for all.
	Room *Room
	// Metrics are counted; nil counts nothing.
	Metrics *Metrics
	// Now is the clock.
	Now func() time.Time

	looked atomic.Int64 // the portal up to which a look at the statistics came that was broken off
}

// Times of decision.md F.6 and interface.md §4.
const (
	DefaultLease         = 15 * time.Second
	DefaultLockWait      = 5 * time.Second
	DefaultReadWait      = 10 * time.Second
	DefaultLegWait       = 3 * time.Second
	DefaultCommandWindow = 20 * time.Second
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
	ctx, span := f.traced(ctx, "call", portalID, callKey)
	mark := markOf(ctx)
	mark.name(portalID, callKey)
	err := f.advance(ctx, portalID, callKey)
	span.SetAttributes(attribute.Int64("callwise.call", mark.Call))
	if _, passes := Wait(err); passes {
		endSpan(span, mark.Code)
		return err
	}
	endSpan(span, cmp.Or(ErrorCode(err), mark.Code))
	return err
}

func (f *Flow) advance(ctx context.Context, portalID int64, callKey string) error {
	if done, err := f.echoed(ctx, portalID, callKey); err != nil || done {
		return err
	}
	ctx, seat := f.Room.withSeat(ctx)
	defer seat.leave()
	for {
		g, err := f.take(ctx, seat, portalID, callKey)
		if errors.Is(err, models.ErrConflict) {
			return &Later{After: time.Second, Err: err} // two workers found the same call under two names
		}
		if err != nil || g == nil {
			return err
		}
		if !g.Held {
			return f.leave(ctx, g.Call, callKey)
		}
		news, err := f.keepCall(ctx, g, func(ctx context.Context) error {
			seat.come(ctx, false)
			return f.carry(ctx, g)
		})
		if err != nil || !news {
			return err
		}
	}
}

// echoes are what Bitrix24 repeats of a call of our own: the PBX knows better. A
// click's tells who clicked, so it is looked at.
var echoes = models.Echoes{
	Types: []string{b24.VoximplantInit, b24.VoximplantStart, b24.VoximplantEnd},
	Kinds: []models.CallKind{models.KindPBX, models.KindCallback},
}

// echoed counts echoes under a call key as done, and reports whether there was
// nothing else.
func (f *Flow) echoed(ctx context.Context, portalID int64, callKey string) (bool, error) {
	id, found := strings.CutPrefix(callKey, bitrix24Key(""))
	if !found || !isExternal(id) {
		return false, nil
	}
	return f.Store.MarkEchoes(ctx, portalID, callKey, echoes)
}

// errHeld: another worker has the call.
var errHeld = errors.New("callflow: another worker has the call")

// leave ends a round for a call that another worker has. That one looks for new
// events before it goes, but not for echoes, and may have registered the call
// after they came.
//
// It comes again for a call that waits for the file of a recording: the holder may
// have looked before it was due.
func (f *Flow) leave(ctx context.Context, row *models.Call, callKey string) error {
	if done, err := f.echoed(ctx, row.PortalID, callKey); err != nil || done {
		return err
	}
	if row.Progress.Recording.Waiting == "" {
		return nil
	}
	return &Later{After: 2 * time.Second, Err: errHeld}
}

// carry does what is due for one call and records how it went.
func (f *Flow) carry(ctx context.Context, g *grip) error {
	markOf(ctx).Call = g.Call.ID
	err := f.carrySafely(ctx, g)
	if !broken(ctx, err) {
		return err
	}
	return f.falter(ctx, g, err)
}

// carrySafely is carry without what our own house does wrong; a panic is that.
func (f *Flow) carrySafely(ctx context.Context, g *grip) (err error) {
	defer func() {
		if r := recover(); r != nil {
			// Neither the value nor the arguments: they could quote a number.
			err = fmt.Errorf("callflow: panic of type %T\n%s", r, debug.Stack())
			markOf(ctx).Err = err // also if the round is to be repeated since it lost its lease
		}
	}()
	w, err := f.load(g.Portal, g.Call, g.Events)
	if err != nil {
		return err
	}
	w.grip = g
	if w.row.State == models.CallFailed && !w.news() {
		return f.lookAgain(ctx, g)
	}
	if w.row.Progress.Removed {
		return w.close(ctx) // what is told of it now comes too late
	}
	w.unheard()
	w.sayLeftOut(ctx)
	defer func() { err = errors.Join(err, w.keepAsked(ctx)) }()
	return w.settle(ctx, w.run(b24.WithCall(ctx, w.row.ID)))
}

// sayLeftOut has it said once of a call that not all of its events are read.
func (w *work) sayLeftOut(ctx context.Context) {
	if !w.grip.LeftOut || w.row.Progress.LeftOut {
		return
	}
	w.row.Progress.LeftOut = true
	markOf(ctx).remark("events left out", "the call has too many")
}

// lookAgain gives a call back that was given up, and then sees whether somebody had
// it repeated while this round held it: the worker who was woken for that has gone.
func (f *Flow) lookAgain(ctx context.Context, g *grip) error {
	came, err := f.Store.ReleaseCall(ctx, g.Portal.ID, g.Call.ID, g.owner, echoes, models.Round{})
	if err != nil {
		return soonAgain(err)
	}
	g.released = true
	row, err := f.Store.CallByID(ctx, g.Portal.ID, g.Call.ID)
	if err != nil {
		return soonAgain(err)
	}
	g.news = came || row.State != models.CallFailed
	return nil
}

// soonAgain is for an error that says nothing about the call, unless that is gone.
func soonAgain(err error) error {
	if errors.Is(err, models.ErrNotFound) {
		return nil
	}
	return &Later{After: time.Second, Err: err}
}

// load is the work on a call whose events are these: it reads what they tell.
func (f *Flow) load(portal *models.Portal, row *models.Call, events []models.Event) (_ *work, err error) {
	w := &work{Flow: f, portal: portal, row: row, events: events, was: row.State, over: allDone(row), staff: map[string]*models.Employee{}}
	if w.saved, err = image(row); err != nil {
		return nil, err
	}
	w.client = f.patientClient(portal, w)
	if w.call, err = fold(withoutUntaken(row, withoutEchoes(row.Kind, events))); err != nil {
		return nil, err
	}
	if direction, fixed := directions[row.Kind]; fixed {
		w.call.Direction = direction
	}
	w.phone = call.ParsePhone(w.call.Phone, region(portal, w.call.Line))
	return w, nil
}

// allDone reports a call that was carried to its end. One of others that was given up
// before its END came is none: nothing was decided.
func allDone(row *models.Call) bool {
	return row.State == models.CallFinished && (row.DecidedAt != nil || !isForeign(row.Kind))
}

// fold is the call that events tell of. That we gave it up counts only if nobody else
// tells how it ended, and then nobody knows how long they talked.
func fold(events []models.Event) (call.Call, error) {
	others := slices.DeleteFunc(slices.Clone(events), givenUp)
	told, err := tellAll(others)
	if folded := call.Fold(told); err != nil || folded.Ended || len(others) == len(events) {
		return folded, err
	}
	told, err = tellAll(events)
	folded := call.Fold(told)
	folded.Duration = 0
	return folded, err
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
