package callflow

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"callwise/app/b24"
	"callwise/app/call"
	"callwise/models"
)

// callbackWindow is how long a PBX may take to begin a callback it was told of.
const callbackWindow = 30 * time.Minute

// A trail is the events under one key that no call is known for yet.
type trail struct {
	key    string
	id     string // the sender's name of the call, from the key
	events []models.Event
	call   call.Call
	first  time.Time
}

// take takes the lease of the call whose events stand under callKey, which it makes
// if there is none. It returns nil when they are about no call that we handle; the
// events then count as done. Those of a call that was erased are removed. For a call
// that is not known yet it takes the seat, at once if somebody waits for its card.
func (f *Flow) take(ctx context.Context, s *seat, portalID int64, callKey string) (*grip, error) {
	owner := f.piece()
	taken, err := f.Store.TakeCall(ctx, portalID, callKey, owner, f.Lease)
	if err == nil && taken.Call == nil {
		taken, err = f.meet(ctx, s, taken, callKey, owner)
	}
	if err != nil || taken == nil {
		return nil, err
	}
	return &grip{TakenCall: taken, owner: owner}, nil
}

// meet is take for a call that no row is known for.
func (f *Flow) meet(ctx context.Context, s *seat, told *models.TakenCall, callKey, owner string) (*models.TakenCall, error) {
	if len(told.Events) == 0 {
		return nil, nil
	}
	source, id, _ := strings.Cut(callKey, ":")
	t, err := trailOf(callKey, id, told.Events)
	if err != nil {
		return nil, err
	}
	s.urgent = !t.call.Ended && f.Now().Sub(t.events[0].ArrivedAt) < freshFor
	s.come(ctx, false)
	row, err := f.newcomer(ctx, told.Portal, source, t)
	switch {
	case err != nil:
		return nil, err
	case row == nil:
		return nil, f.Store.MarkDone(ctx, told.Portal.ID, pending(t.events))
	}
	taken, err := f.takeMet(ctx, row, callKey, owner)
	if err == nil {
		taken.LeftOut = taken.LeftOut || told.LeftOut
	}
	return taken, err
}

// takeMet takes the lease of a newcomer, which it makes if it has no id.
func (f *Flow) takeMet(ctx context.Context, row *models.Call, callKey, owner string) (*models.TakenCall, error) {
	if row.ID == 0 {
		return f.Store.TakeNewCall(ctx, *row, owner, f.Lease)
	}
	taken, err := f.Store.TakeCall(ctx, row.PortalID, callKey, owner, f.Lease)
	if err == nil && taken.Call == nil {
		err = models.ErrNotFound // removed meanwhile
	}
	return taken, err
}

// newcomer is a call seen for the first time, without an id, or the call that the
// events turn out to belong to; nil means that we do not handle it.
func (f *Flow) newcomer(ctx context.Context, portal *models.Portal, source string, t trail) (*models.Call, error) {
	switch source {
	case "pbx":
		return f.newPBXCall(ctx, portal, t)
	case "b24":
		return f.newBitrix24Call(ctx, portal, t)
	case "test":
		return nil, nil // its row is made with its events, and was removed
	}
	phone := call.ParsePhone(t.call.Phone, region(portal, t.call.Line))
	return &models.Call{
		PortalID: portal.ID, Kind: models.KindCallback, CallKey: t.key,
		Direction: call.Callback, Phone: t.call.Phone, PhoneKey: phone.Key(), StartedAt: t.first, Progress: firstProgress(portal),
	}, nil
}

// newPBXCall is the click or callback that a call of the PBX answers, or a new call.
func (f *Flow) newPBXCall(ctx context.Context, portal *models.Portal, t trail) (*models.Call, error) {
	row, err := f.answered(ctx, portal, t)
	leg := errors.Is(err, errAnswered)
	if err != nil && !leg || row != nil {
		return row, err
	}
	if t.call.Direction == "" {
		return nil, nil // nothing says yet what kind of call this is
	}
	progress := firstProgress(portal)
	progress.Leg = leg
	fresh := &models.Call{
		PortalID: portal.ID, Kind: models.KindPBX, CallKey: t.key, PBXCallID: &t.id,
		Direction: t.call.Direction, StartedAt: t.first, Progress: progress,
	}
	return fresh, f.introduceCaller(ctx, portal, t.call, fresh)
}

// errAnswered: another call of the PBX answers the click or callback already, this one
// is a further leg.
var errAnswered = errors.New("callflow: another call of the PBX answers this one already")

// answered is the click or callback that a call of the PBX answers, which is linked to
// it; nil without one.
func (f *Flow) answered(ctx context.Context, portal *models.Portal, t trail) (*models.Call, error) {
	switch {
	case t.call.B24ID != "":
		return f.answeredClick(ctx, portal, t)
	case t.call.Direction == call.Callback:
		return f.answeredCallback(ctx, portal, t)
	}
	return nil, nil
}

func (f *Flow) answeredClick(ctx context.Context, portal *models.Portal, t trail) (*models.Call, error) {
	row, err := f.ordered(ctx, portal, t.call.B24ID, t.first)
	if err != nil {
		return nil, err
	}
	err = f.Store.LinkPBX(ctx, portal.ID, row.ID, t.id)
	if errors.Is(err, models.ErrConflict) {
		return nil, errAnswered
	}
	return row, err
}

