package b24

import (
	"context"

	"callwise/app/crm"
)

// A CallFinish is a call that ended.
type CallFinish struct {
	CallID    string
	UserID    int64 // employee who talked, or should have
	Duration  int   // seconds of talk, without ringing
	Status    StatusCode
	AddToChat bool // post to the employee's chat
}

// A FinishedCall is what the portal made of a call that ended.
type FinishedCall struct {
	StatisticID int64
	ActivityID  int64    // call activity, 0 when there was nothing to attach it to
	AppID       string   // our id among the portal's applications
	Primary     *crm.Ref // object of the call, nil for none
	// NoActivity reports that the portal said it made no activity: expected
	// when there is nothing to attach one to.
	NoActivity bool
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
	// Failed were wanted and refused, or not tried.
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
// call; it stands in the answer.
//
// https://apidocs.bitrix24.com/api-reference/telephony/telephony-external-call-finish.html
func (c *Client) FinishCall(ctx context.Context, f CallFinish, bind []crm.Ref) (FinishedCall, error) {
	return FinishedCall{}, nil
}

// Bind attaches an activity to objects and returns what it is attached to. It
// may be repeated. One request for up to 49 objects.
//
// https://apidocs.bitrix24.com/api-reference/crm/timeline/activities/binding/crm-activity-binding-add.html
func (c *Client) Bind(ctx context.Context, activityID int64, refs []crm.Ref) (Bound, error) {
	return Bound{}, nil
}

// Unbind detaches an activity from an object; one that is not attached is no
// error. The last object of an activity cannot be detached.
//
// https://apidocs.bitrix24.com/api-reference/crm/timeline/activities/binding/crm-activity-binding-delete.html
func (c *Client) Unbind(ctx context.Context, activityID int64, ref crm.Ref) error {
	return nil
}

// Bindings returns what an activity is attached to, as far as the token's user
// may see it.
//
// https://apidocs.bitrix24.com/api-reference/crm/timeline/activities/binding/crm-activity-binding-list.html
func (c *Client) Bindings(ctx context.Context, activityID int64) ([]crm.Ref, error) {
	return nil, nil
}
