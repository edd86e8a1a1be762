package b24sim

import (
	"bytes"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"callwise/app/crm"

	"github.com/google/go-cmp/cmp"
)

func (w *world) register(params map[string]any) string {
	w.t.Helper()
	all := map[string]any{"USER_ID": vera, "PHONE_NUMBER": client, "TYPE": 2}
	for k, v := range params {
		all[k] = v
	}
	return w.object("telephony.externalCall.register", all)["CALL_ID"].(string)
}

func (w *world) finishCall(callID string, params map[string]any) map[string]any {
	w.t.Helper()
	all := map[string]any{"CALL_ID": callID, "USER_ID": vera}
	for k, v := range params {
		all[k] = v
	}
	return w.object("telephony.externalCall.finish", all)
}

func TestARepeatedRegisterMeansTheSameCall(t *testing.T) {
	tests := []struct {
		name          string
		first, second map[string]any
		between       func(w *world, callID string)
		same          bool
	}{
		{name: "with the same parameters", same: true},
		{name: "with another entity and start", second: map[string]any{"CRM_ENTITY_TYPE": "CONTACT", "CRM_ENTITY_ID": 1, "CALL_START_DATE": "2026-08-21T10:20:30+03:00"}, same: true},
		{name: "not with another type", second: map[string]any{"TYPE": 1}},
		{name: "not for another user", second: map[string]any{"USER_ID": anton}},
		{name: "by the extension of the same user", second: map[string]any{"USER_ID": 0, "USER_PHONE_INNER": "101"}, same: true},
		{name: "not through another line", first: map[string]any{"LINE_NUMBER": "1"}, second: map[string]any{"LINE_NUMBER": "2"}},
		{name: "with no line sent the second time", first: map[string]any{"LINE_NUMBER": "1"}, same: true},
		{name: "not with another external id", first: map[string]any{"EXTERNAL_CALL_ID": "a"}, second: map[string]any{"EXTERNAL_CALL_ID": "b"}},
		{name: "not when the external id comes later", second: map[string]any{"EXTERNAL_CALL_ID": "b"}},
		{name: "not after half an hour", between: func(w *world, _ string) { w.clock.advance(30 * time.Minute) }},
		{name: "not after finish", between: func(w *world, callID string) { w.finishCall(callID, nil) }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newInstalled(t, PortalConfig{})
			first := w.register(tt.first)
			if tt.between != nil {
				tt.between(w, first)
			}
			second := w.register(tt.second)
			if (first == second) != tt.same {
				t.Errorf("same call: %v, want %v", first == second, tt.same)
			}
		})
	}
}

func TestADuplicateLeavesAnOrphanINITAndCreatesNothing(t *testing.T) {
	w := newInstalled(t, PortalConfig{})
	params := map[string]any{"CRM_CREATE": 1, "EXTERNAL_CALL_ID": "pbx-1"}
	first := w.register(params)
	w.register(params)
	inits, starts := w.posted("ONVOXIMPLANTCALLINIT"), w.posted("ONVOXIMPLANTCALLSTART")
	if len(inits) != 2 || len(starts) != 1 {
		t.Fatalf("%d INIT and %d START, want 2 and 1", len(inits), len(starts))
	}
	if inits[0].Form.Get("data[CALL_ID]") != first || inits[1].Form.Get("data[CALL_ID]") == first {
		t.Error("the second INIT should carry an id that never becomes a call")
	}
	if got := len(w.Leads()); got != 1 {
		t.Errorf("%d leads, want 1", got)
	}
}

