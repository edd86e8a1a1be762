package rules

import (
	"slices"
	"testing"

	"callwise/app/call"
	"callwise/app/crm"

	"github.com/google/go-cmp/cmp"
)

// A cell is what part C of decision.md prints: "none → card".
type cell struct{ create, logTo string }

var (
	noneNothing     = cell{"none", "nothing"}
	noneOpen        = cell{"none", "open"}
	noneOpenAndCard = cell{"none", "open + card"}
	noneCard        = cell{"none", "card"}
	newOne          = cell{"lead / deal+contact", "created"}
	again           = cell{"repeated lead / repeated deal", "created + card"}
	againAlone      = cell{"repeated lead / repeated deal+contact", "created"}
)

// incomingTable is C.1, outgoingTable C.2: rows 1 to 11, columns A, B, C.
var (
	incomingTable = [11][3]cell{
		{noneNothing, newOne, newOne},
		{noneOpen, noneOpen, noneOpen},
		{noneOpenAndCard, noneOpenAndCard, noneOpenAndCard},
		{noneCard, noneCard, again},
		{noneCard, noneCard, again},
		{noneCard, noneCard, again},
		{noneCard, noneCard, again},
		{noneCard, noneCard, again},
		{noneNothing, noneNothing, againAlone},
		{noneNothing, noneNothing, againAlone},
		{noneNothing, noneNothing, againAlone},
	}
	outgoingTable = [11][3]cell{
		{noneNothing, newOne, newOne},
		{noneOpen, noneOpen, noneOpen},
		{noneOpenAndCard, noneOpenAndCard, noneOpenAndCard},
		{noneCard, noneCard, again},
		{noneCard, noneCard, again},
		{noneCard, noneCard, again},
		{noneCard, noneCard, noneCard},
		{noneCard, noneCard, again},
		{noneNothing, noneNothing, againAlone},
		{noneNothing, noneNothing, noneNothing},
		{noneNothing, noneNothing, againAlone},
	}
)

// reasonC is C.4 for column C, rows 1 to 11.
var reasonC = map[bool][11]Reason{
	false: {
		"NEW_CREATED", "OPEN_ENTITY", "OPEN_ENTITY", "REPEAT_CONTACT", "REPEAT_CLOSED_DEAL", "REPEAT_LEAD_TO_DEAL",
		"REPEAT_LEAD_TO_CONTACT", "REPEAT_LEAD_LOST", "REPEAT_LEAD_TO_DEAL", "REPEAT_LEAD_TO_CONTACT", "REPEAT_LEAD_LOST",
	},
	true: {
		"NEW_CREATED", "OPEN_ENTITY", "OPEN_ENTITY", "REPEAT_CONTACT", "REPEAT_CLOSED_DEAL", "REPEAT_LEAD_TO_DEAL",
		"REPEAT_OUT_LEAD_TO_CONTACT", "REPEAT_LEAD_LOST", "REPEAT_LEAD_TO_DEAL", "REPEAT_OUT_LEAD_TO_CONTACT", "REPEAT_LEAD_LOST",
	},
}

// expected is the cell of c, read off part C.
func expected(c Case, row int) (cell, Reason) {
	s := c.Settings
	out := c.Call.Direction == call.Outgoing
	table, allowed := incomingTable, s.CreateEntities
	if out {
		table, allowed = outgoingTable, s.CreateEntities && s.OutgoingCalls
	}
	repeats := s.RepeatedLeads && s.RepeatInBitrix24 == RepeatOn
	column, reason := 0, Reason("")
	switch {
	case row == 2 || row == 3:
		reason = "OPEN_ENTITY"
	case !s.CreateEntities && row == 1:
		reason = "NEW_CREATE_OFF"
	case !s.CreateEntities:
		reason = "KNOWN_CREATE_OFF"
	case !allowed && row == 1:
		reason = "NEW_OUTGOING_OFF"
	case !allowed:
		reason = "KNOWN_OUTGOING_OFF"
	case row == 1 || repeats:
		reason = reasonC[out][row-1]
	case !s.RepeatedLeads:
		reason = "REPEAT_OFF_PBX"
	default:
		reason = "REPEAT_OFF_B24"
	}
	if allowed {
		column = 1
	}
	if allowed && repeats {
		column = 2
	}
	return table[row-1][column], reason
}

// rowOf is the row of part C that describes a state, 0 for a state that cannot
// occur: a deal with neither a card nor a lead that became it (C.5).
func rowOf(s crm.Snapshot, became []crm.Outcome) int {
	open := len(s.OpenLeads) > 0 || len(s.OpenDeals) > 0
	card := len(s.Contacts) > 0 || len(s.Companies) > 0
	deals := len(s.OpenDeals) > 0 || len(s.ClosedDeals) > 0
	switch {
	case deals && !card && !slices.Contains(became, "deal"):
		return 0
	case open && !card:
		return 2
	case open:
		return 3
	case card && len(became) > 0:
		return map[crm.Outcome]int{"deal": 6, "contact": 7, "lost": 8}[became[0]]
	case card && len(s.ClosedDeals) > 0:
		return 5
	case card:
		return 4
	case len(became) > 0:
		return map[crm.Outcome]int{"deal": 9, "contact": 10, "lost": 11}[became[0]]
	}
	return 1
}

