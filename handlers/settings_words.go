package handlers

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"
	"sync"

	"callwise/app/call"
	"callwise/models"
	"callwise/views"

	"golang.org/x/text/collate"
	"golang.org/x/text/language"
)

// settingWords turn settings into what people read: with the names that
// employees, lines and sources have in one portal.
type settingWords struct {
	l             views.Localizer
	names         views.SettingNames
	people        []views.Choice // active employees
	known         []models.Line
	sources       []views.Choice
	sourcesUnread bool
}

func (h *Handlers) settingWords(ctx context.Context, v view) (settingWords, error) {
	w := settingWords{l: v.l, names: views.SettingNames{
		People: map[string]string{}, Sources: map[string]string{}, Country: v.portal.PortalCountry,
	}}
	employees, err := h.Store.Employees(ctx, v.portal.ID)
	if err != nil {
		return w, err
	}
	for _, e := range employees {
		id := strconv.FormatInt(e.UserID, 10)
		name := cmp.Or(e.Name, v.l.UnknownPerson(e.UserID))
		w.names.People[id] = name
		if e.Active {
			w.people = append(w.people, views.Choice{Value: id, Label: name})
		}
	}
	if w.known, err = h.Store.Lines(ctx, v.portal.ID); err != nil {
		return w, err
	}
	read, ok := h.sources.of(ctx, h, v.portal)
	w.sourcesUnread = !ok
	w.sources = []views.Choice{{Value: "", Label: v.l.UsualSource()}}
	for _, s := range read {
		w.names.Sources[s.ID] = s.Name
		w.sources = append(w.sources, views.Choice{Value: s.ID, Label: s.Name})
	}
	return w, nil
}

// who names a user; 0 is who made the first version.
func (w settingWords) who(user int64) string {
	if user == 0 {
		return w.l.AtInstallation()
	}
	return cmp.Or(w.names.People[strconv.FormatInt(user, 10)], w.l.UnknownPerson(user))
}

// everything is all values of settings in the order of the page.
func (w settingWords) everything(s models.Settings) []views.Fact {
	var facts []views.Fact
	for _, c := range s.All() {
		facts = append(facts, w.fact(c.Path, c.To))
	}
	return facts
}

func (w settingWords) fact(path, value string) views.Fact {
	parts := models.SettingParts(path)
	return views.Fact{Name: w.l.SettingName(parts, w.names), Value: w.l.SettingValue(parts, value, w.names)}
}

// problems say what is wrong, field by field; of several mistakes of one value
// the first.
func (w settingWords) problems(errors []models.SettingError) []views.Problem {
	var told []views.Problem
	for _, e := range errors {
		same := func(p views.Problem) bool { return p.Path == e.Path }
		if slices.ContainsFunc(told, same) {
			continue
		}
		text := w.l.SettingProblem(string(e.Code), "Item", e.Item, "Line", e.Line, "Least", e.Least, "Most", e.Most)
		told = append(told, views.Problem{Path: e.Path, Name: w.name(e.Path), Text: text})
	}
	return told
}

// name is the name of a path; of one that is no setting, nothing.
func (w settingWords) name(path string) string {
	switch {
	case models.KnownSetting(path):
		return w.l.SettingName(models.SettingParts(path), w.names)
	case path == "lines" || path == "card/employees" || path == "extensions":
		return w.l.SettingFamily(path)
	}
	return ""
}

func (w settingWords) urlProblem(e views.FieldError) views.Problem {
	return w.l.CommandURLProblem(e)
}

// settingLines are the lines that are known from Bitrix24, from calls, from the
// form, or from what is stored, by number.
func (w settingWords) settingLines(values map[string]string, stored models.Settings, used []string) []views.SettingLine {
	names := map[string]string{}
	for _, number := range used {
		names[number] = ""
	}
	for number := range stored.Lines {
		names[number] = ""
	}
	for path := range values {
		if parts := models.SettingParts(path); parts[0] == "lines" {
			names[parts[1]] = ""
		}
	}
	for _, line := range w.known {
		names[line.Number] = line.Name
	}
	var lines []views.SettingLine
	for number, name := range names {
		path := func(what string) string { return models.SettingPath("lines", number, what) }
		lines = append(lines, views.SettingLine{Number: number, Name: name, Paths: views.LinePaths{
			Name: path("name"), Source: path("source"), CreateEntities: path("create_entities"),
			OutgoingCalls: path("outgoing_calls"), RepeatedLeads: path("repeated_leads"), Responsible: path("responsible"),
		}})
	}
	slices.SortFunc(lines, func(a, b views.SettingLine) int { return strings.Compare(a.Number, b.Number) })
	return lines
}

// countriesIn keeps what countries says in each language: to name and order
// them takes milliseconds.
var countriesIn sync.Map

// countries are the countries whose numbers we can read, by name as the
// language orders them. Nobody changes the list.
func countries(l views.Localizer) []views.Choice {
	if known, ok := countriesIn.Load(l.Tag()); ok {
		return known.([]views.Choice)
	}
	var list []views.Choice
	for _, code := range call.Countries() {
		list = append(list, views.Choice{Value: code, Label: l.Country(code)})
	}
	order := collate.New(language.Make(l.Tag()))
	slices.SortFunc(list, func(a, b views.Choice) int { return order.CompareString(a.Label, b.Label) })
	countriesIn.Store(l.Tag(), list)
	return list
}
