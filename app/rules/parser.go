package rules

import (
	"bytes"
	"cmp"
	"errors"
	"io"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
)

// A parser reads one case token by token. Its first error is kept and stops it.
type parser struct {
	*jsontext.Decoder
	source bytes.Buffer // read in place, not copied
	err    error
}

var (
	errNotJSON = errors.New("not valid JSON")
	errCut     = errors.New("JSON ends too early")
	errTwice   = errors.New("a name occurs twice")
	errMore    = errors.New("something follows the object")
)

// fail keeps the first error: what is wrong, and the JSON pointer to it.
func (p *parser) fail(what string) {
	if p.err != nil {
		return
	}
	where := string(p.StackPointer())
	if where == "" {
		p.err = errors.New(what)
		return
	}
	p.err = errors.New(where + " " + what)
}

// refuse keeps a syntax error of the JSON itself.
func (p *parser) refuse(err error) {
	where := " after byte " + strconv.FormatInt(p.InputOffset(), 10)
	switch {
	case p.err != nil:
	case err == io.EOF, errors.Is(err, io.ErrUnexpectedEOF):
		p.err = errCut
	case errors.Is(err, jsontext.ErrDuplicateName):
		p.err = errors.New(errTwice.Error() + where)
	default:
		p.err = errors.New(errNotJSON.Error() + where)
	}
}

func (p *parser) require(there bool, name string) {
	if !there {
		p.fail("has no " + name)
	}
}

// next reads one token of that kind.
func (p *parser) next(kind jsontext.Kind, must string) (jsontext.Token, bool) {
	if p.err != nil {
		return jsontext.Token{}, false
	}
	token, err := p.ReadToken()
	if err != nil {
		p.refuse(err)
		return token, false
	}
	if token.Kind() != kind {
		p.fail("must be " + must)
		return token, false
	}
	return token, true
}

func (p *parser) skip() {
	if _, err := p.ReadToken(); err != nil {
		p.refuse(err)
	}
}

// object reads an object; field reads the value of a name, or says false when
// it knows no such name.
func (p *parser) object(field func(name string) bool) {
	if _, ok := p.next('{', "an object"); !ok {
		return
	}
	for p.err == nil && p.PeekKind() == '"' {
		token, ok := p.next('"', "a name")
		if !ok {
			return
		}
		if !field(token.String()) {
			p.unknown()
		}
	}
	p.next('}', "an object")
}

// unknown complains of a field without repeating its name.
func (p *parser) unknown() {
	where := p.StackPointer().Parent()
	if p.err == nil {
		p.err = errors.New("unknown field in " + cmp.Or(string(where), "the case"))
	}
}

func (p *parser) array(element func()) {
	if _, ok := p.next('[', "an array"); !ok {
		return
	}
	for p.err == nil && p.PeekKind() != ']' {
		element()
	}
	p.next(']', "an array")
}

func (p *parser) bool() bool {
	if p.err != nil {
		return false
	}
	token, err := p.ReadToken()
	if err != nil {
		p.refuse(err)
		return false
	}
	if token.Kind() != 't' && token.Kind() != 'f' {
		p.fail("must be true or false")
		return false
	}
	return token.Kind() == 't'
}

func (p *parser) ids() []int64 {
	var ids []int64
	p.array(func() { ids = append(ids, p.id()) })
	return ids
}

func (p *parser) id() int64 {
	token, ok := p.next('0', "a whole number")
	if !ok {
		return 0
	}
	id, err := strconv.ParseInt(token.String(), 10, 64)
	if err != nil {
		p.fail("must be a whole number of 64 bits")
	}
	return id
}

func word[W any](p *parser, words map[string]W) W {
	token, ok := p.next('"', "a word")
	if !ok {
		var none W
		return none
	}
	w, ok := words[token.String()]
	if !ok {
		p.fail("is no known word")
	}
	return w
}
