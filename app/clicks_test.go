package main

import (
	"regexp"
	"strings"
	"testing"

	"callwise/app/b24/b24sim"

	"github.com/google/go-cmp/cmp"
)

// statuses are how the portal's finished calls ended, in the order they did.
func (r *rig) statuses() []string {
	var all []string
	for _, s := range r.portal.Statistics() {
		all = append(all, s.Status)
	}
	return all
}

func TestANumberThatIsClickedTwiceAtOnceIsDialledOnceAndNoCardHangs(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		r.portal.AddContact(b24sim.Contact{Name: "Mia", Phones: []string{"+4930901821"}})
		ids := []string{
			r.portal.Click(b24sim.Click{UserID: omar, Phone: "+4930901821"}),
			r.portal.Click(b24sim.Click{UserID: omar, Phone: "+49 (30) 901821"}),
			r.portal.Click(b24sim.Click{UserID: omar, Phone: "+4930901821"}),
		}
		r.eventually("two clicks are finished", func() bool { return len(r.portal.Statistics()) == 2 })
		if diff := cmp.Diff([]string{"603-S", "603-S"}, r.statuses()); diff != "" {
			t.Errorf("statuses (-want +got):\n%s", diff)
		}
		r.eventually("the PBX is told", func() bool { return len(r.pbx.taken()) == 1 })
		dialled, ok := r.pbx.taken()[0]["bitrix24_call_id"].(string)
		if cards := r.portal.Cards(); len(cards) != 1 || !ok || cards[0].CallID != dialled || !strings.Contains(strings.Join(ids, " "), dialled) {
			t.Errorf("cards = %v, want that of %s", cards, dialled)
		}
		r.tell(started("p1", "outgoing", "+4930901821", map[string]any{"bitrix24_call_id": dialled}), ended("p1", "answered", 5))
		r.finished(3)
		if n := strings.Count(r.page("/calls"), "Repeat click: not dialled again"); n != 2 {
			t.Errorf("%d repeat clicks in the log, want two", n)
		}
	})
}

func TestClicksOfTwoEmployeesOrOnTwoNumbersAreAllDialled(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		r.portal.Click(b24sim.Click{UserID: omar, Phone: "+4930901821"})
		r.portal.Click(b24sim.Click{UserID: anna, Phone: "+4930901821"})
		r.portal.Click(b24sim.Click{UserID: omar, Phone: "+4930901822"})
		r.eventually("three commands", func() bool { return len(r.pbx.taken()) == 3 })
	})
}

func TestThePBXLearnsOfCallListsExtensionsAndTheMobileApplication(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		mia := r.portal.AddContact(b24sim.Contact{Name: "Mia", Phones: []string{"+4930901821"}})
		id := r.portal.Click(b24sim.Click{UserID: omar, Phone: "+4930901821", Line: "4930901820", Extension: "12", CallListID: 7, Mobile: true})
		r.eventually("command", func() bool { return len(r.pbx.taken()) == 1 })
		want := map[string]any{
			"type": "call.originate", "bitrix24_call_id": id, "phone": "+4930901821", "dtmf_after_connect": "12",
			"extension": "105", "user_id": float64(omar), "line": "4930901820", "crm_entity": map[string]any{"type": "contact", "id": float64(mia)},
			"call_list_id": float64(7), "mobile": true,
		}
		if diff := cmp.Diff(want, r.pbx.taken()[0]); diff != "" {
			t.Errorf("command (-want +got):\n%s", diff)
		}
	})
}

func TestAClickOfSomebodyWithoutAnExtensionEndsAtOnceAndAsksForOne(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		const nora = 21
		users := append(employees(), b24sim.User{ID: nora, Name: "Nora"})
		r := newRig(t, address, b24sim.PortalConfig{RepeatSales: true, Users: users})
		r.portal.AddContact(b24sim.Contact{Name: "Mia", Phones: []string{"+4930901821"}})
		r.portal.Click(b24sim.Click{UserID: nora, Phone: "+4930901821"})
		r.finished(1)
		if diff := cmp.Diff([]string{"503"}, r.statuses()); diff != "" {
			t.Errorf("statuses (-want +got):\n%s", diff)
		}
		if cards, told := r.portal.Cards(), r.pbx.taken(); len(cards) != 0 || len(told) != 0 {
			t.Errorf("cards %v, commands %v, want none", cards, told)
		}
		if page := r.page("/calls?attention=any"); strings.Count(page, `<tr id="call-`) != 1 {
			t.Error("the call does not need attention")
		}
		id := match(t, "call", regexp.MustCompile(`<tr id="call-(\d+)"`), r.page("/calls"))
		if page := r.page("/calls/" + id); !strings.Contains(page, "Who clicked has no extension") {
			t.Errorf("the call does not say why:\n%s", page)
		}
	})
}
