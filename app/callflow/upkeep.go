package callflow

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"callwise/app/b24"
	"callwise/app/call"
	"callwise/models"

	"golang.org/x/sync/errgroup"
)

// Mend reconciles a portal in the background. The installer page of a new
// version does the same; until it has run, the portal sends no events.
func (f *Flow) Mend(ctx context.Context, portalID int64) error {
	portal, err := f.Store.PortalByID(ctx, portalID)
	if err != nil {
		return err
	}
	if portal.Status == models.PortalUninstalled {
		return nil
	}
	err = f.Reconcile(ctx, portal, func(step StepName, err error) {
		if err != nil {
			markOf(ctx).remark("stopped at "+string(step), ErrorCode(err))
		}
	})
	if err == nil && portal.Status == models.PortalInstalling {
		return f.Store.SetInstalled(ctx, portalID)
	}
	return mended(f.noted(ctx, portal, err))
}

// MendLines has a portal's external lines follow its switches.
func (f *Flow) MendLines(ctx context.Context, portalID int64) error {
	return f.mend(ctx, portalID, "lines do not follow the switches", f.SyncLines)
}

// MendHandlers binds again what the portal has lost of our event handlers and
// placement: two requests when nothing is missing. It needs an administrator's
// access, see [b24.Client.EnsureEvents]. An update of the app may
// drop them, and nothing tells (platform contract, 6.2).
func (f *Flow) MendHandlers(ctx context.Context, portalID int64) error {
	return f.mend(ctx, portalID, "handlers not bound again", func(ctx context.Context, client *b24.Client, portal *models.Portal) error {
		return errors.Join(f.bindEvents(ctx, client, portal), f.bindPlacement(ctx, client, portal))
	})
}

// mend does something for a portal that is not removed; complaint is what the
// log says when it fails.
func (f *Flow) mend(ctx context.Context, portalID int64, complaint string, do func(context.Context, *b24.Client, *models.Portal) error) error {
	portal, err := f.Store.PortalByID(ctx, portalID)
	if err != nil {
		return err
	}
	if portal.Status == models.PortalUninstalled {
		return nil
	}
	err = f.noted(ctx, portal, do(ctx, f.Client(portal), portal))
	if err != nil {
		markOf(ctx).remark(complaint, ErrorCode(err))
	}
	return mended(err)
}

// mended is how background work on a portal ended: what does not pass by
// waiting is logged already, and the next visit of an administrator mends it.
func mended(err error) error {
	if !isPortals(err) {
		if _, missing := errors.AsType[*MissingScopes](err); missing {
			return nil
		}
		return err
	}
	if wait, passes := b24.Retry(err); passes {
		return &Later{After: wait, Err: err}
	}
	return nil
}

// CloseStale ends, as failed, the calls that began longer ago than after and
// were never ended: all of them, so that one portal's do not keep another's open.
func (f *Flow) CloseStale(ctx context.Context, after time.Duration) error {
	for {
		calls, err := f.Store.StaleCalls(ctx, f.Now().Add(-after))
		if err != nil || len(calls) == 0 {
			return err
		}
		var failed []error
		for _, c := range calls {
			failed = append(failed, f.closeStale(ctx, &c))
		}
		if err := errors.Join(failed...); err != nil {
			return err // those that failed would come again at once
		}
	}
}

func (f *Flow) closeStale(ctx context.Context, c *models.Call) error {
	return f.say(ctx, c, call.Event{
		Type: call.Ended, At: f.Now().UTC(), Direction: c.Direction, Phone: c.Phone, Line: c.Line, Status: call.StatusFailed,
	})
}

// givenUp reports an end that we gave a call because none came.
func givenUp(e models.Event) bool {
	if e.Source != models.SourceCallwise {
		return false
	}
	told, _, err := tell(e)
	return err == nil && told.Type == call.Ended && told.Status == call.StatusFailed
}

// say stores something that we ourselves know about a call as an event of it.
// Saying it again changes nothing.
func (f *Flow) say(ctx context.Context, c *models.Call, e call.Event) error {
	return f.sayAs(ctx, e.Type, c, e)
}

// sayAs is say for one of several things of a type that may be known of a call.
func (f *Flow) sayAs(ctx context.Context, what call.EventType, c *models.Call, e call.Event) error {
	event, err := PBXEvent(models.OwnEventKey(what, c.ID), e)
	if err != nil {
		return err
	}
	event.Source, event.CallKey = models.SourceCallwise, c.CallKey
	_, _, err = f.Store.AddEvents(ctx, c.PortalID, []models.Event{event})
	return err
}

// portalsBeside is how many portals are looked after at a time.
const portalsBeside = 16

