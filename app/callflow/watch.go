package callflow

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"callwise/app/b24"
	"callwise/models"

	"golang.org/x/sync/errgroup"
)

// Bounds of what is an incident.
const (
	silentFrom   = 5  // calls that usually come, for none to be a silence
	troubleFrom  = 5  // calls of an hour that fail or wait
	troubleShare = 5  // and they are one in five of all
	troubleOver  = 10 // it is over when they are less than one in ten
)

// How often a portal is asked whether it works for us again.
const (
	probeEvery  = time.Hour
	probeSoon   = 6 * time.Hour // after the beginning it is asked so often, and then
	probeSeldom = 24 * time.Hour
)

// A verdict on a portal in one respect.
type verdict int

const (
	unclear verdict = iota // what was stays
	well
	ill
)

// judgements say of a portal's vitals what is an incident, and what ends it.
var judgements = []struct {
	kind models.IncidentKind
	of   func(models.Vitals) (verdict, models.Incident)
}{
	{models.IncidentAccess, judgeAccess},
	{models.IncidentAdministrator, judgeAdministrator},
	{models.IncidentSilentPBX, func(v models.Vitals) (verdict, models.Incident) { return judgeSilence(v, v.PBX) }},
	{models.IncidentSilentBitrix24, func(v models.Vitals) (verdict, models.Incident) { return judgeSilence(v, v.Bitrix24) }},
	{models.IncidentFailures, judgeFailures},
}

func judgeAccess(v models.Vitals) (verdict, models.Incident) {
	if v.Status == models.PortalActive {
		return well, models.Incident{}
	}
	return ill, models.Incident{Code: v.StatusCode}
}

// judgeAdministrator warns while the app's own account still has access: it is
// no administrator, so what only those may do does not work any more.
func judgeAdministrator(v models.Vitals) (verdict, models.Incident) {
	if v.People > 0 {
		return well, models.Incident{}
	}
	if v.Live == 0 {
		return unclear, models.Incident{}
	}
	return ill, models.Incident{}
}

// judgeSilence compares with the same hours of the weeks before. Only a call
// ends a silence: that none is usual at night proves nothing.
func judgeSilence(v models.Vitals, p models.Pulse) (verdict, models.Incident) {
	if p.Now > 0 {
		return well, models.Incident{}
	}
	if p.Usual() < silentFrom || v.Status != models.PortalActive {
		return unclear, models.Incident{}
	}
	return ill, models.Incident{Usual: p.Usual()}
}

func judgeFailures(v models.Vitals) (verdict, models.Incident) {
	switch {
	case v.Trouble >= troubleFrom && v.Trouble*troubleShare >= v.Recent:
		return ill, models.Incident{Seen: v.Trouble, Usual: v.Recent}
	case v.Trouble*troubleOver < max(v.Recent, 1):
		return well, models.Incident{}
	}
	return unclear, models.Incident{}
}

// Watch looks at all portals: notes what begins to go wrong and what is over,
// asks those that do not answer whether they do again, and tells the chosen
// people. It may be repeated, also by several processes at once.
func (f *Flow) Watch(ctx context.Context) error {
	for after := int64(0); ; {
		page, err := f.Store.Vitals(ctx, after)
		if err != nil {
			return err
		}
		if len(page) == 0 {
			return f.tellNews(ctx)
		}
		after = page[len(page)-1].PortalID
		if err := f.watch(ctx, page); err != nil {
			return err
		}
	}
}

func (f *Flow) watch(ctx context.Context, page []models.Vitals) error {
	ids := make([]int64, len(page))
	for i, v := range page {
		ids[i] = v.PortalID
	}
	open, err := f.Store.OpenSince(ctx, ids)
	if err != nil {
		return err
	}
	for _, v := range page {
		if err := f.judge(ctx, v, open[v.PortalID]); err != nil {
			return err
		}
		if err := f.probe(ctx, v, open[v.PortalID][models.IncidentAccess]); err != nil {
			return err
		}
	}
	return nil
}

