package callflow

import (
	"context"
	"slices"

	"callwise/app/b24"
	"callwise/app/rules"
	"callwise/models"
)

// missed reports an incoming call that nobody took, as Bitrix24 counts them.
func (w *work) missed() bool {
	return w.call.Ended && statusCode(w.call) == b24.Missed
}

// owns is the user whose call it is when it is registered. One whom nobody is
// rung for yet is a missed one if the caller hangs up in the menu.
func (w *work) owns(ctx context.Context) (int64, error) {
	missed := w.missedOwner
	if w.inMenu() {
		missed = w.missedRule
	}
	if user, err := missed(ctx); err != nil || user != 0 {
		return user, err
	}
	return w.responsible(ctx)
}

// missedOwner is whom the administrator chose for the calls that nobody took; 0
// for other calls, or when nobody is found that way.
func (w *work) missedOwner(ctx context.Context) (int64, error) {
	if !w.missed() {
		return 0, nil
	}
	return w.missedRule(ctx)
}

func (w *work) missedRule(ctx context.Context) (int64, error) {
	return w.chosen(ctx, w.portal.Settings.Responsible.Missed)
}

// createdRule is the rule by which [work.createdOwner] is found: the line's own,
// else the portal's.
func (w *work) createdRule() models.OwnerRule {
	return w.portal.Settings.CreatedBy(w.line())
}

// createdOwner is who is responsible for what the call creates. Whoever was
// chosen by a rule stays it, for a repetition creates the same; who takes the
// call may still change.
func (w *work) createdOwner(ctx context.Context) (int64, error) {
	progress := &w.row.Progress
	if progress.Owner != 0 {
		return progress.Owner, nil
	}
	rule := w.createdRule()
	user, err := w.chosen(ctx, rule)
	if err != nil {
		return 0, err
	}
	if !w.differs(rule) {
		return w.taker(ctx, user)
	}
	if user == 0 {
		user, err = w.responsible(ctx)
	}
	progress.Owner = user
	return user, err
}

// taker is who is responsible by Bitrix24's own rule: whom it is told at the
// end of the call. Nobody (0) leaves it to the portal.
func (w *work) taker(ctx context.Context, user int64) (int64, error) {
	if missed, err := w.missedOwner(ctx); err != nil || missed != 0 {
		return missed, err
	}
	if user == 0 {
		user = w.row.Progress.Register.UserID
	}
	return user, nil
}

// differs reports a rule by which somebody else may be responsible than Bitrix24
// makes it: it gives what it creates to the user whom the call counts for.
func (w *work) differs(rule models.OwnerRule) bool {
	return rule.Who != models.OwnerTaker || rule.Fallback != 0 && w.row.UserID == 0
}

// outgrown reports that the app created something for one employee and another
// one talked last. What Bitrix24 creates it gives to the latter by itself.
func (w *work) outgrown() bool {
	if w.row.Plan == nil || w.row.Plan.Creator != rules.ByApp {
		return false
	}
	first := w.row.Progress.Register.UserID
	return w.handedOn() || first != 0 && w.row.UserID != 0 && w.row.UserID != first
}

// assign gives what was created for the call to whom the administrator chose,
// once, and after the end, when Bitrix24 has given it to the user of the call.
// Giving it again changes nothing.
//
// https://apidocs.bitrix24.com/api-reference/telephony/telephony-external-call-finish.html
func (w *work) assign(ctx context.Context) error {
	progress := &w.row.Progress
	if len(progress.Created) == 0 || progress.Assigned.Done {
		return nil
	}
	if progress.Owner == 0 && (w.over || !w.differs(w.createdRule()) && !w.outgrown()) {
		return nil
	}
	user, err := w.createdOwner(ctx)
	if err != nil {
		return err
	}
	err = w.client.Assign(ctx, progress.Created, user)
	w.did("assign", ErrorCode(err))
	if err != nil && !refusedForGood(err) {
		return err
	}
	progress.Assigned = models.Assigned{Done: true, Code: ErrorCode(err)}
	return w.save(ctx)
}

// chosen is whom a rule names, else its fallback, else nobody (0). Users who
// have left, or whom Bitrix24 has refused for this call, are passed over.
func (w *work) chosen(ctx context.Context, rule models.OwnerRule) (int64, error) {
	named, err := w.ruled(ctx, rule)
	if err != nil {
		return 0, err
	}
	if rule.Who == models.OwnerTaker && named != 0 && !slices.Contains(w.row.Progress.Refused, named) {
		return named, nil
	}
	for _, user := range []int64{named, rule.Fallback} {
		if user == 0 || slices.Contains(w.row.Progress.Refused, user) {
			continue
		}
		active, err := exists(w.Store.EmployeeByUser(ctx, w.portal.ID, user))
		if err != nil || active {
			return user, err
		}
	}
	return 0, nil
}

// ruled is whom a rule names, whether or not that user is still there.
func (w *work) ruled(ctx context.Context, rule models.OwnerRule) (int64, error) {
	switch rule.Who {
	case models.OwnerCard:
		return w.owner(ctx)
	case models.OwnerLastTalked:
		return w.Store.LastTalked(ctx, w.portal.ID, w.phone.Key(), w.row.ID)
	case models.OwnerEmployee:
		return rule.Employee, nil
	}
	return w.row.UserID, nil
}
