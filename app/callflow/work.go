package callflow

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"callwise/app/b24"
	"callwise/app/call"
	"callwise/app/crm"
	"callwise/app/rules"
	"callwise/models"
)

// work is one call in the hands of one worker.
type work struct {
	*Flow
	client *b24.Client
	portal *models.Portal
	row    *models.Call
	grip   *grip // nil for work that ends no round
	events []models.Event
	call   call.Call                   // what the events tell
	phone  call.Phone                  // the client's number
	recent []crm.Ref                   // what other calls of the number created a moment ago
	was    models.CallState            // before this run
	fresh  bool                        // decided in this run
	over   bool                        // all was done for the call before this run
	lead   b24.MadeLead                // of ours, created with the registration in this run
	saved  string                      // the row as it stands in the database, see [image]
	asked  []models.RESTRequest        // what the portal was asked that is not in the database yet
	sent   time.Time                   // when the portal was last asked in this run; zero if it was not
	inside *insider                    // whether the client is one of the employees, once looked up
	staff  map[string]*models.Employee // by extension, as far as looked up; nil for nobody
	late   []lateFile                  // what was not to be had of the call's recordings in this run
}

// save writes the call down if it has changed. That is done before each request
// to the portal and at the end of a round: a decision is written down before it
// is acted on.
func (w *work) save(ctx context.Context) error {
	changed, err := w.changed()
	if err != nil || !changed {
		return err
	}
	return w.kept(w.Store.SaveCallAsked(ctx, w.row, w.asked))
}

// saveToAsk is save before a request to the portal, and then [models.Store.ToAskFor].
func (w *work) saveToAsk(ctx context.Context, p models.Pace, most time.Duration) (models.SealedAccess, error) {
	changed, err := w.changed()
	if err != nil {
		return models.SealedAccess{}, err
	}
	if !changed {
		return w.Store.ToAskFor(ctx, w.row, p, most)
	}
	access, err := w.Store.SaveToAsk(ctx, w.row, w.asked)
	if err := w.kept(err); err != nil {
		return access, err
	}
	access.Wait, err = w.Store.TakePlace(ctx, p, most)
	return access, err
}

// kept remembers that the call and what was asked for it are in the database, if
// saving them did not fail.
func (w *work) kept(failed error) error {
	w.logged(failed)
	if failed != nil {
		return failed
	}
	var err error
	w.saved, err = image(w.row)
	return err
}

// logged remembers that what was asked is in the database, if storing it with the call
// did not fail: it is there, too, if the call itself was refused.
func (w *work) logged(failed error) {
	if failed == nil || errors.Is(failed, models.ErrNotFound) {
		w.asked = nil
	}
}

// changed reports that the call is not what the database has.
func (w *work) changed() (bool, error) {
	now, err := image(w.row)
	return now != w.saved, err
}

// image is a call's row as a text that tells whether it has changed.
func image(row *models.Call) (string, error) {
	same := *row
	same.UpdatedAt = time.Time{}
	text, err := json.Marshal(same)
	return string(text), err
}

// keepAsked writes down what the portal was asked since the call was saved.
func (w *work) keepAsked(ctx context.Context) error {
	if len(w.asked) == 0 {
		return nil
	}
	ctx, cancel := though(ctx)
	defer cancel()
	return known(w.Store.AddRESTRequests(ctx, w.asked...))
}

// run does what is due for the call.
func (w *work) run(ctx context.Context) error {
	over := w.row.EndedAt != nil
	if err := w.note(ctx); err != nil {
		return err
	}
	excluded, err := w.excluded(ctx, over)
	if err != nil {
		return err
	}
	if excluded {
		return w.ignore(ctx)
	}
	if w.row.Progress.DryRun {
		return w.rehearse(ctx)
	}
	switch w.row.Kind {
	case models.KindBuiltin, models.KindOther:
		return w.observe(ctx)
	case models.KindPBX:
		if err := w.endClick(ctx); err != nil {
			return err
		}
	case models.KindClick:
		// Somebody waits for the telephone to ring: the PBX hears of it first.
		if err := w.order(ctx); err != nil || w.brokenOff() && !w.call.Ended {
			return err // how it ended is read next
		}
	}
	begun := w.begin(ctx)
	if begun != nil && (ctx.Err() != nil || !isPortals(begun) && !errors.Is(begun, errComing)) {
		return begun
	}
	if w.row.Kind == models.KindCallback {
		// The card's owner is known now; a portal that is down is no reason
		// not to call back.
		if err := w.order(ctx); err != nil {
			return err // alone: an order that was not stored must not look like the portal's failure
		}
	}
	if !w.registered() {
		return begun
	}
	if !w.call.Ended {
		return errors.Join(begun, w.moveCard(ctx))
	}
	if wait := w.doubt(); begun == nil && wait > 0 {
		return &Later{After: wait, Err: errLeg}
	}
	// What could not be created yet does not keep the card open.
	err = w.end(ctx)
	if begun != nil {
		w.row.State = models.CallOpen
	}
	return errors.Join(begun, err)
}

// errLeg: what ended may be a leg of the call only.
var errLeg = errors.New("callflow: perhaps only a leg of the call has ended")

