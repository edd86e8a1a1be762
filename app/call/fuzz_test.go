package call

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

var (
	// The longest is of Japan: its numbers for free calls have up to 17 digits.
	e164   = regexp.MustCompile(`^\+[0-9]{1,20}$`)
	dialed = regexp.MustCompile(`^(\+?[0-9]+)?$`)
)

func FuzzParsePhone(f *testing.F) {
	for _, region := range []string{"DE", "RU", "US", "", "xx"} {
		for _, raw := range []string{
			"+49 30 901820", "030 901820", "sip:+4930901820@pbx.example", "tel:+7(495)123-45-67;ext=9", "8 800 555 35 35",
			"anonymous", "0000", "", "+", "<script>alert(1)</script>", "=cmd|' /C calc'!A0", "٠٣٠٩٠١٨٢٠", "１２３", "+49\x00\xff30",
		} {
			f.Add(raw, region)
		}
	}
	f.Fuzz(func(t *testing.T, raw, region string) {
		if len(raw) > 64 {
			return // what is longer is refused before
		}
		p := ParsePhone(raw, region)
		if p.E164 != "" && !e164.MatchString(p.E164) {
			t.Fatalf("E164 %q", p.E164)
		}
		for _, text := range append(p.Variants(), p.Dial(), p.Key(), p.Digits()) {
			if !dialed.MatchString(text) {
				t.Fatalf("%q is no number", text)
			}
		}
		if p.Hidden() != (p.Key() == "") || p.Hidden() != (p.Dial() == "") || len(p.Variants()) > 20 {
			t.Fatalf("%+v: key %q, dial %q, %d variants", p, p.Key(), p.Dial(), len(p.Variants()))
		}
		if again := ParsePhone(p.E164, region); p.E164 != "" && again.E164 != p.E164 {
			t.Fatalf("%q is read as %q", p.E164, again.E164)
		}
		if !slices.ContainsFunc(p.DialledIn(region), func(s string) bool { return !dialed.MatchString(s) }) {
			return
		}
		t.Fatalf("dialled in %q as %q", region, p.DialledIn(region))
	})
}

func FuzzNational(f *testing.F) {
	f.Add("+4930901820")
	f.Fuzz(func(t *testing.T, raw string) {
		if len(raw) > 64 {
			return
		}
		if n := ParsePhone(raw, "DE").National; !utf8.ValidString(n) || strings.ContainsAny(n, "<>&\"'=@\r\n\x00") {
			t.Fatalf("%q is written %q", raw, n)
		}
	})
}
