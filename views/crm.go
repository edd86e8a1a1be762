package views

// CRMTitle names what the app creates in a portal's CRM for a call:
// "Incoming call, +49 30 901820".
func CRMTitle(l Localizer, direction, phone string) string { return l.CallTitle(direction, phone) }

// MissedTitle is that of an incoming call which nobody answered: "Missed call,
// +49 30 901820".
func MissedTitle(l Localizer, phone string) string { return l.CallTitle("missed", phone) }

// PlacementTitles are the names of the call log in the portal's menu, by
// Bitrix24's language codes.
func PlacementTitles() map[string]string {
	titles := map[string]string{}
	for _, tag := range bundle.LanguageTags() {
		l := ForLang(tag.String())
		titles[l.Tag()] = l.T("placement.title")
	}
	return titles
}
