package rules

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"callwise/app/call"
	"callwise/app/crm"

	"github.com/google/go-cmp/cmp"
)

func TestWorkedScenarios(t *testing.T) {
	if len(scenarios) != 61 {
		t.Fatalf("%d scenarios, want 61", len(scenarios))
	}
	for _, s := range scenarios {
		t.Run(fmt.Sprintf("%d %s", s.number, s.name), func(t *testing.T) {
			c := Case{Call: readCall(t, s.when), Settings: readSettings(s.settings), CRM: readCRM(t, s.given)}
			if diff := cmp.Diff(readDecision(t, s.create, s.logTo, s.reason), Decide(c)); diff != "" {
				t.Errorf("Decide (-want +got):\n%s", diff)
			}
		})
	}
}

// readCall reads a "When" such as "outgoing, from card D9 (closed)".
func readCall(t *testing.T, when string) Call {
	t.Helper()
	var c Call
	for _, part := range strings.Split(strings.NewReplacer("[", ", ", "]", "").Replace(when), ", ") {
		switch part = strings.TrimSpace(part); part {
		case "incoming":
			c.Direction = call.Incoming
		case "incoming redirected":
			c.Direction = call.Redirected
		case "outgoing":
			c.Direction = call.Outgoing
		case "callback":
			c.Direction = call.Callback
		case "info call":
			c.Direction = call.Info
		case "not answered", "":
		case "internal":
			c.Internal = true
		case "hidden":
			c.Hidden = true
		case "employee":
			c.Employee = true
		case "leg":
			c.Leg = true
		default:
			card, found := strings.CutPrefix(part, "from card ")
			card, closed := strings.CutSuffix(card, " (closed)")
			if !found {
				t.Fatalf("cannot read %q", part)
			}
			entity := readTarget(t, card)
			c.Origin = &Origin{entity.Type, entity.ID, closed}
		}
	}
	return c
}

// readSettings reads such as "classic; CE+RB".
func readSettings(text string) Settings {
	mode, on, _ := strings.Cut(text, "; ")
	switches := strings.Split(on, "+")
	s := Settings{
		CreateEntities:   slices.Contains(switches, "CE"),
		OutgoingCalls:    slices.Contains(switches, "CO"),
		RepeatedLeads:    slices.Contains(switches, "RP"),
		RepeatInBitrix24: RepeatOff,
		CRMMode:          crm.Mode(mode),
	}
	if slices.Contains(switches, "RB") {
		s.RepeatInBitrix24 = RepeatOn
	}
	return s
}

// readCRM reads a "Given" such as "open deals D1; closed leads L9→lost, L3→deal".
func readCRM(t *testing.T, given string) crm.Snapshot {
	t.Helper()
	var s crm.Snapshot
	for _, part := range strings.Split(given, "; ") {
		switch {
		case part == "nothing":
		case part == "number in exceptions":
			s.Excluded = true
		case strings.HasPrefix(part, "closed leads "):
			for _, one := range strings.Split(strings.TrimPrefix(part, "closed leads "), ", ") {
				lead, outcome, _ := strings.Cut(one, "→")
				s.ClosedLeads = append(s.ClosedLeads, crm.ClosedLead{ID: readTarget(t, lead).ID, Outcome: crm.Outcome(outcome)})
			}
		default:
			readIDs(t, &s, part)
		}
	}
	return s
}

func readIDs(t *testing.T, s *crm.Snapshot, part string) {
	t.Helper()
	lists := map[string]*[]int64{
		"open leads": &s.OpenLeads, "open deals": &s.OpenDeals, "closed deals": &s.ClosedDeals,
		"contacts": &s.Contacts, "companies": &s.Companies,
	}
	for name, ids := range lists {
		rest, found := strings.CutPrefix(part, name+" ")
		if !found {
			continue
		}
		for _, id := range strings.Split(rest, ", ") {
			*ids = append(*ids, readTarget(t, id).ID)
		}
		return
	}
	t.Fatalf("cannot read %q", part)
}

