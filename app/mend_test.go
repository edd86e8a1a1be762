package main

import (
	"fmt"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"callwise/app/b24/b24sim"
	"callwise/app/call"
	"callwise/app/crm"
	"callwise/app/rules"
	"callwise/models"

	"github.com/google/go-cmp/cmp"
)

// mend presses a button of the dialog about a call, as the form does.
func (r *rig) mend(id, what string, form url.Values) string {
	r.t.Helper()
	return r.post(fmt.Sprintf("/calls/%d/%s", r.row(id).ID, what), form)
}

// troubled waits until a call needs attention for that reason.
func (r *rig) troubled(id string, want models.Attention) {
	r.t.Helper()
	r.eventually(id+" needs attention", func() bool {
		c := r.row(id)
		return c != nil && c.Attention == want
	})
}

func says(t *testing.T, page string, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if !strings.Contains(page, text) {
			t.Errorf("the page does not say %q:\n%s", text, page)
		}
	}
}

// A second finish does no harm: of a call that is finished the statistics tell.
func TestACallWhoseFinishMetAnErrorOfBitrix24sDatabaseIsFinishedAfterAWhile(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		r.switches("c")
		r.sim.Inject(b24sim.Fault{
			Portal: "acme", Method: "telephony.externalCall.finish", Act: b24sim.Refuse, Code: "ERROR_CORE", Text: "Unexpected database error",
		})
		r.tell(started("c1", "incoming", "+4930901820"), answered("c1", "104"), ended("c1", "answered", 5))
		r.retrying("c1")
		if got := r.row("c1"); got.State != models.CallOpen || got.ErrorCode != "ERROR_CORE" {
			t.Errorf("the call is %s, %q", got.State, got.ErrorCode)
		}
		r.again("c1")
		r.worked("c1")
		if got := r.row("c1"); got.State != models.CallFinished || len(r.portal.Statistics()) != 1 || len(r.portal.Activities()) != 1 {
			t.Errorf("the call is %s, %d in the statistics", got.State, len(r.portal.Statistics()))
		}
	})
}

func TestAFailedCallThatIsTriedAgainCreatesOneLead(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		r.switches("c")
		fault := r.refusing("telephony.externalCall.register", 403, "ACCESS_DENIED")
		r.tell(started("c1", "incoming", "+4930901821"), ended("c1", "answered", 5))
		r.troubled("c1", models.AttentionFailed)
		says(t, r.dialog("c1", r.session), "This call could not be completed", "ACCESS_DENIED", "Try again now")
		fault.Remove()
		says(t, r.mend("c1", "retry", nil), "The call is being tried again", `id="details"`)
		r.eventually("the call is done", func() bool { return r.row("c1").State == models.CallFinished })
		says(t, r.mend("c1", "retry", nil), "There is nothing left to do")
		r.worked("c1")
		r.leaves(trace{
			Calls:      map[string]outcome{"c1": {State: models.CallFinished, Reason: rules.NewCreated}},
			Statistics: []ending{{anna, "+4930901821", "200", 5}},
			Logged:     [][]crm.Ref{{lead(1)}}, Leads: 1,
		}, "c1")
	})
}

func TestAllFailedCallsAreTriedAgainWithOnePress(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		fault := r.refusing("telephony.externalCall.register", 403, "ACCESS_DENIED")
		for i := range 3 {
			id := fmt.Sprint("c", i)
			r.tell(started(id, "incoming", fmt.Sprint("+493090182", i)), ended(id, "answered", 5))
			r.troubled(id, models.AttentionFailed)
		}
		says(t, r.mend("c2", "settle", url.Values{"attention": {"failed"}}), "Left as it is")
		fault.Remove()
		says(t, r.post("/calls/retry", nil), "2 calls are being tried again")
		r.eventually("two calls are done", func() bool { return len(r.portal.Statistics()) == 2 })
		if state := r.row("c2").State; state != models.CallFailed {
			t.Errorf("the settled call is %s", state)
		}
		says(t, r.post("/calls/retry", nil), "0 calls are being tried again")
	})
}

