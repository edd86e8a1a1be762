package handlers

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"testing"
	"time"

	"callwise/app/call"
	"callwise/app/crm"
	"callwise/app/rules"
	"callwise/models"
	"callwise/models/modelstest"
	"callwise/views"

	"github.com/google/go-cmp/cmp"
)

func TestWhatIsEnteredAndNotValidChangesNothing(t *testing.T) {
	base := models.DefaultSettings()
	want := base
	want.Missed.Days = []string{"2", "6"}
	want.CreateEntities, want.Lines = true, map[string]models.LineRules{"4930": {OutgoingCalls: models.OverrideOn}}
	got := enteredFrom(url.Values{
		"create_entities": {"off", "on"}, "outgoing_calls": {"off"}, "repeated_leads": {"perhaps"}, "repeat_in_bitrix24": {"maybe"},
		"lines/4930/outgoing_calls": {"on"}, "lines/4930/repeated_leads": {"perhaps"}, "card/employees/17": {"soon"},
		"missed/deadline": {"0"}, "missed/days": {"", "2", "6"}, "session": {"token"}, "": {"x"}, "/": {"y"},
	}, base)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("settings (-want +got):\n%s", diff)
	}
}

// As many as the largest form holds: the trials come with every key that is pressed.
func TestAFormFullOfMistakesIsTriedOutAtOnce(t *testing.T) {
	form := url.Values{"create_entities": {"on"}}
	for i := range 26_000 {
		form.Set(fmt.Sprint("extensions/", 10_000+i), "x")
	}
	begin := time.Now()
	got := enteredFrom(form, models.DefaultSettings())
	if took := time.Since(begin); took > 5*time.Second {
		t.Errorf("it took %s", took)
	}
	if !got.CreateEntities || len(got.Extensions) != 0 {
		t.Errorf("create entities %t, %d extensions", got.CreateEntities, len(got.Extensions))
	}
}

func TestACallDiffersInWhatComesOfItNotInItsReason(t *testing.T) {
	on := models.DefaultSettings()
	on.CreateEntities, on.RepeatInBitrix24 = true, rules.RepeatOn
	classic := rules.Settings{CreateEntities: true, RepeatInBitrix24: rules.RepeatOn, CRMMode: crm.Classic}
	known := crm.Snapshot{Contacts: []int64{3}}
	repeats := on
	repeats.RepeatedLeads = true
	offLine := repeats
	offLine.Lines = map[string]models.LineRules{"4930": {RepeatedLeads: models.OverrideOff}}
	outside := on
	outside.RepeatInBitrix24 = rules.RepeatOff
	for _, tt := range []struct {
		name    string
		next    models.Settings
		differs bool
		create  rules.Create
	}{
		{"the same settings", on, false, rules.None},
		{"another reason for nothing", models.DefaultSettings(), false, rules.None},
		{"a repeated lead", repeats, true, rules.RepeatedLead},
		{"the line's own rule goes before the portal's", offLine, false, rules.None},
		{"a switch without effect", outside, false, rules.None},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := rules.Case{Call: rules.Call{Direction: call.Incoming}, Settings: classic, CRM: known}
			decided := rules.Decide(c)
			got, differs := decidedWith(models.Call{Line: "4930", Case: &c, Decision: &decided}, tt.next)
			if differs != tt.differs || got.Create != tt.create {
				t.Errorf("%v %v, want %v %v", got.Create, differs, tt.create, tt.differs)
			}
		})
	}
}

// BenchmarkWhatIf decides the last 500 of 5,000 calls anew, of which many turn
// out differently: from the database to the words of the region.
func BenchmarkWhatIf(b *testing.B) {
	for _, database := range []struct {
		name    string
		address func(testing.TB) string
	}{{"SQLite", modelstest.SQLite}, {"PostgreSQL", modelstest.PostgreSQL}} {
		b.Run(database.name, func(b *testing.B) {
			store := modelstest.Migrated(b, database.address(b))
			h := &Handlers{Store: store, Now: time.Now}
			portal := filled(b, store, 5000)
			v := view{portal: portal, zone: time.UTC}
			next := models.DefaultSettings()
			next.CreateEntities, next.OutgoingCalls, next.RepeatedLeads, next.RepeatInBitrix24 = true, true, true, rules.RepeatOn
			for b.Loop() {
				shown, err := h.whatIf(b.Context(), v, next, true)
				if err != nil || shown.Total != whatIfCalls || shown.Differ == 0 {
					b.Fatal(shown.Total, shown.Differ, err)
				}
				if err := views.WhatIfRegion(shown).Render(b.Context(), io.Discard); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// filled is a portal with n decided calls of every kind of customer.
func filled(b *testing.B, store *models.Store, n int) *models.Portal {
	b.Helper()
	ctx := context.Background()
	portal, err := store.SaveInstall(ctx, models.Install{MemberID: "bench", Endpoint: "https://bench.example/rest/", Country: "DE"})
	if err != nil {
		b.Fatal(err)
	}
	var cases []rules.Case
	for _, d := range []call.Direction{call.Incoming, call.Outgoing} {
		for _, row := range rules.Preview(rules.DefaultSettings(), d) {
			cases = append(cases, row.Case)
		}
	}
	begin := time.Now().Add(-time.Duration(n) * time.Minute)
	for i := range n {
		c := cases[i%len(cases)]
		decision, at := rules.Decide(c), begin.Add(time.Duration(i)*time.Minute)
		_, err := store.EnsureCall(ctx, models.Call{
			PortalID: portal.ID, Kind: models.KindPBX, CallKey: fmt.Sprint("pbx:", i), Direction: c.Call.Direction, Line: "493055501",
			Phone: fmt.Sprintf("+4930901%03d", i%1000), CustomerName: "Müller GmbH", StartedAt: at, DecidedAt: &at,
			Case: &c, Decision: &decision, Records: &crm.Records{Mode: crm.Classic}, State: models.CallFinished,
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	return portal
}
