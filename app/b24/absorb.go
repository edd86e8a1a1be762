package b24

import (
	"errors"
	"fmt"
	"slices"

	"callwise/app/crm"
)

// absorb takes in what was read by ids. Every error is the snapshot's.
func (r *reading) absorb(answers Answers, due listings) error {
	for i, l := range due {
		var err error
		switch {
		case l.get.ID != 0:
			err = r.absorbObject(answers, dueKey(i), l)
		case l.rel.name != "":
			err = r.absorbRelated(answers, dueKey(i), l)
		case l.phone != "":
			err = r.absorbCarriers(answers, dueKey(i), l)
		default:
			err = r.absorbObjects(answers, dueKey(i), l)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (r *reading) absorbObject(answers Answers, key string, l listing) error {
	var got struct {
		Item item `json:"item"`
	}
	err := answers.Decode(key, &got)
	switch {
	case notThere(err):
		r.gone[l.get] = true
		return nil
	case errors.Is(err, AccessDenied):
		return fmt.Errorf("%w: %w", ErrUnreadable, err)
	case err != nil:
		return err
	case int64(got.Item.ID) != l.get.ID:
		return &Failure{Method: methodItemGet, Sent: true, Err: oddAnswer("another object than was asked for")}
	}
	r.keep(l.get.Type, []item{got.Item})
	return nil
}

// notThere reports the refusal for an object that does not exist; some come
// with a text only.
func notThere(err error) bool {
	if errors.Is(err, NotFound) || errors.Is(err, errorNotFound) {
		return true
	}
	return errors.Is(err, Code("")) && says(err, "not found")
}

func (r *reading) absorbObjects(answers Answers, key string, l listing) error {
	var rows itemList
	if err := answers.Decode(key, &rows); err != nil {
		return err
	}
	for _, row := range rows.Items {
		if slices.Contains(l.ids, int64(row.ID)) {
			r.keep(l.kind, []item{row})
		}
	}
	for _, id := range l.ids {
		r.listed[crm.Ref{Type: l.kind, ID: id}] = true
	}
	return nil
}

func (r *reading) absorbRelated(answers Answers, key string, l listing) error {
	var rows itemList
	err := answers.Decode(key, &rows)
	ignored := err == nil && !l.rel.holds(rows.Items, l.ids)
	if l.rel.field == "contactIds" && (ignored || errors.Is(err, InvalidArgValue)) {
		r.mainContactOnly = true
		return nil
	}
	if err != nil {
		return err
	}
	if ignored {
		return &Failure{Method: methodItemList, Sent: true, Err: oddAnswer("objects that were not asked for")}
	}
	r.keep(l.rel.kind, rows.Items)
	r.cover(l.rel, l.ids)
	r.turn(answers, key, l)
	return nil
}

// Pages of lists, and how many rows of one are worth reading: a call cannot be
// logged to more than 100 objects.
const (
	pageRows = 50
	maxRows  = 500
)

// turn notes the further pages of a list that is needed whole.
func (r *reading) turn(answers Answers, key string, l listing) {
	next, more := answers.Next(key)
	if !more || !l.rel.whole || next <= l.start || next >= maxRows {
		return
	}
	total, _ := answers.Total(key)
	if l.start > 0 && total > 0 {
		return // all pages were noted with the first
	}
	l.start = next
	r.pages = append(r.pages, l)
	for l.start += pageRows; l.start < min(total, maxRows); l.start += pageRows {
		r.pages = append(r.pages, l)
	}
}
