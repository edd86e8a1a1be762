package b24sim

import (
	"testing"

	"callwise/app/crm"

	"github.com/google/go-cmp/cmp"
)

// made is what a call left behind, beside what was there.
type made struct {
	Created  []crm.Ref // in the answer of register
	Primary  crm.Ref
	Bindings []crm.Ref // of the activity, the owner first; none without one
}

func lead(id int64) crm.Ref    { return ref(crm.TypeLead, id) }
func deal(id int64) crm.Ref    { return ref(crm.TypeDeal, id) }
func contact(id int64) crm.Ref { return ref(crm.TypeContact, id) }
func company(id int64) crm.Ref { return ref(crm.TypeCompany, id) }

func aContact(p *Portal)    { p.AddContact(Contact{ID: 1, Name: "Anna", Phones: []string{client}}) }
func anOpenDeal(p *Portal)  { p.AddDeal(Deal{ID: 1, ContactIDs: []int64{1}}) }
func aLostDeal(p *Portal)   { p.AddDeal(Deal{ID: 9, ContactIDs: []int64{1}, StageID: "LOSE"}) }
func aJunkLead(p *Portal)   { p.AddLead(Lead{ID: 9, Phones: []string{client}, StatusID: "JUNK"}) }
func anOpenLead(p *Portal)  { p.AddLead(Lead{ID: 5, Phones: []string{client}}) }
func aRepeatLead(p *Portal) { p.AddLead(Lead{ID: 5, ContactID: 1, ReturnCustomer: true}) }
func aTemplate(p *Portal)   { p.AddDeal(Deal{ID: 2, ContactIDs: []int64{1}, Recurring: true}) }
func anException(p *Portal) { p.Exclude("8 903 555 11 22") }
func anEmployee(p *Portal)  { p.AddUser(User{Name: "Eva", Mobile: client}) }
func aCompany(p *Portal)    { p.AddCompany(Company{ID: 1, Title: "Petrova", Phones: []string{client}}) }
func ourOwnCompany(p *Portal) {
	p.AddCompany(Company{ID: 1, Title: "We", Phones: []string{client}, My: true})
}

