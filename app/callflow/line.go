package callflow

import (
	"cmp"

	"callwise/models"
)

// DefaultSource is the SOURCE_ID of what a call creates.
//
// https://apidocs.bitrix24.com/api-reference/telephony/telephony-external-call-register.html
const DefaultSource = "CALL"

// RulesLine is the line whose rules hold for a call of a kind: one of which the PBX
// does not name the line is on the default line, as Bitrix24 is told.
func RulesLine(kind models.CallKind, line string) string {
	if isForeign(kind) {
		return line
	}
	return cmp.Or(line, DefaultLine)
}

// line is the line whose rules hold for the call.
func (w *work) line() string { return RulesLine(w.row.Kind, w.row.Line) }

// source is the source of what the app creates for the call.
func (w *work) source() string {
	return cmp.Or(w.portal.Settings.Lines[w.line()].Source, DefaultSource)
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
