package b24

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"

	"callwise/app/b24/b24sim"
	"callwise/app/call"
	"callwise/app/crm"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// office is a simulated portal with our application installed on it, and a
// server that receives its events.
type office struct {
	*desk
	sim    *b24sim.Sim
	portal *b24sim.Portal
	events string // address of the server
	mu     sync.Mutex
	heard  []Event
}

func open(t *testing.T, config b24sim.PortalConfig) *office {
	t.Helper()
	o := &office{}
	listener := httptest.NewServer(http.HandlerFunc(o.hear))
	t.Cleanup(listener.Close)
	o.events = listener.URL + "/b24/events"
	clock := &clock{now: noon}
	o.sim = b24sim.New(b24sim.Config{ClientID: "app.1", ClientSecret: "hush", Now: clock.Now,
		InstallerURL: listener.URL + "/b24/install", ApplicationURL: listener.URL + "/b24/app"})
	server := httptest.NewServer(o.sim)
	t.Cleanup(server.Close)
	o.sim.SetBaseURL(server.URL)
	config.Name = "acme"
	o.portal = o.sim.AddPortal(config)
	app := &App{ClientID: "app.1", ClientSecret: "hush", AuthHosts: []string{server.URL}, AllowLoopback: true, Now: clock.Now, Sleep: clock.Sleep}
	keeper := &memory{}
	o.desk = &desk{Client: app.Client(o.portal.MemberID(), keeper), app: app, keeper: keeper, clock: clock, server: server}
	return o
}

func (o *office) hear(w http.ResponseWriter, r *http.Request) {
	if r.ParseForm() != nil || r.PostForm.Get("event") == "" {
		return
	}
	event, err := ParseEvent(r.PostForm)
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.heard = append(o.heard, event)
}

// install does what the installer page does.
func (o *office) install(t *testing.T) Frame {
	t.Helper()
	request, err := o.portal.StartInstall(1)
	if err != nil {
		t.Fatal(err)
	}
	address, err := url.Parse(request.URL)
	if err != nil {
		t.Fatal(err)
	}
	frame, err := ParseFrame(address.Query(), request.Form)
	if err != nil {
		t.Fatal(err)
	}
	host := o.app.AuthHost(frame.ServerEndpoint)
	proven, err := o.app.Verify(t.Context(), host, frame.AuthID, frame.MemberID)
	if err != nil {
		t.Fatal(err)
	}
	user, err := o.app.Profile(t.Context(), proven.Endpoint, frame.AuthID)
	if err != nil || !user.Admin {
		t.Fatal(user, err)
	}
	installer, portal, err := o.app.Refresh(t.Context(), host, frame.RefreshID)
	if err != nil || portal != proven {
		t.Fatal(portal, err)
	}
	installer.Kind = InstallerToken
	o.keeper.portal, o.keeper.tokens = portal, []Token{installer}
	if _, err := o.EnsureEvents(t.Context(), o.events, []string{ExternalCallStart, ExternalCallBackStart, VoximplantEnd, AppUninstall}); err != nil {
		t.Fatal(err)
	}
	if err := o.EnsurePlacement(t.Context(), "TELEPHONY_ANALYTICS_MENU", o.events, map[string]string{"en": "Calls"}); err != nil {
		t.Fatal(err)
	}
	o.portal.FinishInstall()
	o.sim.ClearRequests()
	return frame
}

