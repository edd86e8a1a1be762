package b24

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const yes = `{"result":true,"time":{"operating":0.2,"operating_reset_at":1787401000}}`

func TestTheTokenTravelsInTheBodyOnly(t *testing.T) {
	var got *http.Request
	d := serve(t, func(w http.ResponseWriter, r *http.Request) {
		got = r.Clone(context.Background())
		if a := readRequest(r); a.Auth != "access-1" || a.Method != "user.current" {
			t.Errorf("asked %+v", a)
		}
		write(w, yes)
	})
	if err := d.Call(t.Context(), "user.current", nil, nil); err != nil {
		t.Fatal(err)
	}
	if got.Method != http.MethodPost || got.URL.RawQuery != "" || got.Header.Get("Authorization") != "" ||
		got.UserAgent() != "callwise/1" || got.Header.Get("Accept") != "application/json" || got.Header.Get("Content-Type") != "application/json" {
		t.Errorf("%s %s %v", got.Method, got.URL, got.Header)
	}
}

func TestCallsAreRepeatedOnlyWhereItIsSafe(t *testing.T) {
	limit, failed := `503 {"error":"QUERY_LIMIT_EXCEEDED"}`, `500 {"error":"INTERNAL_SERVER_ERROR"}`
	tests := []struct {
		name       string
		repeatable bool
		answers    []string
		requests   int
		is         error
	}{
		{"a refusal for the rate is repeated, also of a write", false, []string{limit, limit, limit, yes}, 4, nil},
		{"but not for ever", false, []string{limit}, 4, QueryLimitExceeded},
		{"a portal that could not check the token has done nothing", false, []string{`401 {"error":"CONNECTION_ERROR"}`, yes}, 2, nil},
		{"a write that may have run is not repeated", false, []string{failed, yes}, 1, InternalServerError},
		{"a read that may have run is", true, []string{failed, yes}, 2, nil},
		{"twice at most", true, []string{failed}, 3, InternalServerError},
		{"a page instead of an answer is not repeated for a write", false, []string{`502 <html>`, yes}, 1, oddAnswer("answer is not JSON")},
		{"and is for a read", true, []string{`502 <html>`, yes}, 2, nil},
		{"a block is never repeated", true, []string{`503 {"error":"OVERLOAD_LIMIT"}`, yes}, 1, OverloadLimit},
		{"a missing plan is never repeated", true, []string{`401 {"error":"ACCESS_DENIED","error_description":"REST is available only on commercial plans"}`, yes}, 1, ErrNoREST},
		{"a wrong parameter is never repeated", true, []string{`400 {"error":"ERROR_CORE"}`, yes}, 1, ErrorCore},
		{"an error in a good status is an error", true, []string{`{"error":"","error_description":"no"}`, yes}, 1, Code("")},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d, s := scripted(t, tt.answers...)
			var opts []Option
			if tt.repeatable {
				opts = append(opts, Repeatable())
			}
			err := d.Call(t.Context(), "crm.lead.add", nil, nil, opts...)
			if !errors.Is(err, tt.is) || len(s.asked) != tt.requests || len(d.keeper.logged()) != tt.requests {
				t.Errorf("%v after %d requests, %d logged", err, len(s.asked), len(d.keeper.logged()))
			}
		})
	}
}

func TestWaitsGrow(t *testing.T) {
	d, _ := scripted(t, `503 {"error":"QUERY_LIMIT_EXCEEDED"}`)
	_ = d.Call(t.Context(), "m", nil, nil)
	for i, least := range []time.Duration{time.Second, 2 * time.Second, 4 * time.Second} {
		if len(d.clock.slept) != 3 || d.clock.slept[i] < least || d.clock.slept[i] > least*5/4 {
			t.Fatalf("slept %v", d.clock.slept)
		}
	}
}

func TestWhatWasNotSentIsRepeated(t *testing.T) {
	d, _ := scripted(t, yes)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	d.keeper.portal.Endpoint = "http://" + listener.Addr().String() + "/rest/"
	listener.Close()
	err = d.Call(t.Context(), "crm.lead.add", nil, nil)
	if failure, ok := errors.AsType[*Failure](err); !ok || failure.Sent || Unsure(err) || len(d.keeper.logged()) != 4 {
		t.Errorf("%v, %d logged", err, len(d.keeper.logged()))
	}
}

