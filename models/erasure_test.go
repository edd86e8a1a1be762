package models_test

import (
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"callwise/app/call"
	"callwise/models"
	"callwise/models/modelstest"

	"github.com/google/go-cmp/cmp"
	"gorm.io/gorm"
)

func TestANumberThatIsAskedForTwiceIsOneErasure(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		ctx := t.Context()
		p, twin := active(t, s, "one"), active(t, s, "two")
		ask := func(portal *models.Portal, number string) bool {
			t.Helper()
			return must[bool](t)(s.AskErasure(ctx, portal, 17, call.ParsePhone(number, "DE").Key()))
		}
		if !ask(p, "+4930901820") || ask(p, "030 901820") || !ask(twin, "+4930901820") || !ask(p, "+4930901821") {
			t.Error("an erasure is counted as another one")
		}
		if n := len(jobs(t, s)); n != 3 {
			t.Errorf("%d jobs", n)
		}
		for _, job := range jobs(t, s) {
			if call.ParsePhone("+4930901820", "").Mention().EraseFrom(job) != job {
				t.Errorf("the number stands in the job %s", job)
			}
		}
		for i := range models.MostErasures - 2 {
			ask(p, fmt.Sprintf("+493090%04d", i))
		}
		_, err := s.AskErasure(ctx, p, 17, "+4930905555")
		wantErr(t, err, models.ErrBusy)
		if ask(p, "+4930901821") || !ask(twin, "+4930905555") {
			t.Error("what is asked again, or in another portal, is refused")
		}
		uninstall(t, s, twin.ID, true)
		_, err = s.AskErasure(ctx, twin, 17, "+4930905555")
		wantErr(t, err, models.ErrNotFound)
	})
}

func TestPrivacyRequestsThatGoOnComeFirstAndThenTheNewest(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		s.Now = func() time.Time { return noon }
		ctx := t.Context()
		p, twin := active(t, s, "one"), active(t, s, "two")
		done := erasing(t, s, p, "+4930901820")
		erasing(t, s, p, "+4930901821")
		check(t, s.AddExport(ctx, p.ID, 1, 2))
		erasing(t, s, twin, "+4930901820")
		keys, nothing := []string{"+4930901820"}, func(text string) string { return text }
		check(t, s.FinishErasure(ctx, done, keys, nothing))
		wantErr(t, s.FinishErasure(ctx, done, keys, nothing), models.ErrNotFound)

		got := must[[]models.PrivacyRequest](t)(s.PrivacyRequests(ctx, p.ID, 9))
		pending := []bool{}
		for i := range got {
			pending = append(pending, got[i].Pending())
			got[i].ID, got[i].Sealed = 0, nil
		}
		want := []models.PrivacyRequest{
			{PortalID: p.ID, Kind: models.PrivacyErasure, UserID: 17, At: noon},
			{PortalID: p.ID, Kind: models.PrivacyExport, UserID: 1, Calls: 2, At: noon, DoneAt: &noon},
			{PortalID: p.ID, Kind: models.PrivacyErasure, UserID: 17, At: noon, DoneAt: &noon},
		}
		if diff := cmp.Diff(want, got); diff != "" || !slices.Equal(pending, []bool{true, false, false}) {
			t.Errorf("pending %v (-want +got):\n%s", pending, diff)
		}
		_, err := s.PendingErasure(ctx, p, done.ID)
		wantErr(t, err, models.ErrNotFound)
		_, err = s.PendingErasure(ctx, twin, done.ID+1)
		wantErr(t, err, models.ErrNotFound)
	})
}

func TestAnErasureIsNotDoneWhileTheNumberHasCalls(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		ctx := t.Context()
		p, twin := active(t, s, "one"), active(t, s, "two")
		phone := call.ParsePhone("+4930901820", "")
		e := erasing(t, s, p, "+4930901820")
		c := ofNumber(t, s, p.ID, "a", "+4930901820")
		ofNumber(t, s, twin.ID, "a", "+4930901820")
		wantErr(t, s.FinishErasure(ctx, e, phone.Variants(), phone.Mention().EraseFrom), models.ErrBusy)
		_ = must[*models.Erasure](t)(s.PendingErasure(ctx, p, e.ID))
		check(t, s.EraseCall(ctx, e, c.ID))
		check(t, s.FinishErasure(ctx, e, phone.Variants(), phone.Mention().EraseFrom))
	})
}

