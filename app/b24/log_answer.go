package b24

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// Bounds of what the REST log keeps of an answer.
const (
	answerRead  = 256 << 10 // bytes; of a longer answer only its length is kept
	answerKept  = 4 << 10   // bytes
	answerDepth = 12
	wordKept    = 200 // characters
)

// answerItems are how many items of each list are kept: the first number with
// which the answer is short enough.
var answerItems = []int{20, 5, 1}

// maskedAnswer is an answer as the REST log may keep it: without tokens, with
// numbers, names and texts masked, and with the beginning of long lists only.
// The Market wants requests and answers kept for three days at least.
func maskedAnswer(text []byte) json.RawMessage {
	if len(text) == 0 {
		return nil
	}
	reader := json.NewDecoder(bytes.NewReader(text))
	reader.UseNumber() // a long number may be a telephone's
	var whole any
	if len(text) > answerRead || reader.Decode(&whole) != nil {
		return encoded(fmt.Sprintf("%d bytes", len(text)))
	}
	for _, items := range answerItems {
		if kept := encoded(answerMask{items}.value("", whole, 0)); len(kept) <= answerKept {
			return kept
		}
	}
	return encoded(fmt.Sprintf("%d bytes", len(text)))
}

// An answerMask masks answers, and keeps so many items of a list.
type answerMask struct{ items int }

// value masks what stands under a name, which is in small letters.
func (m answerMask) value(key string, value any, depth int) any {
	if depth > answerDepth {
		return "hidden"
	}
	switch v := value.(type) {
	case map[string]any:
		return m.object(v, depth)
	case []any:
		return m.list(key, v, depth)
	case string:
		return answerText(key, v)
	case json.Number:
		return answerNumber(key, v)
	}
	return value // a bool, or nothing
}

// timed are parts of an answer that are kept elsewhere in the log.
var timed = []string{"time", "result_time"}

func (m answerMask) object(object map[string]any, depth int) map[string]any {
	out := map[string]any{}
	names := slices.Sorted(maps.Keys(object))
	for i, name := range names {
		key := strings.ToLower(name)
		if slices.Contains(secret, key) || slices.Contains(timed, key) {
			continue
		}
		if most := 3 * m.items; i >= most {
			out["…"] = fmt.Sprintf("%d more", len(names)-most)
			break
		}
		out[answerName(name)] = m.value(key, object[name], depth+1)
	}
	return out
}

func (m answerMask) list(key string, list []any, depth int) []any {
	out := []any{}
	for _, item := range list[:min(len(list), m.items)] {
		out = append(out, m.value(key, item, depth+1))
	}
	if more := len(list) - m.items; more > 0 {
		out = append(out, fmt.Sprintf("%d more", more))
	}
	return out
}

// longDigits is from how many digits on a number may be a telephone's and not
// an id.
const longDigits = 10

// answerName is the name of a field, unless it is a number.
func answerName(name string) string {
	if dialled(name) && digitsIn(name) >= longDigits {
		return maskPhone(name)
	}
	return short(name)
}

func answerNumber(key string, n json.Number) any {
	if slices.Contains(phones, key) || digitsIn(string(n)) >= longDigits {
		return maskPhone(string(n))
	}
	return n
}

func answerText(key, text string) string {
	switch {
	case utf8.RuneCountInString(text) <= 1: // "Y", "N"
		return text
	case key == "error", key == "error_description":
		return described(text)
	case dialled(text) && (slices.Contains(phones, key) || digitsIn(text) >= longDigits):
		return maskPhone(text)
	case slices.Contains(plain, key), strings.HasSuffix(key, "id") && dialled(text):
		return short(text)
	}
	return fmt.Sprintf("%d characters", utf8.RuneCountInString(text))
}

// dialled reports a text that may be a telephone number.
func dialled(text string) bool {
	return text != "" && strings.Trim(text, "0123456789+() ./-") == ""
}

// digitsIn counts the digits of a text.
func digitsIn(text string) int {
	n := 0
	for _, r := range text {
		if r >= '0' && r <= '9' {
			n++
		}
	}
	return n
}

// What a sentence of the portal may quote of a person or a token.
var (
	quotation = regexp.MustCompile(`"[^"]*"|“[^”]*”|«[^»]*»|'[^']*'|\([^)]*\)`)
	telephone = regexp.MustCompile(`\+?\d[\d ()./-]{3,}\d`)
	token     = regexp.MustCompile(`[A-Za-z0-9_-]{32,}`)
)

// described is a sentence without what it quotes.
func described(text string) string {
	text = quotation.ReplaceAllString(text, "“…”")
	text = token.ReplaceAllString(text, "…")
	return short(telephone.ReplaceAllStringFunc(text, maskPhone))
}

func short(text string) string {
	runes := []rune(text)
	if len(runes) <= wordKept {
		return text
	}
	return string(runes[:wordKept]) + "…"
}
