package callflow

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"callwise/app/b24"
	"callwise/models"
)

// Condition asks a portal how it stands; see [b24.Client.Condition].
func (f *Flow) Condition(ctx context.Context, portal *models.Portal) (b24.Condition, error) {
	return f.Client(portal).Condition(ctx, b24.Setup{
		EventHandler: f.PublicURL + "/b24/events", Events: Events,
		Placement: f.PublicURL + "/b24/calls", Placements: []string{menuPlacement, linkPlacement}, Titles: f.PlacementTitles,
	})
}

// Optional reports a placement that some portals do not have.
func Optional(placement string) bool { return placement == linkPlacement }

// MayAlert reports whether a portal has granted what alerts need.
func MayAlert(p *models.Portal) bool {
	return slices.Contains(strings.Split(p.Scopes, ","), AlertScope)
}

// CheckLines compares a portal's external lines with what it says of them: how
// many there are, and which are not as they should be.
func (f *Flow) CheckLines(ctx context.Context, portal *models.Portal, told []b24.Line) (all int, wrong []string, err error) {
	lines, err := f.wantedLines(ctx, portal)
	for _, line := range lines {
		if !slices.Contains(told, inBitrix24(line)) {
			wrong = append(wrong, line.Number)
		}
	}
	return len(lines), wrong, err
}

// A Remedy is something that can be mended at once.
type Remedy string

// What can be mended at once.
const (
	RemedyHandlers  Remedy = "handlers"  // bind event handlers and placements again
	RemedyLines     Remedy = "lines"     // have the external lines follow the switches
	RemedyMode      Remedy = "mode"      // read the CRM mode again
	RemedyScopes    Remedy = "scopes"    // read the granted permissions again
	RemedyEmployees Remedy = "employees" // read the employees again
	RemedyRetry     Remedy = "retry"     // work on the calls that wait, now
)

// ErrNoRemedy says that there is no such remedy.
var ErrNoRemedy = errors.New("callflow: no such remedy")

// Cure does one thing about a portal's health. It may be repeated.
func (f *Flow) Cure(ctx context.Context, portal *models.Portal, r Remedy) error {
	client := f.Client(portal)
	switch r {
	case RemedyHandlers:
		return f.noted(ctx, portal, errors.Join(f.bindEvents(ctx, client, portal), f.bindPlacement(ctx, client, portal)))
	case RemedyLines:
		return f.noted(ctx, portal, f.SyncLines(ctx, client, portal))
	case RemedyMode:
		return f.noted(ctx, portal, f.readMode(ctx, client, portal))
	case RemedyScopes:
		return f.noted(ctx, portal, f.checkScopes(ctx, client, portal))
	case RemedyEmployees:
		return f.noted(ctx, portal, f.ReadEmployees(ctx, client, portal))
	case RemedyRetry:
		if portal.Status == models.PortalSuspended { // calls wait until it has been asked
			return f.Store.EnqueueReconcile(ctx, portal.ID)
		}
		return f.Store.WakeFailing(ctx, portal.ID)
	}
	return fmt.Errorf("%w: %q", ErrNoRemedy, r)
}
