package b24

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"callwise/app/crm"

	"github.com/google/go-cmp/cmp"
)

const handler = "https://app.example/b24/events"

// toldAdmin is what an administrator is told of bindings.
func toldAdmin(rows string) string {
	return `{"result":{"result":{"owner":{"ID":"1","ADMIN":true},"events":[` + rows + `]}}}`
}

func TestEnsureEvents(t *testing.T) {
	const address, ask = "handler=https%3A%2F%2Fapp.example%2Fb24%2Fevents", "event.get"
	events := []string{ExternalCallStart, "OnVoximplantCallEnd"}
	start, end := `{"event":"ONEXTERNALCALLSTART","handler":"`+handler+`","auth_type":"0","offline":0}`, `{"event":"ONVOXIMPLANTCALLEND","handler":"`+handler+`"}`
	of512 := `{"event":"ONEXTERNALCALLSTART","handler":"` + handler + `","auth_type":"512","offline":0}`
	both := toldAdmin(start + "," + end + `,{"event":"ONAPPINSTALL","handler":"https://app.example/b24/install"}`)
	type cmd = map[string]any
	bind := cmd{
		"bind0": "event.bind?event=ONEXTERNALCALLSTART&" + address,
		"bind1": "event.bind?event=ONVOXIMPLANTCALLEND&" + address,
	}
	unbind512 := cmd{"unbind0": "event.unbind?auth_type=512&event=ONEXTERNALCALLSTART&" + address}
	asks := cmd{"owner": "profile", "events": ask}
	tests := []struct {
		name    string
		answers []string
		bound   []string
		is      error
		asked   []cmd
	}{
		{"nothing is done when all is bound", []string{both}, nil, nil, []cmd{asks}},
		{"what is missing is bound, an old address unbound", []string{
			toldAdmin(`{"event":"ONEXTERNALCALLSTART","handler":"https://old.example/e","auth_type":"0","offline":0},` + end),
			`{"result":{"result":{"bind0":true,"unbind0":{"count":1}}}}`,
		}, []string{ExternalCallStart}, nil, []cmd{asks, {
			"bind0":   "event.bind?event=ONEXTERNALCALLSTART&" + address,
			"unbind0": "event.unbind?event=ONEXTERNALCALLSTART&handler=https%3A%2F%2Fold.example%2Fe",
		}}},
		{"what another was faster to bind is bound", []string{
			toldAdmin(""),
			`{"result":{"result":{"bind0":true},"result_error":{"bind1":{"error":"ERROR_CORE","error_description":"Unable to set event handler: Handler already binded"}}}}`, both,
		}, []string{ExternalCallStart}, nil, []cmd{asks, bind, asks}},
		{"an event the portal does not know is an error", []string{
			toldAdmin(""), `{"result":{"result":{"bind0":true},"result_error":{"bind1":{"error":"ERROR_EVENT_NOT_FOUND"}}}}`, toldAdmin(""),
		}, []string{ExternalCallStart}, Code("ERROR_EVENT_NOT_FOUND"), []cmd{asks, bind, asks}},
		{"what is bound in the name of a user as well is unbound there", []string{
			toldAdmin(of512 + "," + start + "," + end), `{"result":{"result":{"unbind0":{"count":1}}}}`,
		}, nil, nil, []cmd{asks, unbind512}},
		{"what is bound in the name of a user alone is bound before it is unbound there", []string{
			toldAdmin(of512 + "," + end), `{"result":{"result":{"bind0":true}}}`, `{"result":{"result":{"unbind0":{"count":1}}}}`,
		}, []string{ExternalCallStart}, nil, []cmd{asks, {"bind0": "event.bind?event=ONEXTERNALCALLSTART&" + address}, unbind512}},
		{"of what cannot be bound the user's binding stays", []string{
			toldAdmin(of512 + "," + end), `{"result":{"result":[],"result_error":{"bind0":{"error":"ERROR_CORE"}}}}`, toldAdmin(of512 + "," + end),
		}, nil, ErrorCore, []cmd{asks, {"bind0": "event.bind?event=ONEXTERNALCALLSTART&" + address}, asks}},
		{"nothing is believed of whom nobody knows", []string{
			`{"result":{"result":{"events":[]},"result_error":{"owner":{"error":"INTERNAL_SERVER_ERROR"}}}}`,
		}, nil, InternalServerError, []cmd{asks}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d, s := scripted(t, tt.answers...)
			bound, err := d.EnsureEvents(t.Context(), handler, events)
			if !errors.Is(err, tt.is) || tt.is == nil && err != nil {
				t.Error(err)
			}
			if diff := cmp.Diff(tt.bound, bound); diff != "" {
				t.Error(diff)
			}
			var asked []cmd
			for _, a := range s.asked {
				asked = append(asked, a.Params["cmd"].(cmd))
			}
			if diff := cmp.Diff(tt.asked, asked); diff != "" {
				t.Errorf("asked (-want +got):\n%s", diff)
			}
		})
	}
}

