package b24

import (
	"slices"

	"callwise/app/crm"
)

// searchLimit is how many ids of a kind a search by phone tells at most, the oldest
// (telephony contract, 4.1).
const searchLimit = 20

// crowd is what is to be read of a kind of which a search has found as many as it tells:
// the newest objects that carry the number, and the newest open leads. A list compares
// the number as it is stored, so it is asked for each spelling.
func (r *reading) crowd(kind crm.EntityType) listings {
	if len(r.found[kind]) < searchLimit {
		return nil
	}
	var due listings
	for _, phone := range r.phones {
		due = append(due, listing{kind: kind, phone: phone})
		if kind == crm.TypeLead {
			due = append(due, listing{kind: kind, phone: phone, open: true})
		}
	}
	return due
}

// carriersCommand lists objects that carry a number, the newest first.
//
// https://apidocs.bitrix24.com/api-reference/crm/leads/crm-lead-list.html
func (l listing) carriersCommand(key string) Command {
	filter := Params{"PHONE": l.phone}
	if l.open {
		filter["=STATUS_SEMANTIC_ID"] = string(crm.Open)
	}
	return Command{key, "crm." + l.kind.String() + ".list",
		Params{"filter": filter, "select": []string{"ID", "PHONE"}, "order": Params{"ID": "DESC"}}}
}

// A carrier is an object with its numbers.
type carrier struct {
	ID     ID `json:"ID"`
	Phones List[struct {
		Value Text `json:"VALUE"`
	}] `json:"PHONE"`
}

func (c carrier) carries(phone string) bool {
	for _, p := range c.Phones {
		if string(p.Value) == phone {
			return true
		}
	}
	return false
}

// absorbCarriers takes in what a search left out. What does not carry the number was
// listed by a portal that does not know the filter.
func (r *reading) absorbCarriers(answers Answers, key string, l listing) error {
	var rows List[carrier]
	if err := answers.Decode(key, &rows); err != nil {
		return err
	}
	for _, row := range rows {
		if !row.carries(l.phone) {
			continue
		}
		r.found[l.kind] = including(r.found[l.kind], int64(row.ID))
		if l.phone == r.phones[0] {
			r.dialed[l.kind] = including(r.dialed[l.kind], int64(row.ID))
		}
	}
	return nil
}

// including is ids with one more, each once.
func including(ids []int64, id int64) []int64 {
	if slices.Contains(ids, id) {
		return ids
	}
	return append(ids, id)
}