func TestFinish(t *testing.T) {
	t.Run("works once", func(t *testing.T) {
		w := newInstalled(t, PortalConfig{})
		callID := w.register(nil)
		w.finishCall(callID, nil)
		if got := w.rest("telephony.externalCall.finish", map[string]any{"CALL_ID": callID, "USER_ID": vera}); got.code() != "ERROR_CORE" {
			t.Errorf("the second finish answers %v", got.Body)
		}
		if got := len(w.Statistics()); got != 1 {
			t.Errorf("%d rows, want 1", got)
		}
	})
	t.Run("says inside a success that there is nothing to attach to", func(t *testing.T) {
		w := newInstalled(t, PortalConfig{})
		got := w.finishCall(w.register(nil), nil)
		errors, _ := got["ERRORS"].(map[string]any)
		if got["CRM_ACTIVITY_ID"] != 0.0 || errors["ACTIVITY_CREATION"] == nil {
			t.Errorf("answers %v", got)
		}
		if _, present := got["CRM_ENTITY_TYPE"]; present {
			t.Error("CRM_ENTITY_TYPE should be absent")
		}
	})
	t.Run("searches once more for a call that had nobody", func(t *testing.T) {
		w := newInstalled(t, PortalConfig{})
		callID := w.register(nil)
		aContact(w.Portal)
		if got := w.finishCall(callID, nil); got["CRM_ENTITY_ID"] != 1.0 {
			t.Errorf("answers %v", got)
		}
	})
	for _, tt := range []struct {
		name      string
		register  map[string]any
		finish    map[string]any
		code      string
		completed bool
	}{
		{"means success when there was talk", nil, map[string]any{"DURATION": 5}, "200", true},
		{"means missed when there was none", nil, nil, "304", false},
		{"with 304 on an outgoing call is not missed", map[string]any{"TYPE": 1}, map[string]any{"STATUS_CODE": "304"}, "304", true},
		{"with 480 on an incoming call is not missed", nil, map[string]any{"STATUS_CODE": "480"}, "480", true},
		{"keeps a code that is no number", nil, map[string]any{"STATUS_CODE": "603-S"}, "603-S", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newInstalled(t, PortalConfig{})
			aContact(w.Portal)
			got := w.finishCall(w.register(tt.register), tt.finish)
			if got["CALL_FAILED_CODE"] != tt.code {
				t.Errorf("code %v, want %s", got["CALL_FAILED_CODE"], tt.code)
			}
			if a := w.Activities()[0]; a.Completed != tt.completed {
				t.Errorf("completed %v, want %v", a.Completed, tt.completed)
			}
		})
	}
	t.Run("with 200 on an outgoing call completes the missed ones", func(t *testing.T) {
		w := newInstalled(t, PortalConfig{})
		aContact(w.Portal)
		w.finishCall(w.register(nil), nil)
		w.finishCall(w.register(map[string]any{"TYPE": 1}), map[string]any{"DURATION": 9})
		if !w.Activities()[0].Completed {
			t.Error("the missed call is still open")
		}
	})
}

func TestCardsAreShownHiddenAndClosedByFinish(t *testing.T) {
	w := newInstalled(t, PortalConfig{})
	callID := w.register(nil)
	w.must("telephony.externalCall.show", map[string]any{"CALL_ID": callID, "USER_ID": []int{anton, vera}})
	if diff := cmp.Diff([]Card{{callID, vera}, {callID, anton}}, w.Cards()); diff != "" {
		t.Errorf("shown (-want +got):\n%s", diff)
	}
	w.must("telephony.externalCall.hide", map[string]any{"CALL_ID": callID, "USER_ID": vera})
	if diff := cmp.Diff([]Card{{callID, anton}}, w.Cards()); diff != "" {
		t.Errorf("hidden (-want +got):\n%s", diff)
	}
	w.finishCall(callID, nil)
	if got := w.Cards(); len(got) != 0 {
		t.Errorf("after finish %v", got)
	}
	w.register(map[string]any{"SHOW": 0})
	if got := w.Cards(); len(got) != 0 {
		t.Errorf("with SHOW 0 %v", got)
	}
}