// mentionIn has a row name the number.
func mentionIn(t *testing.T, s *models.Store, id int64) {
	t.Helper()
	check(t, s.Transaction(t.Context(), func(tx *gorm.DB) error {
		return tx.Exec("UPDATE calls SET customer_name = 'back to 030 901820' WHERE id = ?", id).Error
	}))
}

func TestEveryRowIsLookedThroughOnceWindowByWindow(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		ctx := t.Context()
		p, twin := active(t, s, "one"), active(t, s, "two")
		const some = 3*models.MentionWindow/2 + 7
		modelstest.Fill(t, s, modelstest.Log{PortalID: twin.ID, Calls: some, To: noon, Days: 9})
		modelstest.Fill(t, s, modelstest.Log{PortalID: p.ID, Calls: some, To: noon, Days: 9})
		const first, last = some + 1, 2 * some
		for _, id := range []int64{1, first, first + models.MentionWindow - 1, first + models.MentionWindow, last} {
			mentionIn(t, s, id)
		}
		// Ids are missing where calls were purged.
		check(t, s.Transaction(ctx, func(tx *gorm.DB) error {
			return tx.Exec("DELETE FROM calls WHERE id BETWEEN ? AND ?", first+models.MentionWindow+1, last-1).Error
		}))
		e := erasing(t, s, p, "+4930901820")
		phone := call.ParsePhone(e.Key, "")
		steps := 0
		for over := false; !over; steps++ {
			stale := *must[*models.Erasure](t)(s.PendingErasure(ctx, p, e.ID))
			over = must[bool](t)(s.EraseMentions(ctx, e, "901820", phone.Mention().EraseFrom))
			if over {
				break
			}
			_, err := s.EraseMentions(ctx, &stale, "901820", phone.Mention().EraseFrom)
			wantErr(t, err, models.ErrConflict) // another worker has done the step
		}
		if e.Mentions != 4 || steps != 2+3 { // windows of the portal's own rows, and the ends of three tables
			t.Errorf("%d mentions in %d steps", e.Mentions, steps)
		}
		if again := must[*models.Erasure](t)(s.PendingErasure(ctx, p, e.ID)); again.Mentions != 4 {
			t.Errorf("%d mentions are counted", again.Mentions)
		}
		if c := must[*models.Call](t)(s.CallByID(ctx, twin.ID, 1)); c.CustomerName != "back to 030 901820" {
			t.Errorf("the other portal's call is %q", c.CustomerName)
		}
		if c := must[*models.Call](t)(s.CallByID(ctx, p.ID, last)); c.CustomerName != "back to •••" {
			t.Errorf("the last call is %q", c.CustomerName)
		}
	})
}

// With a plan that reads all rows of the portal, or of all portals, for each window,
// an erasure from a long log would not end.
func TestRowsAreLookedThroughByTheKeysOfTheirPortal(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		for _, query := range models.MentionQueries(s) {
			var plan strings.Builder
			check(t, s.Transaction(t.Context(), func(tx *gorm.DB) error {
				explain, values, key := "EXPLAIN QUERY PLAN ", []any{1, "pbx:a", "pbx:b"}, "(portal_id=? AND call_key>? AND call_key<?)"
				if tx.Name() == "postgres" {
					explain, values, key = "EXPLAIN ", append(values, "1"), "(portal_id = '1'::bigint) AND (call_key > 'pbx:a'::text) AND (call_key <= 'pbx:b'::text)"
					check(t, tx.Exec("SET LOCAL enable_seqscan = off").Error)
				}
				rows := must[*sql.Rows](t)(tx.Raw(explain+query, values...).Rows())
				defer rows.Close()
				columns := must[[]string](t)(rows.Columns())
				for rows.Next() {
					line := make([]any, len(columns))
					for i := range line {
						line[i] = new(any)
					}
					check(t, rows.Scan(line...))
					fmt.Fprintln(&plan, *line[len(line)-1].(*any))
				}
				if !strings.Contains(plan.String(), key) {
					t.Errorf("%s\n%s", query, plan.String())
				}
				return rows.Err()
			}))
		}
	})
}
