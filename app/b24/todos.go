package b24

import (
	"context"
	"errors"
	"strings"
	"time"

	"callwise/app/crm"
)

// A Todo is something that an employee is to do about an object of the CRM.
type Todo struct {
	Card     crm.Ref
	Deadline time.Time
	Title    string
	Text     string
	UserID   int64 // who is to do it
}

// AddTodo puts a to-do on a card and returns its id. After an [Unsure] error
// look with [Client.FindTodo] before repeating. OwnerNotFound means that the
// card is gone.
//
// https://apidocs.bitrix24.com/api-reference/crm/timeline/activities/todo/crm-activity-todo-add.html
func (c *Client) AddTodo(ctx context.Context, t Todo) (int64, error) {
	const method = "crm.activity.todo.add"
	answer, err := invoke[struct {
		ID ID `json:"id"`
	}](ctx, c, method, Params{
		"ownerTypeId": int(t.Card.Type), "ownerId": t.Card.ID, "deadline": t.Deadline.Format(time.RFC3339),
		"title": t.Title, "description": t.Text, "responsibleId": t.UserID,
	}, slow())
	return newID(method, answer.ID, err)
}

// FindTodo finds, among the newest activities of a card, the one whose text
// contains mark.
//
// https://apidocs.bitrix24.com/api-reference/crm/timeline/activities/activity-base/crm-activity-list.html
func (c *Client) FindTodo(ctx context.Context, card crm.Ref, mark string) (int64, bool, error) {
	rows, err := invoke[List[struct {
		ID   ID   `json:"ID"`
		Text Text `json:"DESCRIPTION"`
	}]](ctx, c, "crm.activity.list", Params{
		"filter": Params{"OWNER_TYPE_ID": int(card.Type), "OWNER_ID": card.ID},
		"select": []string{"ID", "DESCRIPTION"}, "order": Params{"ID": "DESC"},
	}, Repeatable())
	if err != nil {
		return 0, false, err
	}
	for _, row := range rows {
		if mark != "" && strings.Contains(string(row.Text), mark) {
			return int64(row.ID), true, nil
		}
	}
	return 0, false, nil
}

// Assign makes a user responsible for objects, at most 50, in one request. It
// may be repeated. Objects that are gone are passed over; of several refusals
// one that passes by waiting is told first.
//
// https://apidocs.bitrix24.com/api-reference/crm/universal/crm-item-update.html
func (c *Client) Assign(ctx context.Context, refs []crm.Ref, userID int64) error {
	batch := Batch{}
	for i, ref := range refs {
		batch.Add(bindKey(i), "crm.item.update", Params{
			"entityTypeId": int(ref.Type), "id": ref.ID, "fields": Params{"assignedById": userID},
		})
	}
	answers, err := c.Batch(ctx, batch, Repeatable())
	if err != nil {
		return err
	}
	var refused error
	for i := range refs {
		err := answers.Decode(bindKey(i), nil)
		if _, passes := Retry(err); passes {
			return err
		}
		if err != nil && !errors.Is(err, NotFound) && refused == nil {
			refused = err
		}
	}
	return refused
}
