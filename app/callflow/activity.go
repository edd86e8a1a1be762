package callflow

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"callwise/app/b24"
	"callwise/app/crm"
	"callwise/models"
)

// addActivity writes a call activity where Bitrix24 made none although there
// is something to log the call to (telephony contract, 9.3).
func (w *work) addActivity(ctx context.Context) error {
	for {
		missing := w.missing()
		if len(missing) == 0 {
			return nil
		}
		id, err := w.findOrAddActivity(ctx, missing)
		if ownerGone(err) {
			w.row.Progress.Skipped = union(w.row.Progress.Skipped, missing[:1])
			continue
		}
		if errors.Is(err, errComing) {
			return err
		}
		if err != nil {
			w.did("activity", ErrorCode(err))
			return err
		}
		return w.hasActivity(ctx, id, missing[0])
	}
}

// hasActivity takes over the activity and binds it to the other cards.
func (w *work) hasActivity(ctx context.Context, id int64, owner crm.Ref) error {
	progress := &w.row.Progress
	progress.Finish.ActivityID = id
	progress.Bound = union(progress.Bound, []crm.Ref{owner})
	w.did("activity", "")
	return w.bindMissing(ctx)
}

// findOrAddActivity writes an activity of the first of the cards. It looks for
// what an earlier attempt may have written, also one that our database has forgotten:
// after it was restored to an earlier moment, the statistics bring calls back.
func (w *work) findOrAddActivity(ctx context.Context, cards []crm.Ref) (int64, error) {
	if w.row.Progress.ActivityTried || w.fromStatistics() {
		id, found, err := w.seek(func() (int64, bool, error) { return w.client.FindCallActivity(ctx, w.externalID()) })
		if err != nil || found {
			return id, err
		}
	}
	user, err := w.talked(ctx)
	if err != nil {
		return 0, err
	}
	w.row.Progress.ActivityTried = true
	asked := b24.CallActivity{
		Owner: cards[0], Client: clientAmong(cards), Subject: w.subject(),
		Phone: w.phone.Dial(), Direction: w.call.Direction, Completed: !w.missed(),
		ResponsibleID: user, StartedAt: w.row.StartedAt, EndedAt: w.endedAt(), OriginID: w.externalID(),
	}
	return bring(w, func() (int64, error) { return w.client.AddCallActivity(ctx, asked) })
}

// fromStatistics reports a call whose end was taken from the statistics.
func (w *work) fromStatistics() bool {
	return slices.ContainsFunc(w.events, func(e models.Event) bool { return strings.HasPrefix(e.EventKey, models.RecoveredPrefix) })
}

// subject says of an activity whether the call was missed, as Bitrix24's own do.
func (w *work) subject() string {
	if !w.call.Answered() && !dialled(w.call.Direction) {
		return w.MissedTitle(w.portal.Lang, w.phone.Pretty())
	}
	return w.Title(w.portal.Lang, w.call.Direction, w.phone.Pretty())
}

// clientAmong is the first contact or company of these, zero without one.
func clientAmong(cards []crm.Ref) crm.Ref {
	for _, ref := range cards {
		if ref.Type == crm.TypeContact || ref.Type == crm.TypeCompany {
			return ref
		}
	}
	return crm.Ref{}
}

// ownerGone reports that the card which an activity was to belong to does not
// exist any more. Bitrix24 says so in a text without a code.
//
// https://apidocs.bitrix24.com/api-reference/crm/timeline/activities/activity-base/crm-activity-add.html
func ownerGone(err error) bool {
	refusal, ok := errors.AsType[*b24.Error](err)
	return ok && refusal.Says("OWNER_ID is not defined or invalid")
}

// endedAt is when the call ended, as far as we know.
func (w *work) endedAt() time.Time {
	if w.row.EndedAt != nil {
		return *w.row.EndedAt
	}
	return w.row.StartedAt.Add(time.Duration(w.call.Duration) * time.Second)
}
