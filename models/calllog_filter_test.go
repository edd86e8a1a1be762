package models_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"callwise/app/call"
	"callwise/app/crm"
	"callwise/app/rules"
	"callwise/models"
	"callwise/models/modelstest"

	"github.com/google/go-cmp/cmp"
	"gorm.io/gorm"
)

// saved makes a call of a portal and stores it as change leaves it.
func saved(t *testing.T, s *models.Store, portalID int64, key string, change func(*models.Call)) int64 {
	t.Helper()
	c := ensure(t, s, portalID, key)
	c.UserID, c.State = 1, models.CallFinished
	change(c)
	check(t, s.SaveCall(t.Context(), c))
	return c.ID
}

func search(text string) models.CallFilter {
	return models.CallFilter{Search: models.Search{Text: text}}
}

func masked(text string) models.CallFilter {
	return models.CallFilter{Search: models.Search{Text: text, Masked: true}}
}

func TestTheCallLogIsFiltered(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		p, twin := active(t, s, "one"), active(t, s, "two")
		made := saved(t, s, p.ID, "1", func(c *models.Call) {
			c.Decision, c.Direction = &rules.Decision{Create: rules.Lead, Reason: rules.NewCreated}, call.Incoming
			c.Progress.Created, c.CustomerName = []crm.Ref{{Type: crm.TypeLead, ID: 1}}, "Zoë Müller 100%"
		})
		missed := saved(t, s, p.ID, "2", func(c *models.Call) {
			c.Direction, c.Status, c.PhoneKey = call.Redirected, call.StatusBusy, "+49309018123"
		})
		failed := saved(t, s, p.ID, "3", func(c *models.Call) {
			c.State, c.Line, c.Direction, c.Status = models.CallFailed, "49", call.Outgoing, call.StatusBusy
		})
		later := saved(t, s, p.ID, "4", func(c *models.Call) {
			c.RetryAt, c.PhoneKey, c.CustomerName, c.Status = ptr(noon), "+493012345", "+49 151 777", call.StatusAnswered
		})
		nobody := saved(t, s, p.ID, "5", func(c *models.Call) {
			c.UserID, c.Extension, c.StartedAt, c.Direction, c.Status = 0, "109", noon.Add(time.Hour), call.Incoming, call.StatusDeclined
		})
		saved(t, s, twin.ID, "1", func(c *models.Call) { c.CustomerName, c.PhoneKey = "Zoë Müller 100%", "+49309018123" })
		everything := []int64{nobody, later, failed, missed, made}
		for _, tt := range []struct {
			name   string
			filter models.CallFilter
			want   []int64
		}{
			{"nothing", models.CallFilter{}, everything},
			{"the oldest first", models.CallFilter{Oldest: true}, reversed(everything)},
			{"created something", models.CallFilter{Result: models.ResultCreated}, []int64{made}},
			{"a reason", models.CallFilter{Reason: rules.NewCreated}, []int64{made}},
			{"missed", models.CallFilter{Outcome: models.Missed}, []int64{missed}},
			{"answered", models.CallFilter{Outcome: models.Answered}, []int64{later}},
			{"not answered, whoever called", models.CallFilter{Outcome: models.Unanswered}, []int64{nobody, failed, missed}},
			{"incoming", models.CallFilter{Direction: call.Incoming}, []int64{nobody, made}},
			{"troubled", models.CallFilter{Trouble: true}, []int64{later, failed}},
			{"to be mended", models.CallFilter{Attention: true}, []int64{nobody, failed}},
			{"unmapped", models.CallFilter{Unmapped: true}, []int64{nobody}},
			{"an employee's", models.CallFilter{UserID: 1}, []int64{later, failed, missed, made}},
			{"a line's", models.CallFilter{Line: "49"}, []int64{failed}},
			{"a number's", models.CallFilter{PhoneKey: "+493012345"}, []int64{later}},
			{"from a time", models.CallFilter{From: noon.Add(time.Minute)}, []int64{nobody}},
			{"to a time", models.CallFilter{To: noon.Add(time.Hour), Unmapped: true}, nil},
			{"several parts", models.CallFilter{UserID: 1, Outcome: models.Answered, Trouble: true, Search: models.Search{Text: "12345"}}, []int64{later}},
			{"several parts that no call has", models.CallFilter{UserID: 1, Outcome: models.Missed, Trouble: true}, nil},
			{"a part of a name, in any letters", search("MÜLLER"), []int64{made}},
			{"two characters", search("mü"), everything},
			{"three characters", search("zoë"), []int64{made}},
			{"signs that LIKE knows", search("0%"), everything},
			{"signs that LIKE knows, as they are", search("100%"), []int64{made}},
			{"a sign that stands for any", search("zo_"), nil},
			{"a part of a number", search("9018-1"), []int64{missed}},
			{"a national number", search("030 9018123"), []int64{missed}},
			{"an international number", search("+49 (30) 9018123"), []int64{missed}},
			{"a name that is a number", search("151 777"), []int64{later}},
			{"what is nowhere", search("nobody"), nil},
			{"masked: a name", masked("müller"), []int64{made}},
			{"masked: the digits that are shown", masked("8123"), []int64{missed}},
			{"masked: more digits than are shown", masked("18123"), nil},
			{"masked: digits that are hidden", masked("901"), nil},
			{"masked: the whole number", masked("+49309018123"), nil},
			{"masked: a name that is a number", masked("151 777"), nil},
			{"masked: digits within a name", masked("müller 100"), nil},
		} {
			t.Run(tt.name, func(t *testing.T) {
				page := must[models.LogPage](t)(s.CallPage(t.Context(), p.ID, tt.filter, models.Cursor{}, 10))
				if diff := cmp.Diff(tt.want, ids(page.Rows)); diff != "" {
					t.Errorf("calls (-want +got):\n%s", diff)
				}
				if page.Next != nil || page.Searched {
					t.Errorf("there is more: %+v", page)
				}
			})
		}
	})
}

