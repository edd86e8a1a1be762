package callflow

import (
	"errors"
	"testing"

	"callwise/app/b24"
)

func TestAnErrorIsThePortalsIfNothingOfOurOwnIsAmongIt(t *testing.T) {
	down, own, waits := &b24.Error{Method: "app.info", Status: 503, Code: "OVERLOAD_LIMIT"}, errors.New("database"), &Later{Err: errLeg}
	for _, tt := range []struct {
		name string
		err  error
		want bool
	}{
		{"the portal's", down, true},
		{"our own", own, false},
		{"what waits", waits, false},
		{"two of the portal", errors.Join(down, down), true},
		{"the portal's and our own", errors.Join(down, own), false},
		{"our own, joined deeper", errors.Join(down, errors.Join(down, own)), false},
		{"the portal's, while something waits", errors.Join(down, waits), true},
		{"what waits, joined", errors.Join(waits, nil), false},
		{"our own, while something waits", errors.Join(waits, own), false},
	} {
		if got := isPortals(tt.err); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}
