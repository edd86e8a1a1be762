package callflow

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"callwise/app/b24"
	"callwise/app/crm"
	"callwise/models"
)

// A MissedCall is what the reminder of it says.
type MissedCall struct {
	Number, Customer, Line string
	At                     time.Time // in the portal's zone
}

// remind puts a to-do on the card of a client whom nobody answered, once. What
// is asked for is written down before. A to-do carries the call's number in our
// log, so one whose answer was lost is found by it and not made again: Bitrix24
// has no mark for to-dos, but shows their text.
func (w *work) remind(ctx context.Context) error {
	todo := &w.row.Progress.Todo
	if todo.Done || !todo.Tried && (w.over || !w.missed()) {
		return nil
	}
	if !todo.Tried && !w.portal.Settings.Missed.Todo {
		todo.Done = true // a switch that is turned on later is not about this call
		return nil
	}
	cards := w.remindable()
	if len(cards) == 0 {
		w.did("todo_nowhere", "")
		todo.Done = true
		return w.save(ctx)
	}
	id, err := w.findOrAddTodo(ctx, cards[0])
	if cardGone(err) {
		w.row.Progress.Skipped = union(w.row.Progress.Skipped, cards[:1])
		*todo = models.Todo{}
		return w.remind(ctx)
	}
	if errors.Is(err, errComing) {
		return err
	}
	w.did("todo", ErrorCode(err))
	if err != nil && !refusedForGood(err) {
		return err
	}
	todo.Done, todo.ID, todo.Code = true, id, ErrorCode(err)
	return w.save(ctx)
}

// remindable are the cards the call is logged to, those that people work in
// first. One that a to-do was asked for on is the only one.
func (w *work) remindable() []crm.Ref {
	progress := w.row.Progress
	if progress.Todo.Tried {
		return []crm.Ref{progress.Todo.Card}
	}
	cards := without(progress.Bound, progress.Skipped)
	if anchor := w.anchor(); anchor != nil {
		cards = without(cards, []crm.Ref{*anchor})
	}
	order := []crm.EntityType{crm.TypeDeal, crm.TypeLead, crm.TypeContact, crm.TypeCompany}
	slices.SortStableFunc(cards, func(a, b crm.Ref) int {
		return slices.Index(order, a.Type) - slices.Index(order, b.Type)
	})
	return cards
}

func (w *work) findOrAddTodo(ctx context.Context, card crm.Ref) (int64, error) {
	todo := &w.row.Progress.Todo
	if todo.Tried {
		id, found, err := w.seek(func() (int64, bool, error) { return w.client.FindTodo(ctx, todo.Card, w.mark()) })
		if err != nil || found {
			return id, err
		}
	} else if err := w.plan(ctx, card); err != nil {
		return 0, err
	}
	title, text := w.Todo(w.portal.Lang, MissedCall{
		Number: w.phone.Pretty(), Customer: w.row.CustomerName, Line: w.lineTitle(), At: w.endedAt().In(w.portal.Zone()),
	})
	asked := b24.Todo{
		Card: card, Deadline: todo.Deadline.In(w.portal.Zone()), Title: title, Text: text + " " + w.mark(), UserID: todo.UserID,
	}
	return bring(w, func() (int64, error) { return w.client.AddTodo(ctx, asked) })
}

// plan is the to-do that is about to be asked for.
func (w *work) plan(ctx context.Context, card crm.Ref) error {
	user, err := w.talked(ctx)
	if err != nil {
		return err
	}
	w.row.Progress.Todo = models.Todo{
		Tried: true, Card: card, UserID: user,
		Deadline: deadline(w.portal.Settings.Missed, w.endedAt(), w.portal.Zone()).UTC(),
	}
	return nil
}

// mark is what a to-do of this call is recognised by. People find the call in
// the log by it.
func (w *work) mark() string { return fmt.Sprintf("(Callwise #%d)", w.row.ID) }

// cardGone reports that the card of a to-do does not exist any more.
//
// https://apidocs.bitrix24.com/api-reference/crm/timeline/activities/todo/crm-activity-todo-add.html
func cardGone(err error) bool {
	return errors.Is(err, b24.OwnerNotFound) || errors.Is(err, b24.NotFound)
}
