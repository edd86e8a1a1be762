package callflow

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"callwise/app/b24"
	"callwise/app/call"
	"callwise/app/pbx"
	"callwise/models"
)

// order has the PBX told, once, that a user clicked a number or that a visitor
// wants to be called. The telling is a job of its own: it may take 20 s.
func (w *work) order(ctx context.Context) error {
	switch {
	case w.row.Progress.Ordered || w.call.Ended || w.row.PBXCallID != nil:
		return nil
	case w.brokenOff():
		return w.breakOff(ctx)
	case w.row.Kind == models.KindClick:
		return w.orderClick(ctx)
	}
	return w.place(ctx)
}

// place enqueues the telling, after who is rung for a callback was chosen.
func (w *work) place(ctx context.Context) error {
	if _, err := w.callee(ctx); err != nil {
		return err
	}
	w.row.Progress.Ordered = true
	return w.Store.OrderCall(ctx, w.row)
}

// Tell sends the command of a call to its portal's PBX. When the PBX has not
// accepted it within [Flow.CommandWindow], and tells nothing of the call, that ends as
// failed, so that no card hangs. A [Later] error says when to try again; the command
// carries the same id every time.
//
// A click's window begins when we hear of it, and what is found later is not sent:
// whoever clicked has gone. A visitor who wants to be called is called at least once,
// however late.
//
// Of all workers one at a time sends the command of a call. It may be repeated, but if
// the program dies between the PBX's yes and its being stored, and neither it nor the
// PBX tells of the call within the window, a click that was dialled counts as failed.
func (f *Flow) Tell(ctx context.Context, portalID, callID int64, ordered time.Time) error {
	told, err := f.hold(ctx, models.CommandLease(callID), func(ctx context.Context) error {
		return f.tellAlone(ctx, portalID, callID, ordered)
	})
	if err == nil && !told {
		err = errTelling
	}
	if errors.Is(err, errTelling) || errors.Is(err, errLeaseLost) {
		return &Later{After: time.Second, Err: err}
	}
	return err
}

// FreeCommands has commands told again whose process died while it told them.
func (f *Flow) FreeCommands(ctx context.Context) error { return f.Store.FreeCommands(ctx, f.Lease) }

// errTelling: another worker sends the command, or died a moment ago.
var errTelling = errors.New("callflow: another worker sends the command")

// tellAlone is Tell while this worker holds the lease of the command. What breaks off
// when ctx ends says nothing about the PBX.
func (f *Flow) tellAlone(ctx context.Context, portalID, callID int64, ordered time.Time) error {
	w, err := f.loadToTell(ctx, portalID, callID)
	if err != nil {
		return err
	}
	mark := markOf(ctx)
	mark.Call = callID
	mark.name(portalID, w.row.CallKey)
	if w.placed() {
		return nil
	}
	until := w.waitsFor(ordered).Add(f.CommandWindow)
	err = w.tell(ctx, until)
	if err == nil {
		return f.say(context.WithoutCancel(ctx), w.row, call.Event{Type: commandAccepted, At: f.Now().UTC()})
	}
	if ctx.Err() != nil {
		return errors.Join(err, context.Cause(ctx))
	}
	left := until.Sub(f.Now())
	if left > 0 && !errors.Is(err, errNoCommandURL) {
		return &Later{After: min(2*time.Second, left), Err: err}
	}
	why := whyUntold(err)
	if w, err = f.loadToTell(ctx, portalID, callID); err != nil || w.placed() {
		return err // the PBX tells of the call before it answers
	}
	mark.remark("no command to the PBX", why)
	return f.sayAs(ctx, CommandUntaken, w.row, call.Event{
		Type: call.Ended, At: f.Now().UTC(), Direction: w.call.Direction, Phone: w.call.Phone,
		Line: w.call.Line, Status: call.StatusFailed,
	})
}

// loadToTell is the work on a call whose lease another may have: nothing of it is saved.
func (f *Flow) loadToTell(ctx context.Context, portalID, callID int64) (*work, error) {
	portal, err := f.Store.PortalByID(ctx, portalID)
	if err != nil {
		return nil, err
	}
	row, events, err := f.Store.CallAndEvents(ctx, portalID, callID)
	if err != nil {
		return nil, err
	}
	return f.load(portal, row, events)
}

// placed reports that the PBX is not to be told of the call any more.
func (w *work) placed() bool {
	return w.call.Ended || w.row.PBXCallID != nil || has(w.events, string(commandAccepted))
}

