package callflow

import (
	"testing"

	"callwise/app/call"
)

func TestAnExcludedNumberIsMeantInAnySpelling(t *testing.T) {
	for _, test := range []struct {
		entry, phone string
		want         bool
	}{
		{"+4930901820", "+49 30 901820", true},
		{"+4930901820", "030 901820", true},
		{"030 901820", "+4930901820", true},
		{"4930901820", "+4930901820", true},
		{"+4930901820", "+4930901821", false},
		{"+4930*", "030 901820", true},
		{"+49 30 *", "+4930901820", true},
		{"+4930*", "+4989901820", false},
		{"0049 30*", "+4930901820", true},
		{"030*", "+4930901820", true},
		{"30*", "+4930901820", true},
		{"030*", "+4989303030", false},
		{"030*", "+33301020304", false},
		{"0*", "anonymous", false},
		{"112", "112", true},
		{"11*", "112", true},
		{"+112*", "112", false},
		{"+49*", "", false},
	} {
		got := numberIn([]string{"+15550000000", test.entry}, call.ParsePhone(test.phone, "DE"), "DE")
		if got != test.want {
			t.Errorf("%q excludes %q = %t, want %t", test.entry, test.phone, got, test.want)
		}
	}
}
