package b24

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"callwise/app/crm"
)

const (
	methodFinish       = "telephony.externalCall.finish"
	methodBind         = "crm.activity.binding.add"
	methodUnbind       = "crm.activity.binding.delete"
	methodListBindings = "crm.activity.binding.list"
)

// A CallFinish is a call that ended.
type CallFinish struct {
	CallID   string
	UserID   int64 // employee who talked, or should have
	Duration int   // seconds of talk, without ringing
	Status   StatusCode
}

// A FinishedCall is what the portal made of a call that ended.
type FinishedCall struct {
	StatisticID int64
	ActivityID  int64    // call activity, 0 when there was nothing to attach it to
	AppID       string   // our id among the portal's applications
	Primary     *crm.Ref // object of the call, nil for none
	// ActivityError is the portal's text when it made no activity, which is
	// expected when there is nothing to attach one to. It may quote a name.
	ActivityError string
	// Earlier reports that the call had been finished before, and the answer
	// is taken from the portal's statistics.
	Earlier bool
	Bound   Bound
}

// Bound is what an activity is attached to.
type Bound struct {
	// Refs are all objects the activity is attached to as far as the portal
	// shows them, what Bitrix24 attached by itself included.
	Refs []crm.Ref
	// Skipped were wanted and do not exist any more.
	Skipped []crm.Ref
	// Failed were wanted and refused.
	Failed []BindFailure
}

// A BindFailure is an object that an activity could not be attached to.
type BindFailure struct {
	Ref crm.Ref
	Err error
}

// FinishCall ends a call, closes its card and attaches its activity to the
// objects in bind, in one request for up to 48 of them. It may be repeated: a
// call that is finished already is looked up and the attaching is done again,
// which does no harm. An object that cannot be attached is no error of the
// call; it stands in the answer. After an error the answer holds what is known.
//
// https://apidocs.bitrix24.com/api-reference/telephony/telephony-external-call-finish.html
func (c *Client) FinishCall(ctx context.Context, f CallFinish, bind []crm.Ref) (FinishedCall, error) {
	now, later := bind, []crm.Ref(nil)
	if len(bind) > maxCommands-2 {
		now, later = bind[:maxCommands-2], bind[maxCommands-2:]
	}
	batch := Batch{}
	batch.Add("fin", methodFinish, Params{
		"CALL_ID": f.CallID, "USER_ID": f.UserID, "DURATION": f.Duration,
		"STATUS_CODE": string(f.Status), "ADD_TO_CHAT": 0,
	})
	activity := Ref("fin", "CRM_ACTIVITY_ID")
	addBindings(&batch, activity, now)
	batch.Add("list", methodListBindings, Params{"activityId": activity})
	answers, err := c.Batch(ctx, batch)
	if err != nil {
		return FinishedCall{}, err
	}
	var got finishAnswer
	err = answers.Decode("fin", &got)
	if says(err, "call is not found") {
		return c.finishedBefore(ctx, f.CallID, bind, err)
	}
	if err != nil {
		return FinishedCall{}, err
	}
	finished := got.finished()
	if finished.ActivityID == 0 {
		return finished, nil
	}
	var open []crm.Ref
	finished.Bound, open = readBindings(answers, now)
	if open = append(open, later...); len(open) == 0 {
		return finished, nil
	}
	err = c.bindMore(ctx, &finished, open)
	return finished, err
}

type finishAnswer struct {
	ID         ID        `json:"ID"`
	ActivityID ID        `json:"CRM_ACTIVITY_ID"`
	AppID      Text      `json:"REST_APP_ID"`
	EntityType Text      `json:"CRM_ENTITY_TYPE"`
	EntityID   ID        `json:"CRM_ENTITY_ID"`
	Errors     Map[Text] `json:"ERRORS"`
}

func (a finishAnswer) finished() FinishedCall {
	return FinishedCall{
		StatisticID: int64(a.ID), ActivityID: int64(a.ActivityID), AppID: string(a.AppID),
		Primary: refOf(string(a.EntityType), int64(a.EntityID)), ActivityError: string(a.Errors["ACTIVITY_CREATION"]),
	}
}

// finishedBefore completes a finish whose answer was lost: Bitrix24 does not
// know a finished call any more, but its statistics do.
func (c *Client) finishedBefore(ctx context.Context, callID string, bind []crm.Ref, notFound error) (FinishedCall, error) {
	row, ok, err := c.Statistic(ctx, callID)
	if err != nil {
		return FinishedCall{}, err
	}
	if !ok {
		return FinishedCall{}, notFound
	}
	finished := FinishedCall{
		StatisticID: row.ID, ActivityID: row.ActivityID, AppID: row.AppID, Primary: row.Primary, Earlier: true,
	}
	if row.ActivityID == 0 {
		return finished, nil
	}
	finished.Bound, err = c.Bind(ctx, row.ActivityID, bind)
	return finished, err
}

