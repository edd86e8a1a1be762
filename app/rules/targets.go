package rules

import "callwise/app/crm"

// MaxTargets is how many entities one call can be logged to: what Bitrix24 lets
// an activity be bound to (crm.activity.binding.add).
const MaxTargets = 100

// targets are the entities a call is logged to, in the order of decision.md
// B.2; full says that there were more than fit.
func targets(c *Case, create Create, s scope) (logTo []Target, full bool) {
	l := list{targets: make([]Target, 0, c.size(s))}
	l.addNew(create)
	if o := c.Call.Origin; o != nil {
		l.add(o.Type, o.ID)
	}
	if s == toOpenAndCard {
		l.addAll(crm.TypeDeal, c.CRM.OpenDeals)
		l.addAll(crm.TypeLead, c.CRM.OpenLeads)
	}
	if s == toOpenAndCard || s == toCard {
		l.addAll(crm.TypeContact, c.CRM.Contacts)
		l.addAll(crm.TypeCompany, c.CRM.Companies)
	}
	return l.targets, l.full
}

// size is how many targets there can be at most.
func (c *Case) size(s scope) int {
	n := 2 // created
	if c.Call.Origin != nil {
		n++
	}
	if s == toOpenAndCard {
		n += len(c.CRM.OpenDeals) + len(c.CRM.OpenLeads)
	}
	if s == toOpenAndCard || s == toCard {
		n += len(c.CRM.Contacts) + len(c.CRM.Companies)
	}
	return min(n, MaxTargets)
}

// A list collects targets without repeats.
type list struct {
	targets []Target
	full    bool
}

func (l *list) addNew(create Create) {
	switch create {
	case Lead, RepeatedLead:
		l.targets = append(l.targets, Target{Type: crm.TypeLead, New: true})
	case RepeatedDeal:
		l.targets = append(l.targets, Target{Type: crm.TypeDeal, New: true})
	case DealContact, RepeatedDealContact:
		l.targets = append(l.targets, Target{Type: crm.TypeDeal, New: true}, Target{Type: crm.TypeContact, New: true})
	}
}

func (l *list) addAll(t crm.EntityType, ids []int64) {
	for _, id := range ids {
		if l.full {
			return
		}
		l.add(t, id)
	}
}

func (l *list) add(t crm.EntityType, id int64) {
	target := Target{Type: t, ID: id}
	for _, known := range l.targets {
		if known == target {
			return
		}
	}
	if len(l.targets) == MaxTargets {
		l.full = true
		return
	}
	l.targets = append(l.targets, target)
}
