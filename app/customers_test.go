package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"callwise/app/b24/b24sim"
	"callwise/app/callflow"
)

const (
	searchCustomers = "telephony.externalCall.searchCrmEntities"
	whoIs           = "/pbx/v1/customers?phone="
	mias            = "%2B4930901821"
)

// asksWho is a PBX that asks who calls.
func (r *rig) asksWho(phone string) reply {
	r.t.Helper()
	return r.with(r.key, http.MethodGet, whoIs+phone)
}

// searched is in how many requests the portal was asked whose number it is.
func (r *rig) searched() int {
	n := 0
	for _, request := range r.sim.Requests() {
		if request.Portal == r.portal.Name() && slices.Contains(request.Commands, strings.ToLower(searchCustomers)) {
			n++
		}
	}
	return n
}

func (r *rig) addMia() {
	r.portal.AddContact(b24sim.Contact{Name: "Mia", Phones: []string{"+4930901821"}, ResponsibleID: omar})
}

func TestWhoCallsIsAskedOnceAndRememberedForAWhile(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := bareRig(t, address, classic)
		r.tune = func(h *house) { h.flow.Lookups = callflow.NewLookups(500 * time.Millisecond) }
		r.start()
		r.install()
		r.addMia()
		want := `{"known":true,"name":"Mia","entities":[{"type":"contact","id":` + fmt.Sprint(r.portal.Contacts()[0].ID) +
			`,"title":"Mia"}],"responsible":{"user_id":18,"extension":"105","on_duty":true}}`
		for range 3 {
			if got := r.asksWho(mias); got.status != http.StatusOK || strings.TrimSpace(got.body) != want {
				t.Fatalf("%d %s, want %s", got.status, got.body, want)
			}
		}
		if n := r.searched(); n != 1 {
			t.Errorf("the portal was asked %d times, want once", n)
		}
		r.eventually("asked again when the answer is old", func() bool {
			r.asksWho(mias)
			return r.searched() == 2
		})
	})
}

func TestQuestionsForOneNumberShareOneRequestThoughTheFirstWhoAskedGoesAway(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		r.addMia()
		fault := r.sim.Inject(b24sim.Fault{Method: searchCustomers, Times: -1, Act: b24sim.Hold})
		ctx, leave := context.WithCancel(t.Context())
		first := r.request(http.MethodGet, whoIs+mias, "", "").WithContext(ctx)
		first.Header.Set("Authorization", "Bearer "+r.key)
		var asking sync.WaitGroup
		asking.Go(func() {
			if answer, err := http.DefaultClient.Do(first); err == nil {
				t.Errorf("the first got %d", answer.StatusCode)
			}
		})
		<-fault.Reached()
		answers := make(chan reply, 8)
		for range cap(answers) {
			asking.Go(func() { answers <- r.asksWho(mias) })
		}
		leave()
		fault.Release()
		asking.Wait()
		for range cap(answers) {
			if got := <-answers; got.status != http.StatusOK || !strings.Contains(got.body, "Mia") {
				t.Errorf("%d %s", got.status, got.body)
			}
		}
		if n := r.searched(); n != 1 {
			t.Errorf("the portal was asked %d times, want once", n)
		}
	})
}

func TestThePlusOfANumberThatIsAskedAboutNeedNotBeEncoded(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		r.set("default_country", "DE")
		r.portal.AddContact(b24sim.Contact{Name: "Kai", Phones: []string{"+4933142685300"}}) // that without the plus
		r.portal.AddContact(b24sim.Contact{Name: "Zoé", Phones: []string{"+33142685300"}})
		r.addMia()
		for asked, name := range map[string]string{
			"+33142685300": "Zoé", "%2B33142685300": "Zoé", "+33+1+42+68+53+00": "Zoé", "%20030901821": "Mia", "030+901821": "Mia",
		} {
			if got := r.asksWho(asked); !strings.Contains(got.body, `"name":"`+name+`"`) {
				t.Errorf("%s: %d %s, want %s", asked, got.status, got.body, name)
			}
		}
	})
}