func TestMissedCallsAreFoundByAnIndexOfTheirPortal(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		p := active(t, s, "one")
		check(t, s.Transaction(t.Context(), func(tx *gorm.DB) error {
			explain := "EXPLAIN QUERY PLAN "
			if tx.Name() == "postgres" {
				explain = "EXPLAIN "
				check(t, tx.Exec("SET LOCAL enable_seqscan = off").Error)
			}
			var plan []map[string]any
			query := "SELECT * FROM calls WHERE portal_id = ? AND " + models.MissedCondition + " ORDER BY started_at DESC, id DESC LIMIT 10"
			check(t, tx.Raw(explain+query, p.ID).Scan(&plan).Error)
			if said := fmt.Sprint(plan); !strings.Contains(said, "calls_missed_incoming") || strings.Contains(said, "Filter") || strings.Contains(said, "Sort") {
				t.Errorf("plan: %s", said)
			}
			return nil
		}))
	})
}

func reversed(ids []int64) []int64 {
	ids = slices.Clone(ids)
	slices.Reverse(ids)
	return ids
}

func TestEveryFilterIsReadPageByPageBothWays(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		p := active(t, s, "one")
		var want []int64
		for i := range 7 {
			id := saved(t, s, p.ID, fmt.Sprint(i), func(c *models.Call) {
				c.StartedAt = noon.Add(time.Duration(i/2) * time.Second)
				c.Direction, c.UserID = call.Incoming, int64(i%2)
			})
			if i%2 == 1 {
				want = append(want, id)
			}
		}
		filter := models.CallFilter{Direction: call.Incoming, UserID: 1, Oldest: true}
		for range 2 {
			var got []int64
			for next := (&models.Cursor{}); next != nil; {
				page := must[models.LogPage](t)(s.CallPage(t.Context(), p.ID, filter, *next, 2))
				got, next = append(got, ids(page.Rows)...), page.Next
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("log (-want +got):\n%s", diff)
			}
			filter.Oldest = false
			slices.Reverse(want)
		}
	})
}

func TestASearchLooksAtSoManyCallsAtATime(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		ctx := t.Context()
		p := active(t, s, "one")
		first := saved(t, s, p.ID, "1", func(c *models.Call) { c.CustomerName, c.StartedAt = "Ada", noon.Add(-48*time.Hour) })
		modelstest.Fill(t, s, modelstest.Log{PortalID: p.ID, Calls: 5100, To: noon, Days: 1})
		page := must[models.LogPage](t)(s.CallPage(ctx, p.ID, search("ada"), models.Cursor{}, 10))
		if len(page.Rows) != 0 || page.Next == nil || !page.Searched {
			t.Fatalf("the first look found %d calls, next %v", len(page.Rows), page.Next)
		}
		page = must[models.LogPage](t)(s.CallPage(ctx, p.ID, search("ada"), *page.Next, 10))
		if diff := cmp.Diff(models.LogPage{Rows: page.Rows}, page); diff != "" || !slices.Equal(ids(page.Rows), []int64{first}) {
			t.Errorf("the second look (-want +got):\n%s", diff)
		}
	})
}

func TestCallsAreCountedUpToABound(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		p, twin := active(t, s, "one"), active(t, s, "two")
		saved(t, s, p.ID, "1", func(c *models.Call) { c.Status, c.Direction = call.StatusMissed, call.Incoming })
		saved(t, s, p.ID, "2", func(c *models.Call) { c.Status = call.StatusAnswered })
		modelstest.Fill(t, s, modelstest.Log{PortalID: twin.ID, Calls: 1200, To: noon, Days: 1})
		filters := []models.CallFilter{{}, {Outcome: models.Missed}, {Outcome: models.Answered}, {From: noon.Add(time.Hour)}}
		if diff := cmp.Diff([]int{2, 1, 1, 0}, must[[]int](t)(s.CountCalls(t.Context(), p.ID, filters))); diff != "" {
			t.Errorf("counts (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]int{models.CountedTo + 1}, must[[]int](t)(s.CountCalls(t.Context(), twin.ID, filters[:1]))); diff != "" {
			t.Errorf("many (-want +got):\n%s", diff)
		}
	})
}

