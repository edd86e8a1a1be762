package crm

import (
	"slices"
	"time"
)

// WithOpen adds objects that surely exist and are open although the portal did
// not show them yet, and reports whether any was missing. An object that is
// among the records already stays as it is. r is not changed.
func (r Records) WithOpen(refs []Ref) (Records, bool) {
	added := false
	for _, ref := range refs {
		if r.Has(ref) {
			continue
		}
		switch ref.Type {
		case TypeLead:
			r.Leads = append(slices.Clip(r.Leads), Lead{ID: ref.ID, Semantics: Open, ByPhone: true, OtherSpelling: true})
		case TypeDeal:
			r.Deals = append(slices.Clip(r.Deals), Deal{ID: ref.ID, Semantics: Open})
		default:
			continue // a card says nothing about open work
		}
		added = true
	}
	return r, added
}

// Has reports whether the object is among the records.
func (r Records) Has(ref Ref) bool {
	switch ref.Type {
	case TypeLead:
		return slices.ContainsFunc(r.Leads, func(l Lead) bool { return l.ID == ref.ID })
	case TypeDeal:
		return slices.ContainsFunc(r.Deals, func(d Deal) bool { return d.ID == ref.ID })
	case TypeContact:
		return slices.ContainsFunc(r.Contacts, func(c Contact) bool { return c.ID == ref.ID })
	case TypeCompany:
		return slices.ContainsFunc(r.Companies, func(c Company) bool { return c.ID == ref.ID })
	}
	return false
}

// Closed reports a lead or deal that is won or lost. Cards are never closed,
// nor is what is not among the records.
func (r Records) Closed(ref Ref) bool {
	switch ref.Type {
	case TypeLead:
		return slices.ContainsFunc(r.Leads, func(l Lead) bool { return l.ID == ref.ID && l.Semantics != Open })
	case TypeDeal:
		return slices.ContainsFunc(r.Deals, func(d Deal) bool { return d.ID == ref.ID && d.Semantics != Open })
	}
	return false
}

// Name is what people call the client: the name of a contact or company, else
// the title of a lead or deal, the lowest id first; empty when nothing is known.
func (r Records) Name() string {
	s := r.Snapshot()
	kinds := []struct {
		kind EntityType
		ids  []int64
	}{
		{TypeContact, s.Contacts}, {TypeCompany, s.Companies},
		{TypeLead, s.OpenLeads}, {TypeDeal, s.OpenDeals},
	}
	for _, k := range kinds {
		for _, id := range k.ids {
			if title := r.Title(Ref{k.kind, id}); title != "" {
				return title
			}
		}
	}
	return ""
}

// Before is what of r was there before that time; what does not tell its time
// is taken to have been. r is not changed.
func (r Records) Before(at time.Time) Records {
	r.Leads = slices.DeleteFunc(slices.Clone(r.Leads), func(l Lead) bool { return !l.CreatedAt.Before(at) })
	r.Deals = slices.DeleteFunc(slices.Clone(r.Deals), func(d Deal) bool { return !d.CreatedAt.Before(at) })
	r.Contacts = slices.DeleteFunc(slices.Clone(r.Contacts), func(c Contact) bool { return !c.CreatedAt.Before(at) })
	r.Companies = slices.DeleteFunc(slices.Clone(r.Companies), func(c Company) bool { return !c.CreatedAt.Before(at) })
	return r
}

// CreatedBetween reports whether an open lead or deal was made between two times,
// both included.
func (r Records) CreatedBetween(from, to time.Time) bool {
	within := func(at time.Time) bool { return !at.IsZero() && !at.Before(from) && !at.After(to) }
	return slices.ContainsFunc(r.Leads, func(l Lead) bool { return l.Semantics == Open && within(l.CreatedAt) }) ||
		slices.ContainsFunc(r.Deals, func(d Deal) bool { return d.Semantics == Open && within(d.CreatedAt) })
}
