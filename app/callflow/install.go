package callflow

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"callwise/app/b24"
	"callwise/app/call"
	"callwise/models"
)

// DefaultLine is the external line of a portal whose PBX names none.
const DefaultLine = "callwise"

// Scopes are the permissions the app needs, and no more. user_basic is among
// them because a call from an employee's own phone must not become a lead.
//
// https://apidocs.bitrix24.com/api-reference/scopes/permissions.html
var Scopes = []string{"crm", "telephony", "placement", "user_basic"}

// AlertScope lets alerts appear in Bitrix24's chat. No call needs it, so a
// portal that has not granted it is complete without.
const AlertScope = "im"

// Events are what every portal sends us. That of the installation, which a portal
// sends once the installer's page has ended, is where those portals tell the
// application token whose frames carry none.
//
// https://apidocs.bitrix24.com/api-reference/common/events/on-app-install.html
var Events = []string{
	b24.ExternalCallStart, b24.ExternalCallBackStart,
	b24.VoximplantInit, b24.VoximplantStart, b24.VoximplantEnd,
	b24.AppUpdate, b24.AppUninstall, b24.AppPayment, b24.AppInstall,
}

// A StepName names a step of the installation.
type StepName string

// The steps, in the order they are taken.
const (
	StepAccess     StepName = "access"
	StepStore      StepName = "store"
	StepScopes     StepName = "scopes"
	StepCRM        StepName = "crm"
	StepEvents     StepName = "events"
	StepPlacements StepName = "placements"
	StepLine       StepName = "line"
	StepEmployees  StepName = "employees"
)

// Steps are all steps.
var Steps = []StepName{StepAccess, StepStore, StepScopes, StepCRM, StepEvents, StepPlacements, StepLine, StepEmployees}

// Install sets the app up on the portal of a visit, telling each step as it
// ends; it stops at the first that fails. It may be repeated, and an update of
// the app is an installation too: what is there already is left as it is. The
// portal is returned as soon as it is stored, also with an error.
func (f *Flow) Install(ctx context.Context, v Visit, tell func(StepName, error)) (*models.Portal, error) {
	tell(StepAccess, nil)
	portal, err := f.Store.SaveInstall(ctx, v.asInstaller())
	tell(StepStore, err)
	if err != nil {
		return nil, err
	}
	return portal, f.Complete(ctx, portal, tell)
}

// Complete takes the steps of an installation that follow once the portal is
// stored.
func (f *Flow) Complete(ctx context.Context, portal *models.Portal, tell func(StepName, error)) error {
	if err := f.Reconcile(ctx, portal, tell); err != nil {
		return err
	}
	return f.Store.SetInstalled(ctx, portal.ID)
}

// asInstaller is the visit's tokens as those preferred for background work.
func (v Visit) asInstaller() models.Install {
	in := v.install()
	in.Token.Kind = models.TokenInstaller
	return in
}

// Reconcile brings everything the portal keeps for us to what it should be:
// event handlers, placement, external lines, the list of employees.
func (f *Flow) Reconcile(ctx context.Context, portal *models.Portal, tell func(StepName, error)) error {
	client := f.Client(portal)
	steps := []struct {
		name StepName
		do   func(context.Context, *b24.Client, *models.Portal) error
	}{
		{StepScopes, f.checkScopes},
		{StepCRM, f.readMode},
		{StepEvents, f.bindEvents},
		{StepPlacements, f.bindPlacement},
		{StepLine, f.SyncLines},
		{StepEmployees, f.ReadEmployees},
	}
	for _, step := range steps {
		err := step.do(ctx, client, portal)
		tell(step.name, err)
		if err != nil {
			return err
		}
	}
	return nil
}

// A MissingScopes error names the permissions the portal has not granted.
type MissingScopes struct{ Scopes []string }

func (m *MissingScopes) Error() string {
	return "callflow: permissions missing: " + strings.Join(m.Scopes, ", ")
}

// checkScopes compares what the portal granted with what the app needs. A
// wider user scope includes user_basic.
func (f *Flow) checkScopes(ctx context.Context, client *b24.Client, portal *models.Portal) error {
	granted, err := client.Scopes(ctx)
	if err != nil {
		return err
	}
	state, err := client.AppState(ctx)
	if err != nil {
		return err
	}
	missing := MissingOf(granted)
	code := f.appCode(state)
	err = f.Store.SaveInstallState(ctx, portal.ID, state.ID, code, strings.Join(granted, ","), strings.Join(missing, ","))
	if err != nil {
		return err
	}
	portal.RestAppID, portal.AppCode = state.ID, code
	if err := f.setLanguage(ctx, portal, strings.ToLower(state.Language)); err != nil {
		return err
	}
	if len(missing) > 0 {
		return &MissingScopes{missing}
	}
	return nil
}

// setLanguage keeps a portal's own language, and the country that follows from it: what
// is known until then is that of whoever installed the app.
func (f *Flow) setLanguage(ctx context.Context, portal *models.Portal, lang string) error {
	country := cmp.Or(countryOf(lang, portal.Endpoint), portal.PortalCountry)
	if lang == "" || lang == portal.Lang && country == portal.PortalCountry {
		return nil
	}
	portal.Lang, portal.PortalCountry = lang, country
	return f.Store.SetLanguage(ctx, portal.ID, lang, country)
}

// MissingOf are the scopes the app needs that are not among those granted.
func MissingOf(granted []string) []string {
	var missing []string
	for _, scope := range Scopes {
		if !slices.Contains(granted, scope) && !(scope == "user_basic" && seesUsers(granted)) {
			missing = append(missing, scope)
		}
	}
	return missing
}

