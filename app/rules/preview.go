package rules

import (
	"callwise/app/call"
	"callwise/app/crm"
)

// A PreviewRow is one row of the tables of decision.md C.1 and C.2 under some
// settings: a case that stands for the row's state, and what is decided for it.
type PreviewRow struct {
	Number   int // 1 to 11, as in part C
	Case     Case
	Decision Decision
}

// Ids of the entities in the cases of a preview, one per kind.
const (
	previewLead       = 1
	previewDeal       = 2
	previewContact    = 3
	previewClosedLead = 4
	previewClosedDeal = 5
)

// states are the rows of part C, numbered from 1.
var states = [...]crm.Snapshot{
	{},
	{OpenLeads: []int64{previewLead}},
	{OpenDeals: []int64{previewDeal}, Contacts: card},
	{Contacts: card},
	{Contacts: card, ClosedDeals: closedDeal},
	{Contacts: card, ClosedLeads: closedLead(crm.OutcomeDeal), ClosedDeals: closedDeal},
	{Contacts: card, ClosedLeads: closedLead(crm.OutcomeContact)},
	{Contacts: card, ClosedLeads: closedLead(crm.OutcomeLost)},
	{ClosedLeads: closedLead(crm.OutcomeDeal), ClosedDeals: closedDeal},
	{ClosedLeads: closedLead(crm.OutcomeContact)},
	{ClosedLeads: closedLead(crm.OutcomeLost)},
}

var card, closedDeal = []int64{previewContact}, []int64{previewClosedDeal}

func closedLead(o crm.Outcome) []crm.ClosedLead {
	return []crm.ClosedLead{{ID: previewClosedLead, Outcome: o}}
}

// Preview is the table of part C for calls in direction d, as the settings s
// make it: always the eleven rows, decided by [Decide].
func Preview(s Settings, d call.Direction) []PreviewRow {
	rows := make([]PreviewRow, len(states))
	for i, state := range states {
		c := Case{Call: Call{Direction: d}, Settings: s, CRM: state}
		rows[i] = PreviewRow{i + 1, c, Decide(c)}
	}
	return rows
}