// readDecision reads the last three columns.
func readDecision(t *testing.T, create, logTo, reason string) Decision {
	t.Helper()
	codes := strings.Split(reason, " + ")
	d := Decision{
		Create: Create(strings.NewReplacer(" ", "_", "+", "_").Replace(create)),
		LogTo:  []Target{}, Reason: Reason(codes[0]), Notes: []Note{},
	}
	for _, note := range codes[1:] {
		d.Notes = append(d.Notes, Note(note))
	}
	if logTo == "—" {
		return d
	}
	for _, one := range strings.Split(logTo, ", ") {
		d.LogTo = append(d.LogTo, readTarget(t, one))
	}
	return d
}

// readTarget reads an id such as D1, or L* for one that is new.
func readTarget(t *testing.T, text string) Target {
	t.Helper()
	types := map[byte]crm.EntityType{'L': crm.TypeLead, 'D': crm.TypeDeal, 'C': crm.TypeContact, 'K': crm.TypeCompany}
	target := Target{Type: types[text[0]], New: text[1:] == "*"}
	if target.New {
		return target
	}
	id, err := strconv.ParseInt(text[1:], 10, 64)
	if err != nil || target.Type == 0 {
		t.Fatalf("cannot read %q", text)
	}
	target.ID = id
	return target
}

func ids(from, to int64) []int64 {
	var all []int64
	for id := from; id <= to; id++ {
		all = append(all, id)
	}
	return all
}

func TestTargetsAreLimitedAndDoNotRepeat(t *testing.T) {
	on := Settings{CreateEntities: true, OutgoingCalls: true, RepeatedLeads: true, RepeatInBitrix24: RepeatOn}
	tests := []struct {
		name       string
		c          Case
		targets    int
		first      Target
		wantLimits bool
	}{
		{"exactly 100 are no reason to complain", Case{CRM: crm.Snapshot{OpenDeals: ids(1, 100)}}, 100, Target{Type: crm.TypeDeal, ID: 1}, false},
		{"the 101st is left out", Case{CRM: crm.Snapshot{OpenDeals: ids(1, 101)}}, 100, Target{Type: crm.TypeDeal, ID: 1}, true},
		{"contacts are left out before deals", Case{CRM: crm.Snapshot{OpenDeals: ids(1, 100), Contacts: ids(1, 1)}}, 100, Target{Type: crm.TypeDeal, ID: 1}, true},
		{"what is created counts", Case{Settings: on, CRM: crm.Snapshot{Contacts: ids(1, 100)}}, 100, Target{Type: crm.TypeLead, New: true}, true},
		{"the origin counts", Case{Call: Call{Origin: &Origin{Type: crm.TypeDeal, ID: 7}}, CRM: crm.Snapshot{Contacts: ids(1, 100)}}, 100, Target{Type: crm.TypeDeal, ID: 7}, true},
		{"an origin that is open anyway counts once", Case{Call: Call{Origin: &Origin{Type: crm.TypeDeal, ID: 7}}, CRM: crm.Snapshot{OpenDeals: ids(1, 100)}}, 100, Target{Type: crm.TypeDeal, ID: 7}, false},
		{"a repeated id counts once", Case{CRM: crm.Snapshot{OpenDeals: append(ids(1, 100), ids(1, 100)...)}}, 100, Target{Type: crm.TypeDeal, ID: 1}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := Decide(tt.c)
			if len(d.LogTo) != tt.targets || d.LogTo[0] != tt.first || slices.Contains(d.Notes, BindingLimit) != tt.wantLimits {
				t.Errorf("%d targets from %v on, notes %v", len(d.LogTo), d.LogTo[0], d.Notes)
			}
		})
	}
}

