package main

import (
	"fmt"
	"strings"
	"testing"

	"callwise/app/b24/b24sim"
)

// repeats is how repeat sales mode stands on the health page, and whether the
// settings page warns that it is off.
func (r *rig) repeats() string {
	r.t.Helper()
	state := r.health()["repeat"]
	if strings.Contains(r.page("/settings"), `id="repeat-refuted"`) {
		state += ", warned"
	}
	return state
}

// A call of a client that asks for a repeated lead, and how it comes.
var repeatCalls = map[string]func(r *rig, id, phone string){
	"incoming": func(r *rig, id, phone string) { // Bitrix24 creates
		r.tell(started(id, "incoming", phone), ended(id, "answered", 5))
		r.worked(id)
	},
	"outgoing": func(r *rig, id, phone string) { // the app creates, with the call
		r.tell(started(id, "outgoing", phone), ended(id, "answered", 5))
		r.worked(id)
	},
	"on a line of Bitrix24's own": func(r *rig, _, phone string) { // the app creates, at the end
		c := r.portal.StartCall(b24sim.BuiltinCall{Incoming: true, Phone: phone, Line: "4930901800", UserID: anna})
		c.End("200", 5)
		r.deliver()
		r.worked(c.ID)
	},
}

func TestACallShowsThatRepeatSalesModeIsOffInBitrix24AndALaterOneThatItIsOn(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		other := r.neighbour("other")
		stands := func(what, want, others string) {
			t.Helper()
			if got := r.repeats(); got != want {
				t.Errorf("%s: %q, want %q", what, got, want)
			}
			if got := other.repeats(); got != others {
				t.Errorf("%s: for the other portal %q, want %q", what, got, others)
			}
		}
		for _, portal := range []*rig{r, other} {
			portal.switches("corb")
		}
		stands("no call yet", "works", "works")
		n := 0
		calls := func(way string, on bool) {
			t.Helper()
			n++
			for _, portal := range []*rig{r, other} {
				portal.portal.SetRepeatSales(on == (portal == r))
				phone := fmt.Sprint("+4930901840", n)
				portal.mia(phone)
				repeatCalls[way](portal, fmt.Sprint("c", n), phone)
			}
		}
		for way := range repeatCalls {
			calls(way, false)
			stands("off, "+way, "partly, warned", "works")
			calls(way, true)
			stands("on, "+way, "works", "partly, warned")
		}
		calls("incoming", false)
		repeatCalls["incoming"](r, "new", "+4930901899")
		stands("a new client shows nothing", "partly, warned", "works")
		says(t, r.page("/health"), "repeat sales mode is off in Bitrix24: no repeated lead came of a call (", "Switch it on in the CRM settings of Bitrix24")
		r.switches("cor")
		r.switches("corb")
		stands("said again to be on", "works", "works")
		calls("incoming", false)
		stands("refuted again", "partly, warned", "works")
		r.switches("cr")
		stands("not said to be on", "partly", "works")
	})
}

func TestWhatBitrix24CouldNotCreateShowsNothingOfRepeatSalesMode(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		r.switches("corb")
		r.mia("+4930901841")
		r.portal.AddUser(b24sim.User{Name: "New", Mobile: "+4930901841"}) // we have not heard of
		repeatCalls["incoming"](r, "c1", "+4930901841")
		r.logSays("did not create")
		if got := r.repeats(); got != "works" {
			t.Errorf("it is %q", got)
		}
	})
}
