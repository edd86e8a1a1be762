package b24sim

import (
	"testing"
	"time"

	"callwise/app/crm"

	"github.com/google/go-cmp/cmp"
)

func TestMultifields(t *testing.T) {
	w := newInstalled(t, PortalConfig{})
	w.AddContact(Contact{ID: 1, Name: "Anna", Phones: []string{client}})
	classic := func(rows ...any) {
		w.must("crm.contact.update", map[string]any{"id": 1, "fields": map[string]any{"PHONE": rows}})
	}
	universal := func(rows any) {
		w.must("crm.item.update", map[string]any{"entityTypeId": 3, "id": 1, "fields": map[string]any{"fm": rows}})
	}
	steps := []struct {
		name string
		do   func()
		want []string
	}{
		{"a row without ID always adds", func() { classic(map[string]any{"VALUE": client}) }, []string{client, client}},
		{"a row with ID changes", func() { classic(map[string]any{"ID": 2, "VALUE": "2"}) }, []string{client, "2"}},
		{"DELETE removes", func() { classic(map[string]any{"ID": 1, "DELETE": "Y"}) }, []string{"2"}},
		{"fm adds under n0", func() { universal(map[string]any{"n0": map[string]any{"typeId": "PHONE", "value": "3"}}) }, []string{"2", "3"}},
		{"fm changes under the row's id", func() { universal(map[string]any{"2": map[string]any{"typeId": "PHONE", "value": "4"}}) }, []string{"4", "3"}},
		{"fm removes by an empty value", func() { universal(map[string]any{"2": map[string]any{"typeId": "PHONE", "value": ""}}) }, []string{"3"}},
		{"fm without typeId does nothing", func() { universal(map[string]any{"n0": map[string]any{"value": "5"}}) }, []string{"3"}},
		{"the classic search by phone is exact", func() {
			if got := w.must("crm.contact.list", map[string]any{"filter": map[string]any{"PHONE": "3"}, "select": []string{"ID", "PHONE"}}).([]any); len(got) != 1 {
				t.Errorf("found %v", got)
			}
		}, []string{"3"}},
	}
	for _, step := range steps {
		step.do()
		if diff := cmp.Diff(step.want, w.Contacts()[0].Phones); diff != "" {
			t.Errorf("%s (-want +got):\n%s", step.name, diff)
		}
	}
}