func TestNotesStandInTheOrderOfTheSpecification(t *testing.T) {
	excluded := Case{Call: Call{Direction: call.Incoming, Origin: &Origin{Type: crm.TypeLead, ID: 9, Closed: true}}}
	excluded.CRM = crm.Snapshot{Excluded: true, Contacts: ids(1, 1)}
	want := Decision{None, []Target{{Type: crm.TypeLead, ID: 9}}, ExcludedNumber, []Note{ClosedCardClick}}
	if diff := cmp.Diff(want, Decide(excluded)); diff != "" {
		t.Errorf("an excluded number is logged to the clicked card only (-want +got):\n%s", diff)
	}
	full := Case{Call: Call{Direction: call.Outgoing, Origin: &Origin{Type: crm.TypeDeal, ID: 900, Closed: true}}, CRM: crm.Snapshot{OpenDeals: ids(1, 100)}}
	if diff := cmp.Diff([]Note{ClosedCardClick, BindingLimit}, Decide(full).Notes); diff != "" {
		t.Errorf("notes (-want +got):\n%s", diff)
	}
}

func TestEarlierRowsWin(t *testing.T) {
	everything := Case{
		Call: Call{Direction: call.Info, Internal: true, Hidden: true, Leg: true, Employee: true},
		CRM:  crm.Snapshot{Excluded: true, OpenLeads: ids(1, 1)},
	}
	steps := []struct {
		want   Reason
		remove func(*Case)
	}{
		{InternalCall, func(c *Case) { c.Call.Internal = false }},
		{HiddenNumber, func(c *Case) { c.Call.Hidden = false }},
		{ExcludedNumber, func(c *Case) { c.CRM.Excluded = false }},
		{TransferLeg, func(c *Case) { c.Call.Leg = false }},
		{EmployeeNumber, func(c *Case) { c.Call.Employee = false }},
		{InfoCall, func(c *Case) { c.Call.Direction = call.Incoming }},
		{OpenEntity, func(c *Case) { c.CRM.OpenLeads = nil }},
		{NewCreateOff, func(c *Case) { c.Settings.CreateEntities = true }},
		{NewCreated, func(*Case) {}},
	}
	for _, step := range steps {
		if got := Decide(everything).Reason; got != step.want {
			t.Errorf("reason = %s, want %s", got, step.want)
		}
		step.remove(&everything)
	}
	if got := Decide(Case{Call: Call{Direction: call.Internal}}).Reason; got != InternalCall {
		t.Errorf("reason of an internal direction = %s", got)
	}
}

func TestTraceEndsWithTheRowThatDecides(t *testing.T) {
	c := Case{Call: Call{Direction: call.Incoming}, CRM: crm.Snapshot{OpenLeads: ids(1, 1)}}
	want := []Step{
		{"P1", InternalCall, false}, {"P2", HiddenNumber, false}, {"P3", ExcludedNumber, false}, {"P4", TransferLeg, false},
		{"P5", EmployeeNumber, false}, {"P6", InfoCall, false}, {"D1", OpenEntity, true},
	}
	if diff := cmp.Diff(want, Trace(c)); diff != "" {
		t.Errorf("Trace (-want +got):\n%s", diff)
	}
}

func TestPreviewIsTheTableOfPartC(t *testing.T) {
	on := Settings{CreateEntities: true, OutgoingCalls: true, RepeatedLeads: true, RepeatInBitrix24: RepeatOn, CRMMode: crm.Simple}
	rows := Preview(on, call.Outgoing)
	got := make([]string, len(rows))
	for i, r := range rows {
		got[i] = fmt.Sprintf("%d %s %s", r.Number, r.Decision.Create, r.Decision.Reason)
		if !reflect.DeepEqual(r.Decision, Decide(r.Case)) {
			t.Errorf("row %d is not what Decide says", r.Number)
		}
	}
	want := []string{
		"1 deal_contact NEW_CREATED", "2 none OPEN_ENTITY", "3 none OPEN_ENTITY", "4 repeated_deal REPEAT_CONTACT",
		"5 repeated_deal REPEAT_CLOSED_DEAL", "6 repeated_deal REPEAT_LEAD_TO_DEAL", "7 none REPEAT_OUT_LEAD_TO_CONTACT",
		"8 repeated_deal REPEAT_LEAD_LOST", "9 repeated_deal_contact REPEAT_LEAD_TO_DEAL", "10 none REPEAT_OUT_LEAD_TO_CONTACT",
		"11 repeated_deal_contact REPEAT_LEAD_LOST",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Preview (-want +got):\n%s", diff)
	}
}
