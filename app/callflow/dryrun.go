package callflow

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"callwise/app/b24"
	"callwise/app/call"
	"callwise/app/rules"
	"callwise/models"
)

// testKey begins the key of a call that an administrator made up.
const testKey = "test:"

// DryCall takes in a call that never was, all or nothing, and has it decided as
// in dry run whatever the settings say. key begins with "test:" and names the
// call; repeating it changes nothing and returns the same call.
func (f *Flow) DryCall(ctx context.Context, portalID int64, key string, told []call.Event) (int64, error) {
	if !strings.HasPrefix(key, testKey) {
		return 0, fmt.Errorf("callflow: %q is no key of a test call", key)
	}
	events := make([]models.Event, len(told))
	for i, e := range told {
		event, err := PBXEvent(fmt.Sprintf("%s:%d", key, i), e)
		if err != nil {
			return 0, err
		}
		event.Source, event.CallKey = models.SourceCallwise, key
		events[i] = event
	}
	c := call.Fold(told)
	row, err := f.Store.OpenCall(ctx, models.Call{
		PortalID: portalID, Kind: models.KindPBX, CallKey: key, Direction: c.Direction, Phone: c.Phone,
		StartedAt: c.StartedAt, Progress: models.Progress{DryRun: true},
	}, events)
	if err != nil {
		return 0, err
	}
	return row.ID, nil
}

// firstProgress is the progress of a call that is seen for the first time. Whether it
// is a dry run is said once: a switch in the middle of a call does not tear it.
func firstProgress(portal *models.Portal) models.Progress {
	return models.Progress{DryRun: portal.Settings.DryRun}
}

// rehearse decides a call and shows what would be done, and writes nothing to
// the CRM. The PBX is told to place clicks and callbacks all the same: somebody
// waits for the telephone to ring. Reading is not put off as it is for a real
// call, whose card somebody waits for: a decision that cannot be made yet is
// made by the next attempt.
func (w *work) rehearse(ctx context.Context) error {
	if err := w.rehearseBefore(ctx); err != nil {
		return err
	}
	decided := w.rehearseDecision(ctx)
	if decided != nil && !isPortals(decided) {
		return decided
	}
	if w.row.Kind == models.KindCallback {
		if err := w.order(ctx); err != nil { // now, as the card's owner is known
			return errors.Join(decided, err)
		}
	}
	if !w.call.Ended {
		return decided
	}
	if err := errors.Join(decided, w.hideCard(ctx)); err != nil {
		return err
	}
	w.row.State = models.CallFinished
	return nil
}

// rehearseBefore does what does not wait for the decision.
func (w *work) rehearseBefore(ctx context.Context) error {
	switch w.row.Kind {
	case models.KindPBX:
		return w.endClick(ctx)
	case models.KindClick:
		return w.order(ctx)
	}
	return nil
}

// rehearseDecision decides. A call that Bitrix24 carries itself is decided
// at its END, which tells whether the number stands in the exceptions list.
func (w *work) rehearseDecision(ctx context.Context) error {
	if w.way() != rules.WayForeign {
		w.revealNumber()
		return w.decide(ctx)
	}
	end, err := w.data(b24.VoximplantEnd)
	if err != nil || end == nil {
		return err
	}
	w.endTold(end)
	if err := w.decide(ctx); err != nil || !w.excludedByEnd() {
		return err
	}
	return w.exclude(ctx)
}
