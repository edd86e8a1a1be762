package call

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestParsePhone(t *testing.T) {
	tests := []struct {
		name, raw, region string
		want              Phone
	}{
		{"E.164 needs no region", "+493012345678", "", Phone{"+493012345678", "+493012345678", "030 12345678"}},
		{"a national number is one of its region", "030 12345678", "DE", Phone{"030 12345678", "+493012345678", "030 12345678"}},
		{"a plus was dropped", "493012345678", "DE", Phone{"493012345678", "+493012345678", "030 12345678"}},
		{"a plus was dropped abroad", "493012345678", "US", Phone{"493012345678", "+493012345678", "030 12345678"}},
		{"a plus was dropped and no region is known", "79035551122", "", Phone{"79035551122", "+79035551122", "8 (903) 555-11-22"}},
		{"the Russian trunk prefix is 8", "8 (903) 555-11-22", "RU", Phone{"8 (903) 555-11-22", "+79035551122", "8 (903) 555-11-22"}},
		{"double zero is a plus", "004930 12345678", "DE", Phone{"004930 12345678", "+493012345678", "030 12345678"}},
		{"double zero is a plus where the country dials otherwise", "00493012345678", "US", Phone{"00493012345678", "+493012345678", "030 12345678"}},
		{"a region may be written small", "030 12345678", "de", Phone{"030 12345678", "+493012345678", "030 12345678"}},
		{"a SIP address holds a number", "sip:+493012345678@10.0.0.1", "DE", Phone{"sip:+493012345678@10.0.0.1", "+493012345678", "030 12345678"}},
		{"an emergency number stays as it is", "112", "DE", Phone{Raw: "112"}},
		{"a number of no country stays as it is", "+999 12", "DE", Phone{Raw: "+999 12"}},
		{"a hidden number stays as it is", "anonymous", "DE", Phone{Raw: "anonymous"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, ParsePhone(tt.raw, tt.region)); diff != "" {
				t.Errorf("ParsePhone (-want +got):\n%s", diff)
			}
		})
	}
}

func TestPhoneForms(t *testing.T) {
	type forms struct {
		Hidden            bool
		Digits, Dial, Key string
		Variants          []string
	}
	tests := []struct {
		name, raw, region string
		want              forms
	}{
		{"a German number is searched in four spellings", "030 12345678", "DE", forms{
			Digits: "493012345678", Dial: "+493012345678", Key: "+493012345678",
			Variants: []string{"+493012345678", "493012345678", "03012345678", "3012345678"},
		}},
		{"a Russian number is searched with its 8", "+7 903 555-11-22", "RU", forms{
			Digits: "79035551122", Dial: "+79035551122", Key: "+79035551122",
			Variants: []string{"+79035551122", "79035551122", "89035551122", "9035551122"},
		}},
		{"no trunk prefix, no repeat", "+12015550123", "US", forms{
			Digits: "12015550123", Dial: "+12015550123", Key: "+12015550123",
			Variants: []string{"+12015550123", "12015550123", "2015550123"},
		}},
		{"a short number is itself", "112", "DE", forms{Digits: "112", Dial: "112", Key: "112", Variants: []string{"112"}}},
		{"a number of no country keeps its plus when dialled", "+999 12", "DE", forms{
			Digits: "99912", Dial: "+99912", Key: "99912", Variants: []string{"+99912", "99912"},
		}},
		{"empty is hidden", "", "DE", forms{Hidden: true, Variants: []string{}}},
		{"anonymous is hidden", "anonymous", "DE", forms{Hidden: true, Variants: []string{}}},
		{"unknown is hidden", "Unknown", "DE", forms{Hidden: true, Variants: []string{}}},
		{"withheld behind a SIP address with digits is hidden", "sip:anonymous@10.0.0.1", "DE", forms{Hidden: true, Variants: []string{}}},
		{"zeros are hidden", "+000", "DE", forms{Hidden: true, Digits: "000", Variants: []string{}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := ParsePhone(tt.raw, tt.region)
			got := forms{p.Hidden(), p.Digits(), p.Dial(), p.Key(), p.Variants()}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("forms (-want +got):\n%s", diff)
			}
		})
	}
}

func TestEverySpellingHasOneKey(t *testing.T) {
	plans := map[string][]string{
		"DE": {"+49", "49", "0049", "0"},
		"RU": {"+7", "7", "8", "007"},
		"US": {"+1", "1", "", "001", "011 1"},
	}
	numbers := map[string]string{"DE": "30 12345678", "RU": "(903) 555-11-22", "US": "201-555-0123"}
	keys := map[string]string{"DE": "+493012345678", "RU": "+79035551122", "US": "+12015550123"}
	for region, prefixes := range plans {
		for _, prefix := range prefixes {
			raw := prefix + " " + numbers[region]
			if got := ParsePhone(raw, region).Key(); got != keys[region] {
				t.Errorf("key of %q in %s = %q, want %q", raw, region, got, keys[region])
			}
		}
	}
}

func TestParsePhoneOfAnything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		raw := rapid.OneOf(rapid.String(), rapid.StringMatching(`[+0-9 ()\-]{0,64}`)).Draw(t, "raw")
		region := rapid.SampledFrom([]string{"", "DE", "RU", "US", "XX"}).Draw(t, "region")
		p := ParsePhone(raw, region)
		if p.Raw != raw {
			t.Fatalf("Raw = %q, want %q", p.Raw, raw)
		}
		if again := ParsePhone(p.Dial(), region); p.E164 != "" && again.Key() != p.Key() {
			t.Fatalf("key of what is dialled = %q, want %q", again.Key(), p.Key())
		}
		if n := len(p.Variants()); n > 20 || (n == 0) != p.Hidden() {
			t.Fatalf("%d variants, hidden %v", n, p.Hidden())
		}
		if strings.Trim(p.Digits(), "0123456789") != "" {
			t.Fatalf("digits = %q", p.Digits())
		}
	})
}