func TestInstallationOnASimulatedPortal(t *testing.T) {
	o := open(t, b24sim.PortalConfig{Users: []b24sim.User{
		{ID: 1, Name: "Vera", Admin: true, Extension: "101"}, {ID: 17, Name: "Max", LastName: "Lee", Extension: "104", WorkPhone: "+49301"}, {ID: 18, Name: "Gone", Dismissed: true}}})
	frame := o.install(t)
	ctx := t.Context()
	bound, err := o.EnsureEvents(ctx, o.events, []string{ExternalCallStart, ExternalCallBackStart, VoximplantEnd, AppUninstall})
	if err != nil || len(bound) != 0 {
		t.Errorf("bound %v again, %v", bound, err)
	}
	if err := o.EnsurePlacement(ctx, "TELEPHONY_ANALYTICS_MENU", o.events, map[string]string{"en": "Calls"}); err != nil || len(o.portal.Placements()) != 1 {
		t.Error(o.portal.Placements(), err)
	}
	if err := o.EnsurePlacement(ctx, "TELEPHONY_ANALYTICS_MENU", o.events, map[string]string{"en": "Call log"}); err != nil || len(o.portal.Placements()) != 1 {
		t.Error(o.portal.Placements(), err)
	}
	if bound, err := o.EnsureEvents(ctx, o.events+"2", []string{ExternalCallStart}); err != nil || len(bound) != 1 || len(o.portal.Handlers()) != 4 {
		t.Error(bound, o.portal.Handlers(), err)
	}
	for _, autoCreate := range []bool{true, false, false} {
		if err := o.EnsureLine(ctx, "4930", "Sales", autoCreate); err != nil {
			t.Error(err)
		}
	}
	lines, err := o.Lines(ctx)
	if diff := cmp.Diff([]Line{{"4930", "Sales", false}}, lines); err != nil || diff != "" {
		t.Error(err, diff)
	}
	app, err := o.AppState(ctx)
	if err != nil || !app.Installed || app.ID == "" {
		t.Error(app, err)
	}
	scopes, err := o.Scopes(ctx)
	if diff := cmp.Diff([]string{"crm", "placement", "telephony", "user_basic"}, scopes, cmpopts.SortSlices(func(a, b string) bool { return a < b })); err != nil || diff != "" {
		t.Error(err, diff)
	}
	employees, err := o.Employees(ctx)
	want := []Employee{
		{ID: 1, Name: "Vera", Extension: "101", TimeZone: "Europe/Berlin", Active: true},
		{ID: 17, Name: "Max Lee", Extension: "104", Phones: []string{"+49301"}, TimeZone: "Europe/Berlin", Active: true},
	}
	if diff := cmp.Diff(want, employees); err != nil || diff != "" {
		t.Error(err, diff)
	}
	if _, err := o.app.Verify(ctx, "", frame.AuthID, "ffffffffffffffffffffffffffffffff"); !errors.Is(err, ErrForged) {
		t.Error(err)
	}
	if _, err := o.app.Verify(ctx, "", "no token", frame.MemberID); !errors.Is(err, ErrForged) {
		t.Error(err)
	}
	for _, r := range o.sim.Requests() {
		if r.TokenInURL {
			t.Errorf("%s: token in the address", r.Method)
		}
	}
}

const customer = "+4930123456"

var spellings = []string{customer, "4930123456", "030123456"}