func TestThePortalsOwnBindingsStay(t *testing.T) {
	d, s := scripted(t, toldAdmin(`{"event":"ONAPPINSTALL","handler":"https://app.example/b24/install"},{"event":"ONAPPINSTALL","handler":"`+handler+`"},`+
		`{"event":"ONAPPINSTALL","handler":"`+handler+`","auth_type":"1"}`))
	if _, err := d.EnsureEvents(t.Context(), handler, []string{AppInstall}); err != nil || len(s.asked) != 1 {
		t.Errorf("%v, asked %v", err, s.asked)
	}
}

func TestEnsurePlacement(t *testing.T) {
	titles := map[string]string{"en": "Calls", "ru": "Звонки"}
	row := func(handler, title string) string {
		return `{"result":[{"placement":"CALL_CARD","handler":"x"},{"placement":"TELEPHONY_ANALYTICS_MENU","userId":0,"handler":"` + handler + `","options":[],
		 "langAll":{"en":{"TITLE":"` + title + `"},"ru":{"TITLE":"Звонки","GROUP_NAME":""}}}]}`
	}
	tests := []struct {
		name    string
		answers []string
		methods []string
		is      error
	}{
		{"nothing is done when it is bound", []string{row(handler, "Calls")}, []string{"placement.get"}, nil},
		{"it is bound when missing", []string{`{"result":[]}`, `{"result":true}`}, []string{"placement.get", "placement.bind"}, nil},
		{"an old address goes away", []string{row("https://old.example", "Calls"), `{"result":{"count":2}}`, `{"result":true}`}, []string{"placement.get", "placement.unbind", "placement.bind"}, nil},
		{"a title changes by binding anew", []string{row(handler, "Old"), `{"result":{"count":2}}`, `{"result":true}`}, []string{"placement.get", "placement.unbind", "placement.bind"}, nil},
		{"one that is bound already is bound", []string{`{"result":[]}`, `400 {"error":"ERROR_CORE","error_description":"Handler already binded"}`, row(handler, "Calls")},
			[]string{"placement.get", "placement.bind", "placement.get"}, nil},
		{"a placement the portal lacks is an error", []string{`{"result":[]}`, `400 {"error":"ERROR_PLACEMENT_NOT_FOUND"}`}, []string{"placement.get", "placement.bind"}, PlacementNotFound},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d, s := scripted(t, tt.answers...)
			err := d.EnsurePlacement(t.Context(), "TELEPHONY_ANALYTICS_MENU", handler, titles)
			if !errors.Is(err, tt.is) || tt.is == nil && err != nil {
				t.Error(err)
			}
			if diff := cmp.Diff(tt.methods, s.methods()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestEnsureLine(t *testing.T) {
	have := `{"result":[{"NUMBER":"74951230000","NAME":"Sales","CRM_AUTO_CREATE":"Y"}]}`
	tests := []struct {
		name       string
		line       string
		autoCreate bool
		answers    []string
		methods    []string
	}{
		{"nothing is done when it is as it should be", "74951230000", true, []string{have}, []string{"telephony.externalLine.get"}},
		{"a changed setting is saved", "74951230000", false, []string{have, `{"result":{"ID":"7"}}`}, []string{"telephony.externalLine.get", "telephony.externalLine.update"}},
		{"a missing line is added", "1", true, []string{have, `{"result":{"ID":7}}`}, []string{"telephony.externalLine.get", "telephony.externalLine.add"}},
		{"one that another added meanwhile is saved", "1", true, []string{`{"result":[]}`, `400 {"error":"ERROR_CORE","error_description":"Line already exists"}`, `{"result":{"ID":"7"}}`},
			[]string{"telephony.externalLine.get", "telephony.externalLine.add", "telephony.externalLine.update"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d, s := scripted(t, tt.answers...)
			if err := d.EnsureLine(t.Context(), tt.line, "Sales", tt.autoCreate); err != nil {
				t.Error(err)
			}
			if diff := cmp.Diff(tt.methods, s.methods()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestEmployees(t *testing.T) {
	d, s := scripted(t,
		`{"result":[{"ID":"1","ACTIVE":true,"NAME":"Vera","LAST_NAME":"Stein","TIMESTAMP_X":{},"PERSONAL_MOBILE":"","WORK_PHONE":"+49 30 1","UF_DEPARTMENT":[1],"UF_PHONE_INNER":" 101 ","USER_TYPE":"employee"}],"next":50,"total":52}`,
		`{"result":{"0":{"ID":"2","NAME":"","LAST_NAME":null,"UF_PHONE_INNER":null},"2":{"ID":3,"ACTIVE":false,"NAME":"Gone"}},"total":52}`)
	got, err := d.Employees(t.Context())
	want := []Employee{{ID: 1, Name: "Vera Stein", Extension: "101", Phones: []string{"+49 30 1"}, Active: true}, {ID: 2, Active: true}}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
	if s.asked[0].Params["start"] != 0. || s.asked[1].Params["start"] != 50. || len(s.asked) != 2 {
		t.Errorf("%v", s.asked)
	}
	d, _ = scripted(t, `{"result":[{"ID":"1"}],"next":50}`)
	if _, err := d.Employees(t.Context()); err == nil {
		t.Error("a portal that ignores the page must not be asked for ever")
	}
}

func TestAPortalWithoutEndOfEmployeesIsNotReadForEver(t *testing.T) {
	const pageOf = 5000
	pages := 0
	d := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		var rows []string
		for i := range pageOf {
			rows = append(rows, fmt.Sprintf(`{"ID":%d}`, pages*pageOf+i+1))
		}
		pages++
		write(w, fmt.Sprintf(`{"result":[%s],"next":%d}`, strings.Join(rows, ","), pages*pageOf))
	})
	_, err := d.Employees(t.Context())
	if failure, ok := errors.AsType[*Failure](err); !ok || failure.Status != http.StatusOK || pages != maxEmployees/pageOf+1 {
		t.Errorf("%v after %d pages", err, pages)
	}
}

func TestStateOfTheApplication(t *testing.T) {
	d, _ := scripted(t, `{"result":{"ID":5,"CODE":"acme.pbx","VERSION":4,"STATUS":"F","INSTALLED":true,"PAYMENT_EXPIRED":"N","DAYS":null,"LANGUAGE_ID":"de","LICENSE":"de_ent10000"}}`,
		`{"result":["CRM","telephony"]}`, `{"result":1}`, `{"result":"2"}`, `{"result":7}`)
	ctx := t.Context()
	app, err := d.AppState(ctx)
	if diff := cmp.Diff(AppState{ID: "5", Code: "acme.pbx", Version: 4, Status: "F", Installed: true, Language: "de", License: "de_ent10000"}, app); err != nil || diff != "" {
		t.Error(err, diff)
	}
	scopes, err := d.Scopes(ctx)
	if diff := cmp.Diff([]string{"crm", "telephony"}, scopes); err != nil || diff != "" {
		t.Error(err, diff)
	}
	for _, want := range []crm.Mode{crm.Classic, crm.Simple, ""} {
		if mode, err := d.CRMMode(ctx); mode != want || (err == nil) != (want != "") {
			t.Error(mode, err)
		}
	}
}
