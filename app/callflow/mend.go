package callflow

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"time"

	"callwise/app/b24"
	"callwise/app/call"
	"callwise/app/crm"
	"callwise/app/rules"
	"callwise/models"
)

// What an administrator mends may be asked for twice: whatever is not wrong
// (any more) is [ErrNothingToMend], and changes nothing.
var (
	// ErrNothingToMend says that the call does not need this, or does not any more.
	ErrNothingToMend = errors.New("callflow: there is nothing to mend")
	// ErrBusy says that a worker has the call: try again in a moment.
	ErrBusy = errors.New("callflow: the call is being worked on")
	// ErrNoChoice says that what was chosen cannot be chosen.
	ErrNoChoice = errors.New("callflow: that cannot be chosen")
)

// Retry has what failed for a call tried again: a call that was given up or
// waits for a repetition, a refused creation, cards it could not be logged to.
func (f *Flow) Retry(ctx context.Context, portalID, callID int64) error {
	return f.amendAndWake(ctx, portalID, callID, func(c *models.Call) error {
		if !c.Retriable() {
			return ErrNothingToMend
		}
		if c.CreateRefused() {
			undo(c)
		}
		if c.State == models.CallFailed {
			c.State = models.CallOpen
		}
		c.Progress.BindFailed = nil
		c.Progress.Notes = slices.DeleteFunc(c.Progress.Notes, func(n rules.Note) bool { return n == rules.BindPartial })
		c.Progress.Settled = nil
		c.Attempts, c.FailingSince, c.RetryAt = 0, nil, nil
		return nil
	})
}

// undo takes back a decision that Bitrix24 refused to carry out: the next one is
// made by what the CRM knows then, and looks for what was created nevertheless.
func undo(c *models.Call) {
	c.DecidedAt, c.Case, c.Decision, c.Plan = nil, nil, nil, nil
	c.Progress.CreateDone = false
	c.Progress.Deferred = c.Kind != models.KindBuiltin && c.Kind != models.KindOther
	c.Progress.Notes = slices.DeleteFunc(c.Progress.Notes, func(n rules.Note) bool { return n == rules.CreateFailed })
}

// Replay handles a call anew that was left out, or that ended without a
// decision; see [models.Call.Replayable] for why nothing is created twice. A
// call that is still excluded is left out again.
func (f *Flow) Replay(ctx context.Context, portalID, callID int64) error {
	return f.amendAndWake(ctx, portalID, callID, func(c *models.Call) error {
		if !c.Replayable() {
			return ErrNothingToMend
		}
		if c.State == models.CallIgnored {
			c.Progress = anew(c.Progress)
		}
		c.State, c.Progress.Settled = models.CallOpen, nil
		c.Attempts, c.FailingSince, c.RetryAt, c.ErrorCode = 0, nil, nil, ""
		return nil
	})
}

// anew is the progress of a call that was left out, as if it had just begun: only
// what was already asked of the PBX, and what the call is, stays.
func anew(p models.Progress) models.Progress {
	return models.Progress{Leg: p.Leg, Ordered: p.Ordered, Callee: p.Callee, DryRun: p.DryRun, Refused: p.Refused, Steps: p.Steps}
}

// EndMissed ends a call that goes on, as far as we know, as one that nobody
// took. The PBX's own end may still come; the call is finished once.
func (f *Flow) EndMissed(ctx context.Context, portalID, callID int64) error {
	c, err := f.Store.CallByID(ctx, portalID, callID)
	if err != nil {
		return err
	}
	if !c.Endable() {
		return ErrNothingToMend
	}
	status := call.StatusMissed
	if dialled(c.Direction) {
		status = call.StatusNoAnswer
	}
	return f.say(ctx, c, call.Event{
		Type: call.Ended, At: f.Now().UTC(), Direction: c.Direction, Phone: c.Phone, Line: c.Line, Status: status,
	})
}

// Settle notes that there is nothing to do about what is wrong with a call.
func (f *Flow) Settle(ctx context.Context, portalID, callID int64, what models.Attention) error {
	return f.amend(ctx, portalID, callID, func(_ context.Context, c *models.Call) error {
		if what == models.NoAttention || c.Attention != what {
			return ErrNothingToMend
		}
		c.Progress.Settled = append(c.Progress.Settled, what)
		return nil
	})
}

// MapExtension says that the extension of a call belongs to a user: in the
// settings, as by, and in the calls of that extension that nobody had. It
// returns how many those are.
func (f *Flow) MapExtension(ctx context.Context, portalID, callID, userID, by int64) (int, error) {
	c, err := f.Store.CallByID(ctx, portalID, callID)
	if err != nil {
		return 0, err
	}
	if c.Extension == "" || c.UserID != 0 && c.UserID != userID {
		return 0, ErrNothingToMend // somebody else has said whose it is
	}
	if _, err := f.Store.EmployeeByUser(ctx, portalID, userID); errors.Is(err, models.ErrNotFound) {
		return 0, ErrNoChoice
	} else if err != nil {
		return 0, err
	}
	if err := f.ChangeSettings(ctx, portalID, by, map[string]string{
		models.SettingPath("extensions", c.Extension): strconv.FormatInt(userID, 10),
	}); err != nil {
		return 0, err
	}
	return f.Store.Relabel(ctx, portalID, c.Extension, userID)
}

