package rules_test

import (
	"testing"

	"callwise/app/call"
	"callwise/app/rules"
)

func TestEachStateOfTheTablesFallsInItsOwnRow(t *testing.T) {
	for _, d := range []call.Direction{call.Incoming, call.Outgoing} {
		for _, row := range rules.Preview(rules.DefaultSettings(), d) {
			if got := rules.RowOf(row.Case); got != row.Number {
				t.Errorf("RowOf(row %d, %s) = %d", row.Number, d, got)
			}
		}
	}
}

func TestASpecialCallStandsInNoTable(t *testing.T) {
	c := rules.Preview(rules.DefaultSettings(), call.Incoming)[3].Case
	c.Call.Employee = true
	if got := rules.RowOf(c); got != 0 {
		t.Errorf("RowOf = %d, want 0", got)
	}
}