func TestWhatBrokeOffMayHaveRun(t *testing.T) {
	requests := 0
	d := serve(t, func(http.ResponseWriter, *http.Request) { requests++; panic(http.ErrAbortHandler) })
	if err := d.Call(t.Context(), "crm.lead.add", nil, nil); !Unsure(err) || requests != 1 {
		t.Errorf("%v after %d requests", err, requests)
	}
}

func TestALargeAnswerIsCutOff(t *testing.T) {
	d, _ := scripted(t, `{"result":"`+strings.Repeat("x", maxAnswer)+`"}`)
	if err := d.Call(t.Context(), "m", nil, nil); !errors.Is(err, oddAnswer("answer too large")) {
		t.Error(err)
	}
}

// portalWithTokens answers calls by the access token, and renews.
type portalWithTokens struct {
	mu       sync.Mutex
	byToken  map[string]string
	renewals []string
	renewed  string
	query    string
}

func (p *portalWithTokens) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if r.URL.Path == "/oauth/token/" {
		p.renewals = append(p.renewals, r.URL.Query().Get("refresh_token"))
		p.query = r.Method + " " + r.URL.Query().Get("grant_type") + " " + r.URL.Query().Get("client_secret")
		write(w, strings.ReplaceAll(p.renewed, "HOST", "http://"+r.Host))
		return
	}
	answer, ok := p.byToken[readRequest(r).Auth]
	if !ok {
		answer = `401 {"error":"expired_token"}`
	}
	write(w, answer)
}

const renewedPair = `{"access_token":"access-2","refresh_token":"refresh-2","expires":1787500000,"scope":"app","domain":"oauth.bitrix.info",
 "server_endpoint":"HOST/rest/","client_endpoint":"HOST/rest/","member_id":"` + acme + `","status":"F","user_id":1}`

func TestTokens(t *testing.T) {
	installer, system := pair(1, "access-1", InstallerToken), pair(512, "access-s", SystemToken)
	expired := pair(1, "access-1", InstallerToken)
	expired.Expiry = noon
	tests := []struct {
		name     string
		tokens   []Token
		byToken  map[string]string
		renewed  string
		renewals int
		requests int // logged, renewals included
		rejected []Code
		is       error
		passes   bool
	}{
		{name: "an expired token is renewed and the call repeated", tokens: []Token{installer},
			byToken: map[string]string{"access-2": yes}, renewed: renewedPair, renewals: 1, requests: 3},
		{name: "a token known to have expired is not sent", tokens: []Token{expired},
			byToken: map[string]string{"access-2": yes}, renewed: renewedPair, renewals: 1, requests: 2},
		{name: "an invalid token is renewed as well", tokens: []Token{installer},
			byToken: map[string]string{"access-1": `401 {"error":"invalid_token"}`, "access-2": yes}, renewed: renewedPair, renewals: 1, requests: 3},
		{name: "a renewed token that is expired again is not renewed again", tokens: []Token{installer},
			renewed: renewedPair, renewals: 1, requests: 3, is: ErrNeedsAuth},
		{name: "other refusals with status 401 renew nothing", tokens: []Token{installer},
			byToken: map[string]string{"access-1": `401 {"error":"METHOD_CONFIRM_WAITING"}`}, requests: 1, is: MethodConfirmWaiting},
		{name: "a dead pair gives way to the next", tokens: []Token{installer, system},
			byToken: map[string]string{"access-s": yes}, renewed: `400 {"error":"invalid_grant"}`, renewals: 1, requests: 3,
			rejected: []Code{InvalidGrant}},
		{name: "without a pair that works an administrator is needed", tokens: []Token{installer},
			renewed: `400 {"error":"invalid_grant"}`, renewals: 1, requests: 2, rejected: []Code{InvalidGrant}, is: ErrNeedsAuth},
		{name: "without any pair as well", is: ErrNeedsAuth},
		{name: "a dismissed owner's pair is dead", tokens: []Token{installer, system},
			byToken: map[string]string{"access-1": `401 {"error":"authorization_error"}`, "access-s": yes}, requests: 2, rejected: []Code{AuthorizationError}},
		{name: "a user without access keeps his pair", tokens: []Token{installer, system},
			byToken: map[string]string{"access-1": `403 {"error":"user_access_error"}`, "access-s": yes}, requests: 2},
		{name: "a removed application is not renewed", tokens: []Token{installer, system},
			byToken: map[string]string{"access-1": `401 {"error":"APPLICATION_NOT_FOUND"}`}, requests: 1, is: ErrUninstalled},
		{name: "an unknown client is a removed application", tokens: []Token{installer, system},
			renewed: `401 {"error":"invalid_client"}`, renewals: 1, requests: 2, is: ErrUninstalled},
		{name: "so is a portal that does not exist", tokens: []Token{installer, system},
			renewed: `404 {"error":"x"}`, renewals: 1, requests: 2, is: ErrUninstalled},
		{name: "an ended subscription is no dead pair", tokens: []Token{installer, system},
			renewed: `401 {"error":"PAYMENT_REQUIRED"}`, renewals: 1, requests: 2, is: ErrPaymentRequired},
		{name: "a broken renewal passes", tokens: []Token{installer, system},
			renewed: `502 <html>`, renewals: 1, requests: 2, is: oddAnswer("answer without tokens"), passes: true},
		{name: "tokens of another portal are not used", tokens: []Token{installer},
			renewed: strings.ReplaceAll(renewedPair, acme, "other"), renewals: 1, requests: 2, is: ErrForged},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := &portalWithTokens{byToken: tt.byToken, renewed: tt.renewed}
			d := serve(t, p.ServeHTTP)
			d.keeper.tokens = tt.tokens
			err := d.Call(t.Context(), "m", nil, nil)
			if !errors.Is(err, tt.is) || tt.is == nil && err != nil {
				t.Errorf("error %v, want %v", err, tt.is)
			}
			if _, passes := Retry(err); passes != tt.passes {
				t.Errorf("passes %v", passes)
			}
			if len(p.renewals) != tt.renewals || len(d.keeper.logged()) != tt.requests {
				t.Errorf("%d renewals, %d requests", len(p.renewals), len(d.keeper.logged()))
			}
			if diff := cmp.Diff(tt.rejected, d.keeper.rejected); diff != "" {
				t.Errorf("rejected (-want +got):\n%s", diff)
			}
		})
	}
}

