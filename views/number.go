package views

import "strings"

// A NumberExample shows how a number is read with the settings as entered.
type NumberExample struct {
	L        Localizer
	Session  string
	Raw      string // as it was typed
	Country  string // whose numbers those without a country code are
	Hidden   bool   // it has no usable digits
	E164     string // empty: no country has such a number
	Pretty   string
	Variants []string // searched in the CRM
	Excluded bool     // it stands in the exclusions
}

// numberTriggers are what asks for the example anew: typing, and the settings
// that a number is read with.
const numberTriggers = `input from:body target:"#number_raw" delay:300ms, change from:body target:"[name=default_country]", change from:body target:"[name^=exclusions]"`

func (n NumberExample) searched() string { return strings.Join(n.Variants, ", ") }
