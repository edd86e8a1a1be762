package main

import (
	"testing"
	"time"

	"callwise/app/b24/b24sim"
	"callwise/app/crm"

	"github.com/google/go-cmp/cmp"
)

// In simple mode a lead becomes a deal, perhaps not at once (telephony contract, trap 42).
func TestADealThatComesLateIsWaitedForAndNotMadeTwice(t *testing.T) {
	const phone = "+4930901861"
	for _, tt := range []struct {
		name    string
		known   bool // the number is a contact's
		begin   func(*rig) string
		created []crm.Ref
		logged  []crm.Ref
	}{
		{"the app's own lead", true, func(r *rig) string {
			r.tell(started("c1", "outgoing", phone), ended("c1", "answered", 5))
			return "c1"
		}, []crm.Ref{deal(1)}, []crm.Ref{deal(1), contact(1)}},
		{"Bitrix24's lead for a call", false, func(r *rig) string {
			r.tell(started("c1", "incoming", phone), ended("c1", "answered", 5))
			return "c1"
		}, []crm.Ref{deal(1), contact(1)}, []crm.Ref{lead(1), deal(1), contact(1)}},
		{"Bitrix24's lead for a click", false, func(r *rig) string {
			id := r.click(b24sim.Click{UserID: anna, Phone: phone, Line: "callwise"})
			r.tell(clicked("p1", id, phone), ended("p1", "answered", 5))
			return id
		}, []crm.Ref{deal(1), contact(1)}, []crm.Ref{lead(1), deal(1), contact(1)}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			eachDatabase(t, func(t *testing.T, address string) {
				r := bareRig(t, address, b24sim.PortalConfig{Mode: crm.Simple, ConvertsLate: true})
				r.tune = func(h *house) { h.flow.MayRun = time.Hour }
				r.start()
				r.install()
				r.switches("corb")
				if tt.known {
					r.mia(phone)
				}
				id := tt.begin(r)
				r.eventually("its card is closed meanwhile", func() bool { return len(r.portal.Statistics()) == 1 })
				r.stop()
				if n := r.portal.ConvertLeads(); n != 1 {
					t.Fatalf("%d leads are to be converted, want 1", n)
				}
				r.start()
				r.finished(1)
				r.logged(tt.logged...)
				if diff := cmp.Diff(tt.created, r.row(id).Progress.Created); diff != "" {
					t.Errorf("created (-want +got):\n%s", diff)
				}
				if deals := len(r.portal.Deals()); deals != 1 {
					t.Errorf("%d deals", deals)
				}
			})
		})
	}
}

func TestALeadThatIsNotConvertedInTimeGetsADeal(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, b24sim.PortalConfig{Mode: crm.Simple, ConvertsLate: true})
		r.switches("corb")
		r.mia("+4930901861")
		r.tell(started("c1", "outgoing", "+4930901861"), ended("c1", "answered", 5))
		r.finished(1)
		r.logged(deal(1), contact(1))
		if leads, deals := len(r.portal.Leads()), len(r.portal.Deals()); leads != 1 || deals != 1 {
			t.Errorf("%d leads, %d deals; want one of each", leads, deals)
		}
	})
}