func TestARenewedPairIsStoredBeforeItIsUsed(t *testing.T) {
	p := &portalWithTokens{byToken: map[string]string{"access-2": yes}, renewed: renewedPair}
	d := serve(t, p.ServeHTTP)
	d.keeper.broken = errors.New("disk full")
	if err := d.Call(t.Context(), "m", nil, nil); !errors.Is(err, d.keeper.broken) {
		t.Error(err)
	}
	d.keeper.broken = nil
	d.keeper.tokens = []Token{pair(1, "access-1", InstallerToken)}
	if err := d.Call(t.Context(), "m", nil, nil); err != nil {
		t.Fatal(err)
	}
	want := []Token{pair(1, "access-2", InstallerToken)}
	want[0].RefreshToken, want[0].Expiry = "refresh-2", time.Unix(1787500000, 0).UTC()
	want[0].AuthHost, want[0].Status = d.server.URL, "F"
	if diff := cmp.Diff(want, d.keeper.tokens, cmp.Comparer(func(a, b Token) bool { return fmt.Sprint(a) == fmt.Sprint(b) })); diff != "" {
		t.Error(diff)
	}
	if p.query != "GET refresh_token hush" {
		t.Errorf("asked %q", p.query)
	}
}

func TestOneRenewalServesAll(t *testing.T) {
	p := &portalWithTokens{byToken: map[string]string{"access-2": yes}, renewed: renewedPair}
	d := serve(t, p.ServeHTTP)
	var all sync.WaitGroup
	for range 10 {
		all.Go(func() {
			if err := d.Call(t.Context(), "m", nil, nil); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if len(p.renewals) != 1 {
		t.Errorf("%d renewals", len(p.renewals))
	}
}

func TestARenamedPortalIsFollowed(t *testing.T) {
	moved := &script{answers: []string{yes}}
	fresh := serve(t, moved.ServeHTTP)
	old := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", fresh.server.URL+r.URL.Path)
		w.WriteHeader(http.StatusFound)
	})
	for range 2 {
		if err := old.Call(t.Context(), "crm.lead.add", Params{"a": "b"}, nil); err != nil {
			t.Fatal(err)
		}
	}
	want := asked{"crm.lead.add", "access-1", map[string]any{"a": "b"}}
	if diff := cmp.Diff([]asked{want, want}, moved.asked); diff != "" {
		t.Error(diff)
	}
	if old.keeper.portal.Endpoint != fresh.server.URL+"/rest/" || len(old.keeper.logged()) != 3 {
		t.Errorf("moved to %s, %d logged", old.keeper.portal.Endpoint, len(old.keeper.logged()))
	}
}

func TestRedirectsElsewhereAreRefused(t *testing.T) {
	for _, location := range []string{"", "http://evil.example/rest/m", "https://acme.example/login", "ftp://a/rest/m", "https://user@a/rest/m", "/rest/m", "::"} {
		requests := 0
		d := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			requests++
			w.Header().Set("Location", location)
			w.WriteHeader(http.StatusFound)
		})
		before := d.keeper.portal.Endpoint
		if err := d.Call(t.Context(), "m", nil, nil); err == nil || d.keeper.portal.Endpoint != before {
			t.Errorf("%q: %v", location, err)
		}
	}
}