// bindMore attaches what did not fit into the first batch, or what the portal
// did not understand there.
func (c *Client) bindMore(ctx context.Context, finished *FinishedCall, refs []crm.Ref) error {
	more, err := c.Bind(ctx, finished.ActivityID, refs)
	finished.Bound = finished.Bound.and(more)
	return err
}

// Bind attaches an activity to objects and returns what it is attached to. It
// may be repeated, and is to be after an error: an object that does not take
// the activity now ends it. One request for up to 49 objects.
//
// https://apidocs.bitrix24.com/api-reference/crm/timeline/activities/binding/crm-activity-binding-add.html
func (c *Client) Bind(ctx context.Context, activityID int64, refs []crm.Ref) (Bound, error) {
	var bound Bound
	for chunk := range slices.Chunk(refs, maxCommands-1) {
		batch := Batch{}
		addBindings(&batch, activityID, chunk)
		batch.Add("list", methodListBindings, Params{"activityId": activityID})
		answers, err := c.Batch(ctx, batch)
		if err != nil {
			return bound, err
		}
		part, open := readBindings(answers, chunk)
		for i, ref := range chunk {
			if !slices.Contains(open, ref) {
				continue
			}
			err := answers.Decode(bindKey(i), nil)
			if _, passes := Retry(err); passes {
				return bound.and(part), err
			}
			part.Failed = append(part.Failed, BindFailure{ref, err})
		}
		bound = bound.and(part)
	}
	if len(refs) > 0 {
		return bound, nil
	}
	var err error
	bound.Refs, err = c.Bindings(ctx, activityID)
	return bound, err
}

func addBindings(batch *Batch, activity any, refs []crm.Ref) {
	for i, ref := range refs {
		batch.Add(bindKey(i), methodBind, Params{"activityId": activity, "entityTypeId": int(ref.Type), "entityId": ref.ID})
	}
}

func bindKey(i int) string { return fmt.Sprintf("b%d", i) }

// readBindings sorts the outcomes of attaching refs. What was refused for
// another reason than the object itself is left open: the portal may not have
// understood which activity was meant.
func readBindings(answers Answers, refs []crm.Ref) (bound Bound, open []crm.Ref) {
	for i, ref := range refs {
		err := answers.Decode(bindKey(i), nil)
		switch {
		case err == nil, errors.Is(err, ActivityAlreadyBound):
			bound.Refs = append(bound.Refs, ref)
		case errors.Is(err, OwnerNotFound):
			bound.Skipped = append(bound.Skipped, ref)
		case errors.Is(err, AccessDenied):
			bound.Failed = append(bound.Failed, BindFailure{ref, err})
		default:
			open = append(open, ref)
		}
	}
	// The list shows only what the token's user may see, and Bitrix24 attached
	// something by itself: neither source is complete.
	var rows List[bindingRow]
	if answers.Decode("list", &rows) == nil {
		bound.Refs = union(bound.Refs, refsOf(rows))
	}
	return bound, open
}

type bindingRow struct {
	Type ID `json:"entityTypeId"`
	ID   ID `json:"entityId"`
}

// refsOf leaves out objects of kinds that are none of ours, such as orders.
func refsOf(rows []bindingRow) []crm.Ref {
	var refs []crm.Ref
	for _, row := range rows {
		if row.Type >= ID(crm.TypeLead) && row.Type <= ID(crm.TypeCompany) && row.ID > 0 {
			refs = append(refs, crm.Ref{Type: crm.EntityType(row.Type), ID: int64(row.ID)})
		}
	}
	return refs
}

func (b Bound) and(more Bound) Bound {
	return Bound{
		Refs:    union(b.Refs, more.Refs),
		Skipped: union(b.Skipped, more.Skipped),
		Failed:  slices.Concat(b.Failed, more.Failed),
	}
}

func union(a, b []crm.Ref) []crm.Ref {
	for _, ref := range b {
		if !slices.Contains(a, ref) {
			a = append(a, ref)
		}
	}
	return a
}

// Unbind detaches an activity from an object; one that is not attached is no
// error. The last object of an activity cannot be detached: LastBinding.
//
// https://apidocs.bitrix24.com/api-reference/crm/timeline/activities/binding/crm-activity-binding-delete.html
func (c *Client) Unbind(ctx context.Context, activityID int64, ref crm.Ref) error {
	err := c.Call(ctx, methodUnbind, Params{
		"activityId": activityID, "entityTypeId": int(ref.Type), "entityId": ref.ID,
	}, nil, Repeatable())
	if errors.Is(err, BindingNotFound) {
		return nil
	}
	return err
}

// Bindings returns what an activity is attached to, as far as the token's user
// may see it.
//
// https://apidocs.bitrix24.com/api-reference/crm/timeline/activities/binding/crm-activity-binding-list.html
func (c *Client) Bindings(ctx context.Context, activityID int64) ([]crm.Ref, error) {
	rows, err := invoke[List[bindingRow]](ctx, c, methodListBindings, Params{"activityId": activityID}, Repeatable())
	return refsOf(rows), err
}