// decided spells out a cell for a case: what exactly is created and logged to.
func decided(c Case, want cell, reason Reason) Decision {
	simple := c.Settings.CRMMode == crm.Simple
	d := Decision{Create: "none", LogTo: []Target{}, Reason: reason, Notes: []Note{}}
	add := func(targets ...Target) {
		for _, t := range targets {
			if !slices.Contains(d.LogTo, t) {
				d.LogTo = append(d.LogTo, t)
			}
		}
	}
	lead, deal, contact := Target{Type: crm.TypeLead, New: true}, Target{Type: crm.TypeDeal, New: true}, Target{Type: crm.TypeContact, New: true}
	switch {
	case want.create == "none":
	case want.create == "lead / deal+contact" && !simple:
		d.Create = "lead"
		add(lead)
	case want.create == "lead / deal+contact":
		d.Create = "deal_contact"
		add(deal, contact)
	case !simple:
		d.Create = "repeated_lead"
		add(lead)
	case want.create == "repeated lead / repeated deal":
		d.Create = "repeated_deal"
		add(deal)
	default:
		d.Create = "repeated_deal_contact"
		add(deal, contact)
	}
	if o := c.Call.Origin; o != nil {
		add(Target{Type: o.Type, ID: o.ID})
		if o.Closed {
			d.Notes = append(d.Notes, "CLOSED_CARD_CLICK")
		}
	}
	all := func(t crm.EntityType, ids []int64) {
		for _, id := range ids {
			add(Target{Type: t, ID: id})
		}
	}
	if want.logTo == "open" || want.logTo == "open + card" {
		all(crm.TypeDeal, c.CRM.OpenDeals)
		all(crm.TypeLead, c.CRM.OpenLeads)
	}
	if want.logTo == "card" || want.logTo == "open + card" || want.logTo == "created + card" {
		all(crm.TypeContact, c.CRM.Contacts)
		all(crm.TypeCompany, c.CRM.Companies)
	}
	if len(d.LogTo) == 0 {
		d.Notes = append(d.Notes, "NO_TARGET")
	}
	return d
}

// eachState calls visit for every reachable state of C.5 with its row.
func eachState(visit func(crm.Snapshot, int)) {
	histories := [][]crm.Outcome{{}, {"deal"}, {"contact"}, {"lost"}, {"deal", "contact"}, {"lost", "deal"}, {"contact", "deal"}}
	cards := []crm.Snapshot{{}, {Contacts: ids(21, 21)}, {Companies: ids(31, 31)}, {Contacts: ids(21, 22), Companies: ids(31, 31)}}
	for leads := range int64(3) {
		for deals := range int64(3) {
			for _, card := range cards {
				for _, became := range histories {
					for closed := range int64(2) {
						s := card
						s.OpenLeads, s.OpenDeals, s.ClosedDeals = ids(1, leads), ids(11, 10+deals), ids(19, 18+closed)
						for i, outcome := range became {
							s.ClosedLeads = append(s.ClosedLeads, crm.ClosedLead{ID: int64(9 - i), Outcome: outcome})
						}
						if row := rowOf(s, became); row != 0 {
							visit(s, row)
						}
					}
				}
			}
		}
	}
}

// eachCase calls visit for every state under every direction, setting, mode and
// origin.
func eachCase(visit func(c Case, row int)) {
	origins := []*Origin{nil, {crm.TypeContact, 21, false}, {crm.TypeDeal, 11, false}, {crm.TypeDeal, 19, true}}
	eachState(func(s crm.Snapshot, row int) {
		for _, direction := range []call.Direction{call.Incoming, call.Redirected, call.Outgoing, call.Callback} {
			for _, settings := range everySetting() {
				for _, origin := range origins {
					visit(Case{Call{Direction: direction, Origin: origin}, settings, s}, row)
				}
			}
		}
	})
}

func everySetting() []Settings {
	var all []Settings
	for bits := range 32 {
		s := Settings{bits&1 != 0, bits&2 != 0, bits&4 != 0, RepeatOff, crm.Classic}
		if bits&8 != 0 {
			s.RepeatInBitrix24 = RepeatOn
		}
		if bits&16 != 0 {
			s.CRMMode = crm.Simple
		}
		all = append(all, s)
	}
	return all
}

func TestEveryReachableStateIsDecidedAsInPartC(t *testing.T) {
	rows, cases := map[int]int{}, 0
	eachCase(func(c Case, row int) {
		rows[row]++
		cases++
		where, reason := expected(c, row)
		want, got := decided(c, where, reason), Decide(c)
		same := want.Create == got.Create && want.Reason == got.Reason && slices.Equal(want.LogTo, got.LogTo) && slices.Equal(want.Notes, got.Notes)
		if !same {
			t.Fatalf("row %d of %+v (-want +got):\n%s", row, c, cmp.Diff(want, got))
		}
	})
	if len(rows) != 11 || cases < 100_000 {
		t.Errorf("%d cases in %d rows, want all 11", cases, len(rows))
	}
}

