package views

import "strings"

// exportColumns are the columns of the export, by their words.
var exportColumns = []string{"time", "call", "customer", "phone", "employee", "extension", "line", "seconds", "result", "why", "recording"}

// ExportColumns are the headings of the export.
func ExportColumns(l Localizer) []string {
	var headings []string
	for _, column := range exportColumns {
		headings = append(headings, l.T("column."+column))
	}
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
