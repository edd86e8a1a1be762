package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"callwise/app/b24/b24sim"
	"callwise/models"

	"github.com/google/go-cmp/cmp"
	"gorm.io/gorm"
)

func TestWhatBitrix24CreatesForAClickIsTheCallsOwnLead(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		r.switches("corb")
		id := r.click(b24sim.Click{UserID: omar, Phone: "+4930901820", Line: "callwise"})
		r.tell(started("p7", "outgoing", "+4930901820", map[string]any{"bitrix24_call_id": id}), ended("p7", "answered", 5))
		r.finished(1)
		leads := r.portal.Leads()
		if len(leads) != 1 || leads[0].OriginatorID != "" {
			t.Fatalf("leads = %+v, want Bitrix24's own", leads)
		}
		r.logged(lead(leads[0].ID))
		r.logSays("This number was not in the CRM, so a new lead was created.", "#"+fmt.Sprint(leads[0].ID))
	})
}

// decision.md B.1, B.5-17: the lead carries the number and does not name the contact
// that was made of it.
func TestAClickedContactIsTheCustomerEvenIfTheLeadItWasMadeOfDoesNotNameIt(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		r.switches("corb")
		junk := r.portal.AddLead(b24sim.Lead{Title: "Form", StatusID: "JUNK", Phones: []string{"+4930901829"}})
		mia := r.portal.AddContact(b24sim.Contact{Name: "Mia", LeadID: junk})
		id := r.click(b24sim.Click{UserID: omar, Phone: "+4930901829", Line: "callwise", Entity: contact(mia)})
		r.tell(started("p7", "outgoing", "+4930901829", map[string]any{"bitrix24_call_id": id}), ended("p7", "answered", 5))
		r.finished(1)
		leads := r.portal.Leads()
		if len(leads) != 2 || leads[1].ContactID != mia || !leads[1].ReturnCustomer {
			t.Fatalf("leads = %+v, want a repeated one of the contact", leads)
		}
		r.logged(lead(leads[1].ID), contact(mia))
	})
}

func TestACallbackGoesToTheCardsOwner(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		r.switches("crb")
		made := r.portal.AddLead(b24sim.Lead{Title: "Form", Phones: []string{"+4930901829"}, ResponsibleID: omar})
		r.portal.OrderCallback(b24sim.Callback{Phone: "+4930901829", Entity: lead(made), Line: "4930901820"})
		r.eventually("command", func() bool { return len(r.pbx.taken()) == 1 })
		if got := r.pbx.taken()[0]["extension"]; got != "105" {
			t.Errorf("extension = %v, want the owner's", got)
		}
	})
}

func TestAClickThatThePBXDoesNotTakeEndsAsFailedSoThatNoCardHangs(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := bareRig(t, address, classic)
		r.tune = func(h *house) { h.flow.CommandWindow = time.Second }
		r.start()
		r.install()
		r.pbx.mu.Lock()
		r.pbx.refuse = true
		r.pbx.mu.Unlock()
		r.portal.AddContact(b24sim.Contact{Name: "Mia", Phones: []string{"+4930901821"}})
		click := r.portal.Click(b24sim.Click{UserID: omar, Phone: "+4930901821"})
		r.finished(1)
		if cards := r.portal.Cards(); len(cards) != 0 {
			t.Errorf("cards still shown: %v", cards)
		}
		statistics := r.portal.Statistics()
		if len(statistics) != 1 || statistics[0].Status != "503" {
			t.Errorf("statistics = %+v, want one call that failed", statistics)
		}
		if !strings.Contains(r.dialog(click, r.session), "Cloud PBX did not accept the call order") {
			t.Error("the page does not tell that the PBX did not take the command")
		}
	})
}

