package views

import (
	"strings"
	"testing"
)

func TestWhatFailedIsTriedAgainAtOnceWhereItIsListed(t *testing.T) {
	for _, tt := range []struct {
		name   string
		values FilterValues
		admin  bool
		want   bool
	}{
		{"calls that need attention", FilterValues{Attention: "any"}, true, true},
		{"failed calls", FilterValues{Result: "failed"}, true, true},
		{"failed calls and those that are tried again", FilterValues{Result: "trouble"}, true, true},
		{"all calls", FilterValues{}, true, false},
		{"an employee's page", FilterValues{Attention: "any"}, false, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := callLog(Localizer{})
			p.Filter, p.Admin = filterOf(Localizer{}, tt.values), tt.admin
			var page strings.Builder
			if err := Calls(p).Render(t.Context(), &page); err != nil {
				t.Fatal(err)
			}
			if got := strings.Contains(page.String(), `action="/calls/retry"`); got != tt.want {
				t.Errorf("the button is there: %t, want %t", got, tt.want)
			}
		})
	}
}
