package callflow

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"callwise/app/b24"
	"callwise/app/crm"
	"callwise/app/rules"
	"callwise/models"
)

// created reports that nothing is left for the app to create.
func (w *work) created() bool {
	plan := w.row.Plan
	return w.row.Progress.CreateDone || plan == nil || plan.Creator != rules.ByApp
}

// create makes the lead (or deal) that Bitrix24 does not create by itself. It
// may be repeated: an object with our mark is found, not made again.
func (w *work) create(ctx context.Context) error {
	if w.created() {
		return nil
	}
	if len(w.row.Progress.Created) > 0 {
		return w.createDone(ctx, w.row.Progress.Created) // Bitrix24 was first
	}
	created, err := w.findOrCreate(ctx)
	if errors.Is(err, errOutdated) {
		return w.decideAnew(ctx)
	}
	if errors.Is(err, errComing) {
		return err
	}
	if err == nil {
		return w.createDone(ctx, created)
	}
	w.did("create", ErrorCode(err))
	w.remark(rules.CreateFailed)
	if !refusedForGood(err) {
		return err
	}
	return w.createDone(ctx, nil)
}

// errOutdated: what the decision was made from may have changed.
var errOutdated = errors.New("callflow: the decision is too old to create anything")

// outdated reports a decision that is so old that what other calls of the number have
// created since may not be remembered any more: only a fresh snapshot shows it. Another
// process may have decided, by a clock of its own.
func (w *work) outdated() bool { return w.Now().Sub(*w.row.DecidedAt) >= recentFor/2 }

// decideAnew takes back a decision that nothing was created for, and decides by
// what the CRM knows now. Bitrix24, which has the call already, creates nothing.
func (w *work) decideAnew(ctx context.Context) error {
	w.undecide()
	w.unremark(rules.CreateFailed)
	if w.way() == rules.WayForeign {
		return w.observeNow(ctx)
	}
	w.row.Progress.Deferred = true
	return w.decideAndCreate(ctx)
}

// madeElsewhere is what other calls of the number have created since the decision was
// made, which then did not know of it.
func (w *work) madeElsewhere(ctx context.Context) ([]crm.Ref, error) {
	recent, err := w.Store.RecentCreations(ctx, w.portal.ID, w.phone.Key(), w.row.ID)
	return slices.DeleteFunc(recent, w.row.Records.Has), err
}

func (w *work) createDone(ctx context.Context, created []crm.Ref) error {
	w.row.Progress.Created, w.row.Progress.CreateDone = created, true
	if len(created) > 0 {
		w.unremark(rules.CreateFailed)
		w.did("create", "")
	}
	if err := w.remember(ctx, created); err != nil {
		return err
	}
	return w.save(ctx)
}

// unremark withdraws a note that is no longer true.
func (w *work) unremark(note rules.Note) {
	var kept []rules.Note
	for _, n := range w.row.Progress.Notes {
		if n != note {
			kept = append(kept, n)
		}
	}
	w.row.Progress.Notes = kept
}

// findOrCreate looks for what an earlier attempt may have created before it
// creates. A repeated deal starts as a lead too: Bitrix24 converts it by the
// portal's own scenario (decision.md F.3).
func (w *work) findOrCreate(ctx context.Context) ([]crm.Ref, error) {
	lead, found, err := w.ownLead(ctx)
	if err != nil {
		return nil, err
	}
	if !found {
		return w.createAlone(ctx)
	}
	return w.createdFrom(ctx, lead)
}

// createAlone creates what no earlier attempt has, unless another call of the number
// was first.
func (w *work) createAlone(ctx context.Context) ([]crm.Ref, error) {
	if err := w.awaitsElsewhere(ctx); err != nil {
		return nil, err
	}
	others, err := w.madeElsewhere(ctx)
	if err != nil {
		return nil, err
	}
	if len(others) > 0 {
		w.remark(rules.DuplicateSuppressed)
		return others, nil
	}
	lead, err := w.addLead(ctx)
	if err != nil {
		return nil, err
	}
	return w.createdFrom(ctx, lead)
}

