package b24sim

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestNothingIsSentBeforeTheInstallationIsFinished(t *testing.T) {
	w := newWorld(t, PortalConfig{})
	w.startInstall()
	handler := map[string]any{"event": "OnVoximplantCallInit", "handler": w.app.URL + "/b24/events"}
	if got := w.must("event.bind", handler); got != true {
		t.Errorf("event.bind answers %v", got)
	}
	w.register(nil)
	if id := w.Click(Click{UserID: anton, Phone: client}); id != "" {
		t.Error("a number could be clicked")
	}
	w.FinishInstall()
	w.finishCall(w.Unfinished()[0], nil)
	w.waitIdle()
	if got := w.Deliveries(); len(got) != 0 {
		t.Errorf("sent %v", got)
	}
	w.register(nil)
	if got := w.posted("ONVOXIMPLANTCALLINIT"); len(got) != 1 {
		t.Errorf("after the end of the installation INIT was sent %d times", len(got))
	}
}

func TestADuplicateHandlerIsAnError(t *testing.T) {
	w := newInstalled(t, PortalConfig{})
	got := w.rest("event.bind", map[string]any{"event": "onAppUpdate", "handler": w.app.URL + "/b24/events"})
	want := "Unable to set event handler: Handler already binded"
	if got.Status != 400 || got.code() != "ERROR_CORE" || got.Body["error_description"] != want {
		t.Errorf("got %d %v", got.Status, got.Body)
	}
}

func TestAnEventIsSentOnceWhateverTheAnswer(t *testing.T) {
	w := newInstalled(t, PortalConfig{})
	var mu sync.Mutex
	var bodies []string
	w.handle(func(rw http.ResponseWriter, r *http.Request) {
		var b bytes.Buffer
		_, _ = b.ReadFrom(r.Body)
		mu.Lock()
		bodies = append(bodies, b.String())
		mu.Unlock()
		rw.WriteHeader(http.StatusInternalServerError)
	})
	w.OrderCallback(Callback{Phone: client, Text: "a & b"})
	sent := w.posted("ONEXTERNALCALLBACKSTART")
	mu.Lock()
	defer mu.Unlock()
	if len(sent) != 1 || len(bodies) != 1 || sent[0].Status != 500 || bodies[0] != sent[0].Body {
		t.Fatalf("sent %v, arrived %v", sent, bodies)
	}
	if !strings.Contains(bodies[0], "data%5BPHONE_NUMBER%5D=%2B79035551122&data%5BTEXT%5D=a+%26+b&") {
		t.Errorf("the body is %s", bodies[0])
	}
}

// handle replaces the application's handler by binding another address.
func (w *world) handle(h http.HandlerFunc) {
	w.t.Helper()
	w.unbindAll()
	w.app.Close()
	w.app = newHandlerServer(w.t, h)
	for event := range eventScopes {
		w.must("event.bind", map[string]any{"event": event, "handler": w.app.URL + "/b24/events"})
	}
}

func TestAHandlerThatIsGoneStopsNothing(t *testing.T) {
	w := newInstalled(t, PortalConfig{})
	w.app.Close()
	w.register(nil)
	if got := w.posted("ONVOXIMPLANTCALLSTART"); len(got) != 1 || got[0].Status != 0 {
		t.Errorf("deliveries are %v", got)
	}
}

func TestTokensInEvents(t *testing.T) {
	w := newInstalled(t, PortalConfig{})
	w.Click(Click{UserID: anton, Phone: client})
	click := w.posted("ONEXTERNALCALLSTART")[0].Form
	if click.Get("auth[user_id]") != "17" || click.Has("auth[refresh_token]") {
		t.Errorf("a click has its user's access token only: %v", click)
	}
	w.token = click.Get("auth[access_token]")
	if got := w.object("profile", nil); got["ID"] != "17" || got["ADMIN"] != false {
		t.Errorf("the token belongs to %v", got)
	}
	if init := w.posted("ONVOXIMPLANTCALLINIT")[0].Form; init.Has("auth[access_token]") {
		t.Error("INIT comes without a token")
	}
}

func TestTheSystemUser(t *testing.T) {
	w := newInstalled(t, PortalConfig{SystemUser: true})
	ready := w.posted("ONAPPUSERREADY")[0]
	if ready.Handler != w.app.URL+"/b24/install" {
		t.Errorf("sent to %s, want the installer", ready.Handler)
	}
	admin := w.token
	w.token = ready.Form.Get("data[access_token]")
	profile := w.object("profile", nil)
	if profile["ADMIN"] != false || profile["ID"] != ready.Form.Get("data[user_id]") {
		t.Errorf("profile %v", profile)
	}
	w.token = admin
	if got := w.must("user.get", map[string]any{"ID": profile["ID"]}).([]any); len(got) != 0 {
		t.Errorf("user.get shows it: %v", got)
	}
}