func TestAnUnknownLineIsMade(t *testing.T) {
	w := newInstalled(t, PortalConfig{})
	w.register(map[string]any{"LINE_NUMBER": " 7495 "})
	if diff := cmp.Diff([]Line{{Number: "7495", AutoCreate: true}}, w.Lines()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestRecordings(t *testing.T) {
	t.Run("are uploaded to the address that was given, once", func(t *testing.T) {
		w := newInstalled(t, PortalConfig{})
		callID := w.register(nil)
		w.finishCall(callID, nil)
		address := w.object("telephony.externalCall.attachRecord", map[string]any{"CALL_ID": callID, "FILENAME": "a.mp3"})["uploadUrl"].(string)
		if got := w.upload(address); got.Status != http.StatusOK {
			t.Fatalf("answers %d %v", got.Status, got.Body)
		}
		if got := string(w.Recording(callID)); got != "sound" {
			t.Errorf("recording is %q", got)
		}
		if got := w.upload(address); got.Status == http.StatusOK {
			t.Error("the address worked twice")
		}
	})
	for _, test := range []struct {
		name   string
		change func(w *world, address string) string
		code   string
	}{
		{"no more when its token has expired", func(w *world, address string) string { w.ExpireTokens(); return address }, "expired_token"},
		{"no more when the application was removed", func(w *world, address string) string { w.Uninstall(false); return address }, "APPLICATION_NOT_FOUND"},
		{"not with another token", func(_ *world, address string) string { return strings.Replace(address, "auth=", "auth=x", 1) }, "invalid_token"},
		{"not without a token", func(_ *world, address string) string { return strings.Replace(address, "auth=", "oath=", 1) }, "NO_AUTH_FOUND"},
	} {
		t.Run("are uploaded "+test.name, func(t *testing.T) {
			w := newInstalled(t, PortalConfig{})
			callID := w.register(nil)
			w.finishCall(callID, nil)
			address := w.object("telephony.externalCall.attachRecord", map[string]any{"CALL_ID": callID, "FILENAME": "a.mp3"})["uploadUrl"].(string)
			got := w.upload(test.change(w, address))
			if got.Status != http.StatusUnauthorized || got.code() != test.code || w.Recording(callID) != nil {
				t.Errorf("answers %d %v", got.Status, got.Body)
			}
		})
	}
	t.Run("are downloaded by the portal", func(t *testing.T) {
		w := newInstalled(t, PortalConfig{})
		files := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/a.mp3" {
				http.NotFound(rw, r)
				return
			}
			_, _ = io.WriteString(rw, "sound")
		}))
		defer files.Close()
		callID := w.register(nil)
		w.finishCall(callID, nil)
		w.must("telephony.externalCall.attachRecord", map[string]any{"CALL_ID": callID, "RECORD_URL": files.URL + "/a.mp3"})
		if got := string(w.Recording(callID)); got != "sound" {
			t.Errorf("recording is %q", got)
		}
		got := w.rest("telephony.externalCall.attachRecord", map[string]any{"CALL_ID": callID, "RECORD_URL": files.URL + "/gone.mp3"})
		if said, _ := got.Body["error_description"].(string); said != "Server returns HTTP error code 404" {
			t.Errorf("says %q", said)
		}
	})
	t.Run("are not looked for at what is no address", func(t *testing.T) {
		w := newInstalled(t, PortalConfig{})
		callID := w.register(nil)
		w.finishCall(callID, nil)
		got := w.rest("telephony.externalCall.attachRecord", map[string]any{"CALL_ID": callID, "RECORD_URL": "http://%zz/a.mp3"})
		if said, _ := got.Body["error_description"].(string); said != "Wrong file extension. Only wav and mp3 are allowed" {
			t.Errorf("says %q", said)
		}
	})
}

