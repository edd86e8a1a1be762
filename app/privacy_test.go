package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"callwise/app/b24/b24sim"
	"callwise/models"

	"github.com/google/go-cmp/cmp"
)

const ofMia = "30901821" // the digits of her number that every spelling has

// about asks for what is stored of a number.
func (r *rig) about(path, number string, more ...string) reply {
	r.t.Helper()
	form := url.Values{"session": {r.session}, "number": {number}}
	for i := 0; i < len(more); i += 2 {
		form.Set(more[i], more[i+1])
	}
	return r.send(r.request(http.MethodPost, "/settings/privacy"+path, formType, form.Encode()))
}

// saysPrivacy waits until the page about one number says all of this.
func (r *rig) saysPrivacy(texts ...string) {
	r.t.Helper()
	r.eventually("the page says "+strings.Join(texts, ", "), func() bool {
		page := r.page("/settings/privacy")
		return !slices.ContainsFunc(texts, func(text string) bool { return !strings.Contains(page, text) })
	})
}

// callsOfMia are two calls of hers in two spellings, and one of somebody else
// whose card names her number.
func callsOfMia(t *testing.T, address string) *rig {
	r := newRig(t, address, classic)
	r.save(url.Values{"default_country": {"DE"}})
	r.switches("cr")
	r.portal.AddContact(b24sim.Contact{Name: "Mia", LastName: "Vogt", Phones: []string{"+4930901821"}})
	other := r.portal.AddContact(b24sim.Contact{Name: "Ben", LastName: "Adler", Phones: []string{"+4930901999"}})
	r.portal.AddDeal(b24sim.Deal{Title: "Ben, called back from 030/901821", ContactIDs: []int64{other}, ResponsibleID: anna})
	r.tell(started("c1", "incoming", "+49 30 90 18 21"), ended("c1", "answered", 5))
	r.tell(started("c2", "incoming", "030/901821"), ended("c2", "missed", 0))
	r.tell(started("c3", "incoming", "+4930901999"), ended("c3", "answered", 7))
	r.finished(3)
	r.eventually("all events are worked on", func() bool { return r.isWorked("c1") && r.isWorked("c2") && r.isWorked("c3") })
	return r
}

func TestEverythingAboutANumberIsErasedAndNothingElse(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := callsOfMia(t, address)
		twin := r.neighbour("other")
		twin.tell(started("c1", "incoming", "+4930901821"), ended("c1", "answered", 5))
		twin.finished(1)
		theirs := twin.page("/calls")
		r.eventually("no job is worked on", func() bool { return len(holds(r.dump(), "state:running")) == 0 })

		if found := r.about("", "+4930901821"); !strings.Contains(found.body, "2 calls") {
			t.Errorf("looked up: %d\n%s", found.status, found.body)
		}
		for _, word := range []string{"", "no", "delete"} {
			if got := r.about("/erase", "+4930901821", "word", word); got.status != http.StatusUnprocessableEntity || !r.allFinished(3) {
				t.Errorf("erased after %q: %d", word, got.status)
			}
		}
		got := r.about("/erase", "0049 (30) 901821", "word", " Erase ")
		if got.status != http.StatusOK || !strings.Contains(got.body, "Callwise erases the number now") {
			t.Errorf("erased: %d\n%s", got.status, got.body)
		}
		r.saysPrivacy("Erased: 2 calls. Also taken out of")
		r.finished(1)
		if left := holds(r.dump(), "901821", "Vogt", "90 18 21"); len(left) != 0 {
			for _, row := range left {
				if !strings.Contains(row, "member") && !r.ofTwin(twin, row) {
					t.Error(row)
				}
			}
		}
		if log := r.page("/calls"); !strings.Contains(log, "Adler") {
			t.Error("another customer's call is gone")
		}
		if diff := cmp.Diff(withoutTimes(theirs), withoutTimes(twin.page("/calls"))); diff != "" {
			t.Errorf("the other portal's log (-before +after):\n%s", diff)
		}
		r.about("/erase", "+4930901821", "word", "erase")
		r.saysPrivacy("Erased: 0 calls.", "Erased: 2 calls.", "Vera Stein")
		if page := twin.page("/settings/privacy"); strings.Contains(page, "Erased") {
			t.Error("the other portal's page tells of an erasure")
		}

		// The PBX repeats what it told, and tells the rest late.
		leads, registered := len(r.portal.Leads()), r.sim.Count("acme", "telephony.externalCall.register")
		r.tell(started("c1", "incoming", "+49 30 90 18 21"), ended("c1", "answered", 5))
		r.eventually("the repeated events are dropped", func() bool { return len(holds(map[string][]string{"events": r.dump()["events"]}, "90 18 21")) == 0 })
		if r.finished(1); len(r.portal.Leads()) != leads || r.sim.Count("acme", "telephony.externalCall.register") != registered {
			t.Error("an erased call was worked on again")
		}
	})
}

