package b24

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"callwise/app/crm"
)

// A Query names a customer: by the spellings of a phone number, and by the
// card a call started from.
type Query struct {
	Phones []string // spellings of one number, first the one dialled; at most 20 are used
	Origin *crm.Ref // card of a click or a callback form, nil for none
}

// Limits of a search by phone and of the rounds a snapshot may take.
const (
	maxPhones = 20
	maxRounds = 6
)

// Snapshot reads everything in the CRM that belongs to a customer. It takes
// one request for most customers and two for most of the rest. It is complete or it
// fails: an error never looks like a customer nobody knows. Of a number that more
// objects of a kind carry than a search tells, it has the oldest, and of those that carry
// it in one of these spellings the newest and the newest open leads.
//
// The first request searches and, in the same batch, reads on from what the
// search finds by references to its results. Nothing in the documentation
// promises that a reference may carry a list, so what was read this way counts
// only if it proves right; the rest is read again by its ids.
//
// A reference to a search that found nothing may drop out of its filter, and a
// portal then counts and sends the newest of all it has (telephony contract, trap
// 37), for each of the lists. So the batch ends before them if nothing was found
// at all: a search for no values is refused (4.1), and the batch halts at what is
// refused. Values that are no texts, as the ids that were found, find nothing.
// With an origin it does not halt: a card that is not there any more is refused,
// too, and the rest is needed all the same.
//
// https://apidocs.bitrix24.com/api-reference/crm/duplicates/crm-duplicate-find-by-comm.html
// https://apidocs.bitrix24.com/api-reference/crm/universal/crm-item-list.html
func (c *Client) Snapshot(ctx context.Context, q Query) (crm.Records, error) {
	r := newReading(q)
	due := r.due()
	first := Batch{Halt: q.Origin == nil, Commands: append(r.search(), due.commands()...)}
	answers, err := c.Batch(ctx, first, Repeatable())
	if err != nil {
		return crm.Records{}, err
	}
	if err := r.absorbSearch(answers); err != nil {
		return crm.Records{}, err
	}
	for range maxRounds {
		if err := r.absorb(answers, due); err != nil {
			return crm.Records{}, err
		}
		if due = r.due(); len(due) == 0 {
			return r.records(), nil
		}
		if answers, err = c.read(ctx, due.commands()); err != nil {
			return crm.Records{}, err
		}
	}
	return crm.Records{}, fmt.Errorf("%w: reading does not come to an end", ErrUnreadable)
}

// read carries out reading commands, in several batches if they are many.
func (c *Client) read(ctx context.Context, commands []Command) (Answers, error) {
	all := Answers{methods: map[string]string{}, batchResult: batchResult{
		Results: Map[json.RawMessage]{}, Errors: Map[json.RawMessage]{}, Totals: Map[ID]{}, Nexts: Map[ID]{},
	}}
	for chunk := range slices.Chunk(commands, maxCommands) {
		answers, err := c.Batch(ctx, Batch{Commands: chunk}, Repeatable())
		if err != nil {
			return Answers{}, err
		}
		all.merge(answers)
	}
	return all, nil
}

const methodFind = "crm.duplicate.findbycomm"

// kinds that carry phone numbers, in the order they are searched.
var searched = []crm.EntityType{crm.TypeLead, crm.TypeContact, crm.TypeCompany}

// search is the first batch: one search for each kind, because a search for
// all leaves kinds out when it finds much, and what follows from the results.
func (r *reading) search() []Command {
	commands := []Command{{"mode", "crm.settings.mode.get", nil}}
	if len(r.phones) == 0 {
		return commands
	}
	for _, kind := range searched {
		commands = append(commands, Command{findKey(kind), methodFind,
			Params{"type": "PHONE", "entity_type": kind.Code(), "values": r.phones}})
	}
	for _, kind := range r.respelled() {
		commands = append(commands, Command{dialKey(kind), methodFind,
			Params{"type": "PHONE", "entity_type": kind.Code(), "values": r.phones[:1]}})
	}
	if r.origin == nil {
		commands = append(commands,
			Command{"find_any", methodFind, Params{"type": "PHONE", "values": r.phones}},
			Command{"found_any", methodFind, Params{"type": "PHONE", "values": Ref("find_any")}}) // refused if nothing was found
	}
	return append(commands, onward()...)
}