// saveAttempts is how often settings are merged with what others saved.
const saveAttempts = 5

// ChangeSettings changes values of a portal's settings, by their paths, in the
// name of a user and whatever somebody else saves meanwhile. What changes
// nothing is no version. ErrNoChoice says that a value cannot be stored.
func (f *Flow) ChangeSettings(ctx context.Context, portalID, by int64, values map[string]string) error {
	for range saveAttempts {
		portal, err := f.Store.PortalByID(ctx, portalID)
		if err != nil {
			return err
		}
		next, wrong := portal.Settings.With(values)
		if len(wrong) > len(portal.Settings.Check()) {
			return ErrNoChoice
		}
		if len(portal.Settings.Changes(next)) == 0 {
			return nil
		}
		err = f.Store.SaveSettings(ctx, models.SettingsEdit{
			PortalID: portalID, Version: portal.SettingsVersion, Settings: next, UserID: by,
		})
		if !errors.Is(err, models.ErrConflict) {
			return err
		}
	}
	return ErrBusy
}

// ChooseCard links what was created for a call to one of the client's cards,
// and remembers that choice. An error of the portal is written down as a step,
// and returned.
func (f *Flow) ChooseCard(ctx context.Context, portalID, callID int64, card crm.Ref) error {
	portal, err := f.Store.PortalByID(ctx, portalID)
	if err != nil {
		return err
	}
	var refused error
	err = f.amend(b24.WithCall(ctx, callID), portalID, callID, func(ctx context.Context, c *models.Call) error {
		created := linkable(c.Progress.Created)
		if c.Case == nil || len(created) == 0 {
			return ErrNothingToMend
		}
		if !slices.Contains(c.Case.CRM.Cards(), card) {
			return ErrNoChoice
		}
		refused = f.linkAll(ctx, portal, created, card, companyOf(c.Records, card))
		c.Progress.Steps = append(c.Progress.Steps, models.Step{Name: "card", At: f.Now().UTC(), Code: ErrorCode(refused)})
		if refused == nil {
			c.Progress.Card = &card
			c.Progress.Settled = settled(c.Progress.Settled, models.AttentionCard)
		}
		return nil
	})
	return errors.Join(err, refused)
}

// linkable are those of refs that have a client: leads and deals.
func linkable(refs []crm.Ref) []crm.Ref {
	var all []crm.Ref
	for _, ref := range refs {
		if ref.Type == crm.TypeLead || ref.Type == crm.TypeDeal {
			all = append(all, ref)
		}
	}
	return all
}

// linkAll makes a card, with a company that may be 0, the client of leads and deals.
func (f *Flow) linkAll(ctx context.Context, portal *models.Portal, refs []crm.Ref, card crm.Ref, company int64) error {
	client := f.Client(portal)
	for _, ref := range refs {
		if err := client.LinkTo(ctx, ref, card, company); err != nil {
			return err
		}
	}
	return nil
}

// companyOf is the company of a contact if it carries the number itself: a mere
// employer is not linked (decision.md B.4). Else 0.
func companyOf(records *crm.Records, card crm.Ref) int64 {
	if records == nil || card.Type != crm.TypeContact {
		return 0
	}
	for _, company := range records.Companies {
		employs := func(c crm.Contact) bool { return c.ID == card.ID && c.CompanyID == company.ID }
		if company.ByPhone && slices.ContainsFunc(records.Contacts, employs) {
			return company.ID
		}
	}
	return 0
}

func settled(all []models.Attention, one models.Attention) []models.Attention {
	if slices.Contains(all, one) {
		return all
	}
	return append(all, one)
}

// amend changes the row of a call while no worker has it.
func (f *Flow) amend(ctx context.Context, portalID, callID int64, change func(context.Context, *models.Call) error) error {
	return f.amendBy(ctx, portalID, callID, change, f.Store.SaveCall)
}

func (f *Flow) amendBy(ctx context.Context, portalID, callID int64, change, save func(context.Context, *models.Call) error) error {
	if _, err := f.Store.CallByID(ctx, portalID, callID); err != nil {
		return err
	}
	owner := f.piece()
	held, err := f.holdPatientlyAs(ctx, models.CallLease(callID), owner, func(ctx context.Context) error {
		c, err := f.Store.CallByID(ctx, portalID, callID)
		if err != nil {
			return err
		}
		c.HeldBy = owner
		if err := change(ctx, c); err != nil {
			return err
		}
		return save(ctx, c)
	})
	if err == nil && !held {
		return ErrBusy
	}
	return err
}

// amendAndWake is amend for a change that a worker acts upon: at once or, if
// this process dies before it wakes one, when its lease is over.
func (f *Flow) amendAndWake(ctx context.Context, portalID, callID int64, change func(*models.Call) error) error {
	var key string
	err := f.amendBy(ctx, portalID, callID, func(_ context.Context, c *models.Call) error {
		key = c.CallKey
		return change(c)
	}, func(ctx context.Context, c *models.Call) error {
		return f.Store.SaveAndWake(ctx, c, f.Lease+time.Second)
	})
	if err != nil {
		return err
	}
	return f.Store.Wake(ctx, []models.CallArgs{{PortalID: portalID, CallKey: key}})
}