func TestFrames(t *testing.T) {
	w := newWorld(t, PortalConfig{Language: "ru"})
	if _, err := w.OpenFrame(vera, "DEFAULT", nil); !errors.Is(err, ErrNotInstalled) {
		t.Errorf("before: %v", err)
	}
	if _, err := w.StartInstall(anton); !errors.Is(err, ErrNotAdmin) {
		t.Errorf("an employee installs: %v", err)
	}
	w.startInstall()
	if _, err := w.OpenFrame(anton, "DEFAULT", nil); !errors.Is(err, ErrUnfinished) {
		t.Errorf("an employee opens an unfinished one: %v", err)
	}
	w.must("placement.bind", map[string]any{"PLACEMENT": "TELEPHONY_ANALYTICS_MENU", "HANDLER": w.app.URL + "/b24/calls?a=1"})
	w.FinishInstall()
	frame, err := w.OpenFrame(anton, "TELEPHONY_ANALYTICS_MENU", map[string]string{"any": "28/"})
	if err != nil {
		t.Fatal(err)
	}
	at, err := url.Parse(frame.URL)
	if err != nil {
		t.Fatal(err)
	}
	query := at.Query()
	if query.Get("a") != "1" || query.Get("LANG") != "ru" || query.Get("PROTOCOL") != "0" || query.Get("APP_SID") == "" || at.Path != "/b24/calls" {
		t.Errorf("address %s", frame.URL)
	}
	var options map[string]string
	if err := json.Unmarshal([]byte(frame.Form.Get("PLACEMENT_OPTIONS")), &options); err != nil || options["any"] != "28/" {
		t.Errorf("options %s", frame.Form.Get("PLACEMENT_OPTIONS"))
	}
	w.token = frame.Form.Get("AUTH_ID")
	if got := w.object("profile", nil); got["ID"] != "17" {
		t.Errorf("the token belongs to %v", got)
	}
	if got := w.rest("placement.get", nil); got.Status != 403 || got.code() != "ACCESS_DENIED" {
		t.Errorf("an employee reads placements: %d %v", got.Status, got.code())
	}
}

func TestAnUpdateStopsEventsUntilTheInstallerHasFinished(t *testing.T) {
	w := newInstalled(t, PortalConfig{})
	before := w.ApplicationToken()
	w.UpdateApp(vera, 2, true)
	update := w.posted("ONAPPUPDATE")[0].Form
	if update.Get("data[PREVIOUS_VERSION]") != "1" || update.Get("auth[application_token]") == before || !update.Has("auth[refresh_token]") {
		t.Errorf("ONAPPUPDATE is %v", update)
	}
	w.register(nil)
	if got := w.posted("ONVOXIMPLANTCALLINIT"); len(got) != 0 {
		t.Error("events were sent meanwhile")
	}
	if frame, err := w.OpenFrame(vera, "DEFAULT", nil); err != nil || !strings.Contains(frame.URL, "/b24/install?") {
		t.Errorf("opens %s, %v", frame.URL, err)
	}
	w.FinishInstall()
	if got := w.object("app.info", nil); got["VERSION"] != 2.0 || got["INSTALLED"] != true {
		t.Errorf("app.info is %v", got)
	}
}

func TestUninstallLeavesOptionsUnlessClean(t *testing.T) {
	for _, clean := range []bool{false, true} {
		w := newInstalled(t, PortalConfig{})
		w.must("app.option.set", map[string]any{"options": map[string]any{"k": "v"}})
		w.must("telephony.externalLine.add", map[string]any{"NUMBER": "1"})
		w.Uninstall(clean)
		w.posted("ONAPPUNINSTALL")
		if len(w.Handlers())+len(w.Placements())+len(w.Lines()) != 0 {
			t.Error("handlers, placements or lines are left")
		}
		w.startInstall()
		want := map[bool]any{false: "v", true: nil}[clean]
		if got := w.must("app.option.get", map[string]any{"option": "k"}); got != want {
			t.Errorf("clean %v: the option is %v", clean, got)
		}
	}
}

func TestTheBX24LibraryIsServed(t *testing.T) {
	w := newWorld(t, PortalConfig{})
	resp, err := http.Get(w.server.URL + "/bx24.js")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	var b bytes.Buffer
	_, _ = b.ReadFrom(resp.Body)
	if diff := cmp.Diff("text/javascript; charset=utf-8", resp.Header.Get("Content-Type")); diff != "" || !strings.Contains(b.String(), "installFinish") {
		t.Errorf("served %d bytes, type %s", b.Len(), diff)
	}
}