// onward reads on from what the searches of the same batch find: from contacts
// first, which most customers are, for the batch may halt at what comes later.
func onward() []Command {
	var commands []Command
	for _, kind := range []crm.EntityType{crm.TypeContact, crm.TypeCompany, crm.TypeLead} {
		commands = append(commands, listCommand(byIDKey(kind), kind, Params{"@id": foundRef(kind)}, 0))
		for _, rel := range relations {
			if rel.parent == kind && !rel.late {
				commands = append(commands, rel.command(rel.name, foundRef(kind), 0))
			}
		}
	}
	return commands
}

func findKey(kind crm.EntityType) string { return "find_" + kind.String() }

func dialKey(kind crm.EntityType) string { return "dial_" + kind.String() }

// respelled are the kinds that are searched once more by the one spelling that
// Bitrix24 itself goes by when a call is registered.
func (r *reading) respelled() []crm.EntityType {
	if len(r.phones) < 2 {
		return nil
	}
	return searched
}

func byIDKey(kind crm.EntityType) string { return "found_" + kind.String() }

// foundRef refers to the ids that the search in the same batch finds.
func foundRef(kind crm.EntityType) string { return Ref(findKey(kind), kind.Code()) }

func listCommand(key string, kind crm.EntityType, filter Params, start int) Command {
	params := Params{
		"entityTypeId": int(kind), "select": fieldsOf(kind), "filter": filter, "order": Params{"id": "DESC"},
	}
	if start > 0 {
		params["start"] = start
	}
	return Command{key, methodItemList, params}
}

// absorbSearch takes in what the first batch found, and of what it read on
// from there only what proves right.
func (r *reading) absorbSearch(answers Answers) error {
	var mode ID
	if err := answers.Decode("mode", &mode); err != nil {
		return err
	}
	if err := r.setMode(mode); err != nil {
		return err
	}
	if len(r.phones) == 0 {
		return nil
	}
	for _, kind := range searched {
		var err error
		if r.found[kind], err = hits(answers, findKey(kind), kind); err != nil {
			return err
		}
	}
	for _, kind := range r.respelled() {
		var err error
		if r.dialed[kind], err = hits(answers, dialKey(kind), kind); err != nil {
			return err
		}
	}
	for _, kind := range searched {
		r.absorbFound(answers, kind)
		r.pages = append(r.pages, r.crowd(kind)...)
	}
	return nil
}

// hits are the ids of one kind that a search found.
func hits(answers Answers, key string, kind crm.EntityType) ([]int64, error) {
	var found Map[List[ID]]
	if err := answers.Decode(key, &found); err != nil {
		return nil, err
	}
	var ids []int64
	for _, id := range found[kind.Code()] {
		ids = append(ids, int64(id))
	}
	return ids, nil
}

// absorbFound takes in what was read by reference to the found objects of one
// kind. The proof that references work is that reading the objects by their
// ids brought objects that were found, and no others.
func (r *reading) absorbFound(answers Answers, kind crm.EntityType) {
	ids := r.found[kind]
	var rows itemList
	if len(ids) == 0 || answers.Decode(byIDKey(kind), &rows) != nil || len(rows.Items) == 0 {
		return
	}
	for _, row := range rows.Items {
		if !slices.Contains(ids, int64(row.ID)) {
			return
		}
	}
	r.keep(kind, rows.Items)
	for _, rel := range relations {
		var children itemList
		if rel.parent != kind || rel.late {
			continue
		}
		err := answers.Decode(rel.name, &children)
		if rel.field == "contactIds" && errors.Is(err, InvalidArgValue) {
			r.mainContactOnly = true
		}
		if err != nil || !rel.holds(children.Items, ids) {
			continue
		}
		r.keep(rel.kind, children.Items)
		r.cover(rel, ids)
		r.turn(answers, rel.name, listing{rel: rel, ids: ids})
	}
}

// modeOf reads the number of a mode.
//
// https://apidocs.bitrix24.com/api-reference/crm/crm-settings-mode-get.html
func modeOf(mode ID) (crm.Mode, bool) {
	switch mode {
	case 1:
		return crm.Classic, true
	case 2:
		return crm.Simple, true
	}
	return "", false
}
