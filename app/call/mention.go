package call

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// leastMentioned is how many digits a number must have to be recognised inside
// of a text: fewer may be an amount, a date or an id.
const leastMentioned = 7

// Erased stands where a number stood.
const Erased = "•••"

// between is what people write between the digits of a number.
const between = `[\p{Z}\p{Pd}\t()./_•·]{0,3}`

// A Mention finds one number in texts. The zero value finds nothing.
type Mention struct{ pattern *regexp.Regexp }

// Mention finds the number in texts, in each of its spellings. A number of
// fewer than seven digits is found in none.
func (p Phone) Mention() Mention {
	variants := slices.DeleteFunc(p.Variants(), func(v string) bool { return len(DigitsOf(v)) < leastMentioned })
	if len(variants) == 0 {
		return Mention{}
	}
	for i, v := range variants {
		variants[i] = strings.Join(strings.Split(DigitsOf(v), ""), between)
	}
	slices.SortStableFunc(variants, func(a, b string) int { return len(b) - len(a) })
	return Mention{regexp.MustCompile(`(?:(?:\+|00)` + between + `)?(?:` + strings.Join(variants, "|") + `)`)}
}

// EraseFrom returns a text with [Erased] in place of the number.
func (m Mention) EraseFrom(text string) string {
	if m.pattern == nil {
		return text
	}
	var left strings.Builder
	end := 0
	for _, at := range m.pattern.FindAllStringIndex(text, -1) {
		if digitBefore(text[:at[0]]) || digitAfter(text[at[1]:]) {
			continue // a part of a longer number
		}
		left.WriteString(text[end:at[0]] + Erased)
		end = at[1]
	}
	return left.String() + text[end:]
}

func digitBefore(text string) bool {
	r, _ := utf8.DecodeLastRuneInString(text)
	return unicode.IsDigit(r)
}

func digitAfter(text string) bool {
	r, _ := utf8.DecodeRuneInString(text)
	return unicode.IsDigit(r)
}
