package main

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"callwise/app/b24/b24sim"
)

// limitedRig is a program whose limits' clock stands still until it is moved.
func limitedRig(t *testing.T, address string) (r *rig, pass func(time.Duration)) {
	t.Helper()
	r = bareRig(t, address, classic)
	pass = r.limitsStandStill()
	r.start()
	r.install()
	return r, pass
}

// limitsStandStill stops the clock that the limits of the program to be started
// go by, and returns what moves it on.
func (r *rig) limitsStandStill() (pass func(time.Duration)) {
	begun, passed := time.Now(), atomic.Int64{}
	r.tune = func(h *house) {
		h.pages.Now = func() time.Time { return begun.Add(time.Duration(passed.Load())) }
	}
	return func(d time.Duration) { passed.Add(int64(d)) }
}

// from sends a request on behalf of an address, as a proxy does.
func (r *rig) from(address string, request *http.Request) reply {
	r.t.Helper()
	request.Header.Set("X-Forwarded-For", address)
	return r.send(request)
}

// until sends again and again until an answer has the status, at most so often,
// and says how often it had another.
func until(t *testing.T, status, most int, send func() reply) (others int, last reply) {
	t.Helper()
	for others < most {
		if last = send(); last.status == status {
			return others, last
		}
		others++
	}
	t.Fatalf("%d answers, none of them %d; the last is %d", others, status, last.status)
	return 0, last
}

func TestAnAddressThatProvesNothingIsSlowedDownAndNobodyElse(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r, pass := limitedRig(t, address)
		forged := func() *http.Request {
			frame := r.frame(admin, "DEFAULT")
			frame.Form.Set("AUTH_ID", rand.Text())
			return r.request(http.MethodPost, frame.URL, formType, frame.Form.Encode())
		}
		event := func(token string) *http.Request {
			form := r.lifecycle("ONSOMETHINGNEW", 0, nil)
			if token != "" {
				form.Set("auth[application_token]", token)
			}
			return r.request(http.MethodPost, "/b24/events", formType, form.Encode())
		}
		installation := func() *http.Request {
			form := r.lifecycle("ONAPPINSTALL", 0, nil)
			form.Set("auth[application_token]", "made-up")
			form.Set("auth[access_token]", "made-up")
			return r.request(http.MethodPost, "/b24/install", formType, form.Encode())
		}
		for name, tt := range map[string]struct {
			address string
			send    func() *http.Request
		}{
			"forged frames":        {"203.0.113.1", forged},
			"forged events":        {"203.0.113.2", func() *http.Request { return event("made-up") }},
			"forged installations": {"203.0.113.3", installation},
			"wrong keys":           {"203.0.113.4", func() *http.Request { return r.telling("wrong", "{}") }},
			"no keys":              {"2001:db8::4", func() *http.Request { return r.telling("", "{}") }},
		} {
			others, last := until(t, http.StatusTooManyRequests, 100, func() reply { return r.from(tt.address, tt.send()) })
			if wait := last.header.Get("Retry-After"); others != 60 || wait != "2" {
				t.Errorf("%s: refused after %d, Retry-After %q", name, others, wait)
			}
		}
		asked := r.sim.Count("", "app.info")
		for _, request := range []*http.Request{forged(), installation()} {
			if got := r.from("203.0.113.1", request); request.URL.Path == "/b24/app" && got.status != http.StatusTooManyRequests {
				t.Errorf("another forged frame: %d", got.status)
			}
		}
		if got := r.from("203.0.113.3", installation()); got.status != http.StatusTooManyRequests || r.sim.Count("", "app.info") != asked {
			t.Errorf("a forged installation above the limit: %d; the authorization server was asked %d times more", got.status, r.sim.Count("", "app.info")-asked)
		}
		if page := r.from("203.0.113.1", forged()).body; !strings.Contains(page, "Too many attempts") {
			t.Errorf("the page does not say why:\n%s", page)
		}
		// Bitrix24 sends all portals' events from a few addresses and none twice.
		if got := r.from("203.0.113.2", event("")); got.status != http.StatusOK {
			t.Errorf("a genuine event from that address: %d", got.status)
		}
		// A PBX may share its address with a stranger: its key was good lately.
		r.tell(started("c1", "internal", "105"))
		if got := r.from("203.0.113.4", r.telling(r.key, events(1))); got.status != http.StatusAccepted {
			t.Errorf("a genuine key from that address: %d", got.status)
		}
		for name, other := range map[string]string{
			"another address": "203.0.113.99", "what the sender says before its proxy": "203.0.113.98, 203.0.113.97",
			"another network": "2001:db8:0:1::4", "a proxy that does not tell": "",
		} {
			if got := r.from(other, r.telling("wrong", "{}")); got.status != http.StatusUnauthorized {
				t.Errorf("%s: %d", name, got.status)
			}
		}
		for name, same := range map[string]string{
			"a forged beginning": "198.51.100.1, 203.0.113.4", "behind two proxies": "203.0.113.4, 10.0.0.7", "the same network": "2001:db8::5",
		} {
			if got := r.from(same, r.telling("wrong", "{}")); got.status != http.StatusTooManyRequests {
				t.Errorf("%s: %d", name, got.status)
			}
		}
		pass(2 * time.Second)
		if got := r.from("203.0.113.4", r.telling("wrong", "{}")); got.status != http.StatusUnauthorized {
			t.Errorf("after Retry-After: %d", got.status)
		}
		if page := r.send(r.request(http.MethodGet, "/metrics", "", "")).body; !strings.Contains(page, `callwise_requests_refused_total{limit="address"}`) {
			t.Error("what was refused is not counted")
		}
	})
}

