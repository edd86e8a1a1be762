package b24

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

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
		{name: "not even when it was known to have expired", tokens: []Token{expired},
			renewed: renewedPair, renewals: 1, requests: 2, is: ErrNeedsAuth},
		{name: "other refusals with status 401 renew nothing", tokens: []Token{installer},
			byToken: map[string]string{"access-1": `401 {"error":"METHOD_CONFIRM_WAITING"}`}, requests: 1, is: Code("METHOD_CONFIRM_WAITING")},
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
		{name: "a pair that the portal calls wrong gives way to the next", tokens: []Token{installer, system},
			byToken: map[string]string{"access-1": `401 {"error":"WRONG_TOKEN"}`, "access-s": yes}, requests: 2},
		{name: "so does one that it was told to be wrong", tokens: []Token{installer, system},
			byToken: map[string]string{"access-1": `403 {"error":"ERROR_OAUTH"}`, "access-s": yes}, requests: 2},
		{name: "or to be of no grant", tokens: []Token{installer, system},
			byToken: map[string]string{"access-1": `401 {"error":"invalid_grant"}`, "access-s": yes}, requests: 2},
		{name: "without another an administrator is needed", tokens: []Token{installer},
			byToken: map[string]string{"access-1": `401 {"error":"WRONG_TOKEN"}`}, requests: 1, is: ErrNeedsAuth},
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
			if _, passes := Retry(err); passes != tt.passes || Unsure(err) {
				t.Errorf("passes %v, unsure %v", passes, Unsure(err))
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

// ahead has the clock of a desk be an hour before that of the authorization server,
// and of the process that stored its pair. What it returns makes a request some time
// later, and tells how many renewals there should have been by then.
func ahead(t *testing.T, p *portalWithTokens) (d *desk, request func(after time.Duration, renewals int)) {
	d = serve(t, p.ServeHTTP)
	d.clock.now = noon.Add(time.Hour)
	return d, func(after time.Duration, renewals int) {
		t.Helper()
		d.clock.now = d.clock.now.Add(after)
		if err := d.Call(t.Context(), "m", nil, nil); err != nil || len(p.renewals) != renewals {
			t.Errorf("%d renewals, want %d: %v", len(p.renewals), renewals, err)
		}
	}
}

func TestAPairExpiresByTheClockOfWhoRenewedIt(t *testing.T) {
	oneOClock := fmt.Sprintf(`"expires":%d,"expires_in":3600`, noon.Add(time.Hour).Unix())
	p := &portalWithTokens{byToken: map[string]string{"access-2": yes}}
	p.renewed = strings.Replace(renewedPair, `"expires":1787500000`, oneOClock, 1)
	_, request := ahead(t, p)
	request(0, 1)
	request(59*time.Minute, 1)
	request(time.Minute, 2)
}

func TestAPairOfAProcessWithAnotherClockIsNotRenewedBeforeEachRequest(t *testing.T) {
	p := &portalWithTokens{byToken: map[string]string{"access-1": yes, "access-2": yes}, renewed: renewedPair}
	d, request := ahead(t, p)
	request(0, 1)
	stored := func(access string) { d.keeper.tokens = []Token{pair(1, access, InstallerToken)} }
	stored("access-1")
	request(time.Minute, 1)
	request(time.Minute, 1)
	stored("access-3") // which the portal refuses
	request(time.Minute, 2)
	stored("access-1")
	request(49*time.Minute, 2)
	request(time.Minute, 3)
}

func TestAPairIsKeptAliveWithoutARequestToThePortal(t *testing.T) {
	for _, tt := range []struct {
		name     string
		renewed  string
		gone     bool
		is       error
		rejected []Code
	}{
		{name: "renewed", renewed: renewedPair},
		{name: "refused for good", renewed: `400 {"error":"invalid_grant"}`, is: InvalidGrant, rejected: []Code{InvalidGrant}},
		{name: "refused without payment", renewed: `401 {"error":"PAYMENT_REQUIRED"}`, is: ErrPaymentRequired},
		{name: "not answered", renewed: `502 <html>`, is: oddAnswer("answer without tokens")},
		{name: "found dead meanwhile", gone: true, is: InvalidGrant},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := &portalWithTokens{renewed: tt.renewed}
			d := serve(t, p.ServeHTTP)
			if tt.gone {
				d.keeper.broken, p.renewed = ErrPairGone, renewedPair
			}
			if err := d.KeepAlive(t.Context(), pair(1, "access-1", InstallerToken)); !errors.Is(err, tt.is) || tt.is == nil && err != nil {
				t.Errorf("error %v, want %v", err, tt.is)
			}
			if diff := cmp.Diff(tt.rejected, d.keeper.rejected); diff != "" {
				t.Errorf("rejected (-want +got):\n%s", diff)
			}
			if log := d.keeper.logged(); len(p.renewals) != 1 || len(log) != 1 || log[0].Method != Renewal || d.keeper.places != 0 {
				t.Errorf("%d renewals, %d places, requests %v", len(p.renewals), d.keeper.places, log)
			}
		})
	}
}

func TestAPairThatAnotherHasRenewedIsNotRenewedAgain(t *testing.T) {
	p := &portalWithTokens{renewed: renewedPair}
	d := serve(t, p.ServeHTTP)
	d.keeper.tokens = []Token{pair(1, "access-2", InstallerToken)}
	if err := d.KeepAlive(t.Context(), pair(1, "access-1", InstallerToken)); err != nil || len(p.renewals) != 0 {
		t.Errorf("%d renewals: %v", len(p.renewals), err)
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

func TestAPairThatIsGoneMeanwhileLeavesTheOthers(t *testing.T) {
	p := &portalWithTokens{byToken: map[string]string{"access-5": yes}, renewed: renewedPair}
	d := serve(t, p.ServeHTTP)
	d.keeper.broken = ErrPairGone
	if err := d.Call(t.Context(), "m", nil, nil); !errors.Is(err, ErrNeedsAuth) {
		t.Errorf("the only pair is gone: %v", err)
	}
	d.keeper.tokens = append(d.keeper.tokens, pair(5, "access-5", AdminToken))
	if err := d.Call(t.Context(), "m", nil, nil); err != nil {
		t.Errorf("one of two pairs is gone: %v", err)
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

func TestAPortalsBareHostSpeaksHTTPSUnlessItIsThisMachine(t *testing.T) {
	for _, tt := range []struct {
		domain   string
		loopback bool
		want     string
	}{
		{"acme.bitrix24.com", true, "https://acme.bitrix24.com"},
		{"box.example:8443", false, "https://box.example:8443"},
		{"127.0.0.1:8081", true, "http://127.0.0.1:8081"},
		{"127.0.0.1:8081", false, "https://127.0.0.1:8081"},
		{"localhost", true, "http://localhost"},
	} {
		var v verified
		v.Install.Domain = Text(tt.domain)
		if got := v.address(tt.loopback); got != tt.want {
			t.Errorf("address of %s = %s, want %s", tt.domain, got, tt.want)
		}
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