func TestACallOfAKnownCustomerTakesThreeRequests(t *testing.T) {
	o := open(t, b24sim.PortalConfig{})
	o.install(t)
	ctx := t.Context()
	contact := o.portal.AddContact(b24sim.Contact{Name: "Anna", Phones: []string{customer}})
	oldLead := o.portal.AddLead(b24sim.Lead{Title: "old", StatusID: "CONVERTED", ContactID: contact, Phones: []string{customer}})
	deal := o.portal.AddDeal(b24sim.Deal{Title: "deal", ContactIDs: []int64{contact}})
	closed := o.portal.AddDeal(b24sim.Deal{Title: "closed", StageID: "WON", ContactIDs: []int64{contact}, LeadID: oldLead})
	other := o.portal.AddContact(b24sim.Contact{Name: "Bert"})
	shared := o.portal.AddDeal(b24sim.Deal{Title: "shared", ContactIDs: []int64{other, contact}})
	lead := o.portal.AddLead(b24sim.Lead{Title: "open", Phones: []string{customer}})

	records, err := o.Snapshot(ctx, Query{Phones: spellings})
	if err != nil {
		t.Fatal(err)
	}
	want := crm.Snapshot{OpenLeads: []int64{lead}, OpenDeals: []int64{deal, shared}, Contacts: []int64{contact},
		ClosedLeads: []crm.ClosedLead{{ID: oldLead, Outcome: crm.OutcomeDeal}}, ClosedDeals: []int64{closed}}
	if diff := cmp.Diff(want, records.Snapshot(), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if found, err := o.Customers(ctx, spellings); err != nil || len(found) == 0 || found[0].Ref.ID != contact {
		t.Errorf("%+v %v", found, err)
	}
	start := CallStart{ExternalID: "pbx-1", UserID: 1, Phone: customer, Direction: call.Incoming, Line: "4930"}
	started, err := o.StartCall(ctx, start)
	if err != nil || len(started.Created) != 0 {
		t.Fatal(started, err)
	}
	bind := []crm.Ref{{Type: crm.TypeDeal, ID: deal}, {Type: crm.TypeDeal, ID: shared}, {Type: crm.TypeLead, ID: lead}, {Type: crm.TypeContact, ID: contact}}
	finish := CallFinish{CallID: started.CallID, UserID: 1, Duration: 95, Status: Succeeded}
	finished, err := o.FinishCall(ctx, finish, bind)
	if err != nil || finished.ActivityID == 0 || finished.AppID == "" || len(finished.Bound.Failed)+len(finished.Bound.Skipped) != 0 {
		t.Fatalf("%+v %v", finished, err)
	}
	sorted := cmpopts.SortSlices(func(a, b crm.Ref) bool { return a.Type < b.Type || a.Type == b.Type && a.ID < b.ID })
	if diff := cmp.Diff(bind, finished.Bound.Refs, sorted); diff != "" {
		t.Error(diff)
	}
	if n := len(o.sim.Requests()); n != 4 { // three, and the one that asked whom to ring
		t.Errorf("%d requests", n)
	}
	again, err := o.FinishCall(ctx, finish, append(bind, crm.Ref{Type: crm.TypeDeal, ID: 99999}))
	finished.Earlier, finished.Bound.Skipped = true, []crm.Ref{{Type: crm.TypeDeal, ID: 99999}}
	if diff := cmp.Diff(finished, again, sorted); err != nil || diff != "" {
		t.Errorf("%v (-first +again):\n%s", err, diff)
	}
	if err := o.Unbind(ctx, finished.ActivityID, bind[2]); err != nil {
		t.Error(err)
	}
	if refs, err := o.Bindings(ctx, finished.ActivityID); err != nil || len(refs) != 3 {
		t.Error(refs, err)
	}
}

func TestALostAnswerToAFinish(t *testing.T) {
	o := open(t, b24sim.PortalConfig{})
	o.install(t)
	contact := o.portal.AddContact(b24sim.Contact{Name: "Anna", Phones: []string{customer}})
	started, err := o.StartCall(t.Context(), CallStart{ExternalID: "pbx-1", UserID: 1, Phone: customer, Direction: call.Incoming, Line: "1"})
	if err != nil {
		t.Fatal(err)
	}
	o.sim.Inject(b24sim.Fault{Method: "batch", Act: b24sim.Drop, After: true})
	finish := CallFinish{CallID: started.CallID, UserID: 1, Status: Missed}
	bind := []crm.Ref{{Type: crm.TypeContact, ID: contact}}
	if _, err := o.FinishCall(t.Context(), finish, bind); !Unsure(err) {
		t.Fatal(err)
	}
	got, err := o.FinishCall(t.Context(), finish, bind)
	if err != nil || !got.Earlier || got.ActivityID == 0 || len(o.portal.Statistics()) != 1 {
		t.Errorf("%+v %v", got, err)
	}
}

func TestARegistrationWhoseAnswerWasLostMayHaveRunWhateverIsSaidOfItLater(t *testing.T) {
	for _, tt := range []struct {
		name   string
		later  b24sim.Fault
		is     error
		passes bool
	}{
		{"a full bucket", b24sim.QueryLimit("", methodRegister), QueryLimitExceeded, true},
		{"a portal that cannot check the token", b24sim.Fault{Status: 401, Code: "CONNECTION_ERROR"}, ConnectionError, true},
		{"a refusal for good", b24sim.Fault{Code: "ERROR_CORE"}, ErrorCore, false},
		{"no pair that works", b24sim.Fault{Status: 401, Code: "authorization_error"}, ErrNeedsAuth, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := open(t, b24sim.PortalConfig{})
			o.install(t)
			o.sim.Inject(b24sim.Fault{Method: methodRegister, Act: b24sim.Drop, After: true})
			tt.later.Method, tt.later.Act, tt.later.Nth, tt.later.Times = methodRegister, b24sim.Refuse, 2, -1
			o.sim.Inject(tt.later)
			_, err := o.StartCall(t.Context(), CallStart{ExternalID: "pbx-1", UserID: 1, Phone: customer, Direction: call.Incoming, Line: "1"})
			if _, passes := Retry(err); !errors.Is(err, tt.is) || !Unsure(err) || !IsPortal(err) || passes != tt.passes {
				t.Errorf("%v: unsure %v, passes %v", err, Unsure(err), passes)
			}
			if n := o.portal.Snapshot().Unfinished; n != 1 {
				t.Errorf("%d calls are registered", n)
			}
		})
	}
}