// answeredCallback takes the newest callback that waits. One that another call of the
// PBX was quicker to answer does not wait any more; if it still does, it is the PBX's
// call that is linked already.
func (f *Flow) answeredCallback(ctx context.Context, portal *models.Portal, t trail) (*models.Call, error) {
	for missed := int64(0); ; {
		row, err := f.awaited(ctx, portal, t.call)
		if err != nil || row == nil {
			return nil, err
		}
		err = f.Store.LinkPBX(ctx, portal.ID, row.ID, t.id)
		if !errors.Is(err, models.ErrConflict) || row.ID == missed {
			return row, err
		}
		missed = row.ID
	}
}

// introduceCaller fills in what is known of a call at first sight, so that the
// log shows it while the CRM is read.
func (f *Flow) introduceCaller(ctx context.Context, portal *models.Portal, c call.Call, row *models.Call) error {
	row.Phone, row.PhoneKey = c.Phone, call.ParsePhone(c.Phone, region(portal, c.Line)).Key()
	row.Line, row.Extension, row.Status = lineNumber(c.Line), extensionIn(c), c.Status
	if row.Extension == "" {
		return nil
	}
	e, err := f.Store.EmployeeAt(ctx, portal, row.Extension)
	if err == nil {
		row.UserID = e.UserID
	}
	if errors.Is(err, models.ErrNotFound) {
		return nil
	}
	return err
}

// ordered finds the click or callback that made the PBX place this call. A
// click we never heard of was registered by Bitrix24 all the same.
func (f *Flow) ordered(ctx context.Context, portal *models.Portal, id string, first time.Time) (*models.Call, error) {
	row, err := f.Store.CallByB24(ctx, portal.ID, id)
	if !errors.Is(err, models.ErrNotFound) {
		return row, err
	}
	row, err = f.Store.CallByKey(ctx, portal.ID, id)
	if !errors.Is(err, models.ErrNotFound) {
		return row, err
	}
	return f.Store.EnsureCall(ctx, models.Call{
		PortalID: portal.ID, Kind: models.KindClick, CallKey: bitrix24Key(id), B24CallID: &id,
		Direction: call.Outgoing, StartedAt: first, Progress: firstProgress(portal),
	})
}

// awaited finds the callback to this number that the PBX was told to place.
func (f *Flow) awaited(ctx context.Context, portal *models.Portal, c call.Call) (*models.Call, error) {
	phone := call.ParsePhone(c.Phone, region(portal, c.Line))
	row, err := f.Store.OpenCallback(ctx, portal.ID, phone.Key(), f.Now().Add(-callbackWindow))
	if errors.Is(err, models.ErrNotFound) {
		return nil, nil
	}
	return row, err
}

// newBitrix24Call is a click, or a call that the app did not register, if such calls
// are handled.
func (f *Flow) newBitrix24Call(ctx context.Context, portal *models.Portal, t trail) (*models.Call, error) {
	fresh := &models.Call{
		PortalID: portal.ID, CallKey: t.key, B24CallID: &t.id,
		Direction: call.Outgoing, StartedAt: t.first, Progress: firstProgress(portal),
	}
	switch {
	case has(t.events, b24.ExternalCallStart):
		fresh.Kind = models.KindClick
	case !isExternal(t.id) && portal.Settings.BuiltinLines:
		fresh.Kind, fresh.Direction = models.KindBuiltin, t.call.Direction
	case isExternal(t.id) && portal.Settings.OtherApps:
		return f.otherApp(ctx, portal, t.events, fresh)
	default:
		return nil, nil
	}
	return fresh, nil
}

// otherApp is fresh as a call of another telephony application. It waits for the
// END, by which time a call of our own is known by its id.
func (f *Flow) otherApp(ctx context.Context, portal *models.Portal, events []models.Event, fresh *models.Call) (*models.Call, error) {
	ours, err := registeredByUs(events, portal.RestAppID)
	if err != nil || ours || !has(events, b24.VoximplantEnd) {
		return nil, err
	}
	fresh.Kind = models.KindOther
	return fresh, nil
}

// registeredByUs reports whether the INIT among events names our application.
func registeredByUs(events []models.Event, restAppID string) (bool, error) {
	for _, e := range events {
		if e.Type != b24.VoximplantInit {
			continue
		}
		var data map[string]string
		if err := json.Unmarshal(e.Payload, &data); err != nil {
			return false, fmt.Errorf("event %d: %w", e.ID, err)
		}
		if ours(data, restAppID) {
			return true, nil
		}
	}
	return false, nil
}

// ours reports an INIT that names our application, as the portal knows it.
func ours(init map[string]string, restAppID string) bool {
	return restAppID != "" && init["REST_APP_ID"] == restAppID
}

// trailOf reads what the events under one key tell.
func trailOf(callKey, id string, events []models.Event) (trail, error) {
	told, err := tellAll(events)
	if err != nil {
		return trail{}, err
	}
	return trail{key: callKey, id: id, events: events, call: call.Fold(told), first: events[0].HappenedAt}, nil
}

func has(events []models.Event, name string) bool {
	for _, e := range events {
		if e.Type == name {
			return true
		}
	}
	return false
}

// region is the country whose national numbers are meant when a number has no
// country code: the line's, if the line is an international number, else the
// portal's.
func region(portal *models.Portal, line string) string {
	if country := call.RegionOf(line); country != "" {
		return country
	}
	return portal.Country()
}
