package views

// A PrivacyPage answers what a person may ask a company: what it stores about
// them, and that it be erased. It is about one number at a time.
type PrivacyPage struct {
	Page
	Number   string // as it was typed
	Error    string // what is wrong with it; empty for nothing
	Found    *NumberFound
	Requests []PrivacyRow // what was asked before
}

// A NumberFound is what is stored about a number.
type NumberFound struct {
	Pretty   string
	Calls    int
	Open     int    // of the calls, those that go on
	Excluded bool   // it stands in the exclusions
	Employee string // whose number it is; empty: nobody's here
	Unsure   bool   // the word that confirms an erasure was not typed
}

// A PrivacyRow is a request that somebody made.
type PrivacyRow struct {
	When Moment
	Who  string
	What string
}

// ErasureWord is what must be typed before a number is erased.
func (l Localizer) ErasureWord() string { return l.T("privacy.word") }

// Asked says what was asked about a number.
func (l Localizer) Asked(kind string, calls int) string {
	return l.T("privacy.asked."+kind, "Calls", l.N("privacy.calls", calls, "Count", l.grouped(calls)))
}

// ErasedNotice says what was erased and what is left for later.
func (l Localizer) ErasedNotice(calls, mentions, left int) string {
	said := l.T("privacy.erased", "Calls", l.N("privacy.calls", calls, "Count", l.grouped(calls)))
	if mentions > 0 {
		said += " " + l.N("privacy.mentions", mentions, "Count", l.grouped(mentions))
	}
	if left > 0 {
		said += " " + l.T("privacy.left")
	}
	return said
}

func (n NumberFound) stored(l Localizer) string {
	return l.N("privacy.calls", n.Calls, "Count", l.grouped(n.Calls))
}