// withoutUntaken leaves out that the PBX did not take the command of a call that it tells
// of all the same: it may dial, and answer the command later than that is waited for. An
// end that was acted upon stays, until the PBX tells its own.
func withoutUntaken(row *models.Call, events []models.Event) []models.Event {
	if row.PBXCallID == nil || row.State == models.CallFinished || row.Progress.Finish.Tried {
		return events
	}
	return slices.DeleteFunc(slices.Clone(events), func(e models.Event) bool { return Untaken(row.ID, e) })
}

// Untaken reports the end that we gave a call since the PBX did not take its command. The
// call may go on all the same.
func Untaken(callID int64, e models.Event) bool {
	return e.Source == models.SourceCallwise && e.EventKey == models.OwnEventKey(CommandUntaken, callID)
}

// commandSlack is how much later a try may come than it was due: the queue looks for
// what is due every few seconds.
const commandSlack = 10 * time.Second

// waitsFor is since when somebody waits for the command of a call: a click is heard of
// before it is ordered, and long before if this program was down.
func (w *work) waitsFor(ordered time.Time) time.Time {
	for _, e := range w.events {
		if e.Type == b24.ExternalCallStart && e.ArrivedAt.Before(ordered) {
			return e.ArrivedAt
		}
	}
	return ordered
}

// whyUntold says why a command was not taken. Other errors than these could
// quote an address.
func whyUntold(err error) string {
	if undelivered, ok := errors.AsType[*pbx.Undelivered](err); ok {
		return undelivered.Error()
	}
	if errors.Is(err, errNoCommandURL) {
		return "no address is set"
	}
	if errors.Is(err, errTooLate) {
		return "it is too late for a click"
	}
	return codeInternal
}

// What became of a command, in a call's timeline.
const (
	commandAccepted call.EventType = "command.accepted" // the PBX took it
	CommandUntaken  call.EventType = "command.untaken"  // it did not: the end of the call
)

var (
	errNoCommandURL = errors.New("callflow: no command URL is set")
	errTooLate      = errors.New("callflow: too late to place a click")
	errNumberBusy   = errors.New("callflow: another call of this number is being decided")
)

func (w *work) tell(ctx context.Context, until time.Time) error {
	if w.row.Kind == models.KindClick && w.Now().After(until.Add(commandSlack)) {
		return errTooLate
	}
	if w.portal.CommandURL == "" {
		return errNoCommandURL
	}
	command, err := w.command(ctx)
	if err != nil {
		return err
	}
	return pbx.Send(ctx, w.PBX, w.portal.CommandURL, w.portal.SigningSecrets(w.Now()), w.commandID(), w.Now(), command)
}

func (w *work) commandID() string { return fmt.Sprintf("cmd_%d_%d", w.portal.ID, w.row.ID) }

// command is what the PBX is told: interface.md §4.
func (w *work) command(ctx context.Context) (any, error) {
	user, err := w.responsible(ctx)
	if err != nil {
		return nil, err
	}
	extension, err := w.extensionOf(ctx, user)
	if err != nil {
		return nil, err
	}
	if w.row.Kind == models.KindClick {
		return w.originate(user, extension)
	}
	form, err := w.data(b24.ExternalCallBackStart)
	if err != nil {
		return nil, err
	}
	return pbx.Callback{
		CommandID: w.row.CallKey, Phone: w.phone.Dial(), Extension: extension,
		Announce: form["TEXT"], Line: w.row.Line,
	}, nil
}

// extensionOf is where a user is rung; empty if nobody knows.
func (w *work) extensionOf(ctx context.Context, user int64) (string, error) {
	inBitrix24 := ""
	employee, err := w.Store.EmployeeByUser(ctx, w.portal.ID, user)
	if err != nil && !errors.Is(err, models.ErrNotFound) {
		return "", err
	}
	if err == nil {
		inBitrix24 = employee.Extension
	}
	return w.Store.ExtensionOf(ctx, w.portal, user, inBitrix24)
}

func (w *work) originate(user int64, extension string) (any, error) {
	click, err := w.data(b24.ExternalCallStart)
	if err != nil {
		return nil, err
	}
	origin, err := w.origin()
	if err != nil {
		return nil, err
	}
	return pbx.Originate{
		Bitrix24CallID: *w.row.B24CallID, Phone: w.phone.Dial(), DTMFAfterConnect: click["EXTENSION"],
		Extension: extension, UserID: user, Line: w.row.Line, CRMEntity: origin,
		CallListID: parseID(click["CALL_LIST_ID"]), Mobile: isYes(click["IS_MOBILE"]),
	}, nil
}