func (w *world) upload(address string) reply {
	w.t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	part, err := form.CreateFormFile("file", "a.mp3")
	if err != nil {
		w.t.Fatal(err)
	}
	_, _ = io.WriteString(part, "sound")
	if err := form.Close(); err != nil {
		w.t.Fatal(err)
	}
	resp, err := http.Post(address, form.FormDataContentType(), &body)
	if err != nil {
		w.t.Fatal(err)
	}
	return w.read(resp)
}

func TestAClick(t *testing.T) {
	tests := []struct {
		name     string
		given    []func(*Portal)
		line     string
		entity   crm.Ref
		event    map[string]string // what the event says of the CRM
		bindings []crm.Ref
	}{
		{name: "on an unknown number creates a lead through the default line",
			event:    map[string]string{"CRM_ENTITY_TYPE": "LEAD", "CRM_ENTITY_ID": "1", "CRM_CREATED_LEAD": "1"},
			bindings: []crm.Ref{lead(1)}},
		{name: "through a line with CRM_AUTO_CREATE N creates nothing", line: "quiet",
			event: map[string]string{}},
		{name: "on the dial pad with only closed leads creates a lead", given: []func(*Portal){aJunkLead},
			event:    map[string]string{"CRM_ENTITY_TYPE": "LEAD", "CRM_ENTITY_ID": "10", "CRM_CREATED_LEAD": "10"},
			bindings: []crm.Ref{lead(10)}},
		{name: "in a closed lead never creates", given: []func(*Portal){aJunkLead}, entity: lead(9),
			event:    map[string]string{"CRM_ENTITY_TYPE": "LEAD", "CRM_ENTITY_ID": "9"},
			bindings: []crm.Ref{lead(9)}},
		{name: "in a contact binds its open deals", given: []func(*Portal){aContact, anOpenDeal}, entity: contact(1),
			event:    map[string]string{"CRM_ENTITY_TYPE": "CONTACT", "CRM_ENTITY_ID": "1"},
			bindings: []crm.Ref{deal(1), contact(1)}},
		{name: "in a closed deal binds it and its contact, and tells the contact only", given: []func(*Portal){aContact, anOpenDeal, aLostDeal}, entity: deal(9),
			event:    map[string]string{"CRM_ENTITY_TYPE": "CONTACT", "CRM_ENTITY_ID": "1"},
			bindings: []crm.Ref{deal(9), contact(1)}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newInstalled(t, PortalConfig{RepeatSales: true})
			w.must("telephony.externalLine.add", map[string]any{"NUMBER": "quiet", "CRM_AUTO_CREATE": "N"})
			for _, plant := range tt.given {
				plant(w.Portal)
			}
			callID := w.Click(Click{UserID: anton, Phone: client, Entity: tt.entity, Line: tt.line})
			clicks := w.posted("ONEXTERNALCALLSTART")
			if len(clicks) != 1 {
				t.Fatalf("ONEXTERNALCALLSTART was sent %d times", len(clicks))
			}
			if diff := cmp.Diff(tt.event, crmOf(clicks[0])); diff != "" {
				t.Errorf("event (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff([]Card{{callID, anton}}, w.Cards()); diff != "" {
				t.Errorf("cards (-want +got):\n%s", diff)
			}
			w.finishCall(callID, nil)
			var bound []crm.Ref
			for _, a := range w.Activities() {
				bound = a.Bindings
			}
			if diff := cmp.Diff(tt.bindings, bound); diff != "" {
				t.Errorf("bindings (-want +got):\n%s", diff)
			}
		})
	}
}

// crmOf are the non-empty values of an event that speak of the CRM.
func crmOf(d Delivery) map[string]string {
	said := map[string]string{}
	for k, v := range d.Form {
		name, found := strings.CutPrefix(k, "data[CRM_")
		if found && v[0] != "" && !strings.Contains(name, "ENTITIES") {
			said["CRM_"+strings.TrimSuffix(name, "]")] = v[0]
		}
	}
	return said
}

