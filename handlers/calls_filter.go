package handlers

import (
	"cmp"
	"context"
	"net/url"
	"strconv"
	"time"

	"callwise/app/call"
	"callwise/app/rules"
	"callwise/models"
	"callwise/views"
)

// readAddress reads a filter as it stands in an address; what cannot be read
// narrows nothing.
func readAddress(address string) views.FilterValues {
	query, err := url.ParseQuery(address)
	if err != nil {
		return views.FilterValues{}
	}
	values, _ := views.ReadFilter(query.Get)
	return values.Known()
}

// masked reports a visitor who may not see whole numbers.
func (v view) masked() bool { return v.portal.Settings.MaskNumbers && !v.visitor.Admin }

// filterOf turns the words of the page into the store's filter.
func (h *Handlers) filterOf(ctx context.Context, v view, values views.FilterValues) (models.CallFilter, error) {
	f := models.CallFilter{
		Direction: call.Direction(values.Direction), Outcome: models.Outcome(values.Outcome), Reason: rules.Reason(values.Reason),
		Line: values.Line, Attention: values.Attention == "any", Unmapped: values.Attention == "unmapped",
		Search: models.Search{Text: values.Text, Masked: v.masked()}, Oldest: values.Order == "oldest",
	}
	f.From, f.To = period(values, h.Now(), v.zone)
	if values.Result == "trouble" {
		f.Trouble = true
	} else {
		f.Result = models.CallResult(values.Result)
	}
	if values.Employee != "" {
		id, err := strconv.ParseInt(values.Employee, 10, 64)
		if err != nil {
			return f, err
		}
		f.UserID = id
	}
	return h.byNumber(ctx, v, f)
}

// byNumber asks for a number that was written out as a whole by its key, which
// finds all its calls at once.
func (h *Handlers) byNumber(ctx context.Context, v view, f models.CallFilter) (models.CallFilter, error) {
	phone := call.ParsePhone(f.Search.Text, v.portal.Country())
	if f.Search.Masked || phone.E164 == "" {
		return f, nil
	}
	known, err := h.Store.HasCallsOf(ctx, v.portal.ID, phone.Key())
	if err == nil && known {
		f.PhoneKey, f.Search = phone.Key(), models.Search{}
	}
	return f, err
}

// period is from when to when the calls of a filter began, in the portal's
// days; zero times are no bound.
func period(values views.FilterValues, now time.Time, zone *time.Location) (from, to time.Time) {
	y, m, d := now.In(zone).Date()
	day := func(ago int) time.Time { return dayBegins(y, m, d-ago, zone) }
	switch values.Period {
	case "today":
		return day(0), time.Time{}
	case "yesterday":
		return day(1), day(0)
	case "7days":
		return day(6), time.Time{}
	case "30days":
		return day(29), time.Time{}
	case "this_month":
		return dayBegins(y, m, 1, zone), time.Time{}
	case "custom":
		return dayOf(values.From, 0, zone), dayOf(values.To, 1, zone)
	}
	return time.Time{}, time.Time{}
}

// dayOf is the beginning of the day so many after a day; zero if the text is none.
func dayOf(text string, after int, zone *time.Location) time.Time {
	day, err := time.Parse(time.DateOnly, text)
	if err != nil {
		return time.Time{}
	}
	return dayBegins(day.Year(), day.Month(), day.Day()+after, zone)
}

// filterChoices are what the filter bar shows of the portal.
func (h *Handlers) filterChoices(ctx context.Context, v view, values views.FilterValues) (views.FilterChoices, error) {
	choices := views.FilterChoices{CountedTo: models.CountedTo}
	employees, err := h.Store.Employees(ctx, v.portal.ID)
	if err != nil {
		return choices, err
	}
	for _, e := range employees {
		choices.Employees = append(choices.Employees, views.Option{Value: strconv.FormatInt(e.UserID, 10), Label: e.Name})
	}
	lines, err := h.Store.Lines(ctx, v.portal.ID)
	if err != nil {
		return choices, err
	}
	for _, line := range lines {
		choices.Lines = append(choices.Lines, views.Option{Value: line.Number, Label: lineName(v, line)})
	}
	choices.Counts, err = h.counts(ctx, v, values)
	return choices, err
}

// counts are how many calls each preset has.
func (h *Handlers) counts(ctx context.Context, v view, values views.FilterValues) ([]int, error) {
	var filters []models.CallFilter
	for _, preset := range values.Presets() {
		f, err := h.filterOf(ctx, v, preset)
		if err != nil {
			return nil, err
		}
		filters = append(filters, f)
	}
	return h.Store.CountCalls(ctx, v.portal.ID, filters)
}

// lineName is the name that the administrator gave a line, with its number.
func lineName(v view, line models.Line) string {
	name := cmp.Or(v.portal.Settings.Lines[line.Number].Name, line.Name)
	if name == "" || name == line.Number {
		return line.Number
	}
	return name + " (" + line.Number + ")"
}