// ofTwin reports a row of a dump that is the other portal's.
func (r *rig) ofTwin(twin *rig, row string) bool {
	id := twin.stored().ID
	return regexp.MustCompile(`portal_id"?:\s*` + jsonText(id) + `\b`).MatchString(row)
}

func jsonText(v any) string {
	text, _ := json.Marshal(v) // of a number
	return string(text)
}

var changing = regexp.MustCompile(`(?s)<meta name="session"[^>]*>|name="session" value="[^"]*"|<time.*?</time>|data-[a-z]+="[^"]*"`)

func withoutTimes(page string) string { return changing.ReplaceAllString(page, "") }

func TestACallThatGoesOnIsErasedLater(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		twin := r.neighbour("other")
		r.switches("c")
		r.tell(started("c1", "incoming", "+4930901821"))
		r.registered(1)
		if found := r.about("", "+4930901821"); !strings.Contains(found.body, "They are erased when they are finished") {
			t.Error("the page does not say that a call goes on")
		}
		r.about("/erase", "+4930901821", "word", "erase")
		r.saysPrivacy("Being erased. So far: 0 calls.", "Waits for calls that still go on")
		if again := r.about("/erase", "0049 30 901821", "word", "erase"); !strings.Contains(again.body, "being erased already") || strings.Count(again.body, "Being erased.") != 1 {
			t.Errorf("asked again: %d\n%s", again.status, again.body)
		}
		if page := twin.page("/settings/privacy"); strings.Contains(page, "Being erased") {
			t.Error("the other portal's page tells of an erasure")
		}
		r.tell(ended("c1", "answered", 5))
		r.saysPrivacy("Erased: 1 call.")
		if logged := r.portal.Activities(); len(logged) != 1 || len(r.portal.Leads()) != 1 {
			t.Errorf("%d activities, %d leads: the call lost its number", len(logged), len(r.portal.Leads()))
		}
		if page := r.page("/settings/privacy"); strings.Contains(page, "Being erased") || strings.Contains(page, "hx-trigger=\"every") {
			t.Error("the page goes on looking")
		}
		if left := holds(r.dump(), ofMia); len(left) != 0 {
			t.Errorf("left: %v", left)
		}
	})
}

func TestAsManyNumbersAsMayBeErasedAtATimeAreToldToThePage(t *testing.T) {
	r := newRig(t, "sqlite:"+t.TempDir()+"/callwise.db", classic)
	for i := range models.MostErasures {
		id := fmt.Sprintf("c%d", i)
		r.tell(started(id, "incoming", fmt.Sprintf("+493090182%02d", i)))
		r.eventually("the call is known", func() bool { return r.isWorked(id) })
		if got := r.about("/erase", fmt.Sprintf("+493090182%02d", i), "word", "erase"); got.status != http.StatusOK {
			t.Fatalf("%d: %d", i, got.status)
		}
	}
	got := r.about("/erase", "+4930901999", "word", "erase")
	if got.status != http.StatusConflict || !strings.Contains(got.body, "20 numbers are being erased already") {
		t.Errorf("one more: %d\n%s", got.status, got.body)
	}
}

