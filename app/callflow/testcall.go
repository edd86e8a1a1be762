package callflow

import (
	"callwise/app/call"
	"callwise/models"
)

// Excludes reports a number whose calls an administrator does not want to be
// handled, in any spelling; country is where numbers without a country code are
// from.
func Excludes(e models.Exclusions, phone call.Phone, country string) bool {
	return numberIn(e.Numbers, phone, country)
}
