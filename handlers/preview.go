package handlers

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"callwise/app/call"
	"callwise/app/rules"
	"callwise/models"
	"callwise/views"

	"github.com/labstack/echo/v4"
)

// previewSettings shows what would happen with settings that are not saved.
func (h *Handlers) previewSettings(c echo.Context) error {
	v := viewFrom(c)
	form, err := postedForm(c)
	if err != nil {
		return err
	}
	now, line := enteredFrom(form, v.portal.Settings), form.Get("preview_line")
	if asPart(c) {
		return render(c, http.StatusOK, views.PreviewRegion(preview(v, now, line)))
	}
	return h.renderSettings(c, v, http.StatusOK, tried(v, form, now, trial{line: line}))
}

// enteredFrom are the settings with what a form changes. What is no setting, or
// not valid, changes nothing: the trials never fail for it.
func enteredFrom(form url.Values, base models.Settings) models.Settings {
	values := settingValues(form)
	for {
		next, wrong := base.With(values)
		before := len(values)
		maps.DeleteFunc(values, at(wrong))
		if len(values) == before {
			return next
		}
	}
}

// at reports the values at wrong paths, and those below them.
func at(wrong []models.SettingError) func(path, value string) bool {
	paths := make(map[string]bool, len(wrong))
	for _, w := range wrong {
		paths[w.Path] = true
	}
	return func(path, _ string) bool {
		for !paths[path] {
			end := strings.LastIndexByte(path, '/')
			if end < 0 {
				return false
			}
			path = path[:end]
		}
		return true
	}
}

// preview decides the rows of the specification's tables with the settings as
// entered and as stored, for a line or, if it is empty, for the lines without
// rules of their own.
func preview(v view, now models.Settings, line string) views.Preview {
	mode := v.portal.Mode()
	lines := ownLines(now)
	if !slices.Contains(lines, line) {
		line = ""
	}
	tables := map[call.Direction][]views.PreviewPair{}
	for _, d := range []call.Direction{call.Incoming, call.Outgoing} {
		saved := rules.Preview(v.portal.Settings.Rules(mode, line), d)
		for i, row := range rules.Preview(now.Rules(mode, line), d) {
			tables[d] = append(tables[d], views.PreviewPair{Number: row.Number, Now: cellOf(row.Decision), Saved: cellOf(saved[i].Decision)})
		}
	}
	shown := views.NewPreview(v.l, tables[call.Incoming], tables[call.Outgoing])
	shown.Session, shown.Lines = v.token, lineOptions(v.l, now, lines, line)
	return shown
}

// ownLines are the lines with a switch of their own, by number.
func ownLines(s models.Settings) []string {
	var own []string
	for _, number := range slices.Sorted(maps.Keys(s.Lines)) {
		l := s.Lines[number]
		if l.CreateEntities != models.Inherited || l.OutgoingCalls != models.Inherited || l.RepeatedLeads != models.Inherited {
			own = append(own, number)
		}
	}
	return own
}

func lineOptions(l views.Localizer, s models.Settings, lines []string, chosen string) []views.Option {
	if len(lines) == 0 {
		return nil
	}
	options := []views.Option{{Label: l.T("preview.line.all"), Chosen: chosen == ""}}
	for _, number := range lines {
		options = append(options, views.Option{Value: number, Label: lineLabel(l, s, number), Chosen: number == chosen})
	}
	return options
}

// lineLabel is a line by its name, if it has one, and its number.
func lineLabel(l views.Localizer, s models.Settings, number string) string {
	label := call.ParsePhone(number, "").Pretty()
	if name := s.Lines[number].Name; name != "" {
		return l.T("preview.line.named", "Name", name, "Number", label)
	}
	return label
}

func cellOf(d rules.Decision) views.PreviewCell {
	cell := views.PreviewCell{Create: string(d.Create), Reason: string(d.Reason)}
	for _, t := range d.LogTo {
		cell.LogTo = append(cell.LogTo, views.PreviewTarget{Type: t.Type.String(), New: t.New})
	}
	return cell
}
