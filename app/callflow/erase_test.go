package callflow_test

import (
	"errors"
	"log/slog"
	"testing"
	"time"

	"callwise/app/callflow"
	"callwise/models"
	"callwise/models/modelstest"

	"gorm.io/gorm"
)

// An erasure gives way to others again and again, and goes on where it was.
func TestAnErasureGoesOnPartByPart(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		ctx := t.Context()
		portal, err := s.SaveInstall(ctx, models.Install{MemberID: "one", Endpoint: "https://one.example/rest/", AuthHost: "auth.example"})
		if err != nil {
			t.Fatal(err)
		}
		modelstest.Fill(t, s, modelstest.Log{PortalID: portal.ID, Calls: 1200, To: time.Now(), Days: 9})
		err = s.Transaction(ctx, func(tx *gorm.DB) error {
			if err := tx.Exec("UPDATE calls SET phone_key = '+4930901821' WHERE id <= 3").Error; err != nil {
				return err
			}
			return tx.Exec("UPDATE calls SET customer_name = 'back to 030 901821' WHERE id > 1000").Error
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.AskErasure(ctx, portal, 1, "+4930901821"); err != nil {
			t.Fatal(err)
		}
		asked, err := s.PrivacyRequests(ctx, portal.ID, 1)
		if err != nil {
			t.Fatal(err)
		}

		now, parts := time.Now(), 0
		flow := &callflow.Flow{
			Store: s, Log: slog.New(slog.DiscardHandler), Lookups: callflow.NewLookups(time.Minute), Owner: "test", Lease: time.Minute,
			Now: func() time.Time { now = now.Add(11 * time.Second); return now }, // a part is one step long
		}
		for {
			err := flow.Erase(ctx, portal.ID, asked[0].ID)
			if errors.Is(err, models.ErrNotFound) {
				break
			}
			if wait, passes := callflow.Wait(err); err != nil && (!passes || wait != 0) {
				t.Fatalf("part %d: %v, again after %v", parts, err, wait)
			}
			if parts++; parts > 50 {
				t.Fatal("the erasure does not end")
			}
		}
		done, err := s.PrivacyRequests(ctx, portal.ID, 1)
		if err != nil || done[0].Calls != 3 || done[0].Mentions != 200 || done[0].Pending() {
			t.Errorf("%+v, %v", done[0], err)
		}
		if parts < 9 { // three calls, three windows, the ends of three tables
			t.Errorf("it took %d parts", parts)
		}
	})
}
