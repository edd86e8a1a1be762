package call

import "github.com/nyaruka/phonenumbers"

// Pretty is the number as people write it internationally, "+49 30 901820";
// what is no number of any country comes back as it was reported.
func (p Phone) Pretty() string {
	if p.E164 == "" {
		return p.Raw
	}
	number, err := phonenumbers.Parse(p.E164, "")
	if err != nil {
		return p.E164
	}
	return phonenumbers.Format(number, phonenumbers.INTERNATIONAL)
}

// RegionOf is the country, ISO 3166, of a number that is international, with
// or without a plus; empty for any other text. Company lines are such numbers,
// and tell what country a call's national numbers are from.
func RegionOf(number string) string {
	parsed := ParsePhone(number, "")
	if parsed.E164 == "" {
		return ""
	}
	known, err := phonenumbers.Parse(parsed.E164, "")
	if err != nil {
		return ""
	}
	return phonenumbers.GetRegionCodeForNumber(known)
}
