package callflow

import (
	"cmp"
	"context"
	"slices"
	"time"

	"callwise/app/b24"
	"callwise/app/crm"
	"callwise/app/rules"
	"callwise/models"
)

// recentFor is how long what was just created counts although Bitrix24 may not
// show it yet (decision.md F.6).
const recentFor = time.Minute

// register makes the call known to Bitrix24, which shows the call card at once
// and creates what the decision asks it to. The same request may be repeated:
// Bitrix24 answers with the same call for 30 minutes.
func (w *work) register(ctx context.Context) error {
	notUrgent(ctx) // from the answer on, even if that is a no
	for !w.registered() {
		before := w.row.Progress
		start, err := w.start(ctx)
		if err != nil {
			return err
		}
		started, err := w.startCall(ctx, start)
		if w.refusedUser(err, start.UserID) {
			w.hasNotRun(before, models.Register{})
			continue
		}
		if err != nil {
			w.notRegistered(err, before)
			return err
		}
		if err := w.lineAdded(ctx, start.NewLine); err != nil {
			return err
		}
		return w.hasStarted(ctx, started)
	}
	return nil
}

// startCall registers the call, together with the app's own lead where the
// number was held since the decision: somebody waits for the card. A lead that an
// earlier attempt may have made is looked for first (decision.md F.6).
func (w *work) startCall(ctx context.Context, start b24.CallStart) (b24.StartedCall, error) {
	alone := func() (b24.StartedCall, error) { return w.client.StartCall(ctx, start) }
	switch {
	case start.Create:
		return bring(w, alone)
	case !w.fresh || w.created() || w.row.Progress.CreateTried:
		return alone()
	}
	lead, err := w.newLead(ctx)
	if err != nil {
		return b24.StartedCall{}, err
	}
	w.toAddLead()
	started, err := bring(w, func() (started b24.StartedCall, err error) {
		started, w.lead, err = w.client.StartCallWithLead(ctx, b24.LeadStart{
			Call: start, Lead: lead, Card: w.foundBy(), Converts: w.row.Records.Mode == crm.Simple,
		})
		return started, err
	})
	w.leadMade(w.lead)
	return started, err
}

// foundBy is the kind of card that Bitrix24 has to find for the call, zero if
// it need not find any.
func (w *work) foundBy() crm.EntityType {
	if !w.row.Plan.MustFind {
		return 0
	}
	dialled := func(c crm.Contact) bool { return c.ByPhone && !c.OtherSpelling }
	if slices.ContainsFunc(w.row.Records.Contacts, dialled) {
		return crm.TypeContact
	}
	return crm.TypeCompany
}

// notRegistered records a failed registration: unless it may have run, now or in a
// round before, the next attempt is free to decide anew.
func (w *work) notRegistered(err error, before models.Progress) {
	w.did("register", ErrorCode(err))
	if !before.Register.Tried && !b24.Unsure(err) {
		w.hasNotRun(before, models.Register{Refused: true})
	}
}

// hasNotRun forgets a registration that was refused, and with it the lead that was to
// come with it.
func (w *work) hasNotRun(before models.Progress, next models.Register) {
	progress := &w.row.Progress
	progress.CreateTried, progress.AskedAt, progress.Technical = before.CreateTried, before.AskedAt, before.Technical
	progress.Register = next
}

// start is the registration of this call. What it asks for stays: a repetition is
// recognised by asking for the same. Without a plan nothing is to be created.
func (w *work) start(ctx context.Context) (b24.CallStart, error) {
	asked := &w.row.Progress.Register
	if err := w.ask(ctx, asked); err != nil {
		return b24.CallStart{}, err
	}
	show, err := w.opens(ctx, asked.UserID)
	if err != nil {
		return b24.CallStart{}, err
	}
	start := b24.CallStart{
		ExternalID: w.externalID(), UserID: asked.UserID, Phone: asked.Phone, Direction: asked.Direction,
		StartedAt: asked.StartedAt, Line: asked.Line, Show: show, Primary: asked.Named,
		Create: asked.Create && !w.row.Progress.Deferred,
		Source: w.portal.Settings.Lines[asked.Line].Source,
	}
	if err := w.introduce(ctx, &start); err != nil {
		return b24.CallStart{}, err
	}
	return start, nil
}

// ask fills in what a registration asks for that was not asked yet. A plan has the
// last word on what the CRM is asked.
func (w *work) ask(ctx context.Context, asked *models.Register) error {
	if !asked.Tried {
		user, err := w.owns(ctx)
		if err != nil {
			return err
		}
		named, err := w.formsObject()
		if err != nil {
			return err
		}
		*asked = models.Register{
			Tried: true, At: w.Now().UTC(), UserID: user, Phone: w.phone.Dial(), Line: cmp.Or(w.row.Line, DefaultLine),
			Direction: w.call.Direction, StartedAt: w.row.StartedAt, Named: named,
		}
	}
	if plan := w.row.Plan; plan != nil && !w.row.Progress.Deferred {
		asked.Create, asked.Named, asked.Anchor = plan.CRMCreate, plan.Primary, plan.Anchor
	}
	return nil
}