func TestNewCustomersOnASimulatedPortal(t *testing.T) {
	o := open(t, b24sim.PortalConfig{RepeatSales: true})
	o.install(t)
	ctx := t.Context()
	records, err := o.Snapshot(ctx, Query{Phones: spellings})
	if diff := cmp.Diff(crm.Snapshot{}, records.Snapshot(), cmpopts.EquateEmpty()); err != nil || diff != "" || records.Mode != crm.Classic {
		t.Error(err, diff, records.Mode)
	}
	if n := len(o.sim.Requests()); n != 1 {
		t.Errorf("%d requests", n)
	}
	started, err := o.StartCall(ctx, CallStart{ExternalID: "pbx-1", UserID: 1, Phone: customer, Direction: call.Incoming, Create: true, Line: "1"})
	if err != nil || len(started.Created) != 1 || started.Created[0].Type != crm.TypeLead {
		t.Fatalf("%+v %v", started, err)
	}
	contact := o.portal.AddContact(b24sim.Contact{Name: "Anna", Phones: []string{"+49999999"}})
	lead, err := o.AddLead(ctx, NewLead{Title: "again", ContactID: contact, ResponsibleID: 1, Source: "CALL", OriginID: "o1"})
	if err != nil {
		t.Fatal(err)
	}
	if found, ok, err := o.FindByOrigin(ctx, crm.TypeLead, "o1"); found != lead.ID || !ok || err != nil {
		t.Error(found, ok, err)
	}
	deal, err := o.AddDeal(ctx, NewDeal{Title: "d", ContactID: contact, OriginID: "o2"})
	if err != nil {
		t.Fatal(err)
	}
	made := o.portal.AddDeal(b24sim.Deal{LeadID: lead.ID, ContactIDs: []int64{contact}})
	if d, c, ok, err := o.DealOfLead(ctx, lead.ID); d != made || c != contact || !ok || err != nil {
		t.Error(d, c, ok, err)
	}
	activity := CallActivity{Owner: crm.Ref{Type: crm.TypeDeal, ID: deal}, Subject: "Call", Direction: call.Incoming, Phone: customer, ResponsibleID: 1,
		Client: crm.Ref{Type: crm.TypeContact, ID: contact}, StartedAt: noon, EndedAt: noon.Add(time.Minute), OriginID: "o3"}
	id, err := o.AddCallActivity(ctx, activity)
	if err != nil {
		t.Fatal(err)
	}
	if found, ok, err := o.FindCallActivity(ctx, "o3"); found != id || !ok || err != nil {
		t.Error(found, ok, err)
	}
	if finished, err := o.FinishCall(ctx, CallFinish{CallID: started.CallID, UserID: 1, Status: Missed}, started.Created); err != nil || finished.ActivityID == 0 {
		t.Errorf("%+v %v", finished, err)
	}
}

