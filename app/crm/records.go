package crm

import (
	"cmp"
	"slices"
	"time"
)

// Records is everything read from a portal about one number, before it is
// judged: the objects that carry the number, the origin of the call, the cards
// these name (but not a contact's employer), and the leads and deals of those
// cards (decision.md F.4). A contact or company that was read only because it names
// one of the leads (LeadID) is Evidence of what that lead became, and no client card.
type Records struct {
	Mode      Mode      `json:"mode"`
	Leads     []Lead    `json:"leads"`
	Deals     []Deal    `json:"deals"`
	Contacts  []Contact `json:"contacts"`
	Companies []Company `json:"companies"`
}

// Snapshot judges the records by decision.md B.1 and F.4. Closed leads come
// newest first by closing date, then id; other ids ascend. Excluded is false:
// the exceptions list cannot be read, only inferred later (F.5).
func (r Records) Snapshot() Snapshot {
	s := Snapshot{
		OpenLeads: []int64{}, OpenDeals: []int64{}, ClosedDeals: []int64{},
		Contacts: r.cardContacts(), Companies: r.cardCompanies(), ClosedLeads: r.closedLeads(),
	}
	for _, l := range r.Leads {
		if l.Semantics == Open {
			s.OpenLeads = append(s.OpenLeads, l.ID)
		}
	}
	for _, d := range r.Deals {
		if d.Semantics == Open {
			s.OpenDeals = append(s.OpenDeals, d.ID)
			continue
		}
		s.ClosedDeals = append(s.ClosedDeals, d.ID)
	}
	s.OpenLeads, s.OpenDeals, s.ClosedDeals = ascending(s.OpenLeads), ascending(s.OpenDeals), ascending(s.ClosedDeals)
	return s
}

func ascending(ids []int64) []int64 {
	slices.Sort(ids)
	return slices.Compact(ids)
}

func (r Records) closedLeads() []ClosedLead {
	closed := slices.DeleteFunc(slices.Clone(r.Leads), func(l Lead) bool { return l.Semantics == Open })
	slices.SortFunc(closed, func(a, b Lead) int {
		return cmp.Or(b.ClosedAt.Compare(a.ClosedAt), cmp.Compare(b.ID, a.ID))
	})
	out := make([]ClosedLead, 0, len(closed))
	for _, l := range closed {
		out = append(out, ClosedLead{l.ID, r.outcome(l)})
	}
	return slices.CompactFunc(out, func(a, b ClosedLead) bool { return a.ID == b.ID })
}

// outcome is what became of closed lead l. A repeated lead names its customer,
// not a result, so only a deal counts for it.
func (r Records) outcome(l Lead) Outcome {
	switch {
	case l.Semantics == Lost:
		return OutcomeLost
	case slices.ContainsFunc(r.Deals, func(d Deal) bool { return d.LeadID == l.ID }):
		return OutcomeDeal
	case !l.Repeated && r.becameCard(l):
		return OutcomeContact
	}
	return OutcomeLost
}

func (r Records) becameCard(l Lead) bool {
	return slices.ContainsFunc(r.Contacts, func(c Contact) bool { return c.LeadID == l.ID || c.ID == l.ContactID }) ||
		slices.ContainsFunc(r.Companies, func(c Company) bool { return c.LeadID == l.ID || c.ID == l.CompanyID })
}

func (r Records) cardContacts() []int64 {
	ids := []int64{}
	for _, c := range r.Contacts {
		if !c.Evidence {
			ids = append(ids, c.ID)
		}
	}
	return ascending(ids)
}

func (r Records) cardCompanies() []int64 {
	ids := []int64{}
	for _, c := range r.Companies {
		if !c.Evidence {
			ids = append(ids, c.ID)
		}
	}
	return ascending(ids)
}

// Title is the name people know the object by, empty when it is not among the
// records.
func (r Records) Title(ref Ref) string {
	switch ref.Type {
	case TypeLead:
		return named(r.Leads, func(l Lead) (int64, string) { return l.ID, l.Title }, ref.ID)
	case TypeDeal:
		return named(r.Deals, func(d Deal) (int64, string) { return d.ID, d.Title }, ref.ID)
	case TypeContact:
		return named(r.Contacts, func(c Contact) (int64, string) { return c.ID, c.Name }, ref.ID)
	case TypeCompany:
		return named(r.Companies, func(c Company) (int64, string) { return c.ID, c.Title }, ref.ID)
	}
	return ""
}

