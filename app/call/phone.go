package call

import (
	"slices"
	"strconv"
	"strings"

	"github.com/nyaruka/phonenumbers"
)

// A Phone is a number as somebody spelled it and, if it is one of some country's
// numbering plan, as the world knows it.
type Phone struct {
	Raw      string `json:"raw"`
	E164     string `json:"e164"`     // with plus; empty when no country has such a number
	National string `json:"national"` // as it is written at home; empty with E164
}

// ParsePhone reads a number as it is spelled in region, an ISO 3166 code
// ("DE"); the region may be empty. PBXs like to drop the plus, so a number that
// begins with the region's country code, or is none of the region, is tried as
// an international one as well.
func ParsePhone(raw, region string) Phone {
	spelled := subscriber(raw)
	digits := DigitsOf(spelled)
	number := international(spelled, digits)
	if number == nil {
		number = national(spelled, digits, region)
	}
	if number == nil {
		return Phone{Raw: raw}
	}
	return Phone{
		Raw:      raw,
		E164:     phonenumbers.Format(number, phonenumbers.E164),
		National: phonenumbers.Format(number, phonenumbers.NATIONAL),
	}
}

// subscriber is raw without the wrapping of a SIP or tel URI.
func subscriber(raw string) string {
	s := strings.TrimSpace(raw)
	for _, scheme := range []string{"sip:", "sips:", "tel:"} {
		if len(s) >= len(scheme) && strings.EqualFold(s[:len(scheme)], scheme) {
			s = s[len(scheme):]
		}
	}
	s, _, _ = strings.Cut(s, "@")
	return s
}

// international reads a number that says itself that it is one. Its length is
// enough to believe it.
func international(spelled, digits string) *phonenumbers.PhoneNumber {
	if !strings.HasPrefix(spelled, "+") {
		return nil
	}
	number, err := phonenumbers.Parse("+"+digits, "")
	if err != nil || !phonenumbers.IsPossibleNumber(number) {
		return nil
	}
	// Of a number that is none, the library takes off one trunk zero at a time:
	// what it makes of it must be read as itself.
	if written := DigitsOf(phonenumbers.Format(number, phonenumbers.E164)); len(written) < len(digits) && !phonenumbers.IsValidNumber(number) {
		return international(spelled, written)
	}
	return number
}

func national(spelled, digits, region string) *phonenumbers.PhoneNumber {
	region = strings.ToUpper(region)
	code := phonenumbers.GetCountryCodeForRegion(region)
	if code != 0 && strings.HasPrefix(digits, strconv.Itoa(code)) {
		if number := valid("+"+digits, ""); number != nil {
			return number
		}
	}
	if number := valid(spelled, region); number != nil {
		return number
	}
	return valid("+"+strings.TrimPrefix(digits, "00"), "")
}

func valid(spelled, region string) *phonenumbers.PhoneNumber {
	number, err := phonenumbers.Parse(spelled, region)
	if err != nil || !phonenumbers.IsValidNumber(number) {
		return nil
	}
	return number
}

// Hidden reports whether the number has no usable digits: it is empty, a word
// such as anonymous, or zeros only.
func (p Phone) Hidden() bool {
	return strings.Trim(p.Digits(), "0") == ""
}

// Digits is E164 without plus, or the digits as spelled.
func (p Phone) Digits() string {
	if p.E164 != "" {
		return p.E164[1:]
	}
	return DigitsOf(subscriber(p.Raw))
}

// Dial is what Bitrix24 accepts as PHONE_NUMBER: E164, or the digits as spelled
// with their plus. Empty for a hidden number.
//
// https://apidocs.bitrix24.com/api-reference/telephony/telephony-external-call-register.html
func (p Phone) Dial() string {
	switch {
	case p.Hidden():
		return ""
	case p.E164 != "":
		return p.E164
	case strings.HasPrefix(subscriber(p.Raw), "+"):
		return "+" + p.Digits()
	}
	return p.Digits()
}

// Key is the same for every spelling of one number: E164, or the digits as
// spelled. Empty for a hidden number.
func (p Phone) Key() string {
	switch {
	case p.Hidden():
		return ""
	case p.E164 != "":
		return p.E164
	}
	return p.Digits()
}

// Variants are the spellings under which a CRM may know the number, without
// repeats and at most 20 (in fact 4): E.164, its digits, the national number
// with its trunk prefix and without. Empty for a hidden number.
//
// https://apidocs.bitrix24.com/api-reference/crm/duplicates/crm-duplicate-find-by-comm.html
func (p Phone) Variants() []string {
	if p.Hidden() {
		return []string{}
	}
	variants := []string{p.Dial(), p.Digits()}
	if number, err := phonenumbers.Parse(p.E164, ""); err == nil {
		variants = append(variants,
			DigitsOf(p.National),
			phonenumbers.GetNationalSignificantNumber(number))
	}
	return unique(variants)
}

// DialledIn are the digits of the number as it is dialled in a region, an ISO
// 3166 code, without the country code: with the trunk prefix and without. Empty
// for a number of another country.
func (p Phone) DialledIn(region string) []string {
	number, err := phonenumbers.Parse(p.E164, "")
	if err != nil || int(number.GetCountryCode()) != phonenumbers.GetCountryCodeForRegion(strings.ToUpper(region)) {
		return nil
	}
	return []string{DigitsOf(p.National), phonenumbers.GetNationalSignificantNumber(number)}
}

// DigitsOf are the digits 0 to 9 of a text, in their order.
func DigitsOf(text string) string {
	return strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, text)
}

func unique(words []string) []string {
	var out []string
	for _, w := range words {
		if !slices.Contains(out, w) {
			out = append(out, w)
		}
	}
	return out
}

// KnownCountry reports a country (ISO 3166) whose numbers we can read.
func KnownCountry(code string) bool {
	return len(code) == 2 && phonenumbers.GetCountryCodeForRegion(code) != 0
}

// Countries are the countries whose numbers we can read, by code.
func Countries() []string {
	var codes []string
	for code := range phonenumbers.GetSupportedRegions() {
		codes = append(codes, code)
	}
	slices.Sort(codes)
	return codes
}