// formsObject is what a callback is about as long as it is not decided: the object
// its form names (decision.md F.3), unless that is a deal, which is no documented
// type. It is nil for other calls.
func (w *work) formsObject() (*crm.Ref, error) {
	if w.row.Kind != models.KindCallback {
		return nil, nil
	}
	origin, err := w.origin()
	if err != nil || origin == nil || origin.Type == crm.TypeDeal {
		return nil, err
	}
	return origin, nil
}

// introduce has a line that Bitrix24 does not know yet added with the call: an
// unknown number would silently become a line that creates leads on its own.
func (w *work) introduce(ctx context.Context, start *b24.CallStart) error {
	known, err := w.Store.HasLine(ctx, w.portal.ID, start.Line)
	if err != nil || known {
		return err
	}
	settings := w.portal.Settings
	start.NewLine = &b24.Line{Number: start.Line, Name: lineName(settings, start.Line), AutoCreate: settings.AutoCreate(start.Line)}
	return nil
}

// lineAdded remembers a line that was added with a call.
func (w *work) lineAdded(ctx context.Context, l *b24.Line) error {
	if l == nil {
		return nil
	}
	return w.Store.SaveLine(ctx, models.Line{PortalID: w.portal.ID, Number: l.Number, Name: l.Name, AutoCreate: l.AutoCreate})
}

// externalID is our name for the call at Bitrix24. It never changes.
func (w *work) externalID() string {
	switch w.row.Kind {
	case models.KindPBX:
		return *w.row.PBXCallID
	case models.KindCallback:
		return w.row.CallKey
	}
	return *w.row.B24CallID
}

// hasStarted takes over Bitrix24's answer and what it created. Whoever dies
// before all of that is known registers again, and is told it again. What the
// portal refuses to tell does not keep the call from being registered: of the
// deal that simple mode made only the lead is known then.
func (w *work) hasStarted(ctx context.Context, started b24.StartedCall) error {
	made, untold := w.made(ctx, started.Created)
	if untold != nil && !isPortals(untold) {
		return untold
	}
	if untold != nil {
		made = started.Created
	}
	progress := &w.row.Progress
	progress.Register.CallID, progress.Register.Ahead = started.CallID, started.At.Sub(w.Now())
	progress.Register.CreateFailed = started.CreationError != ""
	if started.Primary != nil {
		progress.Register.Primary = *started.Primary
	}
	w.row.B24CallID = &started.CallID
	w.did("register", "")
	if err := w.creation(ctx, made); err != nil {
		return err
	}
	if !w.denied(started) {
		return untold
	}
	return w.exclude(ctx)
}

// denied reports that a number known in the CRM was answered with no object:
// it stands in the exceptions list (decision.md F.5).
func (w *work) denied(started b24.StartedCall) bool {
	plan := w.row.Plan
	return plan != nil && plan.MustFind && started.Primary == nil && len(started.Created) == 0
}

// made is what Bitrix24 created for the call. In simple mode it names only the
// technical lead; the deal and contact that came of it are looked up.
func (w *work) made(ctx context.Context, created []crm.Ref) ([]crm.Ref, error) {
	if len(created) != 1 || created[0].Type != crm.TypeLead || w.portal.Mode() != crm.Simple {
		return visible(created, w.portal.Mode()), nil
	}
	converted, err := w.converted(ctx, created[0].ID)
	if err != nil || len(converted) > 0 {
		return converted, err
	}
	return created, nil
}

// converted is the deal, with its contact, that simple mode made of a lead.
func (w *work) converted(ctx context.Context, lead int64) ([]crm.Ref, error) {
	deal, contact := w.lead.Deal, w.lead.Contact
	if lead != w.lead.ID || deal == 0 {
		var ok bool
		var err error
		deal, contact, ok, err = w.client.DealOfLead(ctx, lead)
		if err != nil || !ok {
			return nil, err
		}
	}
	refs := []crm.Ref{{Type: crm.TypeDeal, ID: deal}}
	if contact != 0 {
		refs = append(refs, crm.Ref{Type: crm.TypeContact, ID: contact})
	}
	return refs, nil
}

// visible leaves out the technical lead of simple mode.
func visible(created []crm.Ref, mode crm.Mode) []crm.Ref {
	if mode != crm.Simple {
		return created
	}
	var kept []crm.Ref
	for _, ref := range created {
		if ref.Type != crm.TypeLead {
			kept = append(kept, ref)
		}
	}
	return kept
}

// creation records what Bitrix24 created and whether that was asked for. That it did
// not create says nothing if only an attempt that may not have run asked for it.
func (w *work) creation(ctx context.Context, created []crm.Ref) error {
	w.row.Progress.Created = created
	asked := w.row.Progress.Register.Create
	switch {
	case asked && len(created) == 0 && !w.row.Progress.Deferred:
		w.remark(rules.PlatformDeclined)
	case !asked && len(created) > 0:
		w.remark(rules.PlatformCreated)
	}
	if err := w.remember(ctx, created); err != nil || !asked {
		return err
	}
	return w.save(ctx) // that nothing more comes, before the next call of the number looks
}

// remember keeps what was created for the next call of the same number.
func (w *work) remember(ctx context.Context, created []crm.Ref) error {
	if len(created) == 0 {
		return nil
	}
	return w.Store.Remember(ctx, models.RecentCreation{
		PortalID: w.portal.ID, PhoneKey: w.phone.Key(), CallID: w.row.ID,
		Refs: created, For: recentFor,
	})
}