func TestARefusedCreationIsTriedAgainByWhatTheCRMKnowsNow(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		for name, known := range map[string]bool{"still unknown": false, "a lead came meanwhile": true} {
			t.Run(name, func(t *testing.T) {
				r := newRig(t, freshDatabase(t), classic)
				r.switches("cob")
				fault := r.refusing("crm.lead.add", 400, "ACCESS_DENIED")
				click := r.portal.StartCall(b24sim.BuiltinCall{Incoming: true, Phone: "+4930901860", Line: "4930901800", UserID: anna})
				click.End("200", 5)
				r.deliver()
				r.troubled(click.ID, models.AttentionCreate)
				if known {
					r.portal.AddLead(b24sim.Lead{Title: "By hand", Phones: []string{"+4930901860"}})
				}
				fault.Remove()
				r.mend(click.ID, "retry", nil)
				r.eventually("the call is logged", func() bool { return len(r.row(click.ID).Progress.Bound) > 0 })
				if n := len(r.portal.Leads()); n != 1 {
					t.Errorf("%d leads", n)
				}
				if got := r.row(click.ID).Attention; got != models.NoAttention {
					t.Errorf("attention %q", got)
				}
			})
		}
	})
}

func TestACardThatRefusedTheCallIsTriedAgain(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		known := r.mia("+4930901821")
		locked := lead(r.portal.AddLead(b24sim.Lead{Title: "One", Phones: []string{"+4930901821"}}))
		r.sim.Inject(b24sim.Fault{Portal: "acme", Method: "crm.activity.binding.add", Act: b24sim.Refuse, Code: "ACCESS_DENIED"})
		r.tell(started("c1", "incoming", "+4930901821"), ended("c1", "answered", 5))
		r.troubled("c1", models.AttentionBind)
		r.mend("c1", "retry", nil)
		r.eventually("both cards have the call", func() bool { return len(r.row("c1").Progress.Bound) == 2 })
		r.worked("c1")
		r.logged(locked, known)
		if got := r.row("c1"); got.Attention != models.NoAttention || len(got.Progress.Notes) != 0 {
			t.Errorf("attention %q, notes %v", got.Attention, got.Progress.Notes)
		}
	})
}

func TestACallLoggedAsMissedIsFinishedOnceAlthoughItsEndComesLater(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		known := r.mia("+4930901821")
		r.tell(started("c1", "incoming", "+4930901821"))
		r.registered(1)
		says(t, r.mend("c1", "missed", nil), "ended as not answered")
		r.finished(1)
		says(t, r.mend("c1", "missed", nil), "There is nothing left to do")
		r.tell(ended("c1", "missed", 0))
		r.worked("c1")
		r.leaves(trace{
			Calls:      map[string]outcome{"c1": {State: models.CallFinished, Reason: rules.KnownCreateOff}},
			Statistics: []ending{{anna, "+4930901821", "304", 0}},
			Logged:     [][]crm.Ref{{known}},
		}, "c1")
		if n := r.sim.Count("acme", "telephony.externalCall.finish"); n != 1 {
			t.Errorf("finished %d times", n)
		}
	})
}

func TestACallThatWasAnsweredIsNotLoggedAsMissed(t *testing.T) {
	r := newRig(t, "sqlite:"+t.TempDir()+"/callwise.db", classic)
	r.tell(started("c1", "incoming", "+4930901821"), answered("c1", "104"))
	r.registered(1)
	r.eventually("the answer is known", func() bool { c := r.row("c1"); return c != nil && c.Status == call.StatusAnswered })
	says(t, r.mend("c1", "missed", nil), "There is nothing left to do")
	if n := r.portal.Snapshot().Unfinished; n != 1 {
		t.Errorf("%d calls go on, want 1", n)
	}
}

func TestAnExtensionIsMappedForThisCallAndForAllThatWaited(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		for _, id := range []string{"c1", "c2"} {
			r.tell(with(started(id, "incoming", "+4930901821"), "extensions", []string{"109"}), with(ended(id, "answered", 5), "extension", "109"))
			r.troubled(id, models.AttentionUser)
			r.worked(id)
		}
		page := r.dialog("c1", r.session)
		says(t, page, "Nobody has extension 109", `<option value="18">Omar Haddad 105</option>`)
		for _, user := range []string{"", "999", "x"} {
			status, page := r.do(http.MethodPost, fmt.Sprintf("%s/calls/%d/extension", r.url, r.row("c1").ID), url.Values{"user": {user}}, r.session)
			if status != http.StatusUnprocessableEntity || !strings.Contains(page, "Choose from the list") {
				t.Errorf("user %q: %d", user, status)
			}
		}
		before := r.stored().SettingsVersion
		says(t, r.mend("c1", "extension", url.Values{"user": {"18"}}), "Saved. 2 calls in this log")
		says(t, r.mend("c1", "extension", url.Values{"user": {"18"}}), "Saved. 0 calls in this log")
		for _, id := range []string{"c1", "c2"} {
			if got := r.row(id); got.UserID != omar || got.Attention != models.NoAttention {
				t.Errorf("%s: user %d, attention %q", id, got.UserID, got.Attention)
			}
		}
		says(t, r.mend("c1", "extension", url.Values{"user": {"17"}}), "There is nothing left to do")
		portal := r.stored()
		if portal.Settings.Extensions["109"] != omar || portal.SettingsVersion != before+1 {
			t.Errorf("extensions %v, version %d, want %d", portal.Settings.Extensions, portal.SettingsVersion, before+1)
		}
		version, err := r.house.store.SettingsAt(t.Context(), portal.ID, portal.SettingsVersion)
		if err != nil || version.UserID != admin {
			t.Errorf("saved by %d: %v", version.UserID, err)
		}
	})
}

