package call

import (
	"strings"

	"github.com/nyaruka/phonenumbers"
)

// Example is a number of a country (ISO 3166) as people there write it; of a
// country that we do not know, an international one.
func Example(region string) string {
	number := phonenumbers.GetExampleNumber(strings.ToUpper(region))
	if number == nil {
		return "+49 30 901820"
	}
	return phonenumbers.Format(number, phonenumbers.NATIONAL)
}
