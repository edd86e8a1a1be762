package b24sim

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestNotificationsAreThoseOfTheDocumentation(t *testing.T) {
	w := newInstalled(t, PortalConfig{Scopes: []string{"crm", "telephony", "placement", "user_basic", "im"}})
	for _, e := range examples(t, "im.json") {
		got := w.rest(e.Method, e.Params)
		delete(got.Body, "time")
		if e.Answer != nil {
			if diff := shapeDiff(e.Method, e.Answer, got.Body, e.Exact); len(diff) > 0 {
				t.Errorf("%s:\n%s", e.Section, strings.Join(diff, "\n"))
			}
			continue
		}
		said, _ := got.Body["error_description"].(string)
		if got.Status != e.Status || got.code() != e.Code || said != e.Text {
			t.Errorf("%v: %d %v %q, want %d %s", e.Params, got.Status, got.code(), said, e.Status, e.Code)
		}
	}
}

func TestANotificationReplacesThatOfItsTagForTheSameUserOnly(t *testing.T) {
	w := newInstalled(t, PortalConfig{Scopes: []string{"crm", "telephony", "placement", "user_basic", "im"}})
	tell := func(user int64, text, tag string) any {
		return w.must("im.notify.system.add", map[string]any{"USER_ID": user, "MESSAGE": text, "TAG": tag})
	}
	tell(vera, "one", "a")
	tell(anton, "two", "a")
	tell(vera, " three ", "a")
	tell(vera, "four", "")
	if told := tell(99, "nobody", "a"); told != false {
		t.Errorf("a user who does not exist: %v, want false", told)
	}
	want := []Notice{{UserID: anton, Text: "two", Tag: "a"}, {UserID: vera, Text: "three", Tag: "a"}, {UserID: vera, Text: "four"}}
	if diff := cmp.Diff(want, w.Notices(), cmpopts.IgnoreFields(Notice{}, "ID", "At")); diff != "" {
		t.Errorf("notices (-want +got):\n%s", diff)
	}
}

func TestNotificationsNeedTheirScopeAndTheApplication(t *testing.T) {
	w := newInstalled(t, PortalConfig{})
	params := map[string]any{"USER_ID": vera, "MESSAGE": "x"}
	if got := w.rest("im.notify.system.add", params); got.Status != 403 || got.code() != "insufficient_scope" {
		t.Errorf("without the scope: %d %v", got.Status, got.code())
	}
	w.SetScopes("im")
	answer, err := http.Post(w.Webhook(vera)+"im.notify.system.add", "application/json", strings.NewReader(`{"USER_ID":1,"MESSAGE":"x"}`))
	if err != nil {
		t.Fatal(err)
	}
	if got := w.read(answer); got.Status != 403 || got.code() != "WRONG_AUTH_TYPE" {
		t.Errorf("by a webhook: %d %v", got.Status, got.code())
	}
	if n := len(w.Notices()); n != 0 {
		t.Errorf("%d notices", n)
	}
}

func TestAnApplicationThatIsNotPaidForHearsNothingAndMayDoNothing(t *testing.T) {
	w := newInstalled(t, PortalConfig{})
	w.EndPayment()
	w.Click(Click{UserID: vera, Phone: client})
	if got := w.rest("app.info", nil); got.Status != 403 || got.code() != "PAYMENT_REQUIRED" {
		t.Errorf("app.info: %d %v", got.Status, got.code())
	}
	if n := len(w.posted("ONEXTERNALCALLSTART")); n != 0 {
		t.Errorf("%d clicks were sent", n)
	}
	w.Pay()
	if got := w.object("app.info", nil); got["PAYMENT_EXPIRED"] != "N" {
		t.Errorf("app.info = %v", got)
	}
	if n := len(w.posted("ONAPPPAYMENT")); n != 1 {
		t.Errorf("%d payments were sent", n)
	}
}
