package b24

import (
	"slices"
	"testing"

	"callwise/app/crm"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"
)

// TestSnapshotIsWhatTheSpecificationSays compares with the definitions of
// decision.md B.1 and F.4, applied to all of a small CRM at once.
func TestSnapshotIsWhatTheSpecificationSays(t *testing.T) {
	most := map[references]int{}
	rapid.Check(t, func(rt *rapid.T) {
		p := newTinyPortal()
		p.refs = references(rapid.IntRange(0, int(dropped)).Draw(rt, "refs"))
		id := rapid.Int64Range(0, 4)
		stage := rapid.SampledFrom([]crm.Semantics{crm.Open, crm.Won, crm.Lost})
		yn := rapid.SampledFrom([]string{"N", "N", "Y"})
		for n := range int64(3) {
			p.rows[crm.TypeLead] = append(p.rows[crm.TypeLead], with(lead(n+1, stage.Draw(rt, "lead"), id.Draw(rt, "contact"), id.Draw(rt, "company")), "isReturnCustomer", yn.Draw(rt, "repeated")))
			p.rows[crm.TypeContact] = append(p.rows[crm.TypeContact], contact(n+1, id.Draw(rt, "of lead")))
			p.rows[crm.TypeCompany] = append(p.rows[crm.TypeCompany], with(company(n+1, id.Draw(rt, "of lead")), "isMyCompany", yn.Draw(rt, "mine")))
		}
		for n := range int64(4) {
			contacts := slices.DeleteFunc([]int64{id.Draw(rt, "main"), id.Draw(rt, "other")}, func(id int64) bool { return id == 0 })
			p.rows[crm.TypeDeal] = append(p.rows[crm.TypeDeal], with(deal(n+1, stage.Draw(rt, "deal"), id.Draw(rt, "of lead"), id.Draw(rt, "company"), contacts...), "isRecurring", yn.Draw(rt, "recurring")))
		}
		for _, kind := range searched {
			p.phone[kind] = rapid.SliceOfNDistinct(rapid.Int64Range(1, 4), 0, 3, rapid.ID[int64]).Draw(rt, "found "+kind.String())
		}
		var origin *crm.Ref
		if rapid.Bool().Draw(rt, "click") {
			origin = &crm.Ref{Type: crm.EntityType(rapid.IntRange(1, 4).Draw(rt, "type")), ID: rapid.Int64Range(1, 4).Draw(rt, "id")}
		}
		want := specified(p, origin)
		got, err := p.desk(t).Snapshot(t.Context(), Query{Phones: numbers, Origin: origin})
		if err != nil {
			rt.Fatal(err)
		}
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
			rt.Fatalf("(-want +got):\n%s", diff)
		}
		most[p.refs] = max(most[p.refs], p.requests)
	})
	t.Logf("most requests: %d, without references %d, with lost ones %d", most[resolved], most[literal], most[dropped])
	if most[resolved] > 3 {
		t.Errorf("%d requests", most[resolved])
	}
}

// specified is decision.md B.1 in the simplest words.
func specified(p *tinyPortal, origin *crm.Ref) crm.Records {
	all := map[crm.EntityType][]item{}
	for kind, rows := range p.rows {
		for _, r := range rows {
			all[kind] = append(all[kind], itemOf(r))
		}
	}
	clicked := func(kind crm.EntityType, id ID) bool {
		return origin != nil && *origin == crm.Ref{Type: kind, ID: int64(id)}
	}
	byPhone := func(kind crm.EntityType, id ID) bool { return slices.Contains(p.phone[kind], int64(id)) }
	matched := func(kind crm.EntityType, id ID) bool { return clicked(kind, id) || byPhone(kind, id) }
	isCard := func(kind crm.EntityType, id ID) bool {
		exists := slices.ContainsFunc(all[kind], func(i item) bool { return i.ID == id && !bool(i.MyCompany) })
		names := func(i item) bool { return id > 0 && ID(cardOf(i, kind)) == id }
		return exists && (matched(kind, id) ||
			slices.ContainsFunc(all[crm.TypeLead], func(l item) bool { return matched(crm.TypeLead, l.ID) && names(l) }) ||
			slices.ContainsFunc(all[crm.TypeDeal], func(d item) bool { return clicked(crm.TypeDeal, d.ID) && names(d) }))
	}
	related := func(l item) bool {
		return matched(crm.TypeLead, l.ID) || isCard(crm.TypeContact, l.ContactID) || isCard(crm.TypeCompany, l.CompanyID)
	}
	direct := func(d item) bool {
		if bool(d.Recurring) {
			return false
		}
		return clicked(crm.TypeDeal, d.ID) || isCard(crm.TypeCompany, d.CompanyID) || matched(crm.TypeLead, d.LeadID) ||
			slices.ContainsFunc(d.contacts(), func(id int64) bool { return isCard(crm.TypeContact, ID(id)) })
	}
	out := crm.Records{Mode: crm.Classic}
	dealsOf := func(lead ID, which func(item) bool) bool {
		return slices.ContainsFunc(all[crm.TypeDeal], func(d item) bool { return d.LeadID == lead && which(d) })
	}
	for _, l := range all[crm.TypeLead] {
		if related(l) {
			out.Leads = append(out.Leads, l.lead(match{byPhone: byPhone(crm.TypeLead, l.ID)}))
		}
	}
	for _, d := range all[crm.TypeDeal] {
		// A deal that is no card's tells the outcome of a lead of a card.
		evidence := !bool(d.Recurring) && slices.ContainsFunc(all[crm.TypeLead], func(l item) bool {
			return l.ID == d.LeadID && related(l) && l.semantics() == crm.Won && !dealsOf(l.ID, direct)
		})
		if direct(d) || evidence {
			out.Deals = append(out.Deals, d.deal())
		}
	}
	tells := func(i item) bool {
		return slices.ContainsFunc(all[crm.TypeLead], func(l item) bool {
			existing := func(kind crm.EntityType, id int64) bool {
				return slices.ContainsFunc(all[kind], func(i item) bool { return int64(i.ID) == id && !bool(i.MyCompany) })
			}
			return l.ID == i.LeadID && matched(crm.TypeLead, l.ID) && l.semantics() == crm.Won && !bool(l.Repeated) &&
				!dealsOf(l.ID, func(d item) bool { return !bool(d.Recurring) }) &&
				!existing(crm.TypeContact, l.contact()) && !existing(crm.TypeCompany, int64(l.CompanyID))
		})
	}
	for _, c := range all[crm.TypeContact] {
		if isCard(crm.TypeContact, c.ID) || tells(c) {
			out.Contacts = append(out.Contacts, c.contactCard(match{byPhone: byPhone(crm.TypeContact, c.ID), evidence: !isCard(crm.TypeContact, c.ID)}))
		}
	}
	for _, c := range all[crm.TypeCompany] {
		if !bool(c.MyCompany) && (isCard(crm.TypeCompany, c.ID) || tells(c)) {
			out.Companies = append(out.Companies, c.companyCard(match{byPhone: byPhone(crm.TypeCompany, c.ID), evidence: !isCard(crm.TypeCompany, c.ID)}))
		}
	}
	return out
}
