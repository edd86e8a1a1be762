package callflow

import (
	"cmp"

	"callwise/app/rules"
	"callwise/models"
)

// DefaultSource is the SOURCE_ID of what a call creates.
//
// https://apidocs.bitrix24.com/api-reference/telephony/telephony-external-call-register.html
const DefaultSource = "CALL"

// line is the line whose rules hold for the call: one that the PBX does not
// name is the default line, as Bitrix24 is told.
func (w *work) line() string {
	if w.way() == rules.WayForeign {
		return w.row.Line
	}
	return firstOf(w.row.Line, DefaultLine)
}

// source is the source of what the app creates for the call.
func (w *work) source() string {
	return firstOf(w.portal.Settings.Lines[w.line()].Source, DefaultSource)
}

// lineTitle is what people call the line of the call; empty without one.
func (w *work) lineTitle() string {
	if w.row.Line == "" {
		return ""
	}
	return lineName(w.portal.Settings, w.row.Line)
}

// lineName is what Bitrix24 calls a line: as the administrator does, else by
// its number.
func lineName(s models.Settings, number string) string {
	if number == DefaultLine {
		return cmp.Or(s.Lines[number].Name, "Callwise")
	}
	return cmp.Or(s.Lines[number].Name, number)
}
