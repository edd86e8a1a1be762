package views

import "strings"

// A PreviewCell is what the rules say for one state of the CRM.
type PreviewCell struct {
	Create string
	LogTo  []PreviewTarget
	Reason string
}

// A PreviewTarget is an entity that the call would be logged to.
type PreviewTarget struct {
	Type string // lead, deal, contact, company
	New  bool   // made by this call
}

// A PreviewPair is a row of decision.md part C (1–11), decided with the
// switches as they stand in the form and as they are saved.
type PreviewPair struct {
	Number     int
	Now, Saved PreviewCell
}

// NewPreview puts the rules' answers for both directions into words.
func NewPreview(l Localizer, incoming, outgoing []PreviewPair) Preview {
	tables := []PreviewTable{
		{ID: "incoming", Caption: l.T("preview.incoming"), Rows: previewRows(l, incoming)},
		{ID: "outgoing", Caption: l.T("preview.outgoing"), Rows: previewRows(l, outgoing)},
	}
	changed := 0
	for _, table := range tables {
		for _, row := range table.Rows {
			if row.Changed {
				changed++
			}
		}
	}
	return Preview{L: l, Summary: summary(l, incoming, outgoing), Tables: tables, Changed: changed}
}

func previewRows(l Localizer, pairs []PreviewPair) []PreviewRow {
	rows := make([]PreviewRow, 0, len(pairs))
	for _, p := range pairs {
		row := PreviewRow{
			Number:  p.Number,
			State:   l.State(p.Number),
			Create:  l.Create(p.Now.Create),
			LogTo:   l.logTo(p.Now),
			Why:     l.word("because", p.Now.Reason),
			Creates: creates(p.Now),
			Changed: differ(p.Now, p.Saved),
		}
		if row.Changed {
			row.Before = l.T("preview.before", "Create", l.Create(p.Saved.Create), "LogTo", l.logTo(p.Saved))
		}
		rows = append(rows, row)
	}
	return rows
}

// differ leaves reasons out: a row that does the same for another reason did not change.
func differ(a, b PreviewCell) bool {
	return a.Create != b.Create || strings.Join(targets(a), "+") != strings.Join(targets(b), "+")
}

func creates(c PreviewCell) bool { return c.Create != "" && c.Create != "none" }

// logTo says where a call is logged: "New entity + client cards".
func (l Localizer) logTo(c PreviewCell) string {
	var names []string
	for _, target := range targets(c) {
		names = append(names, l.T("logto."+target))
	}
	if len(names) == 0 {
		return l.T("logto.none")
	}
	return strings.Join(names, " + ")
}

// targets folds what the call is logged to into the three words of part C, in
// the order of decision.md B.2.
func targets(c PreviewCell) []string {
	var created, open, card bool
	for _, t := range c.LogTo {
		switch {
		case t.New:
			created = true
		case t.Type == "lead" || t.Type == "deal":
			open = true
		default:
			card = true
		}
	}
	var kinds []string
	for _, kind := range []struct {
		name string
		is   bool
	}{{"created", created}, {"open", open}, {"card", card}} {
		if kind.is {
			kinds = append(kinds, kind.name)
		}
	}
	return kinds
}

// The rows of part C that the summary is made of.
const (
	rowNew       = 1
	rowKnown     = 4
	rowConverted = 7
)

// summary says in sentences what the tables say in cells.
func summary(l Localizer, incoming, outgoing []PreviewPair) []string {
	var said []string
	for _, side := range []struct {
		name  string
		pairs []PreviewPair
	}{{"incoming", incoming}, {"outgoing", outgoing}} {
		fresh, known, converted := cell(side.pairs, rowNew), cell(side.pairs, rowKnown), cell(side.pairs, rowConverted)
		said = append(said, l.T("summary."+side.name+".new", "Created", l.word("is", fresh.Create)))
		key := "summary." + side.name + ".known"
		if creates(known) && !creates(converted) {
			key += ".except"
		}
		said = append(said, l.T(key, "Created", l.word("is", known.Create)))
	}
	return append(said, l.T("summary.open"))
}

func cell(pairs []PreviewPair, row int) PreviewCell {
	for _, p := range pairs {
		if p.Number == row {
			return p.Now
		}
	}
	return PreviewCell{Create: "none"}
}
