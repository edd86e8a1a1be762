package callflow

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"callwise/app/b24"
	"callwise/models"
)

// Bounds of one look at a portal's statistics.
const (
	recoverPages  = 10  // that are read
	recoverAtOnce = 100 // calls that are taken up
	siftAtOnce    = 500 // calls that are tried for it
	recoverWithin = time.Minute
)

// DefaultRecoverAfter is how long the events of a finished call may be on their
// way before it counts as missing.
const DefaultRecoverAfter = 5 * time.Minute

// RecoverAge is how long after it began a call of others is taken up by itself. A
// portal that did not work for us for months tells of months, which nobody wants
// leads of without having said so.
const RecoverAge = GiveUpAfter

// endOfTime is when no call begins any more.
var endOfTime = time.Unix(1<<36, 0)

// RecoverAll looks in the statistics of all portals for calls whose events did
// not reach us. While a process is at it, another has nothing to do: [ErrBusy]. After
// a look that was broken off, the next of this process goes on with the same portals.
func (f *Flow) RecoverAll(ctx context.Context) error {
	held, err := f.hold(ctx, "recover", func(ctx context.Context) error { return f.eachPortalAfter(ctx, &f.looked, f.recoverOne) })
	if err == nil && !held {
		return ErrBusy
	}
	return err
}

func (f *Flow) recoverOne(ctx context.Context, portal *models.Portal) {
	silent, err := f.silent(ctx, portal.ID, "recover")
	if err == nil && !silent {
		err = f.Recover(ctx, portal)
	}
	if err != nil && ctx.Err() == nil {
		f.Log.WarnContext(ctx, "call statistics not read", "portal", portal.ID, "code", ErrorCode(err))
	}
}

// Recover finds calls that a portal's statistics have and nobody has told us
// of, or that ended without us, and takes them up as if their END had come:
// those of others by the rules of decision.md F.7, our own are finished. A call
// whose events are still on their way is left to them for RecoverAfter, by the
// portal's clock. The first look only learns where the statistics end. Where
// the administrator wants to be asked, and if they are older than RecoverAge, calls
// of others wait for [Flow.RecoverNow].
// Looking may be repeated and may break off anywhere.
func (f *Flow) Recover(ctx context.Context, portal *models.Portal) error {
	if portal.Status != models.PortalActive {
		return nil
	}
	if portal.Settings.Recovery == models.RecoverNever {
		return f.Store.StopReconciling(ctx, portal.ID)
	}
	ctx, cancel := context.WithTimeout(ctx, recoverWithin)
	defer cancel()
	_, err := f.hold(ctx, recoverLease(portal.ID), func(ctx context.Context) error {
		now, err := f.tryStatistics(ctx, portal)
		if err != nil || now.IsZero() {
			return err
		}
		others := endOfTime
		if portal.Settings.Recovery == models.RecoverByItself {
			others = now.Add(-RecoverAge)
		}
		_, err = f.takeUp(ctx, portal, now.Add(-f.RecoverAfter), others)
		return err
	})
	return err
}

// RecoverNow takes up missing calls of a portal because an administrator said
// so, and returns how many; press again for the rest of very many. ErrBusy means
// that somebody is at it.
func (f *Flow) RecoverNow(ctx context.Context, portal *models.Portal) (int, error) {
	if portal.Status != models.PortalActive || portal.Settings.Recovery == models.RecoverNever {
		return 0, ErrNothingToMend
	}
	taken := 0
	held, err := f.hold(ctx, recoverLease(portal.ID), func(ctx context.Context) (err error) {
		taken, err = f.takeUp(ctx, portal, f.Now().Add(-f.RecoverAfter), time.Time{})
		return err
	})
	if err == nil && !held {
		return 0, ErrBusy
	}
	return taken, err
}

func recoverLease(portalID int64) string { return fmt.Sprintf("recover:%d", portalID) }

// tryStatistics is readStatistics, and remembers whether that failed: while it does,
// nobody notices that calls are missing.
func (f *Flow) tryStatistics(ctx context.Context, portal *models.Portal) (time.Time, error) {
	now, err := f.readStatistics(ctx, portal)
	if errors.Is(ctx.Err(), context.Canceled) {
		return now, err // we end, or another process looks: that says nothing about the portal
	}
	f.Metrics.statisticsRead(err)
	if err != nil {
		return now, errors.Join(err, f.Store.SetUnread(context.WithoutCancel(ctx), portal.ID, ErrorCode(err)))
	}
	return now, f.Store.SetRead(ctx, portal.ID)
}

