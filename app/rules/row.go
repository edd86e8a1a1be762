package rules

import "callwise/app/crm"

// RowOf is the row of the tables in decision.md C.1 and C.2 that a case falls
// in, 1 to 11; 0 for the special calls of C.3, which stand in no table.
func RowOf(c Case) int {
	if special(Decide(c).Reason) {
		return 0
	}
	f := c.CRM
	open, card := len(f.OpenLeads)+len(f.OpenDeals) > 0, len(f.Contacts)+len(f.Companies) > 0
	switch {
	case open && !card:
		return 2
	case open:
		return 3
	case len(f.ClosedLeads) > 0:
		return rowOfOutcome(f.ClosedLeads[0].Outcome, card)
	case card && len(f.ClosedDeals) > 0:
		return 5
	case card:
		return 4
	}
	return 1
}

func rowOfOutcome(o crm.Outcome, card bool) int {
	row := map[crm.Outcome]int{crm.OutcomeDeal: 6, crm.OutcomeContact: 7, crm.OutcomeLost: 8}[o]
	if !card {
		row += 3
	}
	return row
}

func special(r Reason) bool {
	switch r {
	case InternalCall, HiddenNumber, ExcludedNumber, TransferLeg, EmployeeNumber, InfoCall:
		return true
	}
	return false
}
