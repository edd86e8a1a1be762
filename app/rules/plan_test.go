package rules

import (
	"testing"

	"callwise/app/call"
	"callwise/app/crm"

	"github.com/google/go-cmp/cmp"
)

// Objects of the plans: by phone unless the name says otherwise.
var (
	contact1  = crm.Contact{ID: 1, ByPhone: true}
	namedOnly = crm.Contact{ID: 2} // known through a lead or deal, without the number
	company1  = crm.Company{ID: 1, ByPhone: true}
	openLead1 = crm.Lead{ID: 1, Semantics: crm.Open, ByPhone: true}
	junkLead9 = crm.Lead{ID: 9, Semantics: crm.Lost, ByPhone: true}
	wonLead9  = crm.Lead{ID: 9, Semantics: crm.Won, ByPhone: true}
	openDeal1 = crm.Deal{ID: 1, Semantics: crm.Open, ContactIDs: []int64{1}}
	wonDeal9  = crm.Deal{ID: 9, Semantics: crm.Won, ContactIDs: []int64{1}}
)

func contacts(c ...crm.Contact) crm.Records { return crm.Records{Contacts: c} }

// and adds leads and deals to records.
func and(r crm.Records, objects ...any) crm.Records {
	for _, o := range objects {
		switch o := o.(type) {
		case crm.Lead:
			r.Leads = append(r.Leads, o)
		case crm.Deal:
			r.Deals = append(r.Deals, o)
		case crm.Company:
			r.Companies = append(r.Companies, o)
		}
	}
	return r
}

func fromLead(d crm.Deal, lead int64) crm.Deal {
	d.ContactIDs, d.LeadID = nil, lead
	return d
}

func toContact(l crm.Lead, contact int64) crm.Lead {
	l.ContactID = contact
	return l
}

var (
	allOn      = Settings{CreateEntities: true, OutgoingCalls: true, RepeatedLeads: true, RepeatInBitrix24: RepeatOn, CRMMode: crm.Classic}
	repeatsOff = Settings{CreateEntities: true, OutgoingCalls: true, RepeatInBitrix24: RepeatOn, CRMMode: crm.Classic}
	simpleOff  = Settings{CreateEntities: true, OutgoingCalls: true, RepeatInBitrix24: RepeatOn, CRMMode: crm.Simple}
)

func ref(t crm.EntityType, id int64) *crm.Ref { return &crm.Ref{Type: t, ID: id} }

// TestPlansWhereThePlatformAloneWouldBeWrong is decision.md F.2.
func TestPlansWhereThePlatformAloneWouldBeWrong(t *testing.T) {
	in, out := Call{Direction: call.Incoming}, Call{Direction: call.Outgoing}
	tests := []struct {
		name     string
		call     Call
		settings Settings
		records  crm.Records
		create   Create
		targets  int
		want     Plan
	}{
		{"junk lead only, repeats off", in, repeatsOff, and(crm.Records{}, junkLead9), None, 0, Plan{}},
		{"contact, PBX repeats off", in, repeatsOff, contacts(contact1), None, 1, Plan{MustFind: true}},
		{"contact and open plain lead", in, allOn, and(contacts(contact1), openLead1), None, 2, Plan{MustFind: true}},
		{"contact, simple CRM, repeats off", in, simpleOff, contacts(contact1), None, 1, Plan{MustFind: true}},
		{
			"outgoing, contact known, previous lead became a deal, repeats on", out, allOn,
			and(contacts(contact1), wonLead9, fromLead(wonDeal9, 9)), RepeatedLead, 2,
			Plan{Creator: ByApp, Link: crm.Ref{Type: crm.TypeContact, ID: 1}, MustFind: true},
		},
		{"open deal and open lead", in, allOn, and(contacts(contact1), openDeal1, openLead1), None, 3, Plan{MustFind: true}},
		{"two contacts with one number", in, repeatsOff, contacts(contact1, crm.Contact{ID: 3, ByPhone: true}), None, 2, Plan{MustFind: true}},
		{
			"a contact whose number is stored as it is written at home", in, allOn, contacts(crm.Contact{ID: 3, ByPhone: true, OtherSpelling: true}), RepeatedLead, 2,
			Plan{Creator: ByPlatform, CRMCreate: true, Primary: ref(crm.TypeContact, 3)},
		},
		{
			"an open lead whose number is stored as it is written at home", in, allOn,
			crm.Records{Leads: []crm.Lead{{ID: 4, Semantics: crm.Open, ByPhone: true, OtherSpelling: true}}}, None, 1,
			Plan{Primary: ref(crm.TypeLead, 4)},
		},
		{
			"click in one of two open deals", Call{Direction: call.Outgoing, Origin: &Origin{Type: crm.TypeDeal, ID: 1}}, allOn,
			and(contacts(contact1), openDeal1, crm.Deal{ID: 2, Semantics: crm.Open, ContactIDs: []int64{1}}), None, 3, Plan{MustFind: true},
		},
		{
			"deal without contact, open, descending from the lead", in, allOn, and(crm.Records{}, wonLead9, fromLead(openDeal1, 9)), None, 1,
			Plan{Primary: ref(crm.TypeLead, 9), Anchor: ref(crm.TypeLead, 9)},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := Case{tt.call, tt.settings, tt.records.Snapshot()}
			d := Decide(c)
			if d.Create != tt.create || len(d.LogTo) != tt.targets {
				t.Errorf("creates %s, logs to %v", d.Create, d.LogTo)
			}
			if diff := cmp.Diff(tt.want, PlanFor(c, d, tt.records, WayRegister)); diff != "" {
				t.Errorf("PlanFor (-want +got):\n%s", diff)
			}
		})
	}
}

