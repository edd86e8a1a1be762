package b24sim

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestAuthorizationOfRequests(t *testing.T) {
	tests := []struct {
		name   string
		change func(w *world)
		status int
		code   string
	}{
		{"a good token", func(*world) {}, 200, ""},
		{"no token", func(w *world) { w.token = "" }, 401, "NO_AUTH_FOUND"},
		{"an unknown token", func(w *world) { w.token = "abc" }, 401, "invalid_token"},
		{"a refresh token", func(w *world) { _, w.token = w.Token(vera) }, 401, "invalid_token"},
		{"a token of another portal", func(w *world) {
			other := w.sim.AddPortal(PortalConfig{Name: "other"})
			_, _ = other.StartInstall(1)
			w.token, _ = other.Token(1)
		}, 401, "invalid_token"},
		{"a token after an hour", func(w *world) { w.clock.advance(time.Hour) }, 401, "expired_token"},
		{"an expired token", func(w *world) { w.ExpireTokens() }, 401, "expired_token"},
		{"a token of a dismissed employee", func(w *world) { w.Dismiss(vera) }, 401, "authorization_error"},
		{"a token after the application was removed", func(w *world) { w.Uninstall(false) }, 401, "APPLICATION_NOT_FOUND"},
		{"a token of an earlier installation", func(w *world) { w.Uninstall(false); _, _ = w.StartInstall(vera) }, 401, "APPLICATION_NOT_FOUND"},
		{"a scope that was not granted", func(w *world) { w.SetScopes("telephony") }, 403, "insufficient_scope"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newInstalled(t, PortalConfig{})
			tt.change(w)
			got := w.rest("crm.settings.mode.get", nil)
			code, _ := got.code().(string)
			if got.Status != tt.status || code != tt.code {
				t.Errorf("got %d %q, want %d %q", got.Status, code, tt.status, tt.code)
			}
		})
	}
}

