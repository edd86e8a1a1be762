package handlers

import (
	"net/http"
	"strings"

	"callwise/app/call"
	"callwise/app/callflow"
	"callwise/models"
	"callwise/views"

	"github.com/labstack/echo/v4"
)

// maxNumber is how long a number that is typed may be.
const maxNumber = 60

// readNumber shows how a number is read with settings that are not saved.
func (h *Handlers) readNumber(c echo.Context) error {
	v := viewFrom(c)
	form, err := postedForm(c)
	if err != nil {
		return err
	}
	now, raw := enteredFrom(form, v.portal.Settings), form.Get("number_raw")
	if len(raw) > maxNumber {
		raw = strings.ToValidUTF8(raw[:maxNumber], "")
	}
	if asPart(c) {
		return render(c, http.StatusOK, views.NumberExampleRegion(numberExample(v, now, &raw)))
	}
	return h.renderSettings(c, v, http.StatusOK, tried(v, form, now, trial{number: &raw}))
}

// numberExample shows how a number is read; nil is an example of the country.
func numberExample(v view, s models.Settings, raw *string) views.NumberExample {
	country := countryOf(v.portal, s)
	shown := views.NumberExample{L: v.l, Session: v.token, Country: country}
	if raw == nil {
		shown.Raw = call.Example(country)
	} else {
		shown.Raw = *raw
	}
	phone := call.ParsePhone(shown.Raw, country)
	shown.Hidden, shown.E164, shown.Variants = phone.Hidden(), phone.E164, phone.Variants()
	shown.Excluded = callflow.Excludes(s.Exclusions, phone, country)
	if phone.E164 != "" {
		shown.Pretty = phone.Pretty()
	}
	return shown
}

// countryOf is where numbers without a country code are from with settings s.
func countryOf(p *models.Portal, s models.Settings) string {
	if s.DefaultCountry != "" {
		return s.DefaultCountry
	}
	return p.PortalCountry
}