func TestTheCardOfWhatWasCreatedIsChosenAndChoosingAgainChangesNothing(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		r.switches("crb")
		r.mia("+4930901821")
		firm := r.portal.AddCompany(b24sim.Company{Title: "Stein GmbH", Phones: []string{"+4930901821"}})
		employer := r.portal.AddCompany(b24sim.Company{Title: "Mill", Phones: []string{"+4930901877"}})
		for _, company := range []int64{employer, firm} {
			r.portal.AddContact(b24sim.Contact{Name: "Mia", Phones: []string{"+4930901821"}, CompanyIDs: []int64{company}})
		}
		r.portal.AddDeal(b24sim.Deal{Title: "Roof", StageID: "WON", CompanyID: employer, ContactIDs: []int64{2}})
		r.tell(started("c1", "incoming", "+4930901821"), ended("c1", "answered", 5))
		r.troubled("c1", models.AttentionCard)
		r.worked("c1")
		says(t, r.dialog("c1", r.session), "Several cards have this number", `value="contact:2"`, "Stein GmbH")
		status, _ := r.do(http.MethodPost, fmt.Sprintf("%s/calls/%d/card", r.url, r.row("c1").ID), url.Values{"card": {"contact:77"}}, r.session)
		if status != http.StatusUnprocessableEntity {
			t.Errorf("a stranger's card: %d", status)
		}
		clients := func() [2]int64 { l := r.portal.Leads()[0]; return [2]int64{l.ContactID, l.CompanyID} }
		for range 2 {
			says(t, r.mend("c1", "card", url.Values{"card": {"contact:2"}}), "The link is moved")
			if got := clients(); got != [2]int64{2, 0} {
				t.Errorf("contact and company %v: the employer does not carry the number", got)
			}
		}
		r.mend("c1", "card", url.Values{"card": {"contact:3"}})
		if got := clients(); got != [2]int64{3, firm} {
			t.Errorf("contact and company %v: the company carries the number", got)
		}
		r.mend("c1", "card", url.Values{"card": {fmt.Sprint("company:", firm)}})
		if got := clients(); got != [2]int64{0, firm} {
			t.Errorf("contact and company %v", got)
		}
		got := r.row("c1")
		if got.Attention != models.NoAttention || len(r.portal.Leads()) != 1 {
			t.Errorf("attention %q, %d leads", got.Attention, len(r.portal.Leads()))
		}
		if diff := cmp.Diff(&crm.Ref{Type: crm.TypeCompany, ID: firm}, got.Progress.Card); diff != "" {
			t.Errorf("card (-want +got):\n%s", diff)
		}
		r.refusing("crm.item.update", 400, "ACCESS_DENIED")
		status, page := r.do(http.MethodPost, fmt.Sprintf("%s/calls/%d/card", r.url, got.ID), url.Values{"card": {"contact:1"}}, r.session)
		if status != http.StatusUnprocessableEntity || !strings.Contains(page, "ACCESS_DENIED") {
			t.Errorf("refused by Bitrix24: %d", status)
		}
	})
}

func TestACallThatEndedWithoutADecisionIsHandledAnew(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		r.switches("c")
		fault := r.refusing("crm.duplicate.findbycomm", 403, "ACCESS_DENIED")
		r.tell(started("c1", "incoming", "+4930901821"), ended("c1", "answered", 5))
		r.eventually("the call is finished undecided", func() bool {
			c := r.row("c1")
			return c != nil && c.State == models.CallFinished && c.DecidedAt == nil
		})
		r.worked("c1")
		fault.Remove()
		says(t, r.dialog("c1", r.session), "Handle this call anew")
		r.mend("c1", "replay", nil)
		r.eventually("the call is logged", func() bool { return len(r.row("c1").Progress.Bound) == 1 })
		says(t, r.mend("c1", "replay", nil), "There is nothing left to do")
		r.worked("c1")
		if got := r.row("c1"); got.Reason != rules.NewCreated || len(r.portal.Leads()) != 1 || len(r.portal.Statistics()) != 1 {
			t.Errorf("reason %s, %d leads, %d calls", got.Reason, len(r.portal.Leads()), len(r.portal.Statistics()))
		}
	})
}