func TestACallbackFormMakesItsObjectAndRegistersNothing(t *testing.T) {
	for _, tt := range []struct {
		mode crm.Mode
		want crm.Ref
	}{{crm.Classic, lead(1)}, {crm.Simple, contact(1)}} {
		w := newInstalled(t, PortalConfig{Mode: tt.mode})
		if got := w.OrderCallback(Callback{Phone: client, Line: "7495"}); got != tt.want {
			t.Errorf("%s: made %v, want %v", tt.mode, got, tt.want)
		}
		event := w.posted("ONEXTERNALCALLBACKSTART")[0].Form
		if event.Has("data[CALL_ID]") || event.Has("auth[access_token]") || len(w.Unfinished()) != 0 {
			t.Errorf("%s: a callback has no call and no token: %v", tt.mode, event)
		}
	}
}

func TestCallsOfOthers(t *testing.T) {
	t.Run("on Bitrix24's own line START means answered and END has the activity", func(t *testing.T) {
		w := newInstalled(t, PortalConfig{})
		live := w.StartCall(BuiltinCall{Incoming: true, Phone: client, Line: "74951230000", UserID: anton, Create: true})
		init := w.posted("ONVOXIMPLANTCALLINIT")[0].Form
		if init.Get("data[CALLER_ID]") != client || init.Get("data[PHONE_NUMBER]") != "74951230000" || init.Has("data[REST_APP_ID]") {
			t.Errorf("INIT is %v", init)
		}
		if got := w.posted("ONVOXIMPLANTCALLSTART"); len(got) != 0 {
			t.Error("START came before the answer")
		}
		live.Answer()
		row := live.End("200", 30)
		end := w.posted("ONVOXIMPLANTCALLEND")[0].Form
		if end.Get("data[CRM_ACTIVITY_ID]") != "1" || row.Entity != lead(1) || row.AppID != 0 {
			t.Errorf("END is %v, row %+v", end, row)
		}
	})
	t.Run("of another application look like ours but for its number", func(t *testing.T) {
		w := newInstalled(t, PortalConfig{})
		live := w.StartCall(BuiltinCall{Incoming: true, Phone: client, UserID: anton, OtherApp: 8})
		init := w.posted("ONVOXIMPLANTCALLINIT")[0].Form
		if init.Get("data[REST_APP_ID]") != "8" || !strings.HasPrefix(live.ID, "externalCall.") || len(w.posted("ONVOXIMPLANTCALLSTART")) != 1 {
			t.Errorf("INIT is %v", init)
		}
		if got := w.must("telephony.externalCall.show", map[string]any{"CALL_ID": live.ID}); got != false {
			t.Error("we could show a call of another application")
		}
		live.End("304", 0)
		end := w.posted("ONVOXIMPLANTCALLEND")[0].Form
		if end.Get("data[PORTAL_NUMBER]") != "REST_APP:8" || end.Has("data[CRM_ACTIVITY_ID]") {
			t.Errorf("END is %v", end)
		}
	})
}

func TestStatisticsAreForAdministratorsAndDropUnknownFilters(t *testing.T) {
	w := newInstalled(t, PortalConfig{})
	first := w.register(nil)
	w.finishCall(first, nil)
	w.finishCall(w.register(nil), nil)
	count := func(filter map[string]any) int {
		return len(w.must("voximplant.statistic.get", map[string]any{"FILTER": filter}).([]any))
	}
	if got := count(map[string]any{"CALL_ID": first}); got != 1 {
		t.Errorf("by CALL_ID %d rows, want 1", got)
	}
	if got := count(map[string]any{"KALL_ID": first}); got != 2 {
		t.Errorf("by a typing mistake %d rows, want all 2", got)
	}
	w.token, _ = w.Token(anton)
	if got := w.rest("voximplant.statistic.get", nil); got.Status != http.StatusForbidden || got.code() != "ACCESS_DENIED" {
		t.Errorf("an employee gets %d %v", got.Status, got.code())
	}
}