func TestRequestsAreReadAsPHPReadsThem(t *testing.T) {
	w := newInstalled(t, PortalConfig{})
	post := func(contentType, body string) reply {
		resp, err := http.Post(w.Endpoint()+"CRM.Item.LIST.json", contentType, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		return w.read(resp)
	}
	form := "auth=" + w.token + "&entityTypeId=1&filter[%40id][]=1"
	if got := post("application/x-www-form-urlencoded", form); got.Status != 200 {
		t.Errorf("a form: %v", got.Body)
	}
	if got := post("application/json", `{"auth":"`+w.token+`","entityTypeId":1`); got.code() != "NO_AUTH_FOUND" {
		t.Errorf("malformed JSON: %v", got.Body)
	}
	if got := post("text/plain", form); got.code() != "NO_AUTH_FOUND" {
		t.Errorf("another content type: %v", got.Body)
	}
	resp, err := http.Get(w.Endpoint() + "app.info?auth=" + w.token)
	if err != nil {
		t.Fatal(err)
	}
	if got := w.read(resp); got.Status != 200 {
		t.Errorf("GET: %v", got.Body)
	}
	all := w.sim.Requests()
	if last := all[len(all)-1]; !last.TokenInURL || last.UserID != vera || last.Params == nil {
		t.Errorf("the journal says %+v", last)
	}
}

func TestAWebhookIsNoApplication(t *testing.T) {
	w := newInstalled(t, PortalConfig{})
	ask := func(base, method string) reply {
		resp, err := http.Get(base + method)
		if err != nil {
			t.Fatal(err)
		}
		return w.read(resp)
	}
	if got := ask(w.Webhook(vera), "crm.settings.mode.get"); got.Status != 200 {
		t.Errorf("crm: %v", got.Body)
	}
	if got := ask(w.Webhook(vera), "telephony.externalCall.register"); got.Status != 403 || got.code() != "WRONG_AUTH_TYPE" {
		t.Errorf("register: %d %v", got.Status, got.code())
	}
	if got := ask(w.Endpoint()+"1/wrong/", "profile"); got.code() != "INVALID_CREDENTIALS" {
		t.Errorf("a wrong code: %v", got.code())
	}
}

func TestOAuth(t *testing.T) {
	grant := func(refresh string) url.Values {
		return url.Values{"grant_type": {"refresh_token"}, "client_id": {"app.1"}, "client_secret": {"secret"}, "refresh_token": {refresh}}
	}
	with := func(form url.Values, key, value string) url.Values {
		form.Set(key, value)
		return form
	}
	tests := []struct {
		name   string
		form   func(w *world) url.Values
		status int
		code   string
	}{
		{"a refresh token", func(w *world) url.Values { _, r := w.Token(vera); return grant(r) }, 200, ""},
		{"a used one", func(w *world) url.Values { _, r := w.Token(vera); w.oauth(grant(r)); return grant(r) }, 400, "invalid_grant"},
		{"an access token", func(w *world) url.Values { a, _ := w.Token(vera); return grant(a) }, 400, "invalid_grant"},
		{"one that lay idle for 180 days", func(w *world) url.Values {
			_, r := w.Token(vera)
			w.clock.advance(181 * 24 * time.Hour)
			return grant(r)
		}, 400, "invalid_grant"},
		{"one of a dismissed employee", func(w *world) url.Values { _, r := w.Token(anton); w.Dismiss(anton); return grant(r) }, 400, "invalid_grant"},
		{"one that was revoked", func(w *world) url.Values { _, r := w.Token(anton); w.RevokeTokens(anton); return grant(r) }, 400, "invalid_grant"},
		{"one of a removed application", func(w *world) url.Values { _, r := w.Token(vera); w.Uninstall(true); return grant(r) }, 401, "invalid_client"},
		{"a wrong secret", func(w *world) url.Values { _, r := w.Token(vera); return with(grant(r), "client_secret", "x") }, 401, "invalid_client"},
		{"an unknown grant", func(w *world) url.Values { return with(grant(""), "grant_type", "password") }, 400, "invalid_request"},
		{"a code", func(w *world) url.Values {
			return with(with(grant(""), "grant_type", "authorization_code"), "code", w.AuthorizationCode(anton))
		}, 200, ""},
		{"a code after half a minute", func(w *world) url.Values {
			code := w.AuthorizationCode(anton)
			w.clock.advance(31 * time.Second)
			return with(with(grant(""), "grant_type", "authorization_code"), "code", code)
		}, 400, "invalid_grant"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newInstalled(t, PortalConfig{})
			got := w.oauth(tt.form(w))
			code, _ := got.code().(string)
			if got.Status != tt.status || code != tt.code {
				t.Fatalf("got %d %q, want %d %q", got.Status, code, tt.status, tt.code)
			}
			if tt.code != "" {
				return
			}
			w.token = got.Body["access_token"].(string)
			if got.Body["scope"] != "app" || got.Body["member_id"] != w.MemberID() || got.Body["client_endpoint"] != w.Endpoint() {
				t.Errorf("answers %v", got.Body)
			}
			w.must("profile", nil)
		})
	}
}

func TestTheAuthorizationServerProvesWhoseATokenIs(t *testing.T) {
	w := newInstalled(t, PortalConfig{})
	ask := func(token string) reply {
		resp, err := http.PostForm(w.server.URL+"/rest/app.info", url.Values{"auth": {token}})
		if err != nil {
			t.Fatal(err)
		}
		return w.read(resp)
	}
	result, _ := ask(w.token).Body["result"].(map[string]any)
	install, _ := result["install"].(map[string]any)
	if result["client_id"] != "app.1" || install["member_id"] != w.MemberID() || install["uri"] != w.URL() {
		t.Errorf("answers %v", result)
	}
	if got := ask("forged"); got.code() != "invalid_token" {
		t.Errorf("a forged token: %v", got.Body)
	}
	w.ExpireTokens()
	if got := ask(w.token); got.code() != "expired_token" {
		t.Errorf("an expired token: %v", got.Body)
	}
}