// judge notes what begins and what ends at one portal.
func (f *Flow) judge(ctx context.Context, v models.Vitals, open map[models.IncidentKind]time.Time) error {
	for _, j := range judgements {
		found, incident := j.of(v)
		_, isOpen := open[j.kind]
		var err error
		switch {
		case found == ill && !isOpen:
			incident.PortalID, incident.Kind = v.PortalID, j.kind
			err = f.begin(ctx, incident)
		case found == well && isOpen:
			err = f.end(ctx, v.PortalID, j.kind)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (f *Flow) begin(ctx context.Context, i models.Incident) error {
	begun, err := f.Store.BeginIncident(ctx, i)
	if begun {
		f.Metrics.incident(i.Kind, "began")
		f.Log.WarnContext(ctx, "incident", "portal", i.PortalID, "kind", i.Kind, "code", i.Code)
	}
	return err
}

func (f *Flow) end(ctx context.Context, portalID int64, kind models.IncidentKind) error {
	ended, err := f.Store.EndIncident(ctx, portalID, kind)
	if ended {
		f.Metrics.incident(kind, "ended")
		f.Log.InfoContext(ctx, "incident over", "portal", portalID, "kind", kind)
	}
	return err
}

// probe asks a portal that is suspended again, once in a while: its plan may be
// paid, and nothing tells. Of all processes one asks, and none while a job does that
// began before. since is when the portal ceased to work for us; zero for just now.
func (f *Flow) probe(ctx context.Context, v models.Vitals, since time.Time) error {
	if v.Status != models.PortalSuspended {
		return nil
	}
	every := probeEvery
	blocked := v.StatusCode == string(b24.OverloadLimit) // by hand, and lifted by hand
	if blocked || !since.IsZero() && f.Now().Sub(since) >= probeSoon {
		every = probeSeldom
	}
	due, err := f.Store.Acquire(ctx, fmt.Sprintf("probe:%d", v.PortalID), f.Owner, every)
	if err != nil || !due {
		return err
	}
	return f.Store.EnqueueReconcileOnce(ctx, v.PortalID)
}

// An Alert is what people are told of an incident.
type Alert struct {
	Kind        models.IncidentKind
	Code        string
	Seen, Usual int
	Began       time.Time // in the portal's zone
	Ended       time.Time // zero while it goes on
}

// Times of alerts.
const (
	alertWithin = 24 * time.Hour // after the end of an incident
	alertLease  = 2 * time.Minute
	alertAtMost = 45 * time.Second // for all users who are told of one incident
)

// tellNews tells the chosen people of what began and what ended, those of
// several portals at a time: one that does not answer holds up few of the others.
func (f *Flow) tellNews(ctx context.Context) error {
	var beside errgroup.Group
	beside.SetLimit(portalsBeside)
	for after := int64(0); ; {
		news, err := f.Store.News(ctx, after, f.Now().Add(-alertWithin))
		if err != nil || len(news) == 0 {
			return errors.Join(err, beside.Wait())
		}
		after = news[len(news)-1].ID
		ofPortal := map[int64][]models.Incident{}
		for _, i := range news {
			ofPortal[i.PortalID] = append(ofPortal[i.PortalID], i)
		}
		for portalID, incidents := range ofPortal {
			beside.Go(func() error { return f.tellPortal(ctx, portalID, incidents) })
		}
	}
}

// tellPortal tells of incidents of a portal until it does not answer. While it
// does not, nobody can be told: they hear of it when it is over.
func (f *Flow) tellPortal(ctx context.Context, portalID int64, incidents []models.Incident) error {
	portal, err := f.Store.PortalByID(ctx, portalID)
	if errors.Is(err, models.ErrNotFound) {
		return nil // removed meanwhile
	}
	if err != nil {
		return err
	}
	if portal.Status != models.PortalActive || !MayAlert(portal) {
		return nil
	}
	for _, i := range incidents {
		goOn, err := f.tellOf(ctx, portal, i)
		if err != nil || !goOn {
			return err
		}
	}
	return nil
}

// tellOf tells of one incident whoever is to be told and was not, and reports
// whether to go on with the next: the portal answers, and nobody else is at it.
func (f *Flow) tellOf(ctx context.Context, portal *models.Portal, i models.Incident) (bool, error) {
	users, err := f.untold(ctx, portal, i)
	if err != nil || len(users) == 0 {
		return true, err
	}
	lease := fmt.Sprintf("alert:%d", i.ID)
	held, err := f.Store.Acquire(ctx, lease, f.Owner, alertLease)
	if err != nil || !held {
		return false, err
	}
	defer func() {
		if err := f.Store.Release(context.WithoutCancel(ctx), lease, f.Owner); err != nil {
			f.Log.ErrorContext(ctx, "lease not given back", "lease", lease, "error", err)
		}
	}()
	// Another process may have told them meanwhile.
	if users, err = f.untold(ctx, portal, i); err != nil {
		return false, err
	}
	return f.notify(ctx, portal, i, users)
}

// untold are the users who are to hear of an incident now: of its beginning all
// that were chosen, of its end those who heard of the beginning or, if nobody
// did, all.
func (f *Flow) untold(ctx context.Context, portal *models.Portal, i models.Incident) ([]int64, error) {
	told, err := f.Store.Alerts(ctx, portal.ID, i.ID)
	if err != nil {
		return nil, err
	}
	heard := map[bool][]int64{}
	for _, a := range told {
		heard[a.Clear] = append(heard[a.Clear], a.UserID)
	}
	over := i.EndedAt != nil
	users := portal.Settings.Alerts.People()
	if over && len(heard[false]) > 0 {
		users = heard[false]
	}
	return slices.DeleteFunc(slices.Clone(users), func(user int64) bool { return slices.Contains(heard[over], user) }), nil
}

// notify tells users, each for itself, and reports whether the portal answers:
// what fails is tried again by the next watch. A notification that was sent and
// not noted replaces itself.
func (f *Flow) notify(ctx context.Context, portal *models.Portal, i models.Incident, users []int64) (bool, error) {
	asked, cancel := context.WithTimeout(ctx, alertAtMost)
	defer cancel()
	client, over := f.Client(portal), i.EndedAt != nil
	text := f.Alert(portal.Lang, alertOf(portal, i))
	for _, user := range users {
		reached, err := client.Notify(asked, b24.Notice{UserID: user, Text: text, Tag: fmt.Sprintf("callwise|incident|%d|%t", i.ID, over)})
		if err != nil {
			f.Log.WarnContext(ctx, "alert not sent", "portal", portal.ID, "incident", i.ID, "code", ErrorCode(err))
		}
		switch {
		case refusesOne(err):
			continue
		case err != nil:
			return false, nil
		}
		f.Metrics.alerted(reached)
		alert := models.Alert{IncidentID: i.ID, PortalID: portal.ID, UserID: user, Clear: over, Reached: reached}
		if err := f.Store.AddAlert(ctx, alert); err != nil {
			return false, err
		}
	}
	return true, nil
}

// refusesOne reports a refusal that the next request need not meet: the portal
// answers, and works for us.
func refusesOne(err error) bool {
	_, answered := errors.AsType[*b24.Error](err)
	return answered && !errors.Is(err, b24.ErrNeedsAuth) && !b24.Suspended(err) && !b24.Gone(err)
}

func alertOf(portal *models.Portal, i models.Incident) Alert {
	a := Alert{Kind: i.Kind, Code: i.Code, Seen: i.Seen, Usual: i.Usual, Began: i.BeganAt.In(portal.Zone())}
	if i.EndedAt != nil {
		a.Ended = i.EndedAt.In(portal.Zone())
	}
	return a
}