// Its command waits until the employee picks up, and longer than the program does.
func TestACallThatIsTalkedOnGoesOnAlthoughThePBXAnswersItsCommandLate(t *testing.T) {
	for _, tt := range []struct {
		name  string
		begin func(r *rig) map[string]any // what the PBX tells of it first
	}{
		{"a click", func(r *rig) map[string]any {
			return clicked("p1", r.portal.Click(b24sim.Click{UserID: omar, Phone: "+4930901821"}), "+4930901821")
		}},
		{"a callback", func(r *rig) map[string]any {
			r.portal.OrderCallback(b24sim.Callback{Phone: "+4930901821", Name: "Noor", Line: "4930901820"})
			return started("p1", "callback", "+4930901821", map[string]any{"extensions": []string{"105"}})
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			eachDatabase(t, func(t *testing.T, address string) {
				r := tuned(t, address, classic, func(h *house) { h.flow.CommandWindow = 0 })
				release := r.pbx.hold(t)
				first := tt.begin(r)
				r.eventually("the PBX has the command", func() bool { return len(r.pbx.tried()) == 1 })
				r.tell(first, answered("p1", "105"))
				r.worked("p1")
				r.pbx.mu.Lock()
				r.pbx.refuse = true
				r.pbx.mu.Unlock()
				release()
				r.eventually("the command is told", func() bool { return r.toTell() == 0 })
				r.worked("p1")
				r.tell(with(ended("p1", "answered", 95), "extension", "105"))
				r.finished(1)
				if got := r.portal.Statistics(); len(got) != 1 || got[0].Status != "200" || got[0].Duration != 95 {
					t.Errorf("%+v, want one call of 95 s", got)
				}
			})
		})
	}
}

// toTell is how many commands the PBX is still to be told.
func (r *rig) toTell() (n int64) {
	r.t.Helper()
	if err := r.house.store.Transaction(r.t.Context(), func(tx *gorm.DB) error {
		return tx.Table("river_job").Where("kind = ? AND finalized_at IS NULL", models.TellArgs{}.Kind()).Count(&n).Error
	}); err != nil {
		r.t.Fatal(err)
	}
	return n
}

// A program that was down finds what was clicked long ago, and whoever clicked has gone.
func TestNoTelephoneRingsForAClickThatWaitedTooLong(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := bareRig(t, address, classic)
		r.tune = func(h *house) { h.flow.Now = func() time.Time { return time.Now().Add(time.Minute) } }
		r.start()
		r.install()
		r.portal.AddContact(b24sim.Contact{Name: "Mia", Phones: []string{"+4930901821"}})
		r.portal.Click(b24sim.Click{UserID: omar, Phone: "+4930901821"})
		r.finished(1)
		if diff := cmp.Diff([]string{"503"}, r.statuses()); diff != "" {
			t.Errorf("statuses (-want +got):\n%s", diff)
		}
		if cards := r.portal.Cards(); len(cards) != 0 {
			t.Errorf("cards still shown: %v", cards)
		}
		r.portal.OrderCallback(b24sim.Callback{Phone: "+4930901829", Name: "Noor", Line: "4930901820"})
		r.eventually("the visitor is called", func() bool { return len(r.pbx.taken()) > 0 })
		if told := r.pbx.taken(); len(told) != 1 || told[0]["type"] != "callback.originate" {
			t.Errorf("the PBX is told %v", told)
		}
	})
}

func TestEchoesOfOurOwnCallsAndCallsOfOtherAppsChangeNothing(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		r.switches("corb")
		r.tell(started("c1", "incoming", "+4930901820"), ended("c1", "answered", 5))
		r.finished(1)
		c := r.portal.StartCall(b24sim.BuiltinCall{Incoming: true, Phone: "+4930901899", UserID: anna, OtherApp: 99})
		c.End("200", 10)
		r.deliver()
		r.tell(started("c2", "incoming", "+4930901830"), ended("c2", "answered", 5))
		r.finished(2)
		if n := len(r.portal.Leads()); n != 2 {
			t.Errorf("%d leads, want those of our two calls", n)
		}
	})
}
