package call

import "testing"

func TestEveryCountryHasAnExampleThatIsANumberThere(t *testing.T) {
	for _, country := range append(Countries(), "", "XX") {
		if phone := ParsePhone(Example(country), country); phone.E164 == "" {
			t.Errorf("%s: %q is no number there", country, Example(country))
		}
	}
}
