package b24

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The types of this file read what Bitrix24 writes in more than one way. PHP
// has one kind of array, so an empty object arrives as [] and a list with gaps
// as an object; "nothing" may be null, "", false, [] or {}.
//
// https://apidocs.bitrix24.com/api-reference/data-types.html

// ID is a number that may arrive as a number, a string of digits or nothing.
type ID int64

// UnmarshalJSON reads 5, "5", "", null, false, [] and {}.
func (id *ID) UnmarshalJSON(b []byte) error {
	text := scalar(b)
	if text == "" {
		*id = 0
		return nil
	}
	if whole, err := strconv.ParseInt(text, 10, 64); err == nil {
		*id = ID(whole)
		return nil
	}
	number, err := strconv.ParseFloat(text, 64)
	if err != nil || number != math.Trunc(number) || math.Abs(number) > 1<<53 {
		return fmt.Errorf("b24: not an id: %d bytes", len(b))
	}
	*id = ID(number)
	return nil
}

// YN is a flag: "Y", true, 1 and "1" are yes, everything else is no.
type YN bool

// UnmarshalJSON never fails: what is not a yes is a no.
func (y *YN) UnmarshalJSON(b []byte) error {
	text := scalar(b)
	*y = YN(strings.EqualFold(text, "Y") || text == "1" || strings.EqualFold(text, "true"))
	return nil
}

// Dec is a decimal number that may arrive as a string or as nothing.
type Dec float64

// UnmarshalJSON reads 1.5, "1.50" and nothing.
func (d *Dec) UnmarshalJSON(b []byte) error {
	text := scalar(b)
	if text == "" {
		*d = 0
		return nil
	}
	number, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return fmt.Errorf("b24: not a number: %d bytes", len(b))
	}
	*d = Dec(number)
	return nil
}

// Text is a string that may arrive as a number or as nothing.
type Text string

// UnmarshalJSON reads "x", 5, true and nothing.
func (t *Text) UnmarshalJSON(b []byte) error {
	*t = Text(scalar(b))
	return nil
}

// Time is a moment, or zero where Bitrix24 writes "", {}, [], null, or a time
// without its zone.
type Time struct{ time.Time }

// UnmarshalJSON never fails: a time that cannot be read is no time.
func (t *Time) UnmarshalJSON(b []byte) error {
	parsed, err := time.Parse(time.RFC3339, scalar(b))
	if err != nil {
		parsed = time.Time{}
	}
	t.Time = parsed
	return nil
}

// MarshalJSON writes RFC 3339, and "" for no time.
func (t Time) MarshalJSON() ([]byte, error) {
	if t.IsZero() {
		return []byte(`""`), nil
	}
	return json.Marshal(t.Format(time.RFC3339))
}

// Map is an object that arrives as [] when it is empty.
type Map[T any] map[string]T

// UnmarshalJSON reads an object, a list (its keys are the indices) and nothing.
func (m *Map[T]) UnmarshalJSON(b []byte) error {
	*m = nil
	b = bytes.TrimSpace(b)
	if nothing(b) {
		return nil
	}
	if b[0] != '[' {
		return json.Unmarshal(b, (*map[string]T)(m))
	}
	var list []T
	if err := json.Unmarshal(b, &list); err != nil {
		return err
	}
	*m = make(Map[T], len(list))
	for i, item := range list {
		(*m)[strconv.Itoa(i)] = item
	}
	return nil
}

// List is a list that arrives as an object with numeric keys when it has gaps.
type List[T any] []T

// UnmarshalJSON reads a list, an object (in the order of its numeric keys) and
// nothing.
func (l *List[T]) UnmarshalJSON(b []byte) error {
	*l = nil
	b = bytes.TrimSpace(b)
	if nothing(b) {
		return nil
	}
	if b[0] != '{' {
		return json.Unmarshal(b, (*[]T)(l))
	}
	var object map[string]T
	if err := json.Unmarshal(b, &object); err != nil {
		return err
	}
	for _, key := range slices.SortedFunc(maps.Keys(object), byNumber) {
		*l = append(*l, object[key])
	}
	return nil
}

func byNumber(a, b string) int {
	x, errX := strconv.Atoi(a)
	y, errY := strconv.Atoi(b)
	if errX != nil || errY != nil {
		return strings.Compare(a, b)
	}
	return x - y
}

// nothing reports the spellings of an empty value.
func nothing(b []byte) bool {
	switch string(b) {
	case "", "null", "false", `""`, "[]", "{}":
		return true
	}
	return false
}

// scalar is the text of a JSON string, number or true, as a database stores it; "" for
// everything else.
func scalar(b []byte) string {
	b = bytes.TrimSpace(b)
	if nothing(b) || b[0] == '[' || b[0] == '{' {
		return ""
	}
	if b[0] != '"' {
		return string(b)
	}
	var text string
	if json.Unmarshal(b, &text) != nil {
		return ""
	}
	return strings.TrimSpace(clean(text))
}