func TestARenamedPortalAnswers302(t *testing.T) {
	w := newInstalled(t, PortalConfig{})
	old := w.Endpoint()
	w.Rename("renamed")
	still := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := still.Post(old+"profile", "application/json", strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if got, want := resp.Header.Get("Location"), w.Endpoint()+"profile"; resp.StatusCode != 302 || got != want {
		t.Errorf("got %d %q, want 302 %q", resp.StatusCode, got, want)
	}
	w.must("profile", nil)
}

func TestTheBucketHolds50AndDrains2ASecond(t *testing.T) {
	w := newInstalled(t, PortalConfig{})
	w.clock.advance(time.Minute)
	for i := range 50 {
		if got := w.rest("profile", nil); got.Status != 200 {
			t.Fatalf("request %d: %v", i+1, got.Body)
		}
	}
	if got := w.rest("profile", nil); got.Status != 503 || got.code() != "QUERY_LIMIT_EXCEEDED" {
		t.Fatalf("request 51: %d %v", got.Status, got.code())
	}
	w.clock.advance(time.Second)
	for range 2 {
		w.must("profile", nil)
	}
	if got := w.rest("profile", nil); got.Status != 503 {
		t.Errorf("a second later a third request: %d", got.Status)
	}
}

func TestAMethodThatUsedUpItsTimeIsBlockedUntilItIsForgotten(t *testing.T) {
	w := newInstalled(t, PortalConfig{})
	w.Spend("crm.Item.list", 479*time.Second)
	got := w.rest("crm.item.list", map[string]any{"entityTypeId": 1})
	if block, _ := got.Body["time"].(map[string]any); block["operating"] != 479.05 {
		t.Fatalf("operating is %v", block["operating"])
	}
	w.Spend("crm.item.list", time.Second)
	if got := w.rest("crm.item.list", map[string]any{"entityTypeId": 1}); got.Status != 429 || got.code() != "OPERATION_TIME_LIMIT" {
		t.Errorf("got %d %v", got.Status, got.code())
	}
	w.must("profile", nil)
	w.clock.advance(10 * time.Minute)
	w.must("crm.item.list", map[string]any{"entityTypeId": 1})
}

func TestPages(t *testing.T) {
	w := newInstalled(t, PortalConfig{})
	for range 120 {
		w.AddLead(Lead{})
	}
	sizes := func(start int) [3]any {
		got := w.rest("crm.lead.list", map[string]any{"start": start, "select": []string{"ID"}})
		return [3]any{len(got.Body["result"].([]any)), got.Body["total"], got.Body["next"]}
	}
	want := map[int][3]any{0: {50, 120.0, 50.0}, 50: {50, 120.0, 100.0}, 100: {20, 120.0, nil}, -1: {50, 0.0, nil}}
	got := map[int][3]any{}
	for start := range want {
		got[start] = sizes(start)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("rows, total, next by start (-want +got):\n%s", diff)
	}
}

func TestSearchByPhone(t *testing.T) {
	w := newInstalled(t, PortalConfig{})
	for range 21 {
		w.AddLead(Lead{Phones: []string{"8 (903) 555-11-22"}})
	}
	w.AddContact(Contact{ID: 1, Name: "A", Phones: []string{"+7 903 555 11 22"}})
	w.AddContact(Contact{ID: 2, Name: "B", Phones: []string{"9035551122"}})
	find := func(params map[string]any) any {
		params["type"] = "PHONE"
		return w.must("crm.duplicate.findbycomm", params)
	}
	all, _ := find(map[string]any{"values": []any{client}}).(map[string]any)
	if leads, _ := all["LEAD"].([]any); len(all) != 1 || len(leads) != 20 || leads[0] != 1.0 {
		t.Errorf("20 leads leave out the rest, the oldest come first: %v", all)
	}
	want := map[string]any{"CONTACT": []any{1.0}}
	if diff := cmp.Diff(want, find(map[string]any{"entity_type": "CONTACT", "values": []any{client}})); diff != "" {
		t.Errorf("a national number is not the one with its code (-want +got):\n%s", diff)
	}
	want = map[string]any{"CONTACT": []any{1.0, 2.0}}
	if diff := cmp.Diff(want, find(map[string]any{"entity_type": "CONTACT", "values": []any{"89035551122", "9035551122", 5}})); diff != "" {
		t.Errorf("variants (-want +got):\n%s", diff)
	}
	if got := fmt.Sprint(find(map[string]any{"entity_type": "COMPANY", "values": []any{client}})); got != "[]" {
		t.Errorf("nothing found is %s, want an empty list", got)
	}
}

func TestItemLists(t *testing.T) {
	w := newInstalled(t, PortalConfig{})
	w.AddDeal(Deal{ID: 1, ContactIDs: []int64{5, 412}})
	w.AddDeal(Deal{ID: 2, CompanyID: 90, StageID: "WON"})
	w.AddDeal(Deal{ID: 3, LeadID: 31, CategoryID: 5, Recurring: true})
	w.AddDeal(Deal{ID: 4})
	tests := []struct {
		name   string
		method string
		filter map[string]any
		want   []any
	}{
		{"contactIds finds a deal by any of its contacts", "crm.item.list", map[string]any{"@contactIds": []int{412}}, []any{1.0}},
		{"contactId finds the main contact only", "crm.item.list", map[string]any{"contactId": 412}, []any{}},
		{"an empty IN is no condition", "crm.item.list", map[string]any{"@id": []int{}}, []any{1.0, 2.0, 3.0, 4.0}},
		{"a list without a prefix is an IN", "crm.item.list", map[string]any{"id": []int{1, 4}}, []any{1.0, 4.0}},
		{"OR in a group", "crm.item.list", map[string]any{"0": map[string]any{"logic": "OR", "0": map[string]any{"@contactIds": []int{412}},
			"1": map[string]any{"@companyId": []int{90}}, "2": map[string]any{"@leadId": []int{31}}}, "isRecurring": "N"}, []any{1.0, 2.0}},
		{"semantics", "crm.item.list", map[string]any{"stageSemanticId": "S"}, []any{2.0}},
		{"negation and comparison", "crm.item.list", map[string]any{"!id": 2, ">=id": 2}, []any{3.0, 4.0}},
		{"the classic list does not know contacts of a deal, and drops the key", "crm.deal.list", map[string]any{"CONTACT_IDS": []int{412}}, []any{"1", "2", "3", "4"}},
		{"the classic list by the main contact", "crm.deal.list", map[string]any{"CONTACT_ID": 5}, []any{"1"}},
		{"classic prefixes", "crm.deal.list", map[string]any{"=CLOSED": "N", "!=IS_RECURRING": "Y"}, []any{"1", "4"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, w.listed(tt.method, tt.filter)); diff != "" {
				t.Errorf("ids (-want +got):\n%s", diff)
			}
		})
	}
	item := w.object("crm.item.get", map[string]any{"entityTypeId": 2, "id": 3})["item"].(map[string]any)
	if item["stageId"] != "C5:NEW" {
		t.Errorf("a stage of funnel 5 is %v", item["stageId"])
	}
	listed := w.object("crm.item.list", map[string]any{"entityTypeId": 2, "filter": map[string]any{"id": 4}, "select": []string{"title", "fm", "nothing"}})
	want := []any{map[string]any{"id": 4.0, "title": "Deal #4"}}
	if diff := cmp.Diff(want, listed["items"]); diff != "" {
		t.Errorf("selected (-want +got):\n%s", diff)
	}
}