func TestTheExportOfANumberHoldsAllOfItsCallsAndNobodyElses(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := callsOfMia(t, address)
		r.neighbour("other").tell(started("c9", "incoming", "+4930901821"), ended("c9", "missed", 0))
		got := r.about("/export", "030 901821")
		name := regexp.MustCompile(`^attachment; filename="callwise-number-\d{4}-\d\d-\d\d\.json"$`)
		if got.status != http.StatusOK || !name.MatchString(got.header.Get("Content-Disposition")) || got.header.Get("Content-Type") != "application/json" {
			t.Fatalf("%d %v", got.status, got.header)
		}
		var file struct {
			About struct {
				Number    string   `json:"number"`
				Spellings []string `json:"spellings"`
			} `json:"about"`
			Calls []struct {
				Call, Phone string
				Status      string
				Events      []struct{ Type string }
				Requests    []struct {
					Method string
					Answer json.RawMessage
				}
			} `json:"calls"`
		}
		if err := json.Unmarshal([]byte(got.body), &file); err != nil {
			t.Fatalf("%v\n%s", err, got.body)
		}
		if diff := cmp.Diff([]string{"+4930901821", "4930901821", "030901821", "30901821"}, file.About.Spellings); diff != "" || file.About.Number != "+4930901821" {
			t.Errorf("about %s (-want +got):\n%s", file.About.Number, diff)
		}
		var said []string
		for _, c := range file.Calls {
			said = append(said, c.Call+" "+c.Phone+" "+c.Status)
			if len(c.Events) < 2 || len(c.Requests) < 2 || !slices.ContainsFunc(c.Requests, func(r struct {
				Method string
				Answer json.RawMessage
			}) bool {
				return strings.Contains(string(r.Answer), `"result"`)
			}) {
				t.Errorf("%s: %d events, %d requests", c.Call, len(c.Events), len(c.Requests))
			}
		}
		slices.Sort(said)
		if diff := cmp.Diff([]string{"pbx:c1 +49 30 90 18 21 answered", "pbx:c2 030/901821 missed"}, said); diff != "" {
			t.Errorf("calls (-want +got):\n%s", diff)
		}
		// Not fewer digits: the answers of a portal have times with many.
		if strings.Contains(got.body, "30901999") || strings.Contains(got.body, "pbx:c9") {
			t.Error("it holds somebody else's")
		}
		if page := r.page("/settings/privacy"); !strings.Contains(page, "Handed out: 2 calls") || strings.Contains(page, ofMia) {
			t.Error("the page does not say who asked, or says about whom")
		}
		if none := r.about("/export", "+4930905555"); none.status != http.StatusOK || !strings.HasSuffix(none.body, `,"calls":[]}`+"\n") {
			t.Errorf("of a stranger: %d %s", none.status, none.body)
		}
	})
}

func TestAHiddenNumberIsNobodys(t *testing.T) {
	r := newRig(t, "sqlite:"+t.TempDir()+"/callwise.db", classic)
	for _, path := range []string{"", "/export", "/erase"} {
		got := r.about(path, "anonymous", "word", "erase")
		if got.status != http.StatusUnprocessableEntity || !strings.Contains(got.body, "Enter a telephone number") {
			t.Errorf("%s: %d", path, got.status)
		}
	}
	for _, path := range []string{"/export", "/erase"} {
		status, page := r.do(http.MethodPost, r.url+"/settings/privacy"+path, url.Values{"word": {"erase"}}, r.session)
		if status != http.StatusUnprocessableEntity || !strings.Contains(page, "Enter a telephone number") {
			t.Errorf("%s of no number at all: %d", path, status)
		}
	}
}
