package main

import (
	"fmt"
	"testing"
	"time"

	"callwise/models"
	"callwise/models/modelstest"

	"gorm.io/gorm"
)

// TestAnErasureThatIsKilledGoesOnWhereItWas kills the process while it erases the
// calls of a number, and while it takes it out of other rows.
func TestAnErasureThatIsKilledGoesOnWhereItWas(t *testing.T) {
	const calls, mentions = 80, 1400
	points := []struct {
		name string
		come func(models.PrivacyRequest) bool
	}{
		{"at the first call", func(e models.PrivacyRequest) bool { return e.Calls >= 1 }},
		{"half way through the calls", func(e models.PrivacyRequest) bool { return e.Calls >= calls/2 }},
		{"at the first mentions", func(e models.PrivacyRequest) bool { return e.Mentions >= 1 }},
		{"half way through the mentions", func(e models.PrivacyRequest) bool { return e.Mentions >= mentions/2 }},
	}
	eachDatabase(t, func(t *testing.T, _ string) {
		for _, at := range points {
			t.Run(at.name, func(t *testing.T) {
				r := bareRig(t, freshDatabase(t), classic)
				child := r.spawn()
				r.install()
				store := r.store()
				portal, err := store.Portal(t.Context(), r.portal.MemberID())
				if err != nil {
					t.Fatal(err)
				}
				modelstest.Fill(t, store, modelstest.Log{PortalID: portal.ID, Calls: calls + mentions, To: time.Now(), Days: 30})
				exec := func(text string, values ...any) {
					t.Helper()
					if err := store.Transaction(t.Context(), func(tx *gorm.DB) error { return tx.Exec(text, values...).Error }); err != nil {
						t.Fatal(err)
					}
				}
				exec("UPDATE calls SET phone = '+4930901821', phone_key = '+4930901821', search = '4930901821' WHERE id <= ?", calls)
				exec("UPDATE calls SET customer_name = 'back to 030 90 18-21' WHERE id > ?", calls)
				erasure := func() models.PrivacyRequest {
					t.Helper()
					all, err := store.PrivacyRequests(t.Context(), portal.ID, 1)
					if err != nil {
						t.Fatal(err)
					}
					return all[0]
				}

				r.about("/erase", "+4930901821", "word", "erase")
				eventually(t, "the moment to kill", func() bool { return at.come(erasure()) })
				child.kill()
				r.spawn()
				// Five minutes later the queue takes the job from the dead process.
				exec("UPDATE river_job SET state = 'available' WHERE kind = ? AND state = 'running'", models.EraseArgs{}.Kind())
				eventually(t, "the number is erased", func() bool { return !erasure().Pending() })
				r.saysPrivacy(fmt.Sprintf("Erased: %d calls. Also taken out of 1,%d other entries.", calls, mentions-1000))

				var left, remembered int
				err = store.Transaction(t.Context(), func(tx *gorm.DB) error {
					if err := tx.Raw("SELECT count(*) FROM erased_calls WHERE portal_id = ?", portal.ID).Scan(&remembered).Error; err != nil {
						return err
					}
					return tx.Raw("SELECT count(*) FROM calls WHERE portal_id = ? AND customer_name = 'back to •••'", portal.ID).Scan(&left).Error
				})
				if err != nil || left != mentions || remembered != calls {
					t.Errorf("%d calls are left without the number, %d are remembered as erased, %v", left, remembered, err)
				}
				r.house = &house{store: store}
				if found := holds(r.dump(), "901821", "90 18-21"); len(found) != 0 {
					t.Errorf("left: %v", found)
				}
			})
		}
	})
}
