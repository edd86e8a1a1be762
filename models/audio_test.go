package models_test

import (
	"errors"
	"fmt"
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

func TestOfRecordingsThatArriveAtTheSameTimeEachIsTakenUntilBitrix24HasOne(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		p := active(t, s, "one")
		const uploads = 10
		done := make(chan error)
		for i := range uploads {
			a := must[*models.Audio](t)(s.BeginAudio(t.Context(), p.ID, "pbx:c1", "mp3"))
			a.Size, a.Checksum = 1, fmt.Sprint(i)
			go func() {
				_, err := s.FinishAudio(t.Context(), a, event(a.Checksum, "pbx:c1", 0))
				done <- err
			}()
		}
		for range uploads {
			check(t, <-done)
		}
		must[*models.Audio](t)(s.AudioOf(t.Context(), p.ID, "pbx:c1"))
	})
}

// stray uploads a recording that is said to be so large.
func stray(t *testing.T, s *models.Store, portalID int64, callKey string, size int64) {
	t.Helper()
	a := must[*models.Audio](t)(s.BeginAudio(t.Context(), portalID, callKey, "mp3"))
	check(t, s.AddAudio(t.Context(), a, 0, []byte(callKey)))
	a.Size, a.Checksum = size, callKey
	must[bool](t)(s.FinishAudio(t.Context(), a, event(callKey+" uploaded", callKey, 0)))
}

func TestRecordingsOfCallsThatNobodyToldOfAreBounded(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		ctx, mib := t.Context(), int64(1<<20)
		p, other := active(t, s, "one"), active(t, s, "two")
		ensure(t, s, p.ID, "pbx:told")
		click := ensure(t, s, p.ID, "b24:click")
		name := "clicked"
		click.PBXCallID = &name
		check(t, s.SaveCall(ctx, click))
		for range 20 {
			stray(t, s, p.ID, "pbx:told", 100*mib+1)
		}
		stray(t, s, p.ID, "pbx:clicked", 1024*mib)
		stray(t, s, p.ID, "pbx:first", 1024*mib-1)
		stray(t, s, p.ID, "pbx:second", 1)
		begin := func(portalID int64, key string) error {
			_, err := s.BeginAudio(ctx, portalID, key, "mp3")
			return err
		}
		wantErr(t, begin(p.ID, "pbx:third"), models.ErrFull)
		wantErr(t, begin(p.ID, "pbx:first"), models.ErrFull)
		check(t, begin(p.ID, "pbx:told"))
		check(t, begin(p.ID, "pbx:clicked"))
		check(t, begin(other.ID, "pbx:third"))
		ensure(t, s, other.ID, "pbx:first") // of the same name, and another call
		wantErr(t, begin(p.ID, "pbx:third"), models.ErrFull)
		ensure(t, s, p.ID, "pbx:first")
		check(t, begin(p.ID, "pbx:third"))
	})
}

func TestARecordingWhoseCallNeverComesIsRemovedAfterFiveDays(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		ctx, now := t.Context(), noon
		s.Now = func() time.Time { return now }
		p, other := active(t, s, "one"), active(t, s, "two")
		told, stray := audio(t, s, p.ID, "pbx:told"), audio(t, s, p.ID, "pbx:stray")
		ensure(t, s, p.ID, "pbx:told")
		ensure(t, s, other.ID, "pbx:stray")
		year := func() time.Time { return now.AddDate(-1, 0, 0) }
		for _, tt := range []struct {
			after time.Duration
			want  error
		}{{5*24*time.Hour - time.Second, nil}, {2 * time.Second, models.ErrNotFound}} {
			now = now.Add(tt.after)
			must[models.Purged](t)(s.Purge(ctx, year(), year()))
			if _, err := s.AudioData(ctx, stray, 0); !errors.Is(err, tt.want) {
				t.Errorf("%v later: %v, want %v", tt.after, err, tt.want)
			}
			must[[]byte](t)(s.AudioData(ctx, told, 0))
		}
	})
}