// doubt is how long it may still turn out that only a leg has ended.
func (w *work) doubt() time.Duration {
	if !w.call.LegOnly || w.row.Progress.Finish.Tried {
		return 0
	}
	var last time.Time
	for _, e := range w.events {
		if e.ArrivedAt.After(last) {
			last = e.ArrivedAt
		}
	}
	// An event from the future is one of another clock: it holds nothing up.
	wait := last.Add(w.LegWait).Sub(w.Now())
	if wait > w.LegWait {
		return 0
	}
	return wait
}

// note takes what the events tell over into the call's row.
func (w *work) note(ctx context.Context) error {
	c, row := w.call, w.row
	if extension := extensionIn(c); extension == "" || extension != row.Extension || row.UserID == 0 {
		user, err := w.employee(ctx, extension) // it may ask the portal: the row is to be whole then
		if err != nil {
			return err
		}
		row.Extension, row.UserID = extension, user
	}
	row.Direction, row.Phone, row.PhoneKey = c.Direction, c.Phone, w.phone.Key()
	row.Line, row.Duration, row.Status = cmp.Or(lineNumber(c.Line), row.Line), c.Duration, c.Status
	row.AnsweredAt, row.EndedAt = timeOf(c.AnsweredAt), timeOf(c.EndedAt)
	if !c.StartedAt.IsZero() {
		row.StartedAt = models.Stored(c.StartedAt)
	}
	return nil
}

// lineNumber is the one spelling of a line's number: digits if it is a
// telephone number. Bitrix24 takes another spelling for another line.
func lineNumber(line string) string {
	if phone := call.ParsePhone(line, ""); phone.E164 != "" {
		return phone.Digits()
	}
	return strings.TrimSpace(line)
}

// extensionIn is the one that talked last in a call, else the first that rang.
func extensionIn(c call.Call) string {
	if len(c.Extensions) == 0 {
		return cmp.Or(c.TalkedLast, c.AnsweredBy)
	}
	return cmp.Or(c.TalkedLast, c.AnsweredBy, c.Extensions[0])
}

// employee is the user who talks or is rung: by extension, else the user whom
// Bitrix24 named, else nobody (0).
func (w *work) employee(ctx context.Context, extension string) (int64, error) {
	if extension != "" {
		e, err := w.employeeAt(ctx, extension)
		if err == nil {
			return e.UserID, nil
		}
		if !errors.Is(err, models.ErrNotFound) {
			return 0, err
		}
	}
	if w.row.Kind == models.KindPBX || w.row.Kind == models.KindCallback {
		return 0, nil // Bitrix24 only repeats for whom we registered it
	}
	return w.named("USER_ID", "PORTAL_USER_ID")
}

// data is what the Bitrix24 event of that name carries; nil without one.
func (w *work) data(name string) (map[string]string, error) {
	for _, e := range w.events {
		if e.Source != models.SourceBitrix24 || e.Type != name {
			continue
		}
		var data map[string]string
		if err := json.Unmarshal(e.Payload, &data); err != nil {
			return nil, fmt.Errorf("event %d: %w", e.ID, err)
		}
		return data, nil
	}
	return nil, nil
}

// named is the first of those ids that any Bitrix24 event of the call carries.
func (w *work) named(fields ...string) (int64, error) {
	for _, name := range []string{b24.VoximplantEnd, b24.ExternalCallStart, b24.VoximplantStart} {
		data, err := w.data(name)
		if err != nil {
			return 0, err
		}
		for _, field := range fields {
			if id := parseID(data[field]); id != 0 {
				return id, nil
			}
		}
	}
	return 0, nil
}

// origin is the card where the number was clicked, or the object that the
// callback form names; nil without one. What the click itself created is none.
func (w *work) origin() (*crm.Ref, error) {
	for _, name := range []string{b24.ExternalCallStart, b24.ExternalCallBackStart} {
		data, err := w.data(name)
		if err != nil {
			return nil, err
		}
		kind, known := crm.ParseCode(data["CRM_ENTITY_TYPE"])
		ref := crm.Ref{Type: kind, ID: parseID(data["CRM_ENTITY_ID"])}
		if known && ref.ID != 0 && !slices.Contains(w.row.Progress.Created, ref) {
			return &ref, nil
		}
	}
	return nil, nil
}

// did records a step in the call's history. One that fails again as it did the
// last time takes that one's place: a call may be repeated for days.
func (w *work) did(step, code string) {
	steps := slices.Clone(w.row.Progress.Steps)
	for i, s := range slices.Backward(steps) {
		if s.Name != step {
			continue
		}
		if code != "" && s.Code == code {
			steps = slices.Delete(steps, i, i+1)
		}
		break
	}
	w.row.Progress.Steps = append(steps, models.Step{Name: step, At: w.Now().UTC(), Code: code})
}

// remark adds a note on what actually happened, once.
func (w *work) remark(note rules.Note) {
	for _, n := range w.row.Progress.Notes {
		if n == note {
			return
		}
	}
	w.row.Progress.Notes = append(w.row.Progress.Notes, note)
}

// timeOf is a time as it is read again from the database, so that a call has not changed
// because a PBX tells nanoseconds; nil for none.
func timeOf(at time.Time) *time.Time {
	if at.IsZero() {
		return nil
	}
	at = models.Stored(at)
	return &at
}
