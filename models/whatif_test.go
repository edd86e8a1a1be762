package models_test

import (
	"fmt"
	"testing"
	"time"

	"callwise/models"
	"callwise/models/modelstest"

	"github.com/google/go-cmp/cmp"
	"gorm.io/gorm"
)

func TestTheWhatIfReadsDecidedCallsThatWereReal(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		p, twin := active(t, s, "one"), active(t, s, "two")
		ensure(t, s, p.ID, "undecided")
		real, test, other := ensure(t, s, p.ID, "decided"), ensure(t, s, p.ID, "test:1"), ensure(t, s, twin.ID, "decided")
		for i, c := range []*models.Call{real, test, other} {
			full(c)
			c.PBXCallID, c.B24CallID = ptr(fmt.Sprint("p", i)), ptr(fmt.Sprint("b", i))
			check(t, s.SaveCall(t.Context(), c))
		}
		forgotten := ensure(t, s, p.ID, "forgotten")
		full(forgotten)
		forgotten.PBXCallID, forgotten.B24CallID, forgotten.Case = ptr("p9"), ptr("b9"), nil
		check(t, s.SaveCall(t.Context(), forgotten))
		want := []models.Call{{
			ID: real.ID, PortalID: p.ID, Kind: real.Kind, StartedAt: noon, Direction: real.Direction, Line: real.Line, Phone: real.Phone,
			CustomerName: real.CustomerName, Case: real.Case, Decision: real.Decision,
		}}
		if diff := cmp.Diff(want, must[[]models.Call](t)(s.RecentCases(t.Context(), p.ID, 10))); diff != "" {
			t.Errorf("cases (-want +got):\n%s", diff)
		}
	})
}

func TestTheWhatIfLooksThroughTheNewestCallsOfALongLogOnly(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		p := active(t, s, "one")
		old := ensure(t, s, p.ID, "decided")
		full(old)
		check(t, s.SaveCall(t.Context(), old))
		for _, tt := range []struct{ calls, cases int }{{4999, 1}, {1, 0}} {
			modelstest.Fill(t, s, modelstest.Log{PortalID: p.ID, Calls: tt.calls, To: noon.AddDate(0, 0, 2), Days: 1})
			check(t, s.Transaction(t.Context(), func(tx *gorm.DB) error {
				return tx.Exec("UPDATE calls SET call_key = 'older:' || id WHERE call_key LIKE 'fill:%'").Error
			}))
			if got := must[[]models.Call](t)(s.RecentCases(t.Context(), p.ID, 10)); len(got) != tt.cases {
				t.Errorf("behind %d calls more: %d cases, want %d", tt.calls, len(got), tt.cases)
			}
		}
	})
}

func TestWhatHasComeFromATelephonyIsKnown(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		p, twin := active(t, s, "one"), active(t, s, "two")
		seen := func(want models.SeenCalls) {
			t.Helper()
			if diff := cmp.Diff(want, must[models.SeenCalls](t)(s.SeenCalls(t.Context(), p.ID))); diff != "" {
				t.Errorf("seen (-want +got):\n%s", diff)
			}
		}
		decide := func(portalID int64, key string, dry bool) {
			t.Helper()
			c := ensure(t, s, portalID, key)
			full(c)
			c.PBXCallID, c.B24CallID, c.RetryAt, c.Progress.DryRun = ptr(key), ptr(key), nil, dry
			check(t, s.SaveCall(t.Context(), c))
		}
		decide(twin.ID, "pbx:1", false)
		decide(p.ID, "test:1", true)
		seen(models.SeenCalls{})
		ensure(t, s, p.ID, "pbx:1")
		seen(models.SeenCalls{PBX: true})
		decide(p.ID, "pbx:2", true)
		seen(models.SeenCalls{PBX: true})
		decide(p.ID, "pbx:3", false)
		seen(models.SeenCalls{PBX: true, Decided: true})
	})
}

func TestTheExtensionsOfTheLastCallsAreCounted(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		p, twin := active(t, s, "one"), active(t, s, "two")
		ring := func(portalID int64, key, extension string, user int64, at time.Duration) {
			t.Helper()
			c := ensure(t, s, portalID, key)
			c.Extension, c.UserID, c.StartedAt = extension, user, noon.Add(at)
			check(t, s.SaveCall(t.Context(), c))
		}
		ring(p.ID, "1", "104", 17, 0)
		ring(p.ID, "2", "199", 0, time.Minute)
		ring(p.ID, "3", "188", 0, 0)
		ring(p.ID, "4", "199", 0, time.Hour)
		ring(p.ID, "5", "", 0, 0)
		ring(p.ID, "test:6", "177", 0, 0)
		ring(twin.ID, "1", "166", 0, 0)
		want := []models.SeenExtension{{Extension: "199", Calls: 2}, {Extension: "104", Calls: 1}, {Extension: "188", Calls: 1}}
		if diff := cmp.Diff(want, must[[]models.SeenExtension](t)(s.SeenExtensions(t.Context(), p.ID))); diff != "" {
			t.Errorf("extensions (-want +got):\n%s", diff)
		}
	})
}