func TestNobodyIsBelievedWhoIsNoProxy(t *testing.T) {
	r := bareRig(t, "sqlite:"+t.TempDir()+"/callwise.db", classic)
	r.config.Proxies = nil
	r.limitsStandStill()
	r.start()
	n := 0
	others, _ := until(t, http.StatusTooManyRequests, 100, func() reply {
		n++
		return r.from(fmt.Sprintf("203.0.113.%d", n), r.telling("wrong", "{}"))
	})
	if others != 60 {
		t.Errorf("refused after %d", others)
	}
}

func TestAKeyAndAPortalMayAskSoOften(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r, pass := limitedRig(t, address)
		other := r.neighbour("other")
		bad := func(key string) func() reply { return func() reply { return r.send(r.telling(key, "7")) } }
		keys := []string{r.key}
		for _, name := range []string{"B", "C"} {
			keys = append(keys, keyIn(t, r.post("/settings/keys", url.Values{"name": {name}})))
		}
		for i, want := range []int{1000, 1000, 0} { // the third finds the portal's used up
			others, last := until(t, http.StatusTooManyRequests, 1100, bad(keys[i]))
			if others != want || last.header.Get("Retry-After") != "1" || last.header.Get("Content-Type") != "application/problem+json" || !strings.Contains(last.body, "Retry-After") {
				t.Errorf("key %d: refused after %d, want %d: %v\n%s", i, others, want, last.header, last.body)
			}
		}
		if got := r.with(keys[2], http.MethodGet, "/pbx/v1/customers?phone=1"); got.status != http.StatusTooManyRequests {
			t.Errorf("customers: %d", got.status)
		}
		if got := r.with(keys[2], http.MethodPut, "/pbx/v1/calls/c1/recording"); got.status != http.StatusTooManyRequests {
			t.Errorf("uploads: %d", got.status)
		}
		if got := other.send(other.telling(other.key, events(1))); got.status != http.StatusAccepted {
			t.Errorf("another portal: %d", got.status)
		}
		pass(time.Second)
		if got := r.send(r.telling(keys[2], events(1))); got.status != http.StatusAccepted {
			t.Errorf("a second later: %d %s", got.status, got.body)
		}
	})
}

func TestWhoProvesNothingDoesNotFloodTheAuthorizationServerAtOnce(t *testing.T) {
	r, _ := limitedRig(t, "sqlite:"+t.TempDir()+"/callwise.db")
	slow := r.sim.Inject(b24sim.Fault{Method: "oauth/app.info", Times: -1, Act: b24sim.Hold})
	defer slow.Release()
	asked := r.sim.Count("", "app.info")
	const attempts, may = 100, 60
	answers := make(chan int, attempts)
	for range attempts {
		frame := r.frame(admin, "DEFAULT")
		frame.Form.Set("AUTH_ID", rand.Text())
		request := r.request(http.MethodPost, frame.URL, formType, frame.Form.Encode())
		request.Header.Set("X-Forwarded-For", "203.0.113.1")
		go func() {
			answer, err := http.DefaultClient.Do(request)
			if err != nil {
				t.Error(err)
				answers <- 0
				return
			}
			answer.Body.Close()
			answers <- answer.StatusCode
		}()
	}
	expect := func(n, want int) {
		t.Helper()
		for range n {
			select {
			case status := <-answers:
				if status != want {
					t.Errorf("%d, want %d", status, want)
				}
			case <-time.After(20 * time.Second):
				t.Fatalf("fewer than %d are answered", n)
			}
		}
	}
	expect(attempts-may, http.StatusTooManyRequests)
	slow.Remove()
	slow.Release()
	expect(may, http.StatusForbidden)
	if n := r.sim.Count("", "app.info") - asked; n > may {
		t.Errorf("the authorization server was asked %d times", n)
	}
}
