package handlers

import (
	"context"
	"errors"
	"slices"
	"time"

	"callwise/app/callflow"
	"callwise/models"
	"callwise/views"

	"github.com/labstack/echo/v4"
)

// How long it is said that a gap was filled: above the log, and on the health page.
const (
	filledLately = 24 * time.Hour
	filledInWeek = 7 * 24 * time.Hour
)

// unreadPartly is how long the statistics may not be read before that is said: they
// are tried each few minutes.
const unreadPartly = 30 * time.Minute

// gaps are the calls that did not reach us, for an administrator's log.
func (h *Handlers) gaps(ctx context.Context, v view) (views.Gaps, error) {
	if !v.visitor.Admin || v.portal.Status != models.PortalActive {
		return views.Gaps{}, nil
	}
	since, until := h.gapsWithin(filledLately)
	found, err := h.Store.Gaps(ctx, v.portal.ID, since, until)
	gaps := views.Gaps{Click: slices.ContainsFunc(found, func(g models.Gap) bool { return h.waits(v, g) })}
	gaps.Old = gaps.Click && v.portal.Settings.Recovery == models.RecoverByItself
	for _, g := range found {
		gaps.List = append(gaps.List, views.Gap{
			When: v.l.Span(g.From, g.To, h.Now(), v.zone), Missing: g.Missing, Recovered: g.Recovered,
		})
	}
	return gaps, err
}

// waits reports that a call of a gap is missing that only a click recovers.
func (h *Handlers) waits(v view, g models.Gap) bool {
	old := h.Now().Add(-callflow.RecoverAge)
	return g.Missing > 0 && (v.portal.Settings.Recovery == models.RecoverOnClick || g.Waits.Before(old))
}

// gapsWithin bounds the gaps that are told of: since when those that are filled were,
// and until when the calls of the others were first seen.
func (h *Handlers) gapsWithin(filled time.Duration) (since, until time.Time) {
	now := h.Now()
	return now.Add(-filled), now.Add(-h.Flow.RecoverAfter)
}

// recoverCalls takes up the calls that did not reach us.
func (h *Handlers) recoverCalls(c echo.Context) error {
	v := viewFrom(c)
	taken, err := h.Flow.RecoverNow(c.Request().Context(), v.portal)
	v.notice = &views.Notice{Text: v.l.N("gap.done", taken)}
	switch {
	case errors.Is(err, callflow.ErrBusy):
		v.notice = &views.Notice{Text: v.l.T("gap.busy"), Failed: true}
	case err == nil && taken == 0, errors.Is(err, callflow.ErrNothingToMend):
		v.notice = &views.Notice{Text: v.l.T("gap.none")}
	case err != nil:
		return err
	}
	return h.renderCalls(c, v)
}

// gapsLine tells of gaps that were found in the log, and filled.
func (h *Handlers) gapsLine(ctx context.Context, v view, _ facts) (views.HealthLine, error) {
	if v.portal.Settings.Recovery == models.RecoverNever {
		line := off(v.l.T("health.gaps.never"), v.l.T("health.gaps.never.mend"))
		line.Place = v.toSettings()
		return line, nil
	}
	unread, err := h.statisticsUnread(ctx, v)
	if err != nil {
		return views.HealthLine{}, err
	}
	if unread != nil {
		return *unread, nil
	}
	since, until := h.gapsWithin(filledInWeek)
	all, err := h.Store.AllGaps(ctx, v.portal.ID, since, until)
	if err != nil {
		return views.HealthLine{}, err
	}
	missing, filled := all.Missing, all.Recovered
	switch {
	case h.waits(v, all):
		return views.HealthLine{
			State: views.HealthPartly, Text: v.l.N("health.gaps.missing", missing), Mend: v.l.T("health.gaps.click"),
			Place: v.l.HealthPlace("gaps", "/calls"),
		}, nil
	case missing > 0:
		return views.HealthLine{State: views.HealthPartly, Text: v.l.N("health.gaps.missing", missing), Mend: v.l.T("health.gaps.auto")}, nil
	case filled > 0:
		return works(v.l.N("health.gaps.filled", filled)), nil
	}
	return works(v.l.T("health.gaps.works")), nil
}

// statisticsUnread tells that the statistics cannot be read, or have not been yet; it is nil
// while they are.
func (h *Handlers) statisticsUnread(ctx context.Context, v view) (*views.HealthLine, error) {
	since, code, err := h.Store.Unread(ctx, v.portal.ID)
	if err == nil && h.Now().Sub(since) >= unreadPartly {
		return &views.HealthLine{
			State: views.HealthPartly, Text: v.l.T("health.gaps.refused", "When", h.when(v, since), "Code", code), Mend: v.l.T("health.gaps.refused.mend"),
		}, nil
	}
	if err != nil && !errors.Is(err, models.ErrNotFound) {
		return nil, err
	}
	_, err = h.Store.Reconciled(ctx, v.portal.ID)
	if errors.Is(err, models.ErrNotFound) {
		line := off(v.l.T("health.gaps.unread"), "")
		return &line, nil
	}
	return nil, err
}
