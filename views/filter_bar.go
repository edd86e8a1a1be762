package views

import (
	"slices"
	"strconv"
	"time"
)

// A CallFilter is the filter bar. [NewCallFilter] fills it.
type CallFilter struct {
	Values  FilterValues
	Choices []FilterSelect // the selects, in order
	Chips   []FilterChip
	Presets []Preset
	Active  bool // anything narrows the log
}

// A FilterSelect is a select with its label.
type FilterSelect struct {
	Name, Label string
	Options     []Option
}

// A FilterChip names one part of the filter; Fields are the others.
type FilterChip struct {
	Label  string
	Fields []Field
}

// A Preset is a filter that is there by one click.
type Preset struct {
	ID           string // the focus stays with it
	Label, Count string
	Fields       []Field
	Current      bool
}

// FilterChoices are what only the portal knows: its employees and lines, and
// how many calls each preset has. A count over CountedTo is not exact.
type FilterChoices struct {
	Employees, Lines []Option
	Counts           []int
	CountedTo        int
}

// NewCallFilter is the filter bar for values that are known.
func NewCallFilter(l Localizer, values FilterValues, choices FilterChoices) CallFilter {
	f := CallFilter{Values: values, Choices: []FilterSelect{
		l.choice("period", periodChoices, values.Period),
		l.choice("direction", directionChoices, values.Direction),
		l.choice("outcome", outcomeChoices, values.Outcome),
		l.choice("result", resultChoices, values.Result),
		l.reasons(values.Reason),
		l.portalChoice("employee", choices.Employees, values.Employee),
		l.portalChoice("line", choices.Lines, values.Line),
		l.choice("attention", attentionChoices, values.Attention),
		l.choice("order", orderChoices, values.Order),
	}}
	f.Chips = l.chips(values, f.Choices)
	f.Presets = l.Presets(values, choices)
	f.Active = len(f.Chips) > 0
	return f
}

func (l Localizer) choice(name string, values []string, chosen string) FilterSelect {
	c := FilterSelect{Name: name, Label: l.T("filter." + name)}
	for _, value := range values {
		label := l.T("filter." + name + ".all")
		if value != "" {
			label = l.T("filter." + name + "." + value)
		}
		c.Options = append(c.Options, Option{Value: value, Label: label, Chosen: value == chosen})
	}
	return c
}

func (l Localizer) reasons(chosen string) FilterSelect {
	c := FilterSelect{Name: "reason", Label: l.T("filter.reason"), Options: []Option{{Label: l.T("filter.reason.all"), Chosen: chosen == ""}}}
	for _, code := range ReasonCodes {
		c.Options = append(c.Options, Option{Value: code, Label: l.T("because." + code), Chosen: code == chosen})
	}
	return c
}

// portalChoice is a choice of what the portal has; what is chosen and gone stays.
func (l Localizer) portalChoice(name string, known []Option, chosen string) FilterSelect {
	c := FilterSelect{Name: name, Label: l.T("filter." + name), Options: []Option{{Label: l.T("filter." + name + ".all"), Chosen: chosen == ""}}}
	found := chosen == ""
	for _, o := range known {
		o.Chosen = o.Value == chosen
		found = found || o.Chosen
		c.Options = append(c.Options, o)
	}
	if !found {
		c.Options = append(c.Options, Option{Value: chosen, Label: chosen, Chosen: true})
	}
	return c
}

func (l Localizer) chips(values FilterValues, choices []FilterSelect) []FilterChip {
	var chips []FilterChip
	add := func(name, label, value string) {
		text := l.T("filter.chip", "Name", label, "Value", value)
		chips = append(chips, FilterChip{Label: text, Fields: values.without(name).Fields()})
	}
	if values.Text != "" {
		add("text", l.T("filter.text"), values.Text)
	}
	for _, c := range choices {
		i := slices.IndexFunc(c.Options, func(o Option) bool { return o.Chosen && o.Value != "" })
		switch {
		case i < 0 || c.Name == "order":
		case c.Name == "period" && values.Period == "custom":
			add("period", c.Label, l.span(values.From, values.To))
		default:
			add(c.Name, c.Label, c.Options[i].Label)
		}
	}
	return chips
}

// span says from which day to which: "1 March 2026 – 4 March 2026".
func (l Localizer) span(from, to string) string {
	switch {
	case from == to:
		return l.day(from)
	case to == "":
		return l.T("filter.since", "Day", l.day(from))
	case from == "":
		return l.T("filter.until", "Day", l.day(to))
	}
	return l.T("filter.span", "From", l.day(from), "To", l.day(to))
}

// day is a day as people write it; what is none stays.
func (l Localizer) day(text string) string {
	at, err := time.Parse(time.DateOnly, text)
	if err != nil {
		return text
	}
	return l.T("time.date", "Day", at.Day(), "Month", l.month("long", at), "Year", at.Year())
}

// Presets are the presets in words, each with its count if it has one.
func (l Localizer) Presets(values FilterValues, choices FilterChoices) []Preset {
	var all []Preset
	for i, p := range values.Presets() {
		preset := Preset{ID: "preset-" + presets[i].name, Label: l.T("preset." + presets[i].name), Fields: p.Fields(), Current: p == values}
		if i < len(choices.Counts) {
			preset.Count = l.count(choices.Counts[i], choices.CountedTo)
		}
		all = append(all, preset)
	}
	return all
}

// count is a number of calls; one that was not counted to its end says so.
func (l Localizer) count(n, to int) string {
	if n > to {
		return l.T("preset.over", "N", to)
	}
	return strconv.Itoa(n)
}