// seesUsers reports a scope that shows employees and their extensions, even if
// not their own numbers.
func seesUsers(granted []string) bool {
	return slices.Contains(granted, "user") || slices.Contains(granted, "user_brief")
}

func (f *Flow) readMode(ctx context.Context, client *b24.Client, portal *models.Portal) error {
	mode, err := client.CRMMode(ctx)
	if err != nil {
		return err
	}
	portal.CRMMode = mode
	return f.Store.SetMode(ctx, portal.ID, mode)
}

func (f *Flow) bindEvents(ctx context.Context, client *b24.Client, _ *models.Portal) error {
	_, err := client.EnsureEvents(ctx, f.PublicURL+"/b24/events", Events)
	return err
}

// bindPlacement puts the call log into the menu of the telephony statistics,
// and behind the portal's address of the app.
//
// https://apidocs.bitrix24.com/api-reference/widgets/telephony/index.html
func (f *Flow) bindPlacement(ctx context.Context, client *b24.Client, _ *models.Portal) error {
	return f.ensurePlacements(ctx, client)
}

// linesRounds is how often lines are written in a row because the switches have
// changed meanwhile. Whoever saves them has a job do the same, see [Flow.MendLines].
const linesRounds = 5

// SyncLines keeps the external lines, and whether Bitrix24 creates entities
// for calls its users place through them, equal to the switches as they are now,
// whatever they were when the portal was read (decision.md F.3). One request when
// they are.
func (f *Flow) SyncLines(ctx context.Context, client *b24.Client, portal *models.Portal) error {
	for range linesRounds {
		written, err := f.writeLines(ctx, client, portal.ID)
		if err != nil {
			return err
		}
		wanted, err := f.linesNow(ctx, portal.ID)
		if err != nil || slices.Equal(written, wanted) {
			return err
		}
	}
	return nil
}

// writeLines has a portal's lines follow its settings, and returns them.
func (f *Flow) writeLines(ctx context.Context, client *b24.Client, portalID int64) ([]models.Line, error) {
	known, err := client.Lines(ctx)
	if err != nil {
		return nil, err
	}
	lines, err := f.linesNow(ctx, portalID)
	if err != nil {
		return nil, err
	}
	for _, line := range lines {
		if err := f.syncLine(ctx, client, known, line); err != nil {
			return nil, err
		}
	}
	return lines, nil
}

// linesNow are those that a portal's settings want by now.
func (f *Flow) linesNow(ctx context.Context, portalID int64) ([]models.Line, error) {
	portal, err := f.Store.PortalByID(ctx, portalID)
	if err != nil {
		return nil, err
	}
	return f.wantedLines(ctx, portal)
}

// wantedLines are a portal's external lines as they should be in Bitrix24.
func (f *Flow) wantedLines(ctx context.Context, portal *models.Portal) ([]models.Line, error) {
	lines, err := f.Store.Lines(ctx, portal.ID)
	if err != nil {
		return nil, err
	}
	if len(lines) == 0 {
		lines = []models.Line{{PortalID: portal.ID, Number: DefaultLine}}
	}
	for i, line := range lines {
		lines[i].Name, lines[i].AutoCreate = lineName(portal.Settings, line.Number), portal.Settings.AutoCreate(line.Number)
	}
	return lines, nil
}

// syncLine brings one line to what it should be, in Bitrix24 where it differs
// from what is known, then in our store.
func (f *Flow) syncLine(ctx context.Context, client *b24.Client, known []b24.Line, line models.Line) error {
	if !slices.Contains(known, inBitrix24(line)) {
		if err := client.EnsureLine(ctx, line.Number, line.Name, line.AutoCreate); err != nil {
			return err
		}
	}
	return f.Store.SaveLine(ctx, line)
}

func inBitrix24(line models.Line) b24.Line {
	return b24.Line{Number: line.Number, Name: line.Name, AutoCreate: line.AutoCreate}
}

// ReadEmployees replaces what we know of the portal's employees.
func (f *Flow) ReadEmployees(ctx context.Context, client *b24.Client, portal *models.Portal) error {
	employees, err := client.Employees(ctx)
	if err != nil {
		return err
	}
	stored := make([]models.Employee, len(employees))
	for i, e := range employees {
		stored[i] = models.Employee{
			PortalID: portal.ID, UserID: e.ID, Name: e.Name, Extension: strings.TrimSpace(e.Extension),
			Phones: phoneKeys(e.Phones, portal.Country()), Active: e.Active,
		}
	}
	if err := f.Store.ReplaceEmployees(ctx, portal.ID, stored); err != nil {
		return err
	}
	zone := zoneOf(employees)
	if zone == "" || zone == portal.TimeZone {
		return nil
	}
	portal.TimeZone = zone
	return f.Store.SetTimeZone(ctx, portal.ID, zone)
}

// zoneOf is the time zone of more than half of the employees; empty without one. Bitrix24
// tells none of the portal, and who installed the app may be from anywhere.
func zoneOf(employees []b24.Employee) string {
	count := map[string]int{}
	for _, e := range employees {
		count[e.TimeZone]++
	}
	for name, n := range count {
		if _, err := time.LoadLocation(name); err == nil && name != "" && 2*n > len(employees) {
			return name
		}
	}
	return ""
}

// phoneKeys are the numbers as calls are matched with them.
func phoneKeys(numbers []string, country string) []string {
	var keys []string
	for _, number := range numbers {
		if phone := call.ParsePhone(number, country); !phone.Hidden() {
			keys = append(keys, phone.Key())
		}
	}
	return keys
}
