package models_test

import (
	"errors"
	"testing"
	"time"

	"callwise/models"
	"callwise/models/modelstest"
)

// audio uploads a recording of two pieces.
func audio(t *testing.T, s *models.Store, portalID int64, callKey string) *models.Audio {
	t.Helper()
	a := must[*models.Audio](t)(s.BeginAudio(t.Context(), portalID, callKey, "mp3"))
	a.Size, a.Checksum = 2, "of "+callKey
	for number, data := range []string{"a", "b"} {
		check(t, s.AddAudio(t.Context(), a, number, []byte(data)))
	}
	if !must[bool](t)(s.FinishAudio(t.Context(), a, event(callKey+" uploaded", callKey, 0))) {
		t.Error("the recording is known already")
	}
	return a
}

func TestARecordingOnItsWayIsSeenByNobodyAndRemovedWhenItBreaksOff(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		ctx, now := t.Context(), noon
		s.Now = func() time.Time { return now }
		p, other := active(t, s, "one"), active(t, s, "two")
		a := must[*models.Audio](t)(s.BeginAudio(ctx, p.ID, "pbx:c1", "mp3"))
		check(t, s.AddAudio(ctx, a, 0, []byte("a")))
		_, err := s.AudioOf(ctx, p.ID, "pbx:c1")
		wantErr(t, err, models.ErrNotFound)
		foreign := *a
		foreign.PortalID = other.ID
		wantErr(t, s.AddAudio(ctx, &foreign, 1, []byte("b")), models.ErrNotFound)
		check(t, s.DiscardAudio(ctx, &foreign))
		must[models.Purged](t)(s.Purge(ctx, time.Time{}, time.Time{}))
		check(t, s.AddAudio(ctx, a, 1, []byte("b")))
		now = now.Add(61 * time.Minute)
		must[models.Purged](t)(s.Purge(ctx, time.Time{}, time.Time{}))
		wantErr(t, s.AddAudio(ctx, a, 2, []byte("c")), models.ErrNotFound)

		ready := audio(t, s, p.ID, "pbx:c2")
		_, err = s.AudioOf(ctx, other.ID, "pbx:c2")
		wantErr(t, err, models.ErrNotFound)
		must[models.Purged](t)(s.Purge(ctx, now.Add(time.Second), time.Time{}))
		_, err = s.AudioData(ctx, ready, 0)
		wantErr(t, err, models.ErrNotFound)
	})
}

func TestAPortalUploadsSomeRecordingsAtATimeOnly(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		p, other := active(t, s, "one"), active(t, s, "two")
		begun := 0
		for ; begun < 100; begun++ {
			if _, err := s.BeginAudio(t.Context(), p.ID, "pbx:c1", "wav"); errors.Is(err, models.ErrBusy) {
				break
			}
		}
		if begun != 16 {
			t.Errorf("%d at a time, want 16", begun)
		}
		must[*models.Audio](t)(s.BeginAudio(t.Context(), other.ID, "pbx:c1", "wav"))
	})
}

func TestOneOfTwoRecordingsThatArriveAtTheSameTimeIsTheCalls(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		p := active(t, s, "one")
		done := make(chan bool)
		for range 4 {
			go func() {
				defer func() { done <- true }()
				a, err := s.BeginAudio(t.Context(), p.ID, "pbx:c1", "mp3")
				if err != nil {
					t.Error(err)
					return
				}
				a.Size, a.Checksum = 1, "same"
				if _, err := s.FinishAudio(t.Context(), a, event("uploaded", "pbx:c1", 0)); err != nil {
					t.Error(err)
				}
			}()
		}
		for range 4 {
			<-done
		}
		if a := must[*models.Audio](t)(s.AudioOf(t.Context(), p.ID, "pbx:c1")); a.Checksum != "same" {
			t.Errorf("%+v", a)
		}
	})
}
