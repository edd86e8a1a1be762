package call

import (
	"testing"
	"time"
)

func TestATimeIsPlausibleIfItIsOfThisCentury(t *testing.T) {
	for text, want := range map[string]bool{
		"2026-11-23T10:00:00Z":      true,
		"2000-01-01T00:00:00Z":      true,
		"2099-12-31T23:59:59Z":      true,
		"1999-12-31T23:59:59Z":      false,
		"2100-01-01T00:00:00Z":      false,
		"2100-01-01T01:00:00+02:00": true, // a zone moves the year
		"9999-12-31T23:59:59-14:00": false,
		"0000-01-01T00:00:00+14:00": false,
	} {
		at, err := time.Parse(time.RFC3339, text)
		if err != nil {
			t.Fatal(err)
		}
		if got := Plausible(at); got != want {
			t.Errorf("%s: %t", text, got)
		}
	}
	if Plausible(time.Time{}) {
		t.Error("no time is plausible")
	}
}