func TestAddresses(t *testing.T) {
	app := &App{}
	for address, want := range map[string]string{
		"https://Acme.Bitrix24.com/rest/": "https://acme.bitrix24.com/rest/",
		"https://box.example:8443/b/rest": "https://box.example:8443/b/rest/",
		"http://acme.bitrix24.com/rest/":  "",
		"http://127.0.0.1/rest/":          "",
		"https://acme.bitrix24.com/":      "",
		"https://u:p@acme.example/rest/":  "",
		"https://acme.example/rest/?a=b":  "",
		"acme.bitrix24.com":               "",
		"https:///rest/":                  "",
	} {
		if got, err := app.Endpoint(address); got != want || (err == nil) != (want != "") {
			t.Errorf("%s: %s %v", address, got, err)
		}
	}
	for endpoint, want := range map[string]string{
		"https://oauth.bitrix.info/rest/":       WorldAuthHost,
		"https://oauth.bitrix24.tech/rest/":     RussiaAuthHost,
		"https://oauth.bitrix24.tech":           RussiaAuthHost,
		"https://evil.example/rest/":            WorldAuthHost,
		"http://oauth.bitrix24.tech/rest/":      WorldAuthHost,
		"https://oauth.bitrix24.tech.evil.ex/":  WorldAuthHost,
		"https://oauth.bitrix24.tech@evil.ex/r": WorldAuthHost,
		"":                                      WorldAuthHost,
	} {
		if got := app.AuthHost(endpoint); got != want {
			t.Errorf("%q: %s", endpoint, got)
		}
	}
}

func TestTheRateOfAPortalIsKept(t *testing.T) {
	d, s := scripted(t, yes)
	for range burst + 10 {
		if err := d.app.Client(acme, d.keeper).Call(t.Context(), "m", nil, nil); err != nil {
			t.Fatal(err)
		}
	}
	var waited time.Duration
	for _, slept := range d.clock.slept {
		waited += slept
	}
	if waited != 5*time.Second || len(s.asked) != burst+10 {
		t.Errorf("waited %v for %d requests", waited, len(s.asked))
	}
}

func TestAMethodWithoutBudgetPausesAlone(t *testing.T) {
	reset := noon.Add(7 * time.Minute).Unix()
	d, s := scripted(t,
		fmt.Sprintf(`{"result":1,"time":{"operating":479,"operating_reset_at":%d}}`, reset),
		`429 {"error":"OPERATION_TIME_LIMIT"}`, yes)
	_ = d.Call(t.Context(), "slow", nil, nil)
	err := d.Call(t.Context(), "slow", nil, nil)
	wait, passes := Retry(err)
	if !errors.Is(err, OperationTimeLimit) || !passes || wait != 7*time.Minute-busyDelay {
		t.Errorf("%v, %v, %v", err, wait, passes)
	}
	if err := d.Call(t.Context(), "slow", nil, nil); !errors.Is(err, OperationTimeLimit) || len(s.asked) != 2 {
		t.Errorf("%v, asked %d times", err, len(s.asked))
	}
	if err := d.Call(t.Context(), "other", nil, nil); err != nil {
		t.Error(err)
	}
	_ = d.clock.Sleep(t.Context(), 7*time.Minute)
	if err := d.Call(t.Context(), "slow", nil, nil); err != nil {
		t.Error(err)
	}
}

