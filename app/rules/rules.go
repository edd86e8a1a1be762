// Package rules decides what a call should do to the CRM: a [Case] goes in, a
// [Decision] comes out. It is decision.md, parts B to F.3, and pure: no clock,
// no context, no I/O.
package rules

import (
	"callwise/app/call"
	"callwise/app/crm"
)

// OutPlainContact says whether an outgoing call to a contact that has no lead
// and no deal creates a repeated lead (decision.md B.5-4). If it is ever turned
// off, that cell needs a reason of its own.
const OutPlainContact = true

// A row is one line of the decision table: if it holds, its reason is the
// decision's, it creates that much, and the call is logged to those.
type row struct {
	name   string
	holds  func(facts) bool
	reason Reason
	create amount
	logTo  scope
}

// table is decision.md B.3: the first row that holds decides. The last one
// always holds.
var table = [...]row{
	{"P1", func(f facts) bool { return f.internal }, InternalCall, nothing, nowhere},
	{"P2", func(f facts) bool { return f.hidden }, HiddenNumber, nothing, nowhere},
	{"P3", func(f facts) bool { return f.excluded }, ExcludedNumber, nothing, toOrigin},
	{"P4", func(f facts) bool { return f.leg }, TransferLeg, nothing, toOpenAndCard},
	{"P5", func(f facts) bool { return f.employee }, EmployeeNumber, nothing, toOpenAndCard},
	{"P6", func(f facts) bool { return f.info }, InfoCall, nothing, toOpenAndCard},

	{"D1", func(f facts) bool { return f.open }, OpenEntity, nothing, toOpenAndCard},

	{"D2", func(f facts) bool { return !f.known && !f.createOn }, NewCreateOff, nothing, toOrigin},
	{"D3", func(f facts) bool { return !f.known && f.outgoing && !f.outgoingOn }, NewOutgoingOff, nothing, toOrigin},
	{"D4", func(f facts) bool { return !f.known }, NewCreated, first, toOrigin},

	{"D5", func(f facts) bool { return !f.createOn }, KnownCreateOff, nothing, toCard},
	{"D6", func(f facts) bool { return f.outgoing && !f.outgoingOn }, KnownOutgoingOff, nothing, toCard},
	{"D7", func(f facts) bool { return !f.repeatOn }, RepeatOffPBX, nothing, toCard},
	{"D8", func(f facts) bool { return !f.repeatInB24 }, RepeatOffB24, nothing, toCard},

	{"D10", func(f facts) bool { return f.outgoing && f.previous == crm.OutcomeContact }, RepeatOutLeadToContact, nothing, toCard},
	{"D11", func(f facts) bool { return f.previous == crm.OutcomeDeal }, RepeatLeadToDeal, repeated, toCard},
	{"D12", func(f facts) bool { return f.previous == crm.OutcomeContact }, RepeatLeadToContact, repeated, toCard},
	{"D13", func(f facts) bool { return f.previous == crm.OutcomeLost }, RepeatLeadLost, repeated, toCard},
	{"D14", func(f facts) bool { return f.closedDeal }, RepeatClosedDeal, repeated, toCard},
	{"D15", func(facts) bool { return true }, RepeatContact, repeatedOfContact, toCard},
}

// facts is all of a case that a row's condition may ask for.
type facts struct {
	internal, hidden, excluded, leg, employee, info bool

	open       bool        // an open lead or deal
	card       bool        // a contact or company
	closedDeal bool        // won or lost
	known      bool        // any of these, or a closed lead
	previous   crm.Outcome // of the newest closed lead, empty when there is none

	outgoing                                    bool
	createOn, outgoingOn, repeatOn, repeatInB24 bool
	simple                                      bool
}

