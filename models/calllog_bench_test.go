package models_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"callwise/app/call"
	"callwise/app/rules"
	"callwise/models"
	"callwise/models/modelstest"
)

// BenchmarkCallLog compares a portal of 1,000,000 calls with one of 10,000 in
// the same database, both of one year and the same mix: the median time of
// each question of the log, and how many times longer the large log takes.
//
//	TEST_DATABASE_URL=… go test ./models -run '^$' -bench CallLog -benchtime 1x -timeout 10m
func BenchmarkCallLog(b *testing.B) {
	s := modelstest.Migrated(b, modelstest.PostgreSQL(b))
	large, small := ofBench(b, s, "large", 1_000_000), ofBench(b, s, "small", 10_000)
	vacuum(b, s)
	for _, q := range logQuestions(s) {
		b.Run(q.name, func(b *testing.B) {
			for range b.N {
				compare(b, large, small, q.ask)
			}
		})
	}
}

func ofBench(b *testing.B, s *models.Store, memberID string, calls int) int64 {
	b.Helper()
	p, err := s.SaveInstall(b.Context(), models.Install{MemberID: memberID, Endpoint: "https://x.bitrix24.com/rest/", AuthHost: "https://oauth.bitrix.info"})
	if err != nil {
		b.Fatal(err)
	}
	modelstest.Fill(b, s, modelstest.Log{PortalID: p.ID, Calls: calls, To: noon, Days: 365})
	return p.ID
}

// vacuum does what autovacuum does to a log that has been there for a while.
func vacuum(b *testing.B, s *models.Store) {
	b.Helper()
	if err := models.SQL(s, b.Context(), "VACUUM ANALYZE calls"); err != nil {
		b.Fatal(err)
	}
}

type question struct {
	name string
	ask  func(ctx context.Context, portalID int64) error
}

const asked = 201

// compare asks both logs in turn and reports the medians.
func compare(b *testing.B, large, small int64, ask func(context.Context, int64) error) {
	b.Helper()
	took := map[int64][]time.Duration{}
	for i := range asked + 10 {
		for _, portalID := range []int64{large, small} {
			begin := time.Now()
			if err := ask(b.Context(), portalID); err != nil {
				b.Fatal(err)
			}
			if i >= 10 {
				took[portalID] = append(took[portalID], time.Since(begin))
			}
		}
	}
	of := func(portalID int64) float64 {
		slices.Sort(took[portalID])
		return float64(took[portalID][asked/2].Nanoseconds()) / 1000
	}
	b.ReportMetric(of(large), "1M-µs")
	b.ReportMetric(of(small), "10k-µs")
	b.ReportMetric(of(large)/of(small), "ratio")
	b.ReportMetric(0, "ns/op")
}