func TestFreshCallsAreThoseStoredSince(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		ctx := t.Context()
		p, twin := active(t, s, "one"), active(t, s, "two")
		if id := must[int64](t)(s.NewestCall(ctx, p.ID)); id != 0 {
			t.Errorf("newest of none: %d", id)
		}
		old := saved(t, s, p.ID, "1", func(c *models.Call) { c.PhoneKey = "+4930" })
		late := saved(t, s, p.ID, "2", func(c *models.Call) { c.StartedAt = noon.Add(-time.Hour) })
		fresh := saved(t, s, p.ID, "3", func(c *models.Call) { c.Status, c.Direction = call.StatusMissed, call.Incoming })
		other := saved(t, s, twin.ID, "4", func(c *models.Call) {})
		got := must[[]models.CallRow](t)(s.FreshCalls(ctx, p.ID, models.CallFilter{}, old, nil, 10))
		if diff := cmp.Diff([]int64{fresh, late}, ids(got)); diff != "" {
			t.Errorf("fresh (-want +got):\n%s", diff)
		}
		got = must[[]models.CallRow](t)(s.FreshCalls(ctx, p.ID, models.CallFilter{Outcome: models.Missed}, old, []int64{late}, 10))
		if diff := cmp.Diff([]int64{fresh}, ids(got)); diff != "" {
			t.Errorf("fresh and missed (-want +got):\n%s", diff)
		}
		if id := must[int64](t)(s.NewestCall(ctx, p.ID)); id != fresh {
			t.Errorf("newest: %d, want %d", id, fresh)
		}
		if !must[bool](t)(s.HasCallsOf(ctx, p.ID, "+4930")) || must[bool](t)(s.HasCallsOf(ctx, twin.ID, "+4930")) {
			t.Error("the number's calls are another portal's")
		}
		got = must[[]models.CallRow](t)(s.CallRowsByID(ctx, p.ID, []int64{old, other, fresh}))
		if diff := cmp.Diff([]int64{fresh, old}, ids(got)); diff != "" {
			t.Errorf("by id (-want +got):\n%s", diff)
		}
	})
}

func TestCallsAreCountedByTheDay(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		p, twin := active(t, s, "one"), active(t, s, "two")
		days := []time.Time{noon.Add(-24 * time.Hour), noon, noon.Add(24 * time.Hour), noon.Add(48 * time.Hour)}
		saved(t, s, p.ID, "1", func(c *models.Call) { c.StartedAt, c.Status = noon.Add(-time.Microsecond), call.StatusMissed })
		saved(t, s, p.ID, "2", func(c *models.Call) {
			c.Status, c.Progress.Created, c.CustomerName = call.StatusAnswered, []crm.Ref{{Type: crm.TypeLead, ID: 1}}, "Ada"
		})
		saved(t, s, p.ID, "3", func(c *models.Call) { c.State = models.CallFailed })
		saved(t, s, p.ID, "4", func(c *models.Call) { c.StartedAt = noon.Add(48 * time.Hour) })
		saved(t, s, twin.ID, "1", func(c *models.Call) { c.Status = call.StatusMissed })
		want := []models.CallStat{{Unanswered: 1}, {Answered: 1, Created: 1, Trouble: 1}, {}}
		if diff := cmp.Diff(want, must[[]models.CallStat](t)(s.CallStats(t.Context(), p.ID, models.CallFilter{}, days))); diff != "" {
			t.Errorf("days (-want +got):\n%s", diff)
		}
		filter := search("ada")
		filter.UserID = 1
		want = []models.CallStat{{}, {Answered: 1, Created: 1}, {}}
		if diff := cmp.Diff(want, must[[]models.CallStat](t)(s.CallStats(t.Context(), p.ID, filter, days))); diff != "" {
			t.Errorf("days of a filter (-want +got):\n%s", diff)
		}
	})
}

func TestTheLastFilterOfAnEmployeeIsKept(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		ctx := t.Context()
		p, twin := active(t, s, "one"), active(t, s, "two")
		for _, filter := range []string{"outcome=missed", "text=Ada"} {
			check(t, s.SaveLogFilter(ctx, p.ID, 17, filter))
		}
		for _, tt := range []struct {
			portal, user int64
			want         string
		}{{p.ID, 17, "text=Ada"}, {p.ID, 18, ""}, {twin.ID, 17, ""}} {
			if got := must[string](t)(s.LogFilterOf(ctx, tt.portal, tt.user)); got != tt.want {
				t.Errorf("user %d of portal %d: %q, want %q", tt.user, tt.portal, got, tt.want)
			}
		}
		check(t, s.SaveLogFilter(ctx, twin.ID, 17, ""))
		check(t, s.SaveLogFilter(ctx, p.ID, 17, ""))
		if got := must[string](t)(s.LogFilterOf(ctx, p.ID, 17)); got != "" {
			t.Errorf("after a reset: %q", got)
		}
	})
}

func TestTextsOfSendersFitTheIndexes(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		p := active(t, s, "one")
		long := ""
		for i := range 20000 {
			long += string(rune('а' + i*7%29))
		}
		saved(t, s, p.ID, "1", func(c *models.Call) { c.CustomerName, c.Line = long, long })
	})
}