// readStatistics keeps what the statistics have and we do not, and returns the
// portal's time; zero after the first look.
func (f *Flow) readStatistics(ctx context.Context, portal *models.Portal) (time.Time, error) {
	client := f.Client(portal)
	last, err := f.Store.Reconciled(ctx, portal.ID)
	if errors.Is(err, models.ErrNotFound) {
		newest, err := client.NewestStatistic(ctx)
		if err != nil {
			return time.Time{}, err
		}
		return time.Time{}, f.Store.AddMissing(ctx, portal.ID, newest, nil)
	}
	if err != nil {
		return time.Time{}, err
	}
	for page := 1; ; page++ {
		list, err := client.Statistics(ctx, last)
		if err != nil {
			return time.Time{}, err
		}
		missing, newest, err := f.missingIn(ctx, portal, list, last)
		if err != nil {
			return time.Time{}, err
		}
		if newest > last {
			if err := f.Store.AddMissing(ctx, portal.ID, newest, missing); err != nil {
				return time.Time{}, err
			}
		}
		if len(list.Ended) < b24.StatisticsPage || newest == last || page == recoverPages {
			return list.At, nil
		}
		last = newest
	}
}

// missingIn are the calls of a page that we have not been told the end of, and
// the page's newest row, be it one that names no call. Rows up to last are none:
// a filter that the portal does not understand returns everything. So are those of
// calls that began so long ago that what was told of them may be purged.
func (f *Flow) missingIn(ctx context.Context, portal *models.Portal, list b24.StatisticsList, last int64) ([]models.MissingCall, int64, error) {
	var missing []models.MissingCall
	newest, kept := last, list.At.Add(-models.KeptFor(f.KeepCalls)).UnixMicro()
	for _, e := range list.Ended {
		if e.ID <= last {
			continue
		}
		newest = max(newest, e.ID)
		if e.End["CALL_ID"] == "" || len(e.End["CALL_ID"]) > 255 {
			continue
		}
		payload, err := json.Marshal(e.End)
		if err != nil {
			return nil, 0, err
		}
		m := models.MissingCall{
			PortalID: portal.ID, CallKey: bitrix24Key(e.End["CALL_ID"]), Payload: payload,
			Began: list.At.UnixMicro(), Seen: list.At.UnixMicro(),
		}
		if !e.Start.IsZero() {
			m.Began = e.Start.UnixMicro()
		}
		if m.Began < kept {
			continue
		}
		lacking, err := f.lacks(ctx, portal, e.End["CALL_ID"], e.AppID)
		if err != nil {
			return nil, 0, err
		}
		if lacking {
			missing = append(missing, m)
		}
	}
	return missing, newest, nil
}

// lacks reports a call that we handle and whose end we do not know. Bitrix24
// tells every subscriber of the calls of all applications, so a call of our own
// is one that we know by its id (telephony contract, 2.5).
func (f *Flow) lacks(ctx context.Context, portal *models.Portal, id, appID string) (bool, error) {
	row, err := f.Store.CallByB24(ctx, portal.ID, id)
	if err != nil && !errors.Is(err, models.ErrNotFound) {
		return false, err
	}
	if err == nil && !isForeign(row.Kind) {
		return !row.Progress.Finish.Done && !row.Progress.DryRun, nil
	}
	if !observes(portal.Settings, id) || isExternal(id) && (portal.RestAppID == "" || appID == portal.RestAppID) {
		return false, nil
	}
	told, err := f.Store.Told(ctx, portal.ID, bitrix24Key(id), b24.VoximplantEnd)
	return !told, err
}

// observes reports whether calls like that of others are handled (decision.md F.7).
func observes(s models.Settings, id string) bool {
	if isExternal(id) {
		return s.OtherApps
	}
	return s.BuiltinLines
}

func isForeign(kind models.CallKind) bool {
	return kind == models.KindBuiltin || kind == models.KindOther
}
