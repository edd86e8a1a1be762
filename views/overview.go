package views

import (
	"strconv"
	"strings"
	"time"
)

// An Overview is the charts above the call log. [NewOverview] fills it.
type Overview struct {
	Title  string // from when to when, and how much a bar is
	Charts []Chart
}

// A Chart is one row of bars, and the same as a table.
type Chart struct {
	Name    string // calls, created, failed
	Title   string
	Total   string
	Columns []string // of the table, after the day
	Kinds   []string // answered, unanswered, created, failed: the colours of the columns
	Bars    []Bar
}

// A Bar is a day or a week.
type Bar struct {
	Day     string // words
	Title   string // "4 March 2026: 12 answered, 3 not answered"
	Values  []string
	Parts   []BarPart // from below
	Span    string    // "2026-03-04 2026-03-04": its first and last day
	Address string    // of the log, narrowed to it
}

// A BarPart is a rectangle of a bar, in hundredths of the chart's height.
type BarPart struct {
	Class     string
	Y, Height string
}

// A Span is a day, or several, and the calls that began in it.
type Span struct {
	From, To                               time.Time // days, both included
	Answered, Unanswered, Created, Trouble int
}

// chartKinds are the charts in order, each with the values it shows and the
// result that its bars narrow the log to.
var chartKinds = []struct {
	name    string
	columns []string
	of      func(Span) []int
	result  string
}{
	{"calls", []string{"answered", "unanswered"}, func(s Span) []int { return []int{s.Answered, s.Unanswered} }, ""},
	{"created", []string{"created"}, func(s Span) []int { return []int{s.Created} }, "created"},
	{"failed", []string{"failed"}, func(s Span) []int { return []int{s.Trouble} }, "trouble"},
}

// NewOverview draws the spans of a filter, the first first.
func NewOverview(l Localizer, values FilterValues, spans []Span) Overview {
	o := Overview{}
	if len(spans) > 0 {
		span := l.span(spans[0].From.Format(time.DateOnly), spans[len(spans)-1].To.Format(time.DateOnly))
		key := "overview.days"
		if spans[0].From != spans[0].To {
			key = "overview.weeks"
		}
		o.Title = l.T(key, "Span", span)
	}
	for _, kind := range chartKinds {
		chart := Chart{Name: kind.name, Title: l.T("overview." + kind.name), Kinds: kind.columns}
		for _, column := range kind.columns {
			chart.Columns = append(chart.Columns, l.T("overview."+column))
		}
		highest, total := 1, 0
		for _, s := range spans {
			n := sum(kind.of(s))
			highest, total = max(highest, n), total+n
		}
		for _, s := range spans {
			bar := l.bar(chart, kind.columns, s, kind.of(s), highest)
			bar.Address = "/calls?" + values.Bar(bar.Span, kind.name).named().Address()
			chart.Bars = append(chart.Bars, bar)
		}
		chart.Total = strconv.Itoa(total)
		o.Charts = append(o.Charts, chart)
	}
	return o
}

// bar is one bar of a chart, as high as its share of the highest.
func (l Localizer) bar(chart Chart, classes []string, s Span, values []int, highest int) Bar {
	from, to := s.From.Format(time.DateOnly), s.To.Format(time.DateOnly)
	b := Bar{Span: from + " " + to, Day: l.span(from, to)}
	b.Title = b.Day + ":"
	top := 100.0
	for i, n := range values {
		height := 100 * float64(n) / float64(highest)
		top -= height
		b.Parts = append(b.Parts, BarPart{Class: "bar-" + classes[i], Y: hundredths(top), Height: hundredths(height)})
		b.Values = append(b.Values, strconv.Itoa(n))
		if i > 0 {
			b.Title += ","
		}
		b.Title += " " + l.T("overview.value", "Name", chart.Columns[i], "N", n)
	}
	return b
}

// Bar are the values narrowed to a bar of a chart, by its span and the chart's
// name; a span that is none changes nothing.
func (v FilterValues) Bar(span, chart string) FilterValues {
	from, to, found := strings.Cut(span, " ")
	if !found {
		return v
	}
	v.Period, v.From, v.To = "custom", from, to
	for _, kind := range chartKinds {
		if kind.name == chart && kind.result != "" {
			v.Result = kind.result
		}
	}
	return v
}

func hundredths(n float64) string { return strconv.FormatFloat(n, 'f', 1, 64) }

func sum(numbers []int) int {
	total := 0
	for _, n := range numbers {
		total += n
	}
	return total
}
