package models

import (
	"strings"

	"callwise/app/call"
)

// Bounds of what an index holds: PostgreSQL refuses rows of a third of a page.
const (
	longestLine   = 100
	longestName   = 100
	longestDigits = 32
)

// MinSearch is the least number of characters that the log searches for.
const MinSearch = 3

// shownDigits is how many digits of a masked number can be seen, and so
// searched for.
const shownDigits = 4

// searchText is what the log's search looks through: the name in small letters,
// a line break, and the digits of the number. A name that is a number counts as
// a number.
func searchText(name, phoneKey string) string {
	digits := Cut(call.DigitsOf(phoneKey), longestDigits)
	if numeric(name) {
		digits = strings.TrimSpace(Cut(call.DigitsOf(name), longestDigits) + " " + digits)
		name = ""
	}
	if name == "" && digits == "" {
		return ""
	}
	return Cut(strings.ToLower(name), longestName) + "\n" + digits
}

// A Search is a text that the log is searched for: a part of a name or of a
// number. Masked finds no digits but those that a masked number shows.
type Search struct {
	Text   string
	Masked bool
}

// patterns are those of which one must match a call's [searchText].
func (s Search) patterns() []string {
	text := s.text()
	digits := strings.TrimLeft(call.DigitsOf(text), "0") // a trunk prefix is not part of the number
	var patterns []string
	if !s.Masked || len(digits) < MinSearch { // a name may hold a number
		patterns = append(patterns, "%"+literal(Cut(text, longestName))+"%\n%")
	}
	if !numeric(text) || digits == "" {
		return patterns
	}
	switch {
	case !s.Masked:
		patterns = append(patterns, "%\n%"+digits+"%")
	case len(digits) <= shownDigits:
		patterns = append(patterns, "%\n%"+digits)
	}
	return patterns
}

// text is what is searched for, in the letters of [searchText].
func (s Search) text() string {
	return strings.ToLower(strings.Join(strings.Fields(clean(s.Text)), " "))
}

// condition is the search as SQL; wanted is false if the text is too short to
// search for.
func (s Search) condition() (where string, values []any, wanted bool) {
	if len([]rune(s.text())) < MinSearch {
		return "", nil, false
	}
	parts := []string{"1 = 0"} // what may not be searched for is nowhere
	for _, pattern := range s.patterns() {
		parts = append(parts, `search LIKE ? ESCAPE '\'`)
		values = append(values, pattern)
	}
	return "(" + strings.Join(parts, " OR ") + ")", values, true
}

// literal has LIKE take a text as it is.
func literal(text string) string {
	return strings.NewReplacer(`\`, `\\`, "%", `\%`, "_", `\_`).Replace(text)
}

// numeric reports a text that is written like a number, or is empty.
func numeric(text string) bool {
	return strings.Trim(text, "0123456789+() ./-") == ""
}

// Cut is the beginning of a text, at most n characters.
func Cut(text string, n int) string {
	runes := []rune(text)
	return string(runes[:min(n, len(runes))])
}
