package main

import (
	"fmt"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"callwise/app/b24/b24sim"
	"callwise/app/callflow"
	"callwise/models"

	"github.com/google/go-cmp/cmp"
)

// second is another administrator of a portal that has two.
const second = 2

func twoAdmins() []b24sim.User {
	return append(employees(), b24sim.User{ID: second, Name: "Paul", LastName: "Roth", Admin: true})
}

var stepTag = regexp.MustCompile(`(?s)<li class="step.*?<strong>(.*?)</strong>.*?<span class="badge[^>]*>(.*?)</span>\s*(?:<p class="help">(.*?)</p>)?`)

// steps are what an installer's page tells: "Check permissions: Failed placement".
func steps(page string) []string {
	var told []string
	for _, step := range stepTag.FindAllStringSubmatch(page, -1) {
		told = append(told, strings.TrimSpace(html.UnescapeString(step[1]+": "+step[2]+" "+step[3])))
	}
	return told
}

var allSteps = []string{
	"Check access to Bitrix24: Done", "Store the connection: Done", "Check permissions: Done", "Read how the CRM is set up: Done",
	"Subscribe to call events: Done", "Add the call log to the telephony menu: Done", "Register the telephone line: Done",
	"Read employees and extensions: Done",
}

// clickInstall opens the installer as an administrator does.
func (r *rig) clickInstall() b24sim.Frame {
	r.t.Helper()
	frame, err := r.portal.StartInstall(admin)
	if err != nil {
		r.t.Fatal(err)
	}
	return frame
}

// setUp opens the installer and expects it to finish.
func (r *rig) setUp() {
	r.t.Helper()
	r.expectSteps(r.open(r.clickInstall()), allSteps...)
	r.portal.FinishInstall()
	r.deliver()
}

func (r *rig) expectSteps(page string, want ...string) {
	r.t.Helper()
	if diff := cmp.Diff(want, steps(page)); diff != "" {
		r.t.Errorf("steps (-want +got):\n%s", diff)
	}
	done := len(want) == len(allSteps) && !strings.Contains(strings.Join(want, ""), "Failed")
	if finishes := strings.Contains(page, "data-install-finish"); finishes != done {
		r.t.Errorf("the page calls installFinish: %t", finishes)
	}
}

// stored is the portal as the program has it.
func (r *rig) stored() *models.Portal {
	r.t.Helper()
	portal, err := r.house.store.Portal(r.t.Context(), r.portal.MemberID())
	if err != nil {
		r.t.Fatal(err)
	}
	return portal
}

func (r *rig) tokens() []models.Token {
	r.t.Helper()
	tokens, err := r.house.store.LiveTokens(r.t.Context(), r.stored().ID)
	if err != nil {
		r.t.Fatal(err)
	}
	return tokens
}

// lifecycle is an event of the portal, with the tokens of user if there is one.
func (r *rig) lifecycle(name string, user int64, data map[string]string) url.Values {
	form := url.Values{
		"event": {name}, "ts": {fmt.Sprint(time.Now().Unix())},
		"auth[member_id]": {r.portal.MemberID()}, "auth[application_token]": {r.portal.ApplicationToken()},
		"auth[client_endpoint]": {r.portal.Endpoint()}, "auth[server_endpoint]": {r.config.OAuthHosts[0] + "/rest/"},
	}
	if user != 0 {
		access, refresh := r.portal.Token(user)
		form.Set("auth[access_token]", access)
		form.Set("auth[refresh_token]", refresh)
		form.Set("auth[expires_in]", "3600")
		form.Set("auth[user_id]", fmt.Sprint(user))
	}
	for key, value := range data {
		form.Set("data["+key+"]", value)
	}
	return form
}

// sends posts an event and expects a status.
func (r *rig) sends(path string, event url.Values, want int) {
	r.t.Helper()
	if status, body := r.do(http.MethodPost, r.url+path, event, ""); status != want {
		r.t.Errorf("%s: %d, want %d\n%s", event.Get("event"), status, want, body)
	}
}

func handlersAt(address string) []b24sim.Handler {
	var all []b24sim.Handler
	for _, event := range callflow.Events {
		all = append(all, b24sim.Handler{Event: event, URL: address + "/b24/events"})
	}
	return all
}

// setting is what the portal keeps for the app.
type setting struct {
	Handlers   []b24sim.Handler
	Placements []b24sim.Placement
	Lines      []b24sim.Line
}

func (r *rig) setting() setting {
	return setting{r.portal.Handlers(), r.portal.Placements(), r.portal.Lines()}
}

func (r *rig) wanted() setting {
	return setting{
		handlersAt(r.url),
		[]b24sim.Placement{
			{Code: "TELEPHONY_ANALYTICS_MENU", URL: r.url + "/b24/calls", Title: "Callwise: call log"},
			{Code: "REST_APP_URI", URL: r.url + "/b24/calls", Title: "Callwise: call log"},
		},
		[]b24sim.Line{{Number: "callwise", Name: "Callwise"}},
	}
}

func (r *rig) isSet() {
	r.t.Helper()
	if diff := cmp.Diff(r.wanted(), r.setting()); diff != "" {
		r.t.Errorf("what the portal keeps for us (-want +got):\n%s", diff)
	}
}

// bindings is how often something was made in the portal.
func (r *rig) bindings() map[string]int {
	made := map[string]int{}
	for _, method := range []string{"event.bind", "event.unbind", "placement.bind", "placement.unbind", "telephony.externalLine.add", "telephony.externalLine.update"} {
		if n := r.sim.Count("", method); n > 0 {
			made[method] = n
		}
	}
	return made
}
