package callflow

import (
	"context"
	"testing"
	"time"

	"callwise/models"
	"callwise/models/modelstest"
)

// It waits for its turn at the portal after it was written down as asked for.
func TestATranscriptThatWasNotSentYetIsStillToBeSent(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		portal := installed(t, s)
		row, err := s.EnsureCall(t.Context(), models.Call{PortalID: portal.ID, Kind: models.KindPBX, CallKey: "pbx:1"})
		if err != nil {
			t.Fatal(err)
		}
		w := &work{Flow: &Flow{Store: s, Now: time.Now}, portal: portal, row: row}
		brokenOff, cancel := context.WithCancel(t.Context())
		cancel()
		for _, perhaps := range []bool{true, false} {
			row.Progress.Transcript.Tried = true
			if err := w.save(t.Context()); err != nil {
				t.Fatal(err)
			}
			if err := w.notTranscribed(brokenOff, perhaps); err != nil {
				t.Fatal(err)
			}
			kept, err := s.CallByID(t.Context(), portal.ID, row.ID)
			if err != nil || kept.Progress.Transcript.Tried != perhaps {
				t.Errorf("written down as asked for: %v, want %v (%v)", kept.Progress.Transcript.Tried, perhaps, err)
			}
		}
	})
}
