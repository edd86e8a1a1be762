package call_test

import (
	"testing"

	"callwise/app/call"
)

func TestNumbersAreShownAsPeopleWriteThem(t *testing.T) {
	for raw, want := range map[string]string{
		"+49 (0)30-901820": "+49 30 901820",
		"030901820":        "+49 30 901820",
		"112":              "112",
		"":                 "",
	} {
		if got := call.ParsePhone(raw, "DE").Pretty(); got != want {
			t.Errorf("Pretty(%q) = %q, want %q", raw, got, want)
		}
	}
}

func TestAnInternationalLineTellsItsCountry(t *testing.T) {
	for line, want := range map[string]string{
		"4930901820": "DE", "+74951230000": "RU", "callwise": "", "": "", "reg12": "", "104": "",
	} {
		if got := call.RegionOf(line); got != want {
			t.Errorf("RegionOf(%q) = %q, want %q", line, got, want)
		}
	}
}
