package b24

import (
	"fmt"
	"maps"
	"slices"

	"callwise/app/crm"
)

// A reading is what a snapshot knows so far. It is complete when nothing is
// due any more.
type reading struct {
	phones []string
	origin *crm.Ref
	mode   crm.Mode
	found  map[crm.EntityType][]int64        // by phone, in any spelling
	dialed map[crm.EntityType][]int64        // by the spelling that is dialled
	items  map[crm.EntityType]map[int64]item // read
	gone   map[crm.Ref]bool                  // asked for and not there
	listed map[crm.Ref]bool                  // asked for among others
	covers map[string]map[int64]bool         // by relation: parents whose objects are read
	pages  []listing                         // further pages, and what a search left out
	// mainContactOnly: the portal cannot filter deals by additional contacts.
	mainContactOnly bool
}

func newReading(q Query) *reading {
	r := &reading{
		phones: q.Phones[:min(len(q.Phones), maxPhones)], origin: q.Origin,
		found: map[crm.EntityType][]int64{}, dialed: map[crm.EntityType][]int64{}, items: map[crm.EntityType]map[int64]item{},
		gone: map[crm.Ref]bool{}, listed: map[crm.Ref]bool{}, covers: map[string]map[int64]bool{},
	}
	for kind := crm.TypeLead; kind <= crm.TypeCompany; kind++ {
		r.items[kind] = map[int64]item{}
	}
	return r
}

func (r *reading) setMode(mode ID) error {
	known, ok := modeOf(mode)
	if !ok {
		return &Failure{Method: "crm.settings.mode.get", Sent: true, Err: oddAnswer("a mode that is not known")}
	}
	r.mode = known
	return nil
}

func (r *reading) keep(kind crm.EntityType, rows []item) {
	for _, row := range rows {
		if row.ID > 0 {
			r.items[kind][int64(row.ID)] = row
		}
	}
}

func (r *reading) cover(rel relation, parents []int64) {
	if r.covers[rel.name] == nil {
		r.covers[rel.name] = map[int64]bool{}
	}
	for _, id := range parents {
		r.covers[rel.name][id] = true
	}
}

// A listing reads, by ids: one object, some objects of a kind, or a page of
// the objects that name some parents; or, by a number, the ids of those that carry it.
type listing struct {
	get   crm.Ref // one object, when set
	kind  crm.EntityType
	rel   relation // objects that name ids, when named
	ids   []int64
	start int    // row of the first object on the page
	phone string // objects that carry it, when set
	open  bool   // of those, the open ones
}

func (l listing) command(key string) Command {
	switch {
	case l.get.ID != 0:
		return Command{key, methodItemGet, Params{"entityTypeId": int(l.get.Type), "id": l.get.ID}}
	case l.rel.name != "":
		return l.rel.command(key, l.ids, l.start)
	case l.phone != "":
		return l.carriersCommand(key)
	}
	return listCommand(key, l.kind, Params{"@id": l.ids}, 0)
}

type listings []listing

func (ls listings) commands() []Command {
	commands := make([]Command, len(ls))
	for i, l := range ls {
		commands[i] = l.command(dueKey(i))
	}
	return commands
}

func dueKey(i int) string { return fmt.Sprintf("due%d", i) }

// due is what must be read before the snapshot is complete, as far as that is
// known now.
func (r *reading) due() listings {
	var due listings
	for _, kind := range []crm.EntityType{crm.TypeLead, crm.TypeDeal, crm.TypeContact, crm.TypeCompany} {
		due = append(due, r.dueObjects(kind)...)
	}
	for _, rel := range relations {
		if rel.field == "contactIds" && r.mainContactOnly {
			rel = rel.byMainContact()
		}
		var parents []int64
		for _, id := range r.parents(rel) {
			if !r.covers[rel.name][id] {
				parents = append(parents, id)
			}
		}
		if len(parents) > 0 {
			due = append(due, listing{rel: rel, ids: parents})
		}
	}
	due = append(due, r.pages...)
	r.pages = nil
	return due
}

// few is how many objects are asked for one by one, which also tells why one
// of them is not there.
const few = 5

func (r *reading) dueObjects(kind crm.EntityType) listings {
	var single listings
	var many []int64
	for _, id := range r.wanted(kind) {
		ref := crm.Ref{Type: kind, ID: id}
		if _, read := r.items[kind][id]; read || r.gone[ref] {
			continue
		}
		single = append(single, listing{get: ref})
		if !r.listed[ref] {
			many = append(many, id)
		}
	}
	if len(many) <= few {
		return single
	}
	single = slices.DeleteFunc(single, func(l listing) bool { return !r.listed[l.get] })
	return append(single, listing{kind: kind, ids: many})
}

