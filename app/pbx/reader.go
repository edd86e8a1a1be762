package pbx

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"callwise/app/call"

	"github.com/go-json-experiment/json/jsontext"
)

// A reader reads a body token by token. It keeps the first thing that breaks a
// rule and stops there. In a body that is not well-formed JSON it finds something.
type reader struct {
	jsontext.Decoder
	err error // nil or an *Invalid
}

// readers have read bodies, and keep their memory for the next.
var readers = sync.Pool{New: func() any { return new(reader) }}

func (r *reader) reset(body []byte) {
	r.Decoder.Reset(bytes.NewBuffer(body))
	r.err = nil
}

// fail complains of what was read last.
func (r *reader) fail(detail string) {
	if r.err == nil {
		r.err = &Invalid{string(r.StackPointer()), detail}
	}
}

// failAt complains of a field of the object that is being read.
func (r *reader) failAt(field, detail string) {
	if r.err == nil {
		r.err = &Invalid{string(r.StackPointer().AppendToken(field)), detail}
	}
}

func (r *reader) require(there bool, field string) {
	if !there {
		r.failAt(field, "is required")
	}
}

// next reads a token; null and what comes after an error are absent. A token of
// another kind is complained of.
func (r *reader) next(kind jsontext.Kind, must string) (token jsontext.Token, there bool) {
	if r.err != nil {
		return jsontext.Token{}, false
	}
	token, err := r.ReadToken()
	switch {
	case err != nil:
		r.fail("must be " + must)
	case token.Kind() == 'n':
	case token.Kind() != kind:
		r.fail("must be " + must)
	default:
		return token, true
	}
	return jsontext.Token{}, false
}

// ignore passes over a value of a bearable depth that means nothing here.
func (r *reader) ignore() {
	depth := r.StackDepth()
	for inside := true; inside && r.err == nil; inside = r.StackDepth() > depth {
		if _, err := r.ReadToken(); err != nil || r.StackDepth() > maxDepth {
			r.fail("cannot be read")
		}
	}
}

// end is where nothing may follow.
func (r *reader) end() {
	if r.err != nil {
		return
	}
	if _, err := r.ReadToken(); err != io.EOF {
		r.fail("must be one JSON text")
	}
}

// object reads an object: field reads the value of each name, whole runs once
// all are read and the object is still the current one.
func (r *reader) object(field func(name string), whole func()) {
	if r.err != nil {
		return
	}
	if token, err := r.ReadToken(); err != nil || token.Kind() != '{' {
		r.fail("must be an object")
		return
	}
	for r.err == nil && r.PeekKind() != '}' {
		name, _ := r.next('"', "a name")
		field(name.String())
	}
	if r.err != nil {
		return
	}
	if _, err := r.ReadToken(); err != nil {
		r.fail("must be an object")
		return
	}
	whole()
}

// array reads an array of at most limit elements.
func (r *reader) array(limit int, of string, element func()) {
	if _, ok := r.next('[', "an array of "+of); !ok {
		return
	}
	for n := 0; r.err == nil && r.PeekKind() != ']'; n++ {
		switch {
		case n == limit:
			r.failNext(fmt.Sprintf("is too much: there may be %d %s", limit, of))
		case r.PeekKind() == 'n':
			r.failNext("must not be null")
		default:
			element()
		}
	}
	if r.err != nil {
		return
	}
	if _, err := r.ReadToken(); err != nil {
		r.fail("must be an array of " + of)
	}
}

// failNext complains of the value that is to be read next.
func (r *reader) failNext(detail string) {
	r.ignore()
	r.fail(detail)
}

// text reads a line of text of least to most characters.
func (r *reader) text(least, most int) string {
	token, ok := r.next('"', "a text")
	if !ok {
		return ""
	}
	s := token.String()
	if n := utf8.RuneCountInString(s); n < least || n > most {
		r.fail(fmt.Sprintf("must have %d to %d characters", least, most))
	}
	if strings.ContainsFunc(s, unicode.IsControl) {
		r.fail("must have no control characters")
	}
	return s
}

// speech reads what was said: any text a database can keep.
func (r *reader) speech() string {
	token, ok := r.next('"', "a text")
	if !ok {
		return ""
	}
	s := token.String()
	if n := utf8.RuneCountInString(s); n > maxText {
		r.fail(fmt.Sprintf("must have at most %d characters", maxText))
	}
	if strings.ContainsRune(s, 0) {
		r.fail("must have no control characters")
	}
	return s
}

func word[W ~string](r *reader, words []W) W {
	token, ok := r.next('"', "a word")
	if !ok {
		return ""
	}
	w := W(token.String())
	if !slices.Contains(words, w) {
		r.fail("is no known word")
	}
	return w
}

// seconds reads a whole number of seconds that a database can keep.
func (r *reader) seconds() int {
	token, ok := r.next('0', "a whole number of seconds")
	if !ok {
		return 0
	}
	n, err := strconv.ParseInt(token.String(), 10, 64)
	if err != nil || n < 0 || n > math.MaxInt32 {
		r.fail("must be a whole number of seconds, not negative")
	}
	return int(n)
}

// time reads a moment that a PBX can mean.
func (r *reader) time() time.Time {
	token, ok := r.next('"', "an RFC 3339 time with a zone")
	if !ok {
		return time.Time{}
	}
	var at time.Time
	if err := at.UnmarshalText([]byte(token.String())); err != nil {
		r.fail("must be an RFC 3339 time with a zone")
		return time.Time{}
	}
	at = at.UTC()
	if !call.Plausible(at) {
		r.fail("must be a time of this century")
	}
	return at
}

// url reads an absolute http or https address.
func (r *reader) url() string {
	s := r.text(0, maxURL)
	if r.err != nil || s == "" {
		return ""
	}
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" {
		r.fail("must be an http or https address")
	}
	return s
}
