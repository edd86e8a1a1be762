package call

// A Phone is a number as somebody spelled it and as the world knows it.
type Phone struct {
	Raw      string `json:"raw"`
	E164     string `json:"e164"`     // with plus; empty when it is no telephone number of any country
	National string `json:"national"` // as it is dialled and written at home; empty with E164
}

// ParsePhone reads a number as spelled in region, an ISO 3166 code ("DE").
func ParsePhone(raw, region string) Phone { return Phone{Raw: raw} }

// Hidden reports whether the number has no usable digits.
func (p Phone) Hidden() bool { return p.Digits() == "" }

// Digits is E164 without plus, or the raw digits.
func (p Phone) Digits() string { return p.Raw }

// Dial is what Bitrix24 accepts as PHONE_NUMBER.
func (p Phone) Dial() string { return p.Raw }

// Key is the same for every spelling of one number.
func (p Phone) Key() string { return p.Raw }

// Variants are the spellings to search a CRM for.
func (p Phone) Variants() []string { return nil }