// wanted are the objects of a kind that must be read themselves: what carries
// the number, the origin, and the cards these name.
func (r *reading) wanted(kind crm.EntityType) []int64 {
	ids := slices.Clone(r.found[kind])
	if r.origin != nil && r.origin.Type == kind {
		ids = append(ids, r.origin.ID)
	}
	for _, l := range r.matched(crm.TypeLead) {
		ids = append(ids, cardOf(l, kind))
	}
	for _, d := range r.matched(crm.TypeDeal) {
		ids = append(ids, cardOf(d, kind))
	}
	slices.Sort(ids)
	return slices.DeleteFunc(slices.Compact(ids), func(id int64) bool { return id <= 0 })
}

// cardOf is the contact or company that a lead or deal names.
func cardOf(row item, kind crm.EntityType) int64 {
	switch kind {
	case crm.TypeContact:
		return row.contact()
	case crm.TypeCompany:
		return int64(row.CompanyID)
	}
	return 0
}

// matched are the objects of a kind that carry the number, or are the origin.
func (r *reading) matched(kind crm.EntityType) []item {
	var rows []item
	for _, id := range slices.Sorted(maps.Keys(r.items[kind])) {
		if r.isMatched(kind, id) {
			rows = append(rows, r.items[kind][id])
		}
	}
	return rows
}

func (r *reading) isMatched(kind crm.EntityType, id int64) bool {
	return slices.Contains(r.found[kind], id) || r.origin != nil && *r.origin == crm.Ref{Type: kind, ID: id}
}

// parents are the objects whose relation must be read.
func (r *reading) parents(rel relation) []int64 {
	ids := slices.DeleteFunc(r.wanted(rel.parent), func(id int64) bool { return r.gone[crm.Ref{Type: rel.parent, ID: id}] })
	if rel.parent != crm.TypeLead {
		return ids
	}
	if rel.late {
		return slices.DeleteFunc(ids, r.outcomeKnown)
	}
	for _, l := range r.items[crm.TypeLead] {
		if r.unexplained(l) {
			ids = append(ids, int64(l.ID))
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// outcomeKnown reports whether it does not matter which contacts and companies
// name a lead as their origin: only a lead that was won, is no repeated one,
// and has neither deal nor card of its own depends on them.
func (r *reading) outcomeKnown(lead int64) bool {
	l, read := r.items[crm.TypeLead][lead]
	if !read {
		return false
	}
	return l.semantics() != crm.Won || bool(l.Repeated) || r.hasDeal(lead) ||
		r.exists(crm.TypeContact, l.contact()) || r.exists(crm.TypeCompany, int64(l.CompanyID))
}

// unexplained reports whether a won lead has no deal among those of the
// customer: it may have one that names nobody.
func (r *reading) unexplained(l item) bool {
	if l.semantics() != crm.Won {
		return false
	}
	for _, d := range r.items[crm.TypeDeal] {
		if d.LeadID == l.ID && r.own(d) {
			return false
		}
	}
	return true
}

func (r *reading) hasDeal(lead int64) bool {
	for _, d := range r.items[crm.TypeDeal] {
		if int64(d.LeadID) == lead && !bool(d.Recurring) {
			return true
		}
	}
	return false
}

// own reports whether a deal is one of the customer's: of a card, of a lead
// that carries the number, or the origin. Recurring deals are templates.
func (r *reading) own(d item) bool {
	if bool(d.Recurring) {
		return false
	}
	return r.isMatched(crm.TypeDeal, int64(d.ID)) || r.isMatched(crm.TypeLead, int64(d.LeadID)) ||
		r.isCard(crm.TypeCompany, int64(d.CompanyID)) ||
		slices.ContainsFunc(d.contacts(), func(id int64) bool { return r.isCard(crm.TypeContact, id) })
}

// isCard reports whether a contact or company counts as the customer and exists.
func (r *reading) isCard(kind crm.EntityType, id int64) bool {
	return r.exists(kind, id) && slices.Contains(r.wanted(kind), id)
}

// exists reports whether an object was read that can be a customer's: our own
// companies cannot.
func (r *reading) exists(kind crm.EntityType, id int64) bool {
	row, read := r.items[kind][id]
	return read && !bool(row.MyCompany)
}
