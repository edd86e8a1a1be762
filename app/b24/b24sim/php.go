package b24sim

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// An array is a PHP array: an ordered map that is written as a JSON list when
// its keys are 0, 1, 2… (so an empty one is always []), and as an object
// otherwise. Requests and answers are trees of arrays and scalars (string,
// json.Number, int64, float64, bool, nil).
type array struct {
	keys   []string
	values map[string]any
}

// obj makes an array of alternating keys and values.
func obj(pairs ...any) *array {
	a := &array{}
	for i := 0; i+1 < len(pairs); i += 2 {
		a.set(pairs[i].(string), pairs[i+1])
	}
	return a
}

// list makes an array with the keys 0, 1, 2…
func list[T any](items ...T) *array {
	a := &array{}
	for _, item := range items {
		a.push(item)
	}
	return a
}

func (a *array) set(key string, value any) {
	if a.values == nil {
		a.values = map[string]any{}
	}
	if _, ok := a.values[key]; !ok {
		a.keys = append(a.keys, key)
	}
	a.values[key] = value
}

func (a *array) push(value any) { a.set(a.nextIndex(), value) }

func (a *array) nextIndex() string {
	next := 0
	for _, k := range a.keys {
		if n, err := strconv.Atoi(k); err == nil && n >= next {
			next = n + 1
		}
	}
	return strconv.Itoa(next)
}

func (a *array) get(key string) (any, bool) {
	if a == nil {
		return nil, false
	}
	v, ok := a.values[key]
	return v, ok
}

func (a *array) delete(key string) {
	delete(a.values, key)
	a.keys = slices.DeleteFunc(a.keys, func(k string) bool { return k == key })
}

func (a *array) len() int {
	if a == nil {
		return 0
	}
	return len(a.keys)
}

// items are the values in order.
func (a *array) items() []any {
	if a == nil {
		return nil
	}
	all := make([]any, 0, len(a.keys))
	for _, k := range a.keys {
		all = append(all, a.values[k])
	}
	return all
}

// isList reports whether the keys are 0, 1, 2…
func (a *array) isList() bool {
	for i, k := range a.keys {
		if k != strconv.Itoa(i) {
			return false
		}
	}
	return true
}

// MarshalJSON writes what PHP's json_encode would.
func (a *array) MarshalJSON() ([]byte, error) { return a.appendJSON(nil) }

func (a *array) appendJSON(b []byte) ([]byte, error) {
	open, end := byte('{'), byte('}')
	isList := a.isList()
	if isList {
		open, end = '[', ']'
	}
	b = append(b, open)
	for i, k := range a.keys {
		if i > 0 {
			b = append(b, ',')
		}
		var err error
		if b, err = a.appendItem(b, k, !isList); err != nil {
			return nil, err
		}
	}
	return append(b, end), nil
}

// appendItem writes the value of a key, after the key if it is named.
func (a *array) appendItem(b []byte, key string, named bool) ([]byte, error) {
	if named {
		name, err := json.Marshal(key)
		if err != nil {
			return nil, err
		}
		b = append(append(b, name...), ':')
	}
	if inner, ok := a.values[key].(*array); ok && inner != nil {
		return inner.appendJSON(b)
	}
	v, err := json.Marshal(a.values[key])
	return append(b, v...), err
}

// emptyObject is a value PHP writes as {}: an object without public fields,
// such as the date in the answer of finish.
type emptyObject struct{}

// parseJSON reads a JSON object as an array. ok is false for anything else:
// Bitrix24 then sees no parameters at all.
func parseJSON(body []byte) (params *array, ok bool) {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	v, err := readValue(d)
	if err != nil {
		return nil, false
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, false
	}
	params, ok = v.(*array)
	return params, ok
}

func readValue(d *json.Decoder) (any, error) {
	t, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch t {
	case json.Delim('{'):
		return readObject(d)
	case json.Delim('['):
		return readList(d)
	}
	return t, nil
}

func readObject(d *json.Decoder) (*array, error) {
	a := &array{}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return nil, err
		}
		v, err := readValue(d)
		if err != nil {
			return nil, err
		}
		a.set(key.(string), v)
	}
	_, err := d.Token()
	return a, err
}

func readList(d *json.Decoder) (*array, error) {
	a := &array{}
	for i := 0; d.More(); i++ {
		v, err := readValue(d)
		if err != nil {
			return nil, err
		}
		a.set(strconv.Itoa(i), v)
	}
	_, err := d.Token()
	return a, err
}

// plain turns a tree of arrays into maps, lists and scalars, for tests and
// for the journal.
func plain(v any) any {
	a, ok := v.(*array)
	if !ok {
		return v
	}
	if a.isList() {
		all := make([]any, 0, a.len())
		for _, item := range a.items() {
			all = append(all, plain(item))
		}
		return all
	}
	m := map[string]any{}
	for _, k := range a.keys {
		m[k] = plain(a.values[k])
	}
	return m
}

// text is a scalar as PHP prints it: true is "1", false and null are "".
func text(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	case bool:
		if v {
			return "1"
		}
		return ""
	case json.Number:
		return v.String()
	case *array, emptyObject:
		return ""
	}
	return fmt.Sprint(v)
}

// integer is a scalar that is a whole number, in digits or as a number.
func integer(v any) (int64, bool) {
	if b, isBool := v.(bool); isBool {
		if b {
			return 1, true
		}
		return 0, true
	}
	n, err := strconv.ParseInt(strings.TrimSpace(text(v)), 10, 64)
	return n, err == nil
}