func factsOf(c *Case) facts {
	f := facts{
		internal: c.Call.Internal || c.Call.Direction == call.Internal,
		hidden:   c.Call.Hidden,
		excluded: c.CRM.Excluded,
		leg:      c.Call.Leg,
		employee: c.Call.Employee,
		info:     c.Call.Direction == call.Info,

		open:       len(c.CRM.OpenLeads)+len(c.CRM.OpenDeals) > 0,
		card:       len(c.CRM.Contacts)+len(c.CRM.Companies) > 0,
		closedDeal: len(c.CRM.ClosedDeals) > 0,

		outgoing:    c.Call.Direction == call.Outgoing,
		createOn:    c.Settings.CreateEntities,
		outgoingOn:  c.Settings.OutgoingCalls,
		repeatOn:    c.Settings.RepeatedLeads,
		repeatInB24: c.Settings.RepeatInBitrix24 == RepeatOn,
		simple:      c.Settings.CRMMode == crm.Simple,
	}
	if len(c.CRM.ClosedLeads) > 0 {
		f.previous = c.CRM.ClosedLeads[0].Outcome
	}
	f.known = f.open || f.card || f.closedDeal || len(c.CRM.ClosedLeads) > 0
	return f
}

// An amount is how much a row creates; what exactly, the CRM mode says.
type amount uint8

const (
	nothing           amount = iota
	first                    // for a customer nobody knows
	repeated                 // for a customer who has nothing open
	repeatedOfContact        // the same for one with neither lead nor deal
)

// in says what the amount is in a case with facts f (decision.md B.4).
func (a amount) in(f facts) Create {
	switch {
	case a == nothing, a == repeatedOfContact && f.outgoing && !OutPlainContact:
		return None
	case a == first && f.simple:
		return DealContact
	case a == first:
		return Lead
	case !f.simple:
		return RepeatedLead
	case f.card:
		return RepeatedDeal
	}
	return RepeatedDealContact
}

// A scope is the existing entities a row logs the call to.
type scope uint8

const (
	nowhere scope = iota // not even the origin: the call is not registered
	toOrigin
	toCard
	toOpenAndCard
)

// Decide says what should become of the call in c, and why (decision.md B).
func Decide(c Case) Decision {
	f := factsOf(&c)
	r := deciding(f)
	d := Decision{Create: r.create.in(f), Reason: r.reason, Notes: []Note{}}
	if r.logTo == nowhere {
		d.LogTo = []Target{}
		return d
	}
	var full bool
	d.LogTo, full = targets(&c, d.Create, r.logTo)
	if c.Call.Origin != nil && c.Call.Origin.Closed {
		d.Notes = append(d.Notes, ClosedCardClick)
	}
	if len(d.LogTo) == 0 {
		d.Notes = append(d.Notes, NoTarget)
	}
	if full {
		d.Notes = append(d.Notes, BindingLimit)
	}
	return d
}

// Trace lists the rows of the table tried for c in their order, up to the one
// that held.
func Trace(c Case) []Step {
	f := factsOf(&c)
	var steps []Step
	for i := range table {
		r := &table[i]
		held := r.holds(f)
		steps = append(steps, Step{r.name, r.reason, held})
		if held {
			break
		}
	}
	return steps
}

func deciding(f facts) *row {
	for i := range table {
		if table[i].holds(f) {
			return &table[i]
		}
	}
	return &table[len(table)-1]
}

// creates is Decide(c).Create.
func creates(c *Case) Create {
	f := factsOf(c)
	return deciding(f).create.in(f)
}

// WouldChange names the one switch whose flip alone would change what is
// created, nil when none does or several do (interface.md §5).
func WouldChange(c Case) *Change {
	now := creates(&c)
	var found Change
	changes := 0
	try := func(s Switch, to any, flipped Settings) {
		other := c
		other.Settings = flipped
		if create := creates(&other); create != now {
			found = Change{s, to, create}
			changes++
		}
	}
	s := c.Settings
	s.CreateEntities = !s.CreateEntities
	try(SwitchCreateEntities, s.CreateEntities, s)

	s = c.Settings
	s.OutgoingCalls = !s.OutgoingCalls
	try(SwitchOutgoingCalls, s.OutgoingCalls, s)

	s = c.Settings
	s.RepeatedLeads = !s.RepeatedLeads
	try(SwitchRepeatedLeads, s.RepeatedLeads, s)

	s = c.Settings
	s.RepeatInBitrix24 = s.RepeatInBitrix24.flipped()
	try(SwitchRepeatInBitrix24, s.RepeatInBitrix24, s)

	if changes != 1 {
		return nil
	}
	return &found
}

func (r Repeat) flipped() Repeat {
	if r == RepeatOn {
		return RepeatOff
	}
	return RepeatOn
}
