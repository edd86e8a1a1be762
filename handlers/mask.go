package handlers

import (
	"regexp"
	"strings"

	"callwise/app/call"
)

// What can be seen of a masked number: its last digits, fewer of a short one. A
// number as short as an extension names nobody.
const (
	extensionDigits = 5
	longNumber      = 9
	shownOfLong     = 4
	shownOfShort    = 2
)

const hiddenDigits = "•••"

// maskNumber hides a number but for its country code and its last digits:
// "+49 30 901820" is "+49 ••• 18 20".
func maskNumber(number string) string {
	digits := call.DigitsOf(number)
	if len(digits) <= extensionDigits {
		return number
	}
	shown := shownOfShort
	if len(digits) >= longNumber {
		shown = shownOfLong
	}
	tail := digits[len(digits)-shown:]
	if shown == shownOfLong {
		tail = tail[:2] + " " + tail[2:]
	}
	masked := hiddenDigits + " " + tail
	if country, _, spaced := strings.Cut(number, " "); spaced && strings.HasPrefix(country, "+") {
		masked = country + " " + masked
	}
	return masked
}

// written is a number in a text, whatever stands between its digits: any space,
// any dash, or what else people group digits by.
var written = regexp.MustCompile(`\+?\d(?:[\p{Z}\p{Pd}\t()./,_•·]*\d)*`)

// maskText hides the numbers in a name or a title.
func maskText(text string) string { return written.ReplaceAllStringFunc(text, maskNumber) }