func TestUpdates(t *testing.T) {
	w := newInstalled(t, PortalConfig{RepeatSales: true})
	aContact(w.Portal)
	w.AddContact(Contact{ID: 2, Name: "Boris"})
	w.AddDeal(Deal{ID: 1, CategoryID: 5, ContactIDs: []int64{1}})
	w.AddLead(Lead{ID: 1})
	w.must("crm.lead.update", map[string]any{"id": 1, "fields": map[string]any{"CONTACT_ID": 1}})
	w.must("crm.deal.update", map[string]any{"id": 1, "fields": map[string]any{"CATEGORY_ID": 0, "LEAD_ID": 1, "TITLE": "Sale", "NO_SUCH": 1}})
	w.must("crm.item.update", map[string]any{"entityTypeId": 2, "id": 1, "fields": map[string]any{"stageId": "C5:WON", "leadId": 1, "contactIds": []int{2, 1}}})
	if got := w.rest("crm.item.update", map[string]any{"entityTypeId": 2, "id": 1, "fields": map[string]any{"stageId": "NEW"}}); got.code() != "CRM_FIELD_ERROR_VALUE_NOT_VALID" {
		t.Errorf("a stage of another funnel: %v", got.Body)
	}
	if got := w.must("crm.deal.contact.add", map[string]any{"id": 1, "fields": map[string]any{"CONTACT_ID": 1}}); got != false {
		t.Errorf("a contact that is linked: %v", got)
	}
	got := w.Portal.Snapshot()
	got.Contacts = nil
	want := Snapshot{
		Leads: []Lead{{ID: 1, Title: "Lead #1", StatusID: "NEW", Semantics: "P", ContactID: 1, ReturnCustomer: true, ResponsibleID: vera}},
		Deals: []Deal{{ID: 1, Title: "Sale", CategoryID: 5, StageID: "C5:WON", Semantics: "S", ContactIDs: []int64{2, 1}, LeadID: 1, ResponsibleID: vera}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestDealsOfReturningCustomersAreFlagged(t *testing.T) {
	w := newInstalled(t, PortalConfig{})
	aContact(w.Portal)
	flags := func(earlier string) [2]any {
		w.AddDeal(Deal{ContactIDs: []int64{1}, StageID: earlier})
		item := w.object("crm.item.add", map[string]any{"entityTypeId": 2, "fields": map[string]any{"contactIds": []int{1}, "isReturnCustomer": "N"}})["item"].(map[string]any)
		return [2]any{item["isReturnCustomer"], item["isRepeatedApproach"]}
	}
	got := [][2]any{flags("LOSE"), flags("WON")}
	if diff := cmp.Diff([][2]any{{"N", "Y"}, {"Y", "N"}}, got); diff != "" {
		t.Errorf("after a lost and after a won deal (-want +got):\n%s", diff)
	}
}

func TestActivitiesAreFoundByBindingsNotByOwner(t *testing.T) {
	w := newInstalled(t, PortalConfig{})
	aContact(w.Portal)
	anOpenDeal(w.Portal)
	w.finishCall(w.register(nil), nil)
	count := func(filter map[string]any) int {
		filter["PROVIDER_ID"] = "VOXIMPLANT_CALL"
		return len(w.must("crm.activity.list", map[string]any{"filter": filter, "order": map[string]any{"ID": "DESC"}}).([]any))
	}
	if got := count(map[string]any{"OWNER_TYPE_ID": 3, "OWNER_ID": 1}); got != 0 {
		t.Errorf("by owner %d, want 0", got)
	}
	if got := count(map[string]any{"BINDINGS": []any{map[string]any{"OWNER_TYPE_ID": 3, "OWNER_ID": 1}}}); got != 1 {
		t.Errorf("by bindings %d, want 1", got)
	}
	w.must("crm.activity.binding.delete", map[string]any{"activityId": 1, "entityTypeId": 2, "entityId": 1})
	if a := w.ActivitiesOf(contact(1)); len(a) != 1 || a[0].Owner != contact(1) {
		t.Errorf("the next binding should own it: %+v", a)
	}
	w.AddContact(Contact{ID: 2, Name: "Boris"})
	move := func(fromID, toType, toID int) any {
		return w.rest("crm.activity.binding.move", map[string]any{"activityId": 1, "sourceEntityTypeId": 3, "sourceEntityId": fromID,
			"targetEntityTypeId": toType, "targetEntityId": toID}).code()
	}
	got := []any{move(1, 2, 1), move(1, 3, 1), move(2, 3, 1), move(1, 3, 9), move(1, 3, 2)}
	want := []any{"SOURCE_AND_TARGET_ENTITY_TYPES_ARE_NOT_EQUAL_ERROR", "SOURCE_AND_TARGET_ENTITY_ID_ARE_EQUAL_ERROR", "BINDING_NOT_FOUND", "OWNER_NOT_FOUND", nil}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("moves (-want +got):\n%s", diff)
	}
	if a := w.Activities()[0]; a.Owner != contact(2) {
		t.Errorf("owner %v", a.Owner)
	}
}

func TestANoteNeedsABoundOwner(t *testing.T) {
	w := newInstalled(t, PortalConfig{})
	aContact(w.Portal)
	anOpenLead(w.Portal)
	w.finishCall(w.register(nil), nil)
	note := func(ownerType, owner int, text string) any {
		return w.rest("crm.timeline.note.save", map[string]any{"ownerTypeId": ownerType, "ownerId": owner, "itemType": 2, "itemId": 1, "text": text}).code()
	}
	if got := note(1, 5, "no"); got != "OWNER_NOT_FOUND" {
		t.Errorf("of a lead that is not bound: %v", got)
	}
	note(3, 1, "first")
	note(3, 1, "second")
	if got := w.Activities()[0].Note; got != "second" {
		t.Errorf("note %q", got)
	}
	w.must("crm.timeline.comment.add", map[string]any{"fields": map[string]any{"ENTITY_TYPE": "lead", "ENTITY_ID": 5, "COMMENT": "why"}})
	if diff := cmp.Diff([]string{"why"}, w.Comments(lead(5))); diff != "" {
		t.Errorf("comments (-want +got):\n%s", diff)
	}
}

func TestDictionariesKnowEveryFunnel(t *testing.T) {
	w := newInstalled(t, PortalConfig{})
	w.AddDeal(Deal{CategoryID: 5})
	rows := w.must("crm.status.list", map[string]any{"filter": map[string]any{"ENTITY_ID": "DEAL_STAGE_5"}}).([]any)
	if got := rows[0].(map[string]any)["STATUS_ID"]; got != "C5:NEW" {
		t.Errorf("the first stage is %v", got)
	}
	got := w.object("crm.category.list", map[string]any{"entityTypeId": 2})["categories"].([]any)
	if len(got) != 2 {
		t.Errorf("funnels %v", got)
	}
	w.SetMode(crm.Simple)
	if got := w.must("crm.settings.mode.get", nil); got != 2.0 || w.Mode() != crm.Simple {
		t.Errorf("mode %v", got)
	}
	if got := w.must("crm.status.list", nil).([]any); len(got) != len(leadStages)+len(sources)+2*len(dealStages) {
		t.Errorf("all dictionaries have %d rows", len(got))
	}
}

func TestAnEmployeesHandlersAreHisOwn(t *testing.T) {
	w := newInstalled(t, PortalConfig{})
	w.token, _ = w.Token(anton)
	handler := map[string]any{"event": "ONVOXIMPLANTCALLEND", "handler": "https://own.example.com/e"}
	w.must("event.bind", handler)
	want := []any{map[string]any{"event": "ONVOXIMPLANTCALLEND", "handler": "https://own.example.com/e", "auth_type": "17", "offline": 0.0}}
	if diff := cmp.Diff(want, w.must("event.get", nil)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	handler["auth_type"] = vera
	if got := w.rest("event.unbind", handler); got.code() != "ACCESS_DENIED" {
		t.Errorf("another user's: %v", got.Body)
	}
	delete(handler, "auth_type")
	if diff := cmp.Diff(map[string]any{"count": 1.0}, w.must("event.unbind", handler)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestUsersAreListedAsTheScopeAllows(t *testing.T) {
	w := newInstalled(t, PortalConfig{})
	w.Dismiss(anton)
	find := func(params map[string]any) int { return len(w.must("user.get", params).([]any)) }
	got := map[string]int{
		"all, the dismissed included": find(nil),
		"active":                      find(map[string]any{"FILTER": map[string]any{"ACTIVE": "true"}}),
		"by extension":                find(map[string]any{"FILTER": map[string]any{"UF_PHONE_INNER": "104"}}),
		"by ids":                      find(map[string]any{"ID": []int{1, 17}, "sort": "ID", "order": "DESC"}),
	}
	want := map[string]int{"all, the dismissed included": 2, "active": 1, "by extension": 1, "by ids": 2}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	w.SetScopes("user_brief", "crm")
	me := w.object("user.current", nil)
	if _, shown := me["EMAIL"]; shown || me["UF_PHONE_INNER"] != "101" {
		t.Errorf("user_brief shows %v", me)
	}
}

func TestSnapshotsOfTheSameHappeningsAreEqual(t *testing.T) {
	shot := func(delay time.Duration) Snapshot {
		w := newInstalled(t, PortalConfig{RepeatSales: true})
		w.clock.advance(delay)
		aContact(w.Portal)
		w.register(map[string]any{"EXTERNAL_CALL_ID": "again", "CRM_CREATE": 1})
		w.finishCall(w.register(map[string]any{"EXTERNAL_CALL_ID": "again", "CRM_CREATE": 1}), map[string]any{"DURATION": 5})
		return w.Portal.Snapshot()
	}
	if diff := cmp.Diff(shot(0), shot(20*time.Minute)); diff != "" {
		t.Errorf("(-one +other):\n%s", diff)
	}
}