func TestSimulatedTroubleWithTokens(t *testing.T) {
	o := open(t, b24sim.PortalConfig{Users: []b24sim.User{{ID: 1, Admin: true}, {ID: 2, Admin: true}}})
	o.install(t)
	ctx := t.Context()
	o.portal.ExpireTokens()
	if _, err := o.Scopes(ctx); err != nil || o.keeper.renewals != 1 {
		t.Errorf("%v after %d renewals", err, o.keeper.renewals)
	}
	o.portal.Rename("acme2")
	if _, err := o.Scopes(ctx); err != nil || o.keeper.portal.Endpoint != o.portal.Endpoint() {
		t.Errorf("%v, at %s instead of %s", err, o.keeper.portal.Endpoint, o.portal.Endpoint())
	}
	o.sim.Inject(b24sim.QueryLimit("", "scope"))
	if _, err := o.Scopes(ctx); err != nil {
		t.Error(err)
	}
	second := Token{UserID: 2, Kind: AdminToken}
	second.AccessToken, second.RefreshToken = o.portal.Token(2)
	o.keeper.tokens = append(o.keeper.tokens, second)
	o.portal.RevokeTokens(1)
	_ = o.clock.Sleep(ctx, time.Minute)
	if _, err := o.Scopes(ctx); err != nil || len(o.keeper.tokens) != 1 {
		t.Errorf("%v, %d pairs left", err, len(o.keeper.tokens))
	}
	o.portal.Uninstall(true)
	if _, err := o.Scopes(ctx); !Gone(err) && !errors.Is(err, ErrNeedsAuth) {
		t.Error(err)
	}
}

func TestTheLogTellsWhatABatchUsedAndWhichLimitsItMet(t *testing.T) {
	o := open(t, b24sim.PortalConfig{})
	o.install(t)
	batch := Batch{Commands: []Command{{"a", "scope", nil}, {"b", "profile", nil}, {"c", "server.time", nil}}}
	o.portal.Spend("scope", 300*time.Second)
	for _, tt := range []struct {
		name string
		meet func()
		want Request
	}{
		{"all is well", func() {}, Request{Status: 200, Operating: 300.05}},
		{"too many requests", func() { o.sim.Inject(b24sim.QueryLimit("", "profile")) }, Request{Status: 200, Operating: 300.1, Code: QueryLimitExceeded}},
		{"too much work as well", func() {
			o.sim.Inject(b24sim.QueryLimit("", "server.time"))
			o.portal.Spend("profile", 480*time.Second)
		}, Request{Status: 200, Operating: 300.15, Code: OperationTimeLimit}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.meet()
			if _, err := o.Batch(t.Context(), batch); err != nil {
				t.Fatal(err)
			}
			logged := o.keeper.logged()
			got := logged[len(logged)-1]
			if diff := cmp.Diff(tt.want, Request{Status: got.Status, Operating: got.Operating, Code: got.Code}); diff != "" {
				t.Errorf("entry (-want +got):\n%s", diff)
			}
		})
	}
}

func TestEventsOfASimulatedPortal(t *testing.T) {
	o := open(t, b24sim.PortalConfig{SystemUser: true})
	o.install(t)
	contact := o.portal.AddContact(b24sim.Contact{Name: "Anna", Phones: []string{customer}})
	id := o.portal.Click(b24sim.Click{UserID: 1, Phone: customer, Entity: crm.Ref{Type: crm.TypeContact, ID: contact}})
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := o.sim.WaitIdle(ctx); err != nil {
		t.Fatal(err)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	heard := map[string]Event{}
	for _, e := range o.heard {
		heard[e.Name] = e
		if !e.SentBy(o.portal.ApplicationToken()) || e.SentBy("other") || e.MemberID != o.portal.MemberID() {
			t.Errorf("%s is not proven", e.Name)
		}
	}
	click := heard[ExternalCallStart]
	if click.Data["CALL_ID"] != id || click.Data["PHONE_NUMBER_INTERNATIONAL"] != customer {
		t.Errorf("%+v", click.Data)
	}
	if ready := heard[AppUserReady]; ready.System == nil || ready.System.RefreshToken == "" {
		t.Errorf("no pair of the system user: %+v", ready)
	}
}
