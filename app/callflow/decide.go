package callflow

import (
	"context"
	"errors"

	"callwise/app/b24"
	"callwise/app/call"
	"callwise/app/crm"
	"callwise/app/rules"
	"callwise/models"
)

// decide reads the CRM, decides, and keeps case and decision. A decision
// that stands is never made again.
func (w *work) decide(ctx context.Context) error {
	if w.row.DecidedAt != nil {
		return nil
	}
	if err := w.learnCreated(ctx); err != nil {
		return err
	}
	origin, err := w.origin()
	if err != nil {
		return err
	}
	facts, err := w.facts(ctx)
	if err != nil {
		return err
	}
	records := crm.Records{Mode: w.portal.Mode()}
	if !facts.Internal && !facts.Hidden {
		records, err = w.read(ctx, origin)
	}
	if err != nil {
		return err
	}
	facts.Origin = originIn(records, origin)
	return w.judge(ctx, rules.Case{
		Call: facts, Settings: w.portal.Settings.Rules(records.Mode, w.line()), CRM: records.Snapshot(),
	}, records)
}

// read takes the snapshot. What this call itself created does not count; what
// the app created a moment ago for this number does, even if Bitrix24 does not
// show it yet (decision.md F.6).
func (w *work) read(ctx context.Context, origin *crm.Ref) (crm.Records, error) {
	reading, cancel := w.hurry(ctx)
	defer cancel()
	records, err := w.client.Snapshot(reading, b24.Query{Phones: w.phone.Variants(), Origin: origin})
	if err != nil {
		return crm.Records{}, err
	}
	if err := w.learnMode(ctx, &records); err != nil {
		return crm.Records{}, err
	}
	own := w.row.Progress.Created
	records = records.Without(own...)
	recent, err := w.Store.RecentCreations(ctx, w.portal.ID, w.phone.Key(), w.row.ID)
	if err != nil {
		return crm.Records{}, err
	}
	w.recent = recent
	records, hidden := records.WithOpen(recent)
	if hidden {
		w.remark(rules.DuplicateSuppressed)
	}
	return records, nil
}

// hurry bounds the reading for a call that is going on: somebody waits for its
// card.
func (w *work) hurry(ctx context.Context) (context.Context, context.CancelFunc) {
	if w.call.Ended || w.registered() {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, w.ReadWait)
}

// learnMode keeps the CRM mode the snapshot told, or fills in the last known.
func (w *work) learnMode(ctx context.Context, records *crm.Records) error {
	if records.Mode == "" {
		records.Mode = w.portal.Mode()
	}
	if records.Mode == w.portal.CRMMode {
		return nil
	}
	w.portal.CRMMode = records.Mode
	return w.Store.SetMode(ctx, w.portal.ID, records.Mode)
}

// facts are what the decision must know of the call itself.
func (w *work) facts(ctx context.Context) (rules.Call, error) {
	facts := rules.Call{Direction: w.call.Direction, Leg: w.row.Progress.Leg, Hidden: w.phone.Hidden(), Internal: w.call.Direction == call.Internal}
	if facts.Internal {
		facts.Direction = call.Outgoing
	}
	if facts.Hidden {
		return facts, nil
	}
	internal, err := w.internal(ctx)
	if err != nil {
		return facts, err
	}
	facts.Internal, facts.Employee = internal, w.inside.owns
	return facts, nil
}

// An insider is what the employees have of the client's number.
type insider struct {
	extension bool // one is at it
	owns      bool // it is the number of one
}

// internal reports a call between employees, whatever the PBX calls it.
func (w *work) internal(ctx context.Context) (bool, error) {
	if w.inside == nil {
		extension, owns, err := w.Store.IsStaff(ctx, w.portal, w.phone.Digits(), w.phone.Key())
		if err != nil {
			return false, err
		}
		w.inside = &insider{extension, owns}
	}
	return w.call.Direction == call.Internal || w.inside.extension, nil
}

// exists turns a look-up that may find nothing into an answer.
func exists(_ *models.Employee, err error) (bool, error) {
	if errors.Is(err, models.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// originIn says whether the clicked card is closed.
func originIn(records crm.Records, origin *crm.Ref) *rules.Origin {
	if origin == nil {
		return nil
	}
	return &rules.Origin{Type: origin.Type, ID: origin.ID, Closed: records.Closed(*origin)}
}

// judge decides, and keeps case, decision and plan.
func (w *work) judge(ctx context.Context, c rules.Case, records crm.Records) error {
	decision := rules.Decide(c)
	now := w.Now().UTC()
	row := w.row
	row.Case, row.Decision, row.Records, row.DecidedAt = &c, &decision, &records, &now
	plan := rules.PlanFor(c, decision, records, w.way())
	row.Plan, w.fresh = &plan, true
	row.CustomerName = records.Name()
	row.SettingsVersion = w.portal.SettingsVersion
	w.remarkForeign()
	w.did("decide", string(decision.Reason))
	w.Metrics.decided(decision.Reason)
	return nil
}

// way tells the plan who registered the call.
func (w *work) way() rules.Way {
	switch {
	case w.row.Kind == models.KindClick:
		return rules.WayClick
	case w.row.Kind == models.KindBuiltin, w.row.Kind == models.KindOther:
		return rules.WayForeign
	case w.row.Progress.Deferred:
		return rules.WayLate
	}
	return rules.WayRegister
}

// exclude decides again for a number that turned out to stand in Bitrix24's
// exceptions list, which cannot be read (decision.md F.5).
func (w *work) exclude(ctx context.Context) error {
	c := *w.row.Case
	c.CRM.Excluded = true
	w.unremark(rules.PlatformDeclined)
	return w.judge(ctx, c, *w.row.Records)
}