func TestAFailureIsNotRemembered(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		r.addMia()
		r.sim.Inject(b24sim.Fault{Method: searchCustomers, Act: b24sim.Refuse, Status: 403, Code: "ACCESS_DENIED"})
		if got := r.asksWho(mias); got.status != http.StatusBadGateway {
			t.Errorf("%d %s", got.status, got.body)
		}
		if got := r.asksWho(mias); got.status != http.StatusOK || !strings.Contains(got.body, "Mia") {
			t.Errorf("%d %s", got.status, got.body)
		}
	})
}

func TestAPortalThatDoesNotSayWhoCallsLeavesNobodyWaiting(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		for _, tt := range []struct {
			name   string
			fault  b24sim.Fault
			status int
			detail string
		}{
			{"no answer", b24sim.Fault{Act: b24sim.Hold}, 504, "did not answer in time"},
			{"a full bucket", b24sim.QueryLimit("acme", ""), 503, "no more requests"},
			{"error pages", b24sim.Fault{Act: b24sim.ServerError}, 502, "did not give an answer"},
		} {
			tt.fault.Method, tt.fault.Times = searchCustomers, -1
			fault := r.sim.Inject(tt.fault)
			begun := time.Now()
			got := r.asksWho(mias)
			if got.status != tt.status || got.header.Get("Content-Type") != "application/problem+json" || !strings.Contains(got.body, tt.detail) {
				t.Errorf("%s: %d %s", tt.name, got.status, got.body)
			}
			if took := time.Since(begun); took > 5*time.Second {
				t.Errorf("%s: answered after %v", tt.name, took)
			}
			fault.Remove()
		}
		if got := r.asksWho(strings.Repeat("1", 65)); got.status != http.StatusUnprocessableEntity {
			t.Errorf("a number of 65 digits: %d", got.status)
		}
	})
}

func TestWhatOnePortalKnowsOfANumberIsNotToldToAnother(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		other := r.neighbour("other")
		r.addMia()
		if got := r.asksWho(mias); !strings.Contains(got.body, "Mia") {
			t.Errorf("%d %s", got.status, got.body)
		}
		if got := other.asksWho(mias); got.status != http.StatusOK || strings.Contains(got.body, "Mia") {
			t.Errorf("the other portal's PBX: %d %s", got.status, got.body)
		}
		if r.searched() != 1 || other.searched() != 1 {
			t.Errorf("asked %d and %d times, want once each", r.searched(), other.searched())
		}
	})
}

func TestNobodyIsRememberedOfAPortalThatRemovedTheApp(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		r.addMia()
		r.asksWho(mias)
		r.portal.Uninstall(false)
		r.deliver()
		if got := r.asksWho(mias); got.status != http.StatusUnauthorized {
			t.Errorf("after the removal: %d %s", got.status, got.body)
		}
		before := r.searched()
		frame, err := r.portal.StartInstall(admin)
		if err != nil {
			t.Fatal(err)
		}
		r.open(frame)
		r.portal.FinishInstall()
		r.deliver()
		r.session = sessionIn(t, r.open(r.frame(admin, "DEFAULT")))
		r.key = keyIn(t, r.post("/settings/keys", url.Values{"name": {"Test PBX"}}))
		if got := r.asksWho(mias); !strings.Contains(got.body, "Mia") || r.searched() != before+1 {
			t.Errorf("%d %s, asked %d times more", got.status, got.body, r.searched()-before)
		}
	})
}

func TestWhoCallsIsKnownByEverySpellingThatTheCRMMayHave(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		for i, spelling := range []string{"+49 30 901831", "49 30 901832", "030 901833", "30901834"} {
			id := r.portal.AddContact(b24sim.Contact{Name: "Mia", Phones: []string{spelling}, ResponsibleID: omar})
			asked := r.sim.Count("acme", "")
			got := r.asksWho(fmt.Sprintf("%%2B4930901%d", 831+i))
			if !strings.Contains(got.body, fmt.Sprintf(`"entities":[{"type":"contact","id":%d,"title":"Mia"}]`, id)) {
				t.Errorf("stored as %q: %d %s", spelling, got.status, got.body)
			}
			if n := r.sim.Count("acme", "") - asked; n != 1 {
				t.Errorf("%d requests, want one", n)
			}
		}
	})
}
