package callflow

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"callwise/app/b24"
	"callwise/app/call"
	"callwise/models"
)

// takeUp takes up the calls that were first seen before a time and did not come
// by themselves, those of others only if they began at or after a time. It returns
// how many.
func (f *Flow) takeUp(ctx context.Context, portal *models.Portal, before, others time.Time) (int, error) {
	handles := portal.Settings
	if err := f.Store.SiftMissing(ctx, portal.ID, b24.VoximplantEnd, handles.BuiltinLines, handles.OtherApps); err != nil {
		return 0, err
	}
	calls, err := f.Store.MissingSince(ctx, portal.ID, before, others, siftAtOnce)
	if err != nil {
		return 0, err
	}
	taken := 0
	for _, m := range calls {
		if taken == recoverAtOnce {
			break
		}
		done, err := f.takeUpOne(ctx, portal.ID, m)
		if err != nil {
			return taken, err
		}
		if done {
			taken++
		}
	}
	return taken, nil
}

// takeUpOne reports whether a missing call was taken up now.
func (f *Flow) takeUpOne(ctx context.Context, portalID int64, m models.MissingCall) (bool, error) {
	var end map[string]string
	if err := json.Unmarshal(m.Payload, &end); err != nil {
		return false, fmt.Errorf("missing call %d: %w", m.ID, err)
	}
	row, err := f.Store.CallByB24(ctx, portalID, end["CALL_ID"])
	if err != nil && !errors.Is(err, models.ErrNotFound) {
		return false, err
	}
	if err == nil && !isForeign(row.Kind) {
		return f.finishLost(ctx, row, m, end)
	}
	event := models.Event{
		Source: models.SourceBitrix24, EventKey: recoveredKey(m.CallKey), CallKey: m.CallKey,
		Type: b24.VoximplantEnd, Payload: m.Payload, HappenedAt: endOf(end, m),
	}
	if _, _, err := f.Store.AddEvents(ctx, portalID, []models.Event{event}); err != nil {
		return false, err
	}
	return f.recovered(ctx, portalID, m)
}

// finishLost ends a call of our own that Bitrix24 has finished already: the
// PBX's word, or ours, got lost.
func (f *Flow) finishLost(ctx context.Context, row *models.Call, m models.MissingCall, end map[string]string) (bool, error) {
	if row.Progress.Finish.Done {
		return false, f.Store.ForgetMissing(ctx, row.PortalID, m.ID)
	}
	err := ErrNothingToMend
	switch {
	case row.EndedAt == nil:
		duration, _ := strconv.Atoi(end["CALL_DURATION"])
		err = f.say(ctx, row, call.Event{
			Type: call.Ended, At: endOf(end, m).UTC(), Direction: row.Direction, Phone: row.Phone, Line: row.Line,
			Status: statusOf(end["CALL_FAILED_CODE"], row.Direction), Duration: max(duration, 0),
		})
	case row.State == models.CallFailed:
		err = f.Retry(ctx, row.PortalID, row.ID)
	}
	if errors.Is(err, ErrBusy) || errors.Is(err, ErrNothingToMend) {
		return false, nil // a worker has it
	}
	if err != nil {
		return false, err
	}
	return f.recovered(ctx, row.PortalID, m)
}

// recovered counts a call that was taken up, once.
func (f *Flow) recovered(ctx context.Context, portalID int64, m models.MissingCall) (bool, error) {
	fresh, err := f.Store.SetRecovered(ctx, portalID, m.ID)
	if fresh {
		f.Metrics.recoveredCall()
	}
	return fresh, err
}

// recoveredKey names the END that we make of a row of the statistics.
func recoveredKey(callKey string) string { return models.RecoveredPrefix + callKey }

// endOf is when a call ended at the earliest: Bitrix24 tells how long was
// talked, not how long it rang. It was over when it was first seen.
func endOf(end map[string]string, m models.MissingCall) time.Time {
	seconds, _ := strconv.Atoi(end["CALL_DURATION"])
	at, seen := time.UnixMicro(m.Began).Add(time.Duration(max(seconds, 0))*time.Second), time.UnixMicro(m.Seen)
	if at.After(seen) {
		at = seen
	}
	return at.UTC()
}