func TestTheLogHidesWhatIsPrivate(t *testing.T) {
	d, _ := scripted(t, yes)
	ctx := WithCall(t.Context(), 77)
	_ = d.Call(ctx, "crm.lead.add", Params{
		"access_token": "t", "PHONE_NUMBER": "+4930123456", "LINE_NUMBER": "104", "TYPE": 2, "USER_ID": []int64{5},
		"fields": Params{"TITLE": "Anna Petrova", "PHONE": []Params{{"VALUE": "+4930123456", "VALUE_TYPE": "WORK"}}, "NAME": "Анна"},
		"values": []string{"+4930123456"}, "CALL_ID": "externalCall.1", "filter": Params{"@id": Ref("a", "LEAD")},
		"odd": struct{ Phone string }{"+4930123456"},
	}, nil)
	d.app.HTTP = nil
	batch := Batch{}
	batch.Add("a", "crm.lead.get", Params{"id": 5})
	batch.Add("b", "crm.lead.add", Params{"fields": Params{"TITLE": "Anna"}})
	batch.Add("c", "crm.lead.get", Params{"id": 6})
	_, _ = d.Batch(ctx, batch)
	want := []Request{
		{At: noon, CallID: 77, Method: "crm.lead.add", Status: 200, Operating: 0.2, Params: []byte(
			`{"CALL_ID":"externalCall.1","LINE_NUMBER":"…04","PHONE_NUMBER":"…3456","TYPE":2,"USER_ID":[5],` +
				`"fields":{"NAME":"4 characters","PHONE":[{"VALUE":"…3456","VALUE_TYPE":"WORK"}],"TITLE":"12 characters"},` +
				`"filter":{"@id":"$result[a][LEAD]"},"odd":"hidden","values":["…3456"]}`)},
		{At: noon, CallID: 77, Method: "batch: crm.lead.get, crm.lead.add", Status: 200, Operating: 0.2, Params: []byte(
			`[{"key":"a","method":"crm.lead.get","params":{"id":5}},{"key":"b","method":"crm.lead.add","params":{"fields":{"TITLE":"4 characters"}}},` +
				`{"key":"c","method":"crm.lead.get","params":{"id":6}}]`)},
	}
	if diff := cmp.Diff(want, d.keeper.logged(), cmp.Transformer("text", func(b []byte) string { return string(b) })); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestABatchKeepsItsOrder(t *testing.T) {
	var body string
	d := serve(t, func(w http.ResponseWriter, r *http.Request) {
		buf := make([]byte, r.ContentLength)
		_, _ = r.Body.Read(buf)
		body = string(buf)
		write(w, `{"result":{"result":{"z":{"ID":"5"}},"result_error":{"a":{"error":"ERROR_CORE","error_description":"x"},"b":{"error":"","error_description":"Not found"}},
		 "result_total":{"z":120},"result_next":{"z":0},"result_time":{"z":{"operating":400,"operating_reset_at":1787400900}}},"time":{}}`)
	})
	batch := Batch{Halt: true}
	batch.Add("z", "crm.duplicate.findbycomm", Params{"values": []string{"+49 30&1", "b"}, "type": "PHONE"})
	batch.Add("a", "crm.item.list", Params{"filter": Params{"@id": Ref("z", "LEAD"), "0": Params{"logic": "OR"}}, "yes": true, "no": false, "n": 1.5})
	batch.Add("b", "scope", nil)
	batch.Add("c", "profile", nil)
	answers, err := d.Batch(t.Context(), batch)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"auth":"access-1","halt":1,"cmd":{"z":"crm.duplicate.findbycomm?type=PHONE\u0026values%5B0%5D=%2B49+30%261\u0026values%5B1%5D=b",` +
		`"a":"crm.item.list?filter%5B0%5D%5Blogic%5D=OR\u0026filter%5B%40id%5D=%24result%5Bz%5D%5BLEAD%5D\u0026n=1.5\u0026no=0\u0026yes=1","b":"scope","c":"profile"}}`
	if diff := cmp.Diff(want, body); diff != "" {
		t.Errorf("body (-want +got):\n%s", diff)
	}
	var z struct{ ID ID }
	if err := answers.Decode("z", &z); err != nil || z.ID != 5 {
		t.Error(z, err)
	}
	next, more := answers.Next("z")
	total, counted := answers.Total("z")
	if next != 0 || !more || total != 120 || !counted {
		t.Error("the presence of a key counts, not its value")
	}
	if !errors.Is(answers.Decode("a", nil), ErrorCore) || !says(answers.Decode("b", nil), "not found") || !errors.Is(answers.Decode("c", nil), ErrNotExecuted) {
		t.Error("refused and not executed commands must differ")
	}
	if d.Client.portal.budget("crm.duplicate.findbycomm").operating != 400 {
		t.Error("the budget of a command was not noted")
	}
}

func TestBatchesThatCannotBeSent(t *testing.T) {
	d, s := scripted(t, yes)
	long := Batch{}
	for i := range 51 {
		long.Add(fmt.Sprintf("k%d", i), "m", nil)
	}
	twice := Batch{Commands: []Command{{"a", "m", nil}, {"a", "m", nil}}}
	number := Batch{Commands: []Command{{"0", "m", nil}}}
	empty := Batch{Commands: []Command{{"a", "m", Params{"filter": Params{"@id": []int64{}}}}}}
	for _, batch := range []Batch{{}, long, twice, number, empty} {
		if _, err := d.Batch(t.Context(), batch); err == nil {
			t.Errorf("%d commands were sent", len(batch.Commands))
		}
	}
	if len(s.asked) != 0 {
		t.Error("something was sent")
	}
}

func TestABatchOfWritesIsNeverRepeatedByItself(t *testing.T) {
	d, s := scripted(t, `502 <html>`, yes)
	_, err := d.Batch(t.Context(), Batch{Commands: []Command{{"a", "crm.lead.add", nil}}})
	if !Unsure(err) || len(s.asked) != 1 {
		t.Errorf("%v after %d requests", err, len(s.asked))
	}
	d, s = scripted(t, `502 <html>`, `{"result":{"result":{"a":1}}}`)
	if _, err = d.Batch(t.Context(), Batch{Commands: []Command{{"a", "crm.lead.get", nil}}}, Repeatable()); err != nil || len(s.asked) != 2 {
		t.Errorf("%v after %d requests", err, len(s.asked))
	}
}

func TestVerifyTrustsOnlyTheAuthorizationServer(t *testing.T) {
	good := `{"result":{"client_id":"app.1","install":{"member_id":"` + acme + `","domain":"acme.bitrix24.com","uri":"https://acme.bitrix24.com"}}}`
	tests := []struct {
		name, answer string
		want         Portal
		is           error
	}{
		{"our token of this portal", good, Portal{acme, "https://acme.bitrix24.com/rest/"}, nil},
		{"a portal without uri is found by its domain", strings.Replace(good, `,"uri":"https://acme.bitrix24.com"`, "", 1), Portal{acme, "https://acme.bitrix24.com/rest/"}, nil},
		{"a token of another application", strings.Replace(good, "app.1", "app.2", 1), Portal{}, ErrForged},
		{"a token of another portal", strings.Replace(good, acme, "other", 1), Portal{}, ErrForged},
		{"an unknown token", `401 {"error":"invalid_token"}`, Portal{}, ErrForged},
		{"an old token", `{"error":"expired_token"}`, Portal{}, ErrForged},
		{"an answer that does not tell whose token it is", `{"result":{"x":1}}`, Portal{}, oddAnswer("does not tell whose token it is")},
		{"an answer that tells nothing", `{"result":[]}`, Portal{}, oddAnswer("result of an unexpected shape")},
		{"a broken server", `502 <html>`, Portal{}, oddAnswer("answer is not JSON")},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d, s := scripted(t, tt.answer)
			got, err := d.app.Verify(t.Context(), "https://evil.example/rest/", "posted", acme)
			if got != tt.want || !errors.Is(err, tt.is) || tt.is == nil && err != nil {
				t.Errorf("%v %v", got, err)
			}
			if diff := cmp.Diff([]asked{{"app.info", "posted", map[string]any{}}}, s.asked); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestProfile(t *testing.T) {
	tests := []struct {
		answer string
		want   Profile
		is     error
	}{
		{`{"result":{"ID":"1","ADMIN":true,"NAME":"Vera","LAST_NAME":"Stein","PERSONAL_GENDER":"","TIME_ZONE":"Europe/Berlin"}}`,
			Profile{1, true, "Vera Stein", "Europe/Berlin"}, nil},
		{`{"result":{"ID":7,"ADMIN":false,"NAME":"","LAST_NAME":"Stein"}}`, Profile{UserID: 7, Name: "Stein"}, nil},
		{`{"result":[]}`, Profile{}, ErrForged},
		{`{"result":{}}`, Profile{}, ErrForged},
		{`401 {"error":"expired_token"}`, Profile{}, ErrForged},
	}
	for _, tt := range tests {
		d, _ := scripted(t, tt.answer)
		got, err := d.app.Profile(t.Context(), d.server.URL+"/rest/", "posted")
		if got != tt.want || !errors.Is(err, tt.is) || tt.is == nil && err != nil {
			t.Errorf("%s: %v %v", tt.answer, got, err)
		}
	}
	if _, err := (&App{}).Profile(t.Context(), "http://169.254.169.254/rest/", "x"); !errors.Is(err, ErrEndpoint) {
		t.Error(err)
	}
}
