package b24

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"callwise/app/call"

	"github.com/go-json-experiment/json/jsontext"
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
	if len(text) <= answerRead {
		for _, items := range answerItems {
			kept, err := maskAnswer(text, items)
			if err == nil {
				return kept
			}
			if !errors.Is(err, errLong) {
				break
			}
		}
	}
	return encoded(fmt.Sprintf("%d bytes", len(text)))
}

// errLong reports that a masked answer is longer than the log keeps.
var errLong = errors.New("b24: a long answer")

// An answerMask reads an answer and writes it masked, with so many items of each
// list: the others are counted and not taken apart.
type answerMask struct {
	in    *jsontext.Decoder
	out   []byte
	items int
}

// maskAnswer gives up with errLong as soon as too much is written.
func maskAnswer(text []byte, items int) (json.RawMessage, error) {
	m := answerMask{
		in:    jsontext.NewDecoder(bytes.NewReader(text), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)),
		items: items,
	}
	if err := m.value("", 0); err != nil {
		return nil, err
	}
	if len(m.out) > answerKept {
		return nil, errLong
	}
	return m.out, nil
}

// value masks what stands under a name, which is in small letters.
func (m *answerMask) value(key string, depth int) error {
	if len(m.out) > answerKept {
		return errLong
	}
	if depth > answerDepth {
		m.quote("hidden")
		return m.in.SkipValue()
	}
	switch m.in.PeekKind() {
	case '{':
		return m.object(depth)
	case '[':
		return m.list(key, depth)
	}
	token, err := m.in.ReadToken()
	if err != nil {
		return err
	}
	switch token.Kind() {
	case '"':
		m.quote(answerText(key, token.String()))
	case '0':
		m.number(key, token.String())
	default: // a bool, or nothing
		m.out = append(m.out, token.String()...)
	}
	return nil
}

func (m *answerMask) quote(text string) { m.out = append(m.out, encoded(text)...) }

func (m *answerMask) number(key, number string) {
	if slices.Contains(phones, key) || len(call.DigitsOf(number)) >= longDigits {
		m.quote(maskPhone(number))
		return
	}
	m.out = append(m.out, number...)
}

// timed are parts of an answer that are kept elsewhere in the log.
var timed = []string{"time", "result_time"}

func (m *answerMask) object(depth int) error {
	if err := m.copyToken(); err != nil {
		return err
	}
	kept, more := 0, 0
	for m.in.PeekKind() != '}' {
		token, err := m.in.ReadToken()
		if err != nil {
			return err
		}
		name := token.String()
		key := strings.ToLower(name)
		switch {
		case slices.Contains(secret, key), slices.Contains(timed, key):
			err = m.in.SkipValue()
		case kept == 3*m.items:
			more++
			err = m.in.SkipValue()
		default:
			m.name(kept, answerName(name))
			kept++
			err = m.value(key, depth+1)
		}
		if err != nil {
			return err
		}
	}
	if more > 0 {
		m.name(kept, "…")
		m.more(more)
	}
	return m.copyToken()
}

// copyToken writes the brace or bracket that is next.
func (m *answerMask) copyToken() error {
	token, err := m.in.ReadToken()
	m.out = append(m.out, token.String()...)
	return err
}

// name writes the name of a field after so many others.
func (m *answerMask) name(before int, name string) {
	m.separate(before)
	m.quote(name)
	m.out = append(m.out, ':')
}

func (m *answerMask) separate(before int) {
	if before > 0 {
		m.out = append(m.out, ',')
	}
}

func (m *answerMask) more(n int) { m.quote(fmt.Sprintf("%d more", n)) }

func (m *answerMask) list(key string, depth int) error {
	if err := m.copyToken(); err != nil {
		return err
	}
	kept, more := 0, 0
	for m.in.PeekKind() != ']' {
		var err error
		if kept == m.items {
			more++
			err = m.in.SkipValue()
		} else {
			m.separate(kept)
			kept++
			err = m.value(key, depth+1)
		}
		if err != nil {
			return err
		}
	}
	if more > 0 {
		m.separate(kept)
		m.more(more)
	}
	return m.copyToken()
}

// longDigits is from how many digits on a number may be a telephone's and not
// an id.
const longDigits = 10

// answerName is the name of a field, unless it is a number.
func answerName(name string) string {
	if dialled(name) && len(call.DigitsOf(name)) >= longDigits {
		return maskPhone(name)
	}
	return short(name)
}

func answerText(key, text string) string {
	switch {
	case utf8.RuneCountInString(text) <= 1: // "Y", "N"
		return text
	case key == "error", key == "error_description":
		return described(text)
	case dialled(text) && (slices.Contains(phones, key) || len(call.DigitsOf(text)) >= longDigits):
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
