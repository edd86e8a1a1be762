package views

import (
	"slices"
	"strconv"
	"strings"
)

// CaseFacts is the case of a decision (interface.md §5), for the dialog.
type CaseFacts struct {
	Direction                       string
	Internal, Hidden, Employee, Leg bool
	Origin                          *Ref
	OriginClosed                    bool
	CreateEntities, OutgoingCalls   bool
	RepeatedLeads                   bool
	Repeat, Mode                    string // on/off/unknown; classic/simple
	Excluded                        bool
	OpenLeads, OpenDeals            []int64
	Contacts, Companies             []int64
	ClosedLeads                     []ClosedLead
	ClosedDeals                     []int64
	OfLine                          []string // switches that the call's line sets for itself
}

// A ClosedLead is a closed lead with what came of it: deal, contact, lost.
type ClosedLead struct {
	ID      int64
	Outcome string
}

// Conditions lists everything a decision looked at, with the value it had.
func (l Localizer) Conditions(f CaseFacts) []Fact {
	fact := func(key, value string) Fact { return Fact{Name: l.T("fact." + key), Value: value} }
	facts := []Fact{fact("direction", l.word("direction", f.Direction))}
	for _, special := range []struct {
		key string
		is  bool
	}{
		{"internal", f.Internal}, {"hidden", f.Hidden}, {"excluded", f.Excluded},
		{"leg", f.Leg}, {"employee", f.Employee},
	} {
		facts = append(facts, fact(special.key, l.yes(special.is)))
	}
	return append(facts,
		fact("origin", l.origin(f)),
		fact("open_leads", l.ids(f.OpenLeads)),
		fact("open_deals", l.ids(f.OpenDeals)),
		fact("contacts", l.ids(f.Contacts)),
		fact("companies", l.ids(f.Companies)),
		fact("closed_leads", l.closedLeads(f.ClosedLeads)),
		fact("closed_deals", l.ids(f.ClosedDeals)),
		fact("create_entities", l.switched(f, "create_entities", f.CreateEntities)),
		fact("outgoing_calls", l.switched(f, "outgoing_calls", f.OutgoingCalls)),
		fact("repeated_leads", l.switched(f, "repeated_leads", f.RepeatedLeads)),
		fact("repeat_in_bitrix24", l.word("repeat", f.Repeat)),
		fact("crm_mode", l.word("mode", f.Mode)),
	)
}

func (l Localizer) yes(b bool) string {
	if b {
		return l.T("word.yes")
	}
	return l.T("word.no")
}

func (l Localizer) on(b bool) string {
	if b {
		return l.T("word.on")
	}
	return l.T("word.off")
}

// switched is the position of a switch, and whether it is the line's own.
func (l Localizer) switched(f CaseFacts, name string, on bool) string {
	if slices.Contains(f.OfLine, name) {
		return l.T("fact.of_line", "Value", l.on(on))
	}
	return l.on(on)
}

func (l Localizer) origin(f CaseFacts) string {
	if f.Origin == nil {
		return l.T("word.none")
	}
	name := l.Entity("", *f.Origin).Text
	if f.OriginClosed {
		return l.T("fact.origin.closed", "Entity", name)
	}
	return name
}

func (l Localizer) ids(ids []int64) string {
	names := make([]string, 0, len(ids))
	for _, id := range ids {
		names = append(names, l.number(id))
	}
	return l.listed(names)
}

func (l Localizer) closedLeads(leads []ClosedLead) string {
	names := make([]string, 0, len(leads))
	for _, lead := range leads {
		names = append(names, l.T("outcome."+lead.Outcome, "ID", l.number(lead.ID)))
	}
	return l.listed(names)
}

func (l Localizer) number(id int64) string {
	return l.T("word.number", "ID", strconv.FormatInt(id, 10))
}

func (l Localizer) listed(names []string) string {
	if len(names) == 0 {
		return l.T("word.none")
	}
	return strings.Join(names, ", ")
}