// listed are the ids that a list of deals shows.
func (w *world) listed(method string, filter map[string]any) []any {
	w.t.Helper()
	result := w.must(method, map[string]any{"entityTypeId": 2, "filter": filter})
	rows, classic := result.([]any)
	key := "ID"
	if !classic {
		rows, key = result.(map[string]any)["items"].([]any), "id"
	}
	ids := []any{}
	for _, row := range rows {
		ids = append(ids, row.(map[string]any)[key])
	}
	return ids
}

func TestBindingsAreLimitedAndNeverEmpty(t *testing.T) {
	w := newInstalled(t, PortalConfig{Plan: SelfHosted})
	aContact(w.Portal)
	w.finishCall(w.register(nil), nil)
	for i := range 100 {
		w.AddDeal(Deal{ID: int64(i + 1)})
	}
	bind := func(method string, typ, id int) reply {
		return w.rest("crm.activity.binding."+method, map[string]any{"activityId": 1, "entityTypeId": typ, "entityId": id})
	}
	codes := map[string]any{
		"the last":       bind("delete", 3, 1).code(),
		"not bound":      bind("delete", 2, 1).code(),
		"bound already":  bind("add", 3, 1).code(),
		"no such object": bind("add", 4, 7).code(),
	}
	for i := range 99 {
		if got := bind("add", 2, i+1); got.Status != 200 {
			t.Fatalf("binding %d: %v", i+2, got.Body)
		}
	}
	codes["one too many"] = bind("add", 2, 100).code()
	want := map[string]any{
		"the last": "LAST_BINDING_CANNOT_BE_DELETED", "not bound": "BINDING_NOT_FOUND", "bound already": "ACTIVITY_IS_ALREADY_BOUND",
		"no such object": "OWNER_NOT_FOUND", "one too many": "BINDINGS_LIMIT_EXCEEDED",
	}
	if diff := cmp.Diff(want, codes); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
