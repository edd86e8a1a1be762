package callflow

import (
	"errors"
	"testing"
	"time"

	"callwise/app/b24"
	"callwise/models"
	"callwise/models/modelstest"
)

func TestWhatWasAskedForMayComeForAWhile(t *testing.T) {
	now := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	w := &work{Flow: &Flow{MayRun: time.Minute, Now: func() time.Time { return now }}}
	for _, tt := range []struct {
		name  string
		asked time.Time
		after time.Duration // 0: it does not come any more
	}{
		{"nothing was asked for", time.Time{}, 0},
		{"just now", now, time.Second},
		{"a while ago", now.Add(-20 * time.Second), 20 * time.Second},
		{"almost too long ago", now.Add(-50 * time.Second), 10 * time.Second},
		{"too long ago", now.Add(-time.Minute), 0},
		{"by a clock a little ahead", now.Add(time.Second), time.Second},
		{"by a clock that was far ahead", now.Add(time.Minute), 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := w.awaits(tt.asked)
			if after, waits := Wait(err); after != tt.after || waits != (tt.after > 0) || waits && !errors.Is(err, errComing) {
				t.Errorf("%v, want after %v", err, tt.after)
			}
		})
	}
}

func TestWhatIsAskedForIsMeasuredFromWhenItWasSent(t *testing.T) {
	before := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	began, sent := before.Add(time.Minute), before.Add(90*time.Second) // it waited for its turn
	lost := &b24.Failure{Method: "crm.lead.add", Sent: true}
	for _, tt := range []struct {
		name             string
		failed           error
		asked, technical time.Time
	}{
		{"that is answered", nil, time.Time{}, sent},
		{"whose answer is lost", lost, sent, sent},
		{"that is refused", &b24.Error{Code: b24.QueryLimitExceeded}, before, began},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := &work{Flow: &Flow{Now: func() time.Time { return began }}, row: &models.Call{}}
			progress := &w.row.Progress
			progress.AskedAt, progress.Technical.AskedAt = before, began
			_, err := bring(w, func() (int64, error) {
				if !progress.Awaited || !progress.AskedAt.Equal(began) {
					t.Errorf("before it is sent: %+v", progress)
				}
				w.sent = sent
				return 5, tt.failed
			})
			if err != tt.failed || progress.Awaited || !progress.AskedAt.Equal(tt.asked) || !progress.Technical.AskedAt.Equal(tt.technical) {
				t.Errorf("%v, asked for at %v and %v, awaited %t", err, progress.AskedAt, progress.Technical.AskedAt, progress.Awaited)
			}
		})
	}
}

func TestWhatADeadProcessAskedForIsMeasuredFromWhenThatIsSeen(t *testing.T) {
	asked := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	now := asked.Add(time.Hour)
	for _, tt := range []struct {
		name                   string
		awaited                bool
		lead                   int64 // of the technical lead whose answer has come
		wantAsked, wantConvert time.Time
	}{
		{"nobody waited for an answer", false, 0, asked, asked},
		{"it waited for one", true, 0, now, now},
		{"it waited for one that is not the lead's", true, 5, now, asked},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := &work{Flow: &Flow{Now: func() time.Time { return now }}, row: &models.Call{Progress: models.Progress{
				AskedAt: asked, Awaited: tt.awaited, Technical: models.Technical{ID: tt.lead, AskedAt: asked},
			}}}
			w.unheard()
			got := w.row.Progress
			if got.Awaited || !got.AskedAt.Equal(tt.wantAsked) || !got.Technical.AskedAt.Equal(tt.wantConvert) {
				t.Errorf("%v, a lead %v, awaited %t", got.AskedAt, got.Technical.AskedAt, got.Awaited)
			}
		})
	}
}

// The first attempt may have been long before, and in vain.
func TestALeadOfBitrix24IsToBeConvertedSoonAfterTheRegistration(t *testing.T) {
	began := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	w := &work{row: &models.Call{StartedAt: began}}
	if got := w.registeredBy(); !got.Equal(began) {
		t.Errorf("of a click: %v", got)
	}
	tried, answered := began.Add(time.Second), began.Add(time.Minute)
	w.row.Progress = models.Progress{Register: models.Register{Tried: true, At: tried}, Steps: []models.Step{
		{Name: "register", At: tried, Code: CodeUnreachable}, {Name: "register", At: answered}, {Name: "finish", At: answered.Add(time.Hour)},
	}}
	if got := w.registeredBy(); !got.Equal(answered) {
		t.Errorf("of a call: %v, want %v", got, answered)
	}
}

// Another process may have decided, by a clock of its own.
func TestADecisionCountsForHalfOfTheTimeThatCreationsAreRememberedFor(t *testing.T) {
	decided := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	for age, want := range map[time.Duration]bool{0: false, 29 * time.Second: false, 30 * time.Second: true} {
		w := &work{Flow: &Flow{Now: func() time.Time { return decided.Add(age) }}, row: &models.Call{DecidedAt: &decided}}
		if got := w.outdated(); got != want {
			t.Errorf("after %v it is outdated: %t", age, got)
		}
	}
}

func TestACardIsNotKeptOpenForWhatComesLate(t *testing.T) {
	ended := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	w := &work{Flow: &Flow{Now: func() time.Time { return ended }}, row: &models.Call{EndedAt: &ended}}
	limit := &b24.Error{Code: b24.QueryLimitExceeded}
	if w.waits(&Later{After: time.Second, Err: errComing}) || !w.waits(limit) {
		t.Errorf("waits for what comes late: %t, for a portal that is busy: %t",
			w.waits(&Later{After: time.Second, Err: errComing}), w.waits(limit))
	}
}

func TestARefusedRegistrationLeavesWhatWasAskedForBefore(t *testing.T) {
	asked := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	before := models.Progress{CreateTried: true, AskedAt: asked, Technical: models.Technical{ID: 5, AskedAt: asked}}
	w := &work{row: &models.Call{Progress: models.Progress{
		Register: models.Register{Tried: true}, CreateTried: true, AskedAt: asked.Add(time.Minute),
		Technical: models.Technical{AskedAt: asked.Add(time.Minute)},
	}}}
	w.hasNotRun(before, models.Register{Refused: true})
	want := before
	want.Register.Refused = true
	if got := w.row.Progress; got.Register != want.Register || got.CreateTried != want.CreateTried || got.AskedAt != want.AskedAt || got.Technical != want.Technical {
		t.Errorf("%+v, want %+v", got, want)
	}
}

// The next call of the number looks as soon as this one lets go of it.
func TestThatNothingMoreComesIsWrittenDownWithTheAnswer(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		ctx, portal := t.Context(), installed(t, s)
		row, err := s.EnsureCall(ctx, models.Call{PortalID: portal.ID, Kind: models.KindPBX, CallKey: "pbx:1", PhoneKey: "+4930901820"})
		if err != nil {
			t.Fatal(err)
		}
		w := &work{Flow: &Flow{Store: s, Now: time.Now}, portal: portal, row: row}
		row.Progress.Register = models.Register{Tried: true, Create: true}
		row.Progress.AskedAt = time.Now()
		if err := w.save(ctx); err != nil {
			t.Fatal(err)
		}
		row.Progress.AskedAt = time.Time{}
		if err := w.creation(ctx, nil); err != nil {
			t.Fatal(err)
		}
		next := &models.Call{PortalID: portal.ID, PhoneKey: row.PhoneKey}
		if asked, err := s.AskedElsewhere(ctx, next); err != nil || !asked.IsZero() {
			t.Errorf("%v, %v: still to come", asked, err)
		}
	})
}