func TestSettlingIsAboutWhatWasSeen(t *testing.T) {
	r := newRig(t, "sqlite:"+t.TempDir()+"/callwise.db", classic)
	r.tell(with(started("c1", "incoming", "+4930901821"), "extensions", []string{"109"}), with(ended("c1", "answered", 5), "extension", "109"))
	r.troubled("c1", models.AttentionUser)
	r.worked("c1")
	says(t, r.mend("c1", "settle", url.Values{"attention": {"failed"}}), "There is nothing left to do")
	says(t, r.mend("c1", "settle", nil), "There is nothing left to do")
	says(t, r.mend("c1", "settle", url.Values{"attention": {"unmapped"}}), "Left as it is")
	says(t, r.mend("c1", "settle", url.Values{"attention": {"unmapped"}}), "There is nothing left to do")
	if got := r.row("c1").Attention; got != models.NoAttention {
		t.Errorf("attention %q", got)
	}
}

// dialog is the page about a call, for whoever has that session.
func (r *rig) dialog(id, session string) string {
	r.t.Helper()
	status, page := r.do(http.MethodGet, fmt.Sprintf("%s/calls/%d", r.url, r.row(id).ID), nil, session)
	if status != http.StatusOK {
		r.t.Fatalf("call %s: %d\n%s", id, status, page)
	}
	return page
}

var linkTag = regexp.MustCompile(`id="call-link" readonly value="([^"]+)"`)

func TestALinkIntoThePortalOpensTheCallOfThatPortalOnly(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		r.tell(started("c1", "incoming", "+4930901821"), ended("c1", "answered", 5))
		r.finished(1)
		other := r.neighbour("other")
		link, err := url.Parse(html.UnescapeString(match(t, "link", linkTag, r.dialog("c1", r.session))))
		if err != nil {
			t.Fatal(err)
		}
		if want := "/acme/marketplace/view/" + r.stored().AppCode + "/"; link.Path != want {
			t.Errorf("link to %s, want %s", link.Path, want)
		}
		id := link.Query().Get("params[call]")
		for _, tt := range []struct {
			name   string
			of     *rig
			user   int64
			place  string
			call   string
			status int
			says   string
		}{
			{"the link", r, admin, "REST_APP_URI", id, 200, `id="details-title"`},
			{"the link, for an employee", r, anna, "REST_APP_URI", id, 200, `id="details-title"`},
			{"the app opened with it", r, admin, "DEFAULT", id, 200, `id="details-title"`},
			{"the address without a call", r, anna, "REST_APP_URI", "", 200, `<h1>Call log</h1>`},
			{"a call of another portal", other, admin, "REST_APP_URI", id, 404, `id="tab-calls"`},
			{"nonsense", r, admin, "REST_APP_URI", "1 or 1", 404, `id="tab-calls"`},
		} {
			options := map[string]string{"URI": "/marketplace/view/x/"}
			if tt.call != "" {
				options["call"] = tt.call
			}
			frame, err := tt.of.portal.OpenFrame(tt.user, tt.place, options)
			if err != nil {
				t.Fatal(err)
			}
			got := r.postFrame(frame)
			if got.status != tt.status || !strings.Contains(got.body, tt.says) {
				t.Errorf("%s: %d\n%s", tt.name, got.status, got.body)
			}
		}
	})
}

func TestACallThatWasLeftOutIsHandledAnewOnce(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		r.switches("c")
		fault := r.refusing("telephony.externalCall.register", 403, "ACCESS_DENIED")
		r.tell(started("c1", "incoming", "+4930901821"), ended("c1", "answered", 5))
		r.troubled("c1", models.AttentionFailed)
		r.worked("c1")
		out := r.row("c1")
		out.State, out.ErrorCode = models.CallIgnored, ""
		if err := r.house.store.SaveCall(t.Context(), out); err != nil {
			t.Fatal(err)
		}
		fault.Remove()
		says(t, r.dialog("c1", r.session), "This call is ignored", "Handle this call anew")
		says(t, r.mend("c1", "replay", nil), "The call is being handled anew")
		r.eventually("the call is done", func() bool { return r.row("c1").State == models.CallFinished })
		says(t, r.mend("c1", "replay", nil), "There is nothing left to do")
		r.worked("c1")
		r.leaves(trace{
			Calls:      map[string]outcome{"c1": {State: models.CallFinished, Reason: rules.NewCreated}},
			Statistics: []ending{{anna, "+4930901821", "200", 5}},
			Logged:     [][]crm.Ref{{lead(1)}}, Leads: 1,
		}, "c1")
	})
}