func TestSpecialCallsCreateNothing(t *testing.T) {
	openAndCard := cell{"none", "open + card"}
	special := []struct {
		reason Reason
		make   func(*Case)
		want   cell
	}{
		{"TRANSFER_LEG", func(c *Case) { c.Call.Leg = true }, openAndCard},
		{"EMPLOYEE_NUMBER", func(c *Case) { c.Call.Employee = true }, openAndCard},
		{"INFO_CALL", func(c *Case) { c.Call.Direction = call.Info }, openAndCard},
		{"EXCLUDED_NUMBER", func(c *Case) { c.CRM.Excluded = true }, cell{"none", "nothing"}},
	}
	eachCase(func(c Case, _ int) {
		for _, s := range special {
			changed := c
			s.make(&changed)
			want, got := decided(changed, s.want, s.reason), Decide(changed)
			if want.Reason != got.Reason || got.Create != None || !slices.Equal(want.LogTo, got.LogTo) || !slices.Equal(want.Notes, got.Notes) {
				t.Fatalf("%+v (-want +got):\n%s", changed, cmp.Diff(want, got))
			}
		}
		for reason, never := range map[Reason]Call{InternalCall: {Internal: true}, HiddenNumber: {Hidden: true}} {
			never.Direction, never.Origin = c.Call.Direction, c.Call.Origin
			want := Decision{None, []Target{}, reason, []Note{}}
			if got := Decide(Case{never, c.Settings, c.CRM}); got.Reason != want.Reason || len(got.LogTo)+len(got.Notes) > 0 || got.Create != None {
				t.Fatalf("%+v is not left alone: %+v", never, got)
			}
		}
	})
}

func TestWouldChangeNamesTheOnlySwitchThatMatters(t *testing.T) {
	named := 0
	eachCase(func(c Case, _ int) {
		flips := map[Switch]Settings{}
		s := c.Settings
		s.CreateEntities = !s.CreateEntities
		flips["create_entities"], s = s, c.Settings
		s.OutgoingCalls = !s.OutgoingCalls
		flips["outgoing_calls"], s = s, c.Settings
		s.RepeatedLeads = !s.RepeatedLeads
		flips["repeated_leads"], s = s, c.Settings
		s.RepeatInBitrix24 = map[Repeat]Repeat{RepeatOn: RepeatOff, RepeatOff: RepeatOn, RepeatUnknown: RepeatOn}[s.RepeatInBitrix24]
		flips["repeat_in_bitrix24"] = s

		var want []Change
		for name, settings := range flips {
			other := Case{c.Call, settings, c.CRM}
			if create := Decide(other).Create; create != Decide(c).Create {
				to := map[Switch]any{
					"create_entities": settings.CreateEntities, "outgoing_calls": settings.OutgoingCalls,
					"repeated_leads": settings.RepeatedLeads, "repeat_in_bitrix24": settings.RepeatInBitrix24,
				}
				want = append(want, Change{name, to[name], create})
			}
		}
		got := WouldChange(c)
		switch {
		case len(want) != 1 && got == nil:
		case len(want) == 1 && got != nil && *got == want[0]:
			named++
		default:
			t.Fatalf("WouldChange(%+v) = %+v, want one of %+v", c, got, want)
		}
	})
	if named == 0 {
		t.Error("no switch was ever named")
	}
}

func TestWouldChangeFlipsUnknownToOn(t *testing.T) {
	c := Case{Call{Direction: call.Incoming}, Settings{CreateEntities: true, RepeatedLeads: true, RepeatInBitrix24: RepeatUnknown}, crm.Snapshot{Contacts: ids(1, 1)}}
	want := &Change{SwitchRepeatInBitrix24, RepeatOn, RepeatedLead}
	if diff := cmp.Diff(want, WouldChange(c)); diff != "" {
		t.Errorf("WouldChange (-want +got):\n%s", diff)
	}
}

func TestDecisionsHoldTheirPromises(t *testing.T) {
	creation := []Reason{NewCreated, RepeatContact, RepeatClosedDeal, RepeatLeadToDeal, RepeatLeadToContact, RepeatLeadLost}
	eachCase(func(c Case, _ int) {
		d := Decide(c)
		switch steps := Trace(c); {
		case (d.Create != None) != slices.Contains(creation, d.Reason):
			t.Fatalf("%s creates %s", d.Reason, d.Create)
		case !slices.Contains(Reasons, d.Reason):
			t.Fatalf("%s is no reason of part E", d.Reason)
		case len(d.LogTo) > 100:
			t.Fatalf("%d targets", len(d.LogTo))
		case steps[len(steps)-1].Reason != d.Reason || !steps[len(steps)-1].Held:
			t.Fatalf("the trace ends with %+v, not %s", steps[len(steps)-1], d.Reason)
		case d.LogTo == nil || d.Notes == nil:
			t.Fatal("a list is nil")
		}
		for i, target := range d.LogTo {
			if slices.Contains(d.LogTo[:i], target) || target.New == (target.ID != 0) {
				t.Fatalf("log_to repeats or is unclear: %+v", d.LogTo)
			}
		}
	})
}