func logQuestions(s *models.Store) []question {
	page := func(name string, f models.CallFilter) question {
		return question{name, func(ctx context.Context, portalID int64) error {
			_, err := s.CallPage(ctx, portalID, f, models.Cursor{}, 50)
			return err
		}}
	}
	later := func(name string, f models.CallFilter, at time.Time) question {
		return question{name, func(ctx context.Context, portalID int64) error {
			_, err := s.CallPage(ctx, portalID, f, models.Cursor{At: at, ID: 1 << 40}, 50)
			return err
		}}
	}
	month := noon.AddDate(0, 0, -30)
	presets := []models.CallFilter{{}, {Outcome: models.Missed}, {Result: models.ResultCreated}, {Trouble: true}, {Attention: true}, {Unmapped: true}}
	questions := []question{
		page("page", models.CallFilter{}),
		later("next page", models.CallFilter{}, noon.AddDate(0, 0, -1)),
		later("page in the middle", models.CallFilter{}, noon.AddDate(0, -6, 0)),
		page("oldest first", models.CallFilter{Oldest: true}),
		page("period", models.CallFilter{From: month, To: noon.AddDate(0, 0, -20)}),
		page("preset missed", presets[1]), page("preset created", presets[2]), page("preset failed", presets[3]),
		page("preset attention", presets[4]), page("preset unmapped", presets[5]),
		later("next page of missed", presets[1], noon.AddDate(0, 0, -5)),
		page("answered", models.CallFilter{Outcome: models.Answered}),
		page("incoming", models.CallFilter{Direction: call.Incoming}), page("internal", models.CallFilter{Direction: call.Internal}),
		page("no such direction", models.CallFilter{Direction: call.Info}),
		page("nothing created", models.CallFilter{Result: models.ResultNothing}), page("dry run", models.CallFilter{Result: models.ResultDryRun}),
		page("reason", models.CallFilter{Reason: rules.NewCreated}), page("rare reason", models.CallFilter{Reason: rules.RepeatOutLeadToContact}),
		page("no such reason", models.CallFilter{Reason: rules.RepeatLeadLost}),
		page("employee", models.CallFilter{UserID: 17}), page("rare employee", models.CallFilter{UserID: 999}),
		page("line", models.CallFilter{Line: "4930555003"}), page("number", models.CallFilter{PhoneKey: "+491000005"}),
		page("search often", search("often")), page("search sometimes", search("sometimes")), page("search rarely", search("rarely")),
		page("search nothing", search("nobody at all")), page("search digits", search("30100")),
		page("employee and missed", models.CallFilter{UserID: 17, Outcome: models.Missed}),
		page("employee and rare reason", models.CallFilter{UserID: 17, Reason: rules.RepeatOutLeadToContact}),
		page("employee, line and search", models.CallFilter{UserID: 17, Line: "4930555003", Search: models.Search{Text: "rarely"}}),
		page("line and result", models.CallFilter{Line: "4930555003", Result: models.ResultCreated}),
		page("month and missed and created", models.CallFilter{From: month, Outcome: models.Missed, Result: models.ResultCreated}),
	}
	for _, c := range []struct {
		name string
		from time.Time
	}{{"counts", time.Time{}}, {"counts of 30 days", month}, {"counts of a day", noon.AddDate(0, 0, -1)}} {
		questions = append(questions, question{c.name, func(ctx context.Context, portalID int64) error {
			filters := slices.Clone(presets)
			for i := range filters {
				filters[i].From = c.from
			}
			_, err := s.CountCalls(ctx, portalID, filters)
			return err
		}})
	}
	return append(questions, question{"fresh calls", func(ctx context.Context, portalID int64) error {
		newest, err := s.NewestCall(ctx, portalID)
		if err != nil {
			return err
		}
		_, err = s.FreshCalls(ctx, portalID, models.CallFilter{Outcome: models.Missed}, newest-3, nil, 50)
		return err
	}})
}

// BenchmarkSaveCall measures what the log's indexes cost a call: it is made,
// and saved as it goes on and ends.
func BenchmarkSaveCall(b *testing.B) {
	for name, address := range map[string]func(testing.TB) string{"SQLite": modelstest.SQLite, "PostgreSQL": modelstest.PostgreSQL} {
		b.Run(name, func(b *testing.B) {
			s := modelstest.Migrated(b, address(b))
			p, err := s.SaveInstall(b.Context(), models.Install{MemberID: "one", Endpoint: "https://x.bitrix24.com/rest/", AuthHost: "https://oauth.bitrix.info"})
			if err != nil {
				b.Fatal(err)
			}
			b.ResetTimer()
			for i := range b.N {
				c, err := s.EnsureCall(b.Context(), models.Call{PortalID: p.ID, Kind: models.KindPBX, CallKey: fmt.Sprint("new", i), StartedAt: noon.Add(time.Duration(i) * time.Second)})
				if err != nil {
					b.Fatal(err)
				}
				for _, state := range []models.CallState{models.CallOpen, models.CallOpen, models.CallFinished} {
					full(c)
					c.PBXCallID, c.B24CallID, c.RetryAt, c.State = nil, nil, nil, state
					if err := s.SaveCall(b.Context(), c); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}
