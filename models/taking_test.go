package models

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A call may come under a key after it was looked for and before its events are read.
func TestWhatIsReportedUnderAKeyAreItsOwnEvents(t *testing.T) {
	its, others := Event{ID: 1, CallKey: "b24:externalCall.9"}, Event{ID: 2, CallKey: "pbx:7"}
	read := taking{key: its.CallKey, events: []Event{others, its}}
	read.portals = append(read.portals, struct {
		Portal portalRow `gorm:"embedded"`
		Erased bool
	}{})
	taken, err := (&Store{}).taken(t.Context(), &read, nil)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]Event{its}, taken.Events); diff != "" || taken.Call != nil {
		t.Errorf("call %v, events (-want +got):\n%s", taken.Call, diff)
	}
}
