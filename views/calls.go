package views

import "strconv"

// logColumns are the columns of the call log (interface.md §6), by their words.
var logColumns = []string{"time", "call", "customer", "employee", "line", "duration", "result", "why", "recording"}

// mendable reports a log that shows what failed, to somebody who may have it
// tried again.
func (p CallsPage) mendable() bool {
	v := p.Filter.Values
	failed := v.Attention == "any" || v.Result == "failed" || v.Result == "trouble"
	return p.Admin && p.Empty == NotEmpty && failed
}

func (e EmptyState) icon() string {
	switch e {
	case EmptyPBX:
		return "plug"
	case EmptyFiltered:
		return "search"
	case EmptyWaiting:
		return "clock"
	default:
		return "inbox"
	}
}

func (r CallRow) address() string { return "/calls/" + strconv.FormatInt(r.ID, 10) }

func (r CallRow) elementID() string { return "call-" + strconv.FormatInt(r.ID, 10) }

func (r CallRow) icon() string {
	switch {
	case r.Direction == "outgoing":
		return "phone-outgoing"
	case r.Direction == "redirected":
		return "phone-forwarded"
	case r.Direction == "callback":
		return "phone-call"
	case r.Direction == "incoming" && r.Answered:
		return "phone-incoming"
	case r.Direction == "incoming":
		return "phone-missed"
	default:
		return "phone"
	}
}

// sorted is the order of time in the words of aria-sort.
func (v FilterValues) sorted() string {
	if v.Order == "oldest" {
		return "ascending"
	}
	return "descending"
}

// turned are the values in the other order.
func (v FilterValues) turned() FilterValues {
	if v.Order == "oldest" {
		v.Order = ""
	} else {
		v.Order = "oldest"
	}
	return v
}