// createdFrom is what becomes of a lead of ours.
func (w *work) createdFrom(ctx context.Context, lead int64) ([]crm.Ref, error) {
	made := []crm.Ref{{Type: crm.TypeLead, ID: lead}}
	if w.row.Decision.Create == rules.RepeatedLead || w.row.Decision.Create == rules.Lead {
		return made, nil
	}
	converted, err := w.converted(ctx, lead)
	if err != nil || len(converted) > 0 {
		return newOnly(converted, w.row.Plan.Link), err
	}
	if err := w.remember(ctx, made); err != nil {
		return nil, err
	}
	if err := w.awaits(w.row.Progress.Technical.AskedAt); err != nil {
		return nil, err
	}
	if w.row.Plan.Link.ID == 0 {
		return made, nil
	}
	deal, err := w.ownDeal(ctx)
	return []crm.Ref{{Type: crm.TypeDeal, ID: deal}}, err
}

// ownLead is the lead with this call's mark, if an earlier attempt made it, also one that
// our database has forgotten: see [work.findOrAddActivity].
func (w *work) ownLead(ctx context.Context) (id int64, found bool, err error) {
	switch made := w.row.Progress.Technical.ID; {
	case w.lead.ID != 0:
		return w.lead.ID, true, nil
	case made != 0:
		return made, true, nil
	case !w.row.Progress.CreateTried && !w.fromStatistics():
		return 0, false, nil
	}
	id, found, err = w.seek(func() (int64, bool, error) { return w.client.FindByOrigin(ctx, crm.TypeLead, w.externalID()) })
	if technical := &w.row.Progress.Technical; found && !technical.AskedAt.IsZero() {
		technical.ID = id
	}
	return id, found, err
}

func (w *work) addLead(ctx context.Context) (int64, error) {
	if w.outdated() {
		return 0, errOutdated
	}
	fresh, err := w.newLead(ctx)
	if err != nil {
		return 0, err
	}
	w.toAddLead()
	made, err := bring(w, func() (b24.MadeLead, error) { return w.client.AddLead(ctx, fresh) })
	return w.leadMade(made), err
}

// toAddLead writes down that a lead of ours is asked for now.
func (w *work) toAddLead() {
	w.row.Progress.CreateTried = true
	if w.row.Records.Mode == crm.Simple {
		w.row.Progress.Technical = models.Technical{AskedAt: w.Now().UTC()}
	}
}

// leadMade keeps what Bitrix24 told of a lead of ours.
func (w *work) leadMade(made b24.MadeLead) int64 {
	w.row.Progress.Repeated = made.Repeated
	if w.row.Records.Mode == crm.Simple {
		w.row.Progress.Technical.ID = made.ID
	}
	return made.ID
}

// ownDeal is the deal with this call's mark.
func (w *work) ownDeal(ctx context.Context) (int64, error) {
	id, found, err := w.seek(func() (int64, bool, error) { return w.client.FindByOrigin(ctx, crm.TypeDeal, w.externalID()) })
	if err != nil || found {
		return id, err
	}
	lead, err := w.newLead(ctx)
	if err != nil {
		return 0, err
	}
	deal := b24.NewDeal{
		Title: lead.Title, ContactID: lead.ContactID, CompanyID: lead.CompanyID, Source: lead.Source,
		ResponsibleID: lead.ResponsibleID, OriginID: lead.OriginID,
	}
	return bring(w, func() (int64, error) { return w.client.AddDeal(ctx, deal) })
}

func (w *work) newLead(ctx context.Context) (b24.NewLead, error) {
	owner, err := w.createdOwner(ctx)
	if err != nil {
		return b24.NewLead{}, err
	}
	title := w.Title(w.portal.Lang, w.call.Direction, w.phone.Pretty())
	lead := b24.NewLead{
		Title: title, Source: w.source(), ResponsibleID: owner, OriginID: w.externalID(),
	}
	switch link := w.row.Plan.Link; link.Type {
	case crm.TypeContact:
		lead.ContactID = link.ID
	case crm.TypeCompany:
		lead.CompanyID = link.ID
	default:
		lead.Phone = w.phone.Dial()
	}
	if w.row.Records.Mode == crm.Simple {
		lead.Name = cmp.Or(w.row.CustomerName, w.phone.Pretty())
	}
	return lead, nil
}

// newOnly leaves out the card that was there before.
func newOnly(refs []crm.Ref, link crm.Ref) []crm.Ref {
	var kept []crm.Ref
	for _, ref := range refs {
		if ref != link {
			kept = append(kept, ref)
		}
	}
	return kept
}
