package views

import (
	"strings"
	"time"
)

// exportColumns are the columns of the export, by their words.
var exportColumns = []string{"time", "call", "customer", "phone", "employee", "extension", "line", "seconds", "result", "why", "recording", "id"}

// ExportColumns are the headings of the export, whose times are those of a zone.
func ExportColumns(l Localizer, zone *time.Location) []string {
	var headings []string
	for _, column := range exportColumns {
		headings = append(headings, l.T("column."+column))
	}
	headings[0] += " (" + zone.String() + ")"
	return headings
}

// Text is a result as one line.
func (r Result) Text() string {
	var lines []string
	for _, line := range r.Lines {
		var names []string
		for _, e := range line.Entities {
			names = append(names, e.Text)
		}
		lines = append(lines, line.Before+strings.Join(names, " + ")+line.After)
	}
	return strings.Join(lines, "; ")
}
