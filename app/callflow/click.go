package callflow

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"time"

	"callwise/app/b24"
	"callwise/app/call"
	"callwise/app/crm"
	"callwise/app/rules"
	"callwise/models"
)

// learnCreated takes over what Bitrix24 created by itself for a clicked call,
// before we were told of the call. It does not count for the decision, which is
// about the CRM as it was.
//
// https://apidocs.bitrix24.com/api-reference/telephony/events/on-external-call-start.html
func (w *work) learnCreated(ctx context.Context) error {
	if w.row.Kind != models.KindClick || w.row.DecidedAt != nil || len(w.row.Progress.Created) > 0 {
		return nil
	}
	click, err := w.data(b24.ExternalCallStart)
	if err != nil {
		return err
	}
	created, err := w.made(ctx, createdIn(click))
	if err != nil {
		return err
	}
	w.row.Progress.Created = created
	return w.remember(ctx, created)
}

// endClick ends the click that a call of the PBX turns out to belong to after
// the call was registered on its own: its card would stay open otherwise.
func (w *work) endClick(ctx context.Context) error {
	if !w.call.Ended || w.call.B24ID == "" || w.row.Progress.Leg {
		return nil
	}
	click, err := w.Store.CallByB24(ctx, w.portal.ID, w.call.B24ID)
	if errors.Is(err, models.ErrNotFound) {
		return nil
	}
	if err != nil || click.ID == w.row.ID || click.PBXCallID != nil {
		return err
	}
	return w.say(ctx, click, call.Event{
		Type: call.Ended, At: w.call.EndedAt, Direction: call.Outgoing, Phone: w.call.Phone, Line: w.call.Line,
		Status: w.call.Status, Duration: w.call.Duration, Extension: w.row.Extension,
	})
}

// createdIn reads the fields that say what was created; a portal may leave
// them out.
func createdIn(click map[string]string) []crm.Ref {
	var refs []crm.Ref
	add := func(kind crm.EntityType, known bool, id int64) {
		ref := crm.Ref{Type: kind, ID: id}
		if known && id != 0 && !slices.Contains(refs, ref) {
			refs = append(refs, ref)
		}
	}
	for i := 0; ; i++ {
		prefix := "CRM_CREATED_ENTITIES." + strconv.Itoa(i) + "."
		code, given := click[prefix+"ENTITY_TYPE"]
		if !given {
			break
		}
		kind, known := crm.ParseCode(code)
		add(kind, known, parseID(click[prefix+"ENTITY_ID"]))
	}
	add(crm.TypeLead, true, parseID(click["CRM_CREATED_LEAD"]))
	return refs
}

// madeWithin is how long after the end of a call Bitrix24 may still make something
// for it, by clocks that do not agree to the second.
const madeWithin = time.Minute

// remarkForeign notes that Bitrix24 created something for a call although the
// decision creates nothing. What was made later is not the call's: it may be decided
// days after its end.
func (w *work) remarkForeign() {
	if w.way() != rules.WayClick && w.way() != rules.WayForeign {
		return
	}
	told := len(w.row.Progress.Created) > 0 && w.row.Decision.Create == rules.None
	others := w.row.Records.Without(w.recent...)
	seen := w.row.Decision.Reason == rules.OpenEntity && others.CreatedBetween(w.row.StartedAt.Add(-clockSlack), w.endedAt().Add(madeWithin))
	if told || seen {
		w.remark(rules.PlatformCreated)
	}
}