// eachPortal does something for every portal, for several at a time: one that
// does not answer holds up few of the others. One whose row cannot be opened, as
// with a key that is missing, is passed over. It ends early, with an error, when
// ctx does.
func (f *Flow) eachPortal(ctx context.Context, do func(context.Context, *models.Portal)) error {
	return f.eachPortalAfter(ctx, new(atomic.Int64), do)
}

// eachPortalAfter is eachPortal for the portals behind one, and remembers there up to
// which all were done if it ends early: 0 when it has done the last.
func (f *Flow) eachPortalAfter(ctx context.Context, after *atomic.Int64, do func(context.Context, *models.Portal)) error {
	var beside errgroup.Group
	beside.SetLimit(portalsBeside)
	var broken brokenOff
	begun := after.Load()
	portals, err := f.Store.Portals(ctx, begun)
	for len(portals) > 0 {
		for _, sealed := range portals {
			beside.Go(func() error {
				f.onePortal(ctx, sealed, do)
				broken.add(ctx, sealed.ID)
				return nil
			})
		}
		begun = portals[len(portals)-1].ID
		portals, err = f.Store.Portals(ctx, begun)
	}
	err = errors.Join(err, beside.Wait())
	switch {
	case broken.first != 0:
		after.Store(broken.first - 1)
		return errors.Join(ctx.Err(), err)
	case err != nil:
		after.Store(begun)
	default:
		after.Store(0)
	}
	return err
}

// A brokenOff is the first of the portals for which ctx ended too early; 0 without one.
type brokenOff struct {
	mu    sync.Mutex
	first int64
}

// add is told of each portal that was worked on, and keeps those of which ctx may have
// ended before all was done.
func (b *brokenOff) add(ctx context.Context, id int64) {
	if ctx.Err() == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.first == 0 || id < b.first {
		b.first = id
	}
}

// silentAfter is how long a portal's statistics cannot be read for want of an answer
// before it is asked more seldom, which is then how often.
const silentAfter = time.Hour

// silent reports a portal that has not answered for long and is not to be asked for
// something now: that takes as long as its answer is waited for, and many such portals
// would hold up the others. It is false once in a while for one caller.
func (f *Flow) silent(ctx context.Context, portalID int64, what string) (bool, error) {
	since, code, err := f.Store.Unread(ctx, portalID)
	if errors.Is(err, models.ErrNotFound) {
		return false, nil
	}
	if err != nil || code != CodeUnreachable || f.Now().Sub(since) < silentAfter {
		return false, err
	}
	turn, err := f.Store.Acquire(ctx, fmt.Sprintf("silent:%s:%d", what, portalID), f.Owner, silentAfter)
	return !turn, err
}

func (f *Flow) onePortal(ctx context.Context, sealed models.SealedPortal, do func(context.Context, *models.Portal)) {
	portal, err := sealed.Open()
	if err != nil {
		f.Log.ErrorContext(ctx, "portal passed over", "portal", sealed.ID, "error", err)
		return
	}
	do(ctx, portal)
}

// Refresh reads the employees of all portals whose list is older than age, or
// by chance than five sixths of it, and mends their external lines: portals
// that were read together do not stay together. A portal that does not answer
// keeps its list. Before, it rejects the access of people who are no administrators
// any more: calls are decided with the rights of whose access is used.
func (f *Flow) Refresh(ctx context.Context, age time.Duration) error {
	return f.eachPortal(ctx, func(ctx context.Context, portal *models.Portal) { f.refresh(ctx, portal, age) })
}

func (f *Flow) refresh(ctx context.Context, portal *models.Portal, age time.Duration) {
	due := age - rand.N(age/6+1)
	if portal.Status != models.PortalActive || portal.EmployeesReadWithin(due, f.Now()) {
		return
	}
	silent, err := f.silent(ctx, portal.ID, "refresh")
	if err != nil {
		f.Log.WarnContext(ctx, "employees not read", "portal", portal.ID, "code", ErrorCode(err))
	}
	if err != nil || silent {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	client := f.Client(portal)
	if err := f.noted(ctx, portal, client.RejectEmployees(ctx)); err != nil {
		f.Log.WarnContext(ctx, "employees not read", "portal", portal.ID, "code", ErrorCode(err))
		return
	}
	if err := f.noted(ctx, portal, f.ReadEmployees(ctx, client, portal)); err != nil {
		f.Log.WarnContext(ctx, "employees not read", "portal", portal.ID, "code", ErrorCode(err))
		return
	}
	if err := f.SyncLines(ctx, client, portal); err != nil {
		f.Log.WarnContext(ctx, "lines do not follow the switches", "portal", portal.ID, "code", ErrorCode(err))
	}
}
