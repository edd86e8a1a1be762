package views

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// FilterValues are what the call log is narrowed to, as the page's address and
// its forms name it; empty narrows nothing.
type FilterValues struct {
	Period    string // today, …, custom: From and To count
	From, To  string // days: "2026-03-04"
	Direction string
	Outcome   string
	Result    string
	Reason    string
	Employee  string // id of a user
	Line      string
	Attention string // any, unmapped
	Text      string
	Order     string // oldest; else the newest first
}

// A Field is one value of a form.
type Field struct{ Name, Value string }

// Bounds of the text that is searched for, in characters.
const (
	TextMin = 3
	TextMax = 100
)

// everything is the period that narrows nothing. It always stands in the forms:
// a log that is asked for with no field at all opens as it was used last.
const everything = "all"

// table is the values by the names of their fields, in the order of the page.
func (v *FilterValues) table() []struct {
	name  string
	value *string
} {
	return []struct {
		name  string
		value *string
	}{
		{"period", &v.Period}, {"from", &v.From}, {"to", &v.To}, {"direction", &v.Direction}, {"outcome", &v.Outcome},
		{"result", &v.Result}, {"reason", &v.Reason}, {"employee", &v.Employee}, {"line", &v.Line},
		{"attention", &v.Attention}, {"text", &v.Text}, {"order", &v.Order},
	}
}

// ReadFilter asks value for each field; given is false when none has a value.
func ReadFilter(value func(name string) string) (v FilterValues, given bool) {
	for _, field := range v.table() {
		*field.value = value(field.name)
		given = given || *field.value != ""
	}
	return v, given
}

// Fields are the values that are set, and always a period.
func (v FilterValues) Fields() []Field {
	if v.Period == "" {
		v.Period = everything
	}
	var fields []Field
	for _, field := range v.table() {
		if *field.value != "" {
			fields = append(fields, Field{field.name, *field.value})
		}
	}
	return fields
}

// numberDigits make a text a telephone number, as static/app.js has it.
const numberDigits = 5

// named are the values that may stand in a page's address, which is kept and
// passed on: no telephone number. static/app.js keeps to it in what it names.
func (v FilterValues) named() FilterValues {
	digits := strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, v.Text)
	if len(digits) >= numberDigits {
		v.Text = ""
	}
	return v
}

// Address is the filter as an address carries it, and as it is stored: "period=all".
func (v FilterValues) Address() string {
	query := url.Values{}
	for _, field := range v.Fields() {
		query.Set(field.Name, field.Value)
	}
	return query.Encode()
}

// without are the values but for one field; a period goes with its days.
func (v FilterValues) without(name string) FilterValues {
	for _, field := range v.table() {
		if field.name == name || name == "period" && (field.name == "from" || field.name == "to") {
			*field.value = ""
		}
	}
	return v
}

// The choices of the filter; the empty one is everything.
var (
	periodChoices    = []string{"", "today", "yesterday", "7days", "30days", "this_month", "custom"}
	directionChoices = []string{"", "incoming", "outgoing", "redirected", "callback", "info", "internal"}
	missedDirections = []string{"", "incoming", "redirected"}
	outcomeChoices   = []string{"", "answered", "unanswered", "missed"}
	resultChoices    = []string{"", "created", "added", "nothing", "waiting", "retrying", "failed", "trouble", "ignored", "dry_run"}
	attentionChoices = []string{"", "any", "unmapped"}
	orderChoices     = []string{"", "oldest"}
)

// Known are the values with those emptied that no choice of the page has: wrong
// words narrow nothing. Days that end before they begin change places, for all to
// see.
func (v FilterValues) Known() FilterValues {
	if v.Period == "" || v.Period == everything {
		v.Period = "custom" // days without a period are one
	}
	for _, choice := range []struct {
		value *string
		known []string
	}{
		{&v.Period, periodChoices}, {&v.Direction, directionChoices}, {&v.Outcome, outcomeChoices}, {&v.Result, resultChoices},
		{&v.Reason, ReasonCodes}, {&v.Attention, attentionChoices}, {&v.Order, orderChoices},
	} {
		if !slices.Contains(choice.known, *choice.value) {
			*choice.value = ""
		}
	}
	for _, day := range []*string{&v.From, &v.To} {
		if _, err := time.Parse(time.DateOnly, *day); err != nil {
			*day = ""
		}
	}
	if v.From > v.To && v.To != "" {
		v.From, v.To = v.To, v.From
	}
	if id, err := strconv.ParseInt(v.Employee, 10, 64); err != nil || id <= 0 {
		v.Employee = ""
	}
	if v.Outcome == "missed" && !slices.Contains(missedDirections, v.Direction) {
		v.Outcome = "unanswered" // which is what it was when it was stored
	}
	if v.Period != "custom" || v.From == "" && v.To == "" {
		v.From, v.To = "", ""
		v.Period = strings.TrimPrefix(v.Period, "custom")
	}
	v.Text = strings.Join(strings.Fields(v.Text), " ")
	if n := utf8.RuneCountInString(v.Text); n < TextMin || n > TextMax {
		v.Text = ""
	}
	return v
}

// presets narrow the log by one click; they keep the period. The counts of
// [FilterChoices] stand in this order.
var presets = []struct {
	name   string
	values FilterValues
}{
	{"all", FilterValues{}}, {"missed", FilterValues{Outcome: "missed"}}, {"created", FilterValues{Result: "created"}},
	{"failed", FilterValues{Result: "trouble"}}, {"attention", FilterValues{Attention: "any"}}, {"unmapped", FilterValues{Attention: "unmapped"}},
}

// Presets are the values of each preset within the period of v.
func (v FilterValues) Presets() []FilterValues {
	all := make([]FilterValues, len(presets))
	for i, p := range presets {
		all[i] = p.values
		all[i].Period, all[i].From, all[i].To, all[i].Order = v.Period, v.From, v.To, v.Order
	}
	return all
}