func named[T any](all []T, name func(T) (int64, string), id int64) string {
	for _, one := range all {
		if i, title := name(one); i == id {
			return title
		}
	}
	return ""
}

// Responsible is the employee who looks after the customer: the responsible of
// an open deal, else of an open lead, a contact, a company; of several objects
// of a kind the one with the lowest id that has a responsible. 0 when nobody.
func (r Records) Responsible() int64 {
	s := r.Snapshot()
	return cmp.Or(
		owner(r.Deals, s.OpenDeals, func(d Deal) (int64, int64) { return d.ID, d.ResponsibleID }),
		owner(r.Leads, s.OpenLeads, func(l Lead) (int64, int64) { return l.ID, l.ResponsibleID }),
		owner(r.Contacts, s.Contacts, func(c Contact) (int64, int64) { return c.ID, c.ResponsibleID }),
		owner(r.Companies, s.Companies, func(c Company) (int64, int64) { return c.ID, c.ResponsibleID }),
	)
}

func owner[T any](all []T, ids []int64, fields func(T) (id, responsible int64)) int64 {
	var lowest, responsible int64
	for _, one := range all {
		id, who := fields(one)
		if who == 0 || !slices.Contains(ids, id) {
			continue
		}
		if responsible == 0 || id < lowest {
			lowest, responsible = id, who
		}
	}
	return responsible
}

// Without is r without the objects in refs, and without the leads that deals
// among them were made of, as simple mode does: what a call itself created does
// not count when its decision is looked at again. r is not changed.
func (r Records) Without(refs ...Ref) Records {
	gone := func(t EntityType, id int64) bool { return slices.Contains(refs, Ref{t, id}) }
	for _, d := range r.Deals {
		if gone(TypeDeal, d.ID) {
			refs = append(slices.Clip(refs), Ref{TypeLead, d.LeadID})
		}
	}
	r.Leads = slices.DeleteFunc(slices.Clone(r.Leads), func(l Lead) bool { return gone(TypeLead, l.ID) })
	r.Deals = slices.DeleteFunc(slices.Clone(r.Deals), func(d Deal) bool { return gone(TypeDeal, d.ID) })
	r.Contacts = slices.DeleteFunc(slices.Clone(r.Contacts), func(c Contact) bool { return gone(TypeContact, c.ID) })
	r.Companies = slices.DeleteFunc(slices.Clone(r.Companies), func(c Company) bool { return gone(TypeCompany, c.ID) })
	return r
}

// LinkCard is the card that an object created by the app is linked to
// (decision.md B.4): the origin's contact; else the contact with the most
// recently closed deal or lead; else the contact, then the company, with the
// lowest id. The zero Ref when there is no card.
func (r Records) LinkCard(origin *Ref) Ref {
	s := r.Snapshot()
	if id := r.originContact(origin); slices.Contains(s.Contacts, id) {
		return Ref{TypeContact, id}
	}
	if len(s.Contacts) > 0 {
		return Ref{TypeContact, slices.MaxFunc(s.Contacts, func(a, b int64) int {
			return r.lastClosed(a).Compare(r.lastClosed(b))
		})}
	}
	if len(s.Companies) > 0 {
		return Ref{TypeCompany, s.Companies[0]}
	}
	return Ref{}
}

// originContact is the contact of the origin, 0 when it has none.
func (r Records) originContact(origin *Ref) int64 {
	if origin == nil {
		return 0
	}
	if origin.Type == TypeContact {
		return origin.ID
	}
	for _, l := range r.Leads {
		if *origin == (Ref{TypeLead, l.ID}) {
			return l.ContactID
		}
	}
	for _, d := range r.Deals {
		if *origin == (Ref{TypeDeal, d.ID}) && len(d.ContactIDs) > 0 {
			return d.ContactIDs[0]
		}
	}
	return 0
}

// lastClosed is when a deal or lead of the contact was last closed, zero when
// never.
func (r Records) lastClosed(contact int64) time.Time {
	var last time.Time
	for _, d := range r.Deals {
		if d.Semantics != Open && slices.Contains(d.ContactIDs, contact) && d.ClosedAt.After(last) {
			last = d.ClosedAt
		}
	}
	for _, l := range r.Leads {
		if l.Semantics != Open && l.ContactID == contact && l.ClosedAt.After(last) {
			last = l.ClosedAt
		}
	}
	return last
}