// TestPlanFor is decision.md F.3, F.5 and F.7.
func TestPlanFor(t *testing.T) {
	in, out := Call{Direction: call.Incoming}, Call{Direction: call.Outgoing}
	ordered := func(typ crm.EntityType, id int64, closed bool) Call {
		return Call{Direction: call.Callback, Origin: &Origin{typ, id, closed}}
	}
	clicked := func(typ crm.EntityType, id int64, closed bool) Call {
		return Call{Direction: call.Outgoing, Origin: &Origin{typ, id, closed}}
	}
	excluded := func(r crm.Records) crm.Snapshot {
		s := r.Snapshot()
		s.Excluded = true
		return s
	}
	platform := Plan{Creator: ByPlatform, CRMCreate: true}
	tests := []struct {
		name     string
		way      Way
		call     Call
		settings Settings
		records  crm.Records
		want     Plan
	}{
		{"a new number is left to Bitrix24, incoming", WayRegister, in, allOn, crm.Records{}, platform},
		{"a new number is left to Bitrix24, outgoing", WayRegister, out, allOn, crm.Records{}, platform},
		{"nothing is created where nothing may be", WayRegister, in, Settings{}, crm.Records{}, Plan{}},
		{"incoming, a contact: Bitrix24 repeats", WayRegister, in, allOn, contacts(contact1), Plan{Creator: ByPlatform, CRMCreate: true, MustFind: true}},
		{"incoming, a closed deal: Bitrix24 repeats", WayRegister, in, allOn, and(contacts(contact1), wonDeal9), Plan{Creator: ByPlatform, CRMCreate: true, MustFind: true}},
		{"a lost lead without a card is left to Bitrix24, incoming", WayRegister, in, allOn, and(crm.Records{}, junkLead9), platform},
		{"a lost lead without a card is left to Bitrix24, outgoing", WayRegister, out, allOn, and(crm.Records{}, junkLead9), platform},
		{"a lead that became a closed deal without a card is left to Bitrix24, outgoing", WayRegister, out, allOn, and(crm.Records{}, wonLead9, fromLead(wonDeal9, 9)), platform},
		{"outgoing, a contact: the app repeats", WayRegister, out, allOn, contacts(contact1), Plan{Creator: ByApp, Link: crm.Ref{Type: crm.TypeContact, ID: 1}, MustFind: true}},
		{"outgoing, a company: the app repeats", WayRegister, out, allOn, and(crm.Records{}, company1), Plan{Creator: ByApp, Link: crm.Ref{Type: crm.TypeCompany, ID: 1}, MustFind: true}},
		{"outgoing, a lost lead and a contact: the app repeats", WayRegister, out, allOn, and(contacts(contact1), junkLead9), Plan{Creator: ByApp, Link: crm.Ref{Type: crm.TypeContact, ID: 1}, MustFind: true}},
		{
			"a card known only through a lead is named, and Bitrix24 repeats", WayRegister, in, allOn,
			and(contacts(namedOnly), toContact(junkLead9, 2)), Plan{Creator: ByPlatform, CRMCreate: true, Primary: ref(crm.TypeContact, 2)},
		},
		{
			"a card known only through a lead is named to log to it", WayRegister, in, repeatsOff,
			and(contacts(namedOnly), toContact(junkLead9, 2)), Plan{Primary: ref(crm.TypeContact, 2)},
		},
		{
			"outgoing, a card known only through a lead is named, and the app repeats", WayRegister, out, allOn,
			and(contacts(namedOnly), toContact(junkLead9, 2)), Plan{Creator: ByApp, Primary: ref(crm.TypeContact, 2), Link: crm.Ref{Type: crm.TypeContact, ID: 2}},
		},
		{
			"an open lead that carries the number is found without naming its card", WayRegister, in, allOn,
			and(contacts(namedOnly), toContact(openLead1, 2)), Plan{MustFind: true},
		},
		{"an employee's number need not be found", WayRegister, Call{Direction: call.Incoming, Employee: true}, allOn, contacts(contact1), Plan{}},
		{"an internal call has no plan", WayRegister, Call{Direction: call.Internal}, allOn, contacts(contact1), Plan{}},
		{"a hidden number has no plan", WayRegister, Call{Direction: call.Incoming, Hidden: true}, allOn, crm.Records{}, Plan{}},

		{"a callback names the contact its form found", WayRegister, ordered(crm.TypeContact, 1, false), allOn, contacts(contact1), Plan{Creator: ByPlatform, CRMCreate: true, Primary: ref(crm.TypeContact, 1)}},
		{"a callback names the lead its form made", WayRegister, ordered(crm.TypeLead, 1, false), allOn, and(crm.Records{}, openLead1), Plan{Primary: ref(crm.TypeLead, 1)}},
		{"a callback never names a closed lead", WayRegister, ordered(crm.TypeLead, 9, true), allOn, and(contacts(contact1), junkLead9), Plan{Creator: ByPlatform, CRMCreate: true, MustFind: true}},
		{"a callback names the contact instead of its deal", WayRegister, ordered(crm.TypeDeal, 1, false), allOn, and(contacts(contact1), openDeal1), Plan{Primary: ref(crm.TypeContact, 1)}},
		{"a callback names the company instead of its deal", WayRegister, ordered(crm.TypeDeal, 1, false), allOn,
			and(crm.Records{}, company1, crm.Deal{ID: 1, Semantics: crm.Open, CompanyID: 1}), Plan{Primary: ref(crm.TypeCompany, 1)}},
		{"a callback does not name a lead that is gone", WayRegister, ordered(crm.TypeLead, 1, false), allOn, crm.Records{}, platform},
		{"a callback does not name a contact that is gone", WayRegister, ordered(crm.TypeContact, 2, false), allOn, contacts(contact1), Plan{Creator: ByPlatform, CRMCreate: true, MustFind: true}},
		{"a callback does not name a company that is gone", WayRegister, ordered(crm.TypeCompany, 2, false), allOn, and(crm.Records{}, company1), Plan{Creator: ByPlatform, CRMCreate: true, MustFind: true}},
		{"a callback names a contact that does not carry the number", WayRegister, ordered(crm.TypeContact, 2, false), allOn, contacts(namedOnly), Plan{Creator: ByPlatform, CRMCreate: true, Primary: ref(crm.TypeContact, 2)}},
		{"a callback for a deal without a card names its lead", WayRegister, ordered(crm.TypeDeal, 1, false), allOn,
			and(crm.Records{}, wonLead9, fromLead(openDeal1, 9)), Plan{Primary: ref(crm.TypeLead, 9), Anchor: ref(crm.TypeLead, 9)}},

		{"a click is registered already: the app creates", WayClick, clicked(crm.TypeLead, 9, true), allOn, and(crm.Records{}, junkLead9), Plan{Creator: ByApp}},
		{"a click in a closed deal links its contact", WayClick, clicked(crm.TypeDeal, 9, true), allOn,
			and(contacts(contact1, namedOnly), crm.Deal{ID: 9, Semantics: crm.Won, ContactIDs: []int64{2}}), Plan{Creator: ByApp, Link: crm.Ref{Type: crm.TypeContact, ID: 2}}},
		{"a click that creates nothing", WayClick, clicked(crm.TypeDeal, 1, false), allOn, and(contacts(contact1), openDeal1), Plan{}},
		{"a click in a contactless deal has no anchor", WayClick, clicked(crm.TypeDeal, 1, false), allOn, and(crm.Records{}, wonLead9, fromLead(openDeal1, 9)), Plan{}},

		{"a foreign call from a new number: the app creates", WayForeign, in, allOn, crm.Records{}, Plan{Creator: ByApp}},
		{"a foreign call from a contact: the app repeats", WayForeign, in, allOn, contacts(contact1), Plan{Creator: ByApp, Link: crm.Ref{Type: crm.TypeContact, ID: 1}, MustFind: true}},
		{"a foreign call with something open", WayForeign, in, allOn, and(contacts(contact1), openDeal1), Plan{MustFind: true}},
		{"a call decided late: the app creates", WayLate, in, allOn, crm.Records{}, Plan{Creator: ByApp}},
		{"a call decided late: the app repeats", WayLate, in, allOn, contacts(contact1), Plan{Creator: ByApp, Link: crm.Ref{Type: crm.TypeContact, ID: 1}, MustFind: true}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := Case{tt.call, tt.settings, tt.records.Snapshot()}
			if diff := cmp.Diff(tt.want, PlanFor(c, Decide(c), tt.records, tt.way)); diff != "" {
				t.Errorf("PlanFor (-want +got):\n%s", diff)
			}
			c.CRM = excluded(tt.records)
			if diff := cmp.Diff(Plan{}, PlanFor(c, Decide(c), tt.records, tt.way)); diff != "" {
				t.Errorf("an excluded number has a plan (-want +got):\n%s", diff)
			}
		})
	}
}

// TestOneCreatorPerDecision: never both, and nobody where nothing is created.
func TestOneCreatorPerDecision(t *testing.T) {
	eachCase(func(c Case, _ int) {
		d := Decide(c)
		for _, way := range []Way{WayRegister, WayClick, WayForeign, WayLate} {
			p := PlanFor(c, d, crm.Records{}, way)
			if (p.Creator == "") != (d.Create == None) || p.CRMCreate != (p.Creator == ByPlatform) || p.CRMCreate && way != WayRegister {
				t.Fatalf("%s of %+v: %+v", way, d, p)
			}
		}
	})
}