// The rows are decision.md F.1, the surprises of F.2 and what section 10.1 of
// the telephony contract adds.
func TestRegisterCreatesAndFinishBindsAsBitrix24Does(t *testing.T) {
	type seed = func(*Portal)
	tests := []struct {
		name     string
		mode     crm.Mode
		repeat   bool
		finished bool // use finished leads
		named    bool // the lead only is named
		given    []seed
		call     int // TYPE
		create   int // CRM_CREATE
		pass     crm.Ref
		want     made
	}{
		{name: "nothing found, incoming: a lead", call: 2, create: 1,
			want: made{[]crm.Ref{lead(1)}, lead(1), []crm.Ref{lead(1)}}},
		{name: "nothing found, outgoing: a lead", call: 1, create: 1,
			want: made{[]crm.Ref{lead(1)}, lead(1), []crm.Ref{lead(1)}}},
		{name: "nothing found, callback: a lead", call: 4, create: 1,
			want: made{[]crm.Ref{lead(1)}, lead(1), []crm.Ref{lead(1)}}},
		{name: "nothing found, simple mode: a lead converted into a deal with a contact", mode: crm.Simple, call: 2, create: 1,
			want: made{[]crm.Ref{contact(1), deal(1)}, contact(1), []crm.Ref{deal(1), contact(1)}}},
		{name: "the same, and the portal names the lead only", mode: crm.Simple, named: true, call: 2, create: 1,
			want: made{[]crm.Ref{lead(1)}, contact(1), []crm.Ref{deal(1), contact(1)}}},
		{name: "nothing found, CRM_CREATE 0: nothing, and no activity", call: 2},
		{name: "only a closed lead: a plain lead, whatever the repeat switch", given: []seed{aJunkLead}, call: 2, create: 1,
			want: made{[]crm.Ref{lead(10)}, lead(10), []crm.Ref{lead(10)}}},
		{name: "only a closed lead, outgoing: a plain lead too", given: []seed{aJunkLead}, call: 1, create: 1,
			want: made{[]crm.Ref{lead(10)}, lead(10), []crm.Ref{lead(10)}}},
		{name: "only a closed lead and finished leads are used: it gets the call", finished: true, given: []seed{aJunkLead}, call: 2, create: 1,
			want: made{nil, lead(9), []crm.Ref{lead(9)}}},
		{name: "an open lead: nothing, it gets the call", given: []seed{anOpenLead}, call: 2, create: 1,
			want: made{nil, lead(5), []crm.Ref{lead(5)}}},
		{name: "a contact, repeat mode off: nothing", given: []seed{aContact}, call: 2, create: 1,
			want: made{nil, contact(1), []crm.Ref{contact(1)}}},
		{name: "a contact, repeat mode on: a repeated lead", repeat: true, given: []seed{aContact}, call: 2, create: 1,
			want: made{[]crm.Ref{lead(1)}, contact(1), []crm.Ref{lead(1), contact(1)}}},
		{name: "a contact with a lost deal, repeat mode on: a repeated lead", repeat: true, given: []seed{aContact, aLostDeal}, call: 2, create: 1,
			want: made{[]crm.Ref{lead(1)}, contact(1), []crm.Ref{lead(1), contact(1)}}},
		{name: "a template of regular deals is no open deal", repeat: true, given: []seed{aContact, aTemplate}, call: 2, create: 1,
			want: made{[]crm.Ref{lead(1)}, contact(1), []crm.Ref{lead(1), contact(1)}}},
		{name: "a contact, simple mode: a repeat deal even with repeat mode off, no second contact", mode: crm.Simple, given: []seed{aContact}, call: 2, create: 1,
			want: made{[]crm.Ref{deal(1)}, contact(1), []crm.Ref{deal(1), contact(1)}}},
		{name: "a contact, outgoing: nothing in any mode", mode: crm.Simple, repeat: true, given: []seed{aContact}, call: 1, create: 1,
			want: made{nil, contact(1), []crm.Ref{contact(1)}}},
		{name: "a contact with an open deal: nothing", repeat: true, given: []seed{aContact, anOpenDeal}, call: 2, create: 1,
			want: made{nil, contact(1), []crm.Ref{deal(1), contact(1)}}},
		{name: "a contact with an open repeated lead: nothing", repeat: true, given: []seed{aContact, aRepeatLead}, call: 2, create: 1,
			want: made{nil, contact(1), []crm.Ref{lead(5), contact(1)}}},
		{name: "a contact and an open plain lead of the number: a repeated lead, the trap", repeat: true, given: []seed{aContact, anOpenLead}, call: 2, create: 1,
			want: made{[]crm.Ref{lead(6)}, contact(1), []crm.Ref{lead(6), contact(1)}}},
		{name: "an open deal and an open repeated lead: the lead is not bound", given: []seed{aContact, anOpenDeal, aRepeatLead}, call: 2,
			want: made{nil, contact(1), []crm.Ref{deal(1), contact(1)}}},
		{name: "an open deal and an open plain lead: the lead is not bound", given: []seed{aContact, anOpenDeal, anOpenLead}, call: 2,
			want: made{nil, contact(1), []crm.Ref{deal(1), contact(1)}}},
		{name: "a company is a client too", repeat: true, given: []seed{aCompany}, call: 2, create: 1,
			want: made{[]crm.Ref{lead(1)}, company(1), []crm.Ref{lead(1), company(1)}}},
		{name: "one of the portal's own companies is no client", given: []seed{ourOwnCompany}, call: 2},
		{name: "an exception: nothing is found, created or bound", given: []seed{aContact, anException}, call: 2, create: 1},
		{name: "an exception is not looked at when a contact is passed", repeat: true, given: []seed{aContact, anException}, call: 2, create: 1, pass: contact(1),
			want: made{[]crm.Ref{lead(1)}, contact(1), []crm.Ref{lead(1), contact(1)}}},
		{name: "an employee's phone: nothing is created", given: []seed{anEmployee}, call: 2, create: 1},
		{name: "a passed lead stops creation, even a closed one, and gets the call", given: []seed{aJunkLead}, call: 2, create: 1, pass: lead(9),
			want: made{nil, lead(9), []crm.Ref{lead(9)}}},
		{name: "a passed contact brings its open deals", given: []seed{aContact, anOpenDeal}, call: 2, pass: contact(1),
			want: made{nil, contact(1), []crm.Ref{deal(1), contact(1)}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newInstalled(t, PortalConfig{Mode: tt.mode, RepeatSales: tt.repeat, UseFinishedLead: tt.finished, NamesLead: tt.named})
			for _, plant := range tt.given {
				plant(w.Portal)
			}
			if diff := cmp.Diff(tt.want, w.callOnce(tt.call, tt.create, tt.pass)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// callOnce registers and finishes a call.
func (w *world) callOnce(callType, create int, pass crm.Ref) made {
	w.t.Helper()
	params := map[string]any{"USER_ID": vera, "PHONE_NUMBER": client, "TYPE": callType, "CRM_CREATE": create}
	if pass.ID != 0 {
		params["CRM_ENTITY_TYPE"], params["CRM_ENTITY_ID"] = pass.Type.Code(), pass.ID
	}
	answer := w.object("telephony.externalCall.register", params)
	var got made
	for _, item := range answer["CRM_CREATED_ENTITIES"].([]any) {
		entity := item.(map[string]any)
		typ, _ := crm.ParseCode(entity["ENTITY_TYPE"].(string))
		got.Created = append(got.Created, ref(typ, int64(entity["ENTITY_ID"].(float64))))
	}
	if id, found := answer["CRM_ENTITY_ID"].(float64); found {
		typ, _ := crm.ParseCode(answer["CRM_ENTITY_TYPE"].(string))
		got.Primary = ref(typ, int64(id))
	}
	w.must("telephony.externalCall.finish", map[string]any{"CALL_ID": answer["CALL_ID"], "USER_ID": anton})
	if all := w.Activities(); len(all) > 0 {
		got.Bindings = all[0].Bindings
	}
	return got
}

func TestWhatBitrix24CreatesLooksAsItDoes(t *testing.T) {
	t.Run("a lead has the number and goes to who finished the call", func(t *testing.T) {
		w := newInstalled(t, PortalConfig{})
		w.callOnce(2, 1, crm.Ref{})
		want := []Lead{{
			ID: 1, Title: client + " - Incoming call", StatusID: "NEW", Semantics: "P", Phones: []string{client},
			ResponsibleID: anton, SourceID: "CALL",
		}}
		if diff := cmp.Diff(want, w.Portal.Snapshot().Leads); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
	t.Run("a repeated lead has the client, the flag and no number", func(t *testing.T) {
		w := newInstalled(t, PortalConfig{RepeatSales: true})
		aContact(w.Portal)
		w.callOnce(2, 1, crm.Ref{})
		want := []Lead{{
			ID: 1, Title: client + " - Incoming call", StatusID: "NEW", Semantics: "P", ContactID: 1, ReturnCustomer: true,
			ResponsibleID: anton, SourceID: "CALL",
		}}
		if diff := cmp.Diff(want, w.Portal.Snapshot().Leads); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
	t.Run("in simple mode the technical lead is converted", func(t *testing.T) {
		w := newInstalled(t, PortalConfig{Mode: crm.Simple})
		w.callOnce(2, 1, crm.Ref{})
		got := w.Portal.Snapshot()
		got.Activities, got.Statistics = nil, nil
		title := client + " - Incoming call"
		want := Snapshot{
			Leads:    []Lead{{ID: 1, Title: title, StatusID: "CONVERTED", Semantics: "S", ContactID: 1, Phones: []string{client}, ResponsibleID: vera, SourceID: "CALL"}},
			Deals:    []Deal{{ID: 1, Title: title, StageID: "NEW", Semantics: "P", ContactIDs: []int64{1}, LeadID: 1, ResponsibleID: anton, SourceID: "CALL"}},
			Contacts: []Contact{{ID: 1, Name: client, Phones: []string{client}, LeadID: 1, ResponsibleID: anton, SourceID: "CALL"}},
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
	t.Run("an employee's number is told as an error inside the answer", func(t *testing.T) {
		w := newInstalled(t, PortalConfig{})
		anEmployee(w.Portal)
		answer := w.object("telephony.externalCall.register", map[string]any{"USER_ID": vera, "PHONE_NUMBER": client, "TYPE": 2, "CRM_CREATE": 1})
		if answer["LEAD_CREATION_ERROR"] != "Lead creation is disabled for local users" {
			t.Errorf("LEAD_CREATION_ERROR is %v", answer["LEAD_CREATION_ERROR"])
		}
	})
	t.Run("an extension is an internal call: the CRM is left out", func(t *testing.T) {
		w := newInstalled(t, PortalConfig{})
		w.AddContact(Contact{Name: "A", Phones: []string{"104"}})
		w.must("telephony.externalCall.register", map[string]any{"USER_ID": vera, "PHONE_NUMBER": "104", "TYPE": 1, "CRM_CREATE": 1})
		if leads := w.Leads(); len(leads) != 0 {
			t.Errorf("created %v", leads)
		}
	})
	t.Run("an outgoing call through a line with CRM_AUTO_CREATE N creates nothing", func(t *testing.T) {
		w := newInstalled(t, PortalConfig{})
		w.must("telephony.externalLine.add", map[string]any{"NUMBER": "7495", "CRM_AUTO_CREATE": "N"})
		w.must("telephony.externalCall.register", map[string]any{"USER_ID": vera, "PHONE_NUMBER": client, "TYPE": 1, "CRM_CREATE": 1, "LINE_NUMBER": "7495"})
		if leads := w.Leads(); len(leads) != 0 {
			t.Errorf("created %v", leads)
		}
	})
}

func TestTheClientIsTheOneWithTheNewestOpenDeal(t *testing.T) {
	w := newInstalled(t, PortalConfig{})
	aContact(w.Portal)
	w.AddContact(Contact{ID: 2, Name: "Boris", Phones: []string{client}})
	anOpenDeal(w.Portal)
	w.AddDeal(Deal{ID: 7, ContactIDs: []int64{8, 2}})
	want := made{Primary: contact(2), Bindings: []crm.Ref{deal(7), contact(2)}}
	if diff := cmp.Diff(want, w.callOnce(2, 1, crm.Ref{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestALeadAddedOverREST(t *testing.T) {
	tests := []struct {
		name   string
		config PortalConfig
		fields map[string]any
		want   Snapshot
	}{
		{name: "with a contact is repeated while repeat mode is on", config: PortalConfig{RepeatSales: true},
			fields: map[string]any{"TITLE": "Again", "CONTACT_ID": 1},
			want:   Snapshot{Leads: []Lead{{ID: 1, Title: "Again", StatusID: "NEW", Semantics: "P", ContactID: 1, ReturnCustomer: true, ResponsibleID: vera}}}},
		{name: "with a contact is not repeated while repeat mode is off", config: PortalConfig{},
			fields: map[string]any{"TITLE": "Again", "CONTACT_ID": 1, "IS_RETURN_CUSTOMER": "Y"},
			want:   Snapshot{Leads: []Lead{{ID: 1, Title: "Again", StatusID: "NEW", Semantics: "P", ContactID: 1, ResponsibleID: vera}}}},
		{name: "in simple mode stays a lead without a name", config: PortalConfig{Mode: crm.Simple},
			fields: map[string]any{"TITLE": "Again", "CONTACT_ID": 1},
			want:   Snapshot{Leads: []Lead{{ID: 1, Title: "Again", StatusID: "NEW", Semantics: "P", ContactID: 1, ResponsibleID: vera}}}},
		{name: "in simple mode with a name and a contact becomes a deal of that contact", config: PortalConfig{Mode: crm.Simple},
			fields: map[string]any{"TITLE": "Again", "NAME": "Anna", "CONTACT_ID": 1},
			want: Snapshot{
				Leads: []Lead{{ID: 1, Title: "Again", Name: "Anna", StatusID: "CONVERTED", Semantics: "S", ContactID: 1, ResponsibleID: vera}},
				Deals: []Deal{{ID: 1, Title: "Again", StageID: "NEW", Semantics: "P", ContactIDs: []int64{1}, LeadID: 1, ResponsibleID: vera}},
			}},
		{name: "set to CONVERTED is converted into nothing", config: PortalConfig{},
			fields: map[string]any{"TITLE": "Done", "NAME": "Anna", "STATUS_ID": "CONVERTED"},
			want:   Snapshot{Leads: []Lead{{ID: 1, Title: "Done", Name: "Anna", StatusID: "CONVERTED", Semantics: "S", ResponsibleID: vera}}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newInstalled(t, tt.config)
			aContact(w.Portal)
			w.must("crm.lead.add", map[string]any{"fields": tt.fields})
			got := w.Portal.Snapshot()
			got.Contacts = nil
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
