package b24

import (
	"context"
	"time"

	"callwise/app/call"
	"callwise/app/crm"
)

// A CallActivity is a call written into the CRM by us, for the case that the
// telephony made no activity. It has no player and is not in the statistics.
type CallActivity struct {
	Owner         crm.Ref
	Subject       string
	Direction     call.Direction
	Phone         string
	Client        crm.Ref // contact, company or lead that was talked to; zero means Owner
	ResponsibleID int64
	StartedAt     time.Time
	EndedAt       time.Time
	Completed     bool // false shows the call as missed
	OriginID      string
}

// AddCallActivity writes a call into the CRM and returns the activity's id. A
// repetition writes a second one.
//
// https://apidocs.bitrix24.com/api-reference/crm/timeline/activities/activity-base/crm-activity-add.html
func (c *Client) AddCallActivity(ctx context.Context, a CallActivity) (int64, error) {
	client := a.Client
	if client.ID == 0 {
		client = a.Owner
	}
	completed := "N"
	if a.Completed {
		completed = "Y"
	}
	fields := Params{
		"OWNER_TYPE_ID": int(a.Owner.Type), "OWNER_ID": a.Owner.ID,
		"TYPE_ID": 2, "SUBJECT": a.Subject, "DIRECTION": activityDirection(a.Direction), "COMPLETED": completed,
		"RESPONSIBLE_ID": a.ResponsibleID,
		"START_TIME":     a.StartedAt.Format(time.RFC3339), "END_TIME": a.EndedAt.Format(time.RFC3339),
		"COMMUNICATIONS": []Params{{
			"VALUE": a.Phone, "TYPE": "PHONE", "ENTITY_TYPE_ID": int(client.Type), "ENTITY_ID": client.ID,
		}},
		"ORIGINATOR_ID": Originator,
	}
	set(fields, "ORIGIN_ID", a.OriginID)
	return c.add(ctx, "crm.activity.add", fields)
}

// FindCallActivity finds the activity that [Client.AddCallActivity] wrote with
// an OriginID.
//
// https://apidocs.bitrix24.com/api-reference/crm/timeline/activities/activity-base/crm-activity-list.html
func (c *Client) FindCallActivity(ctx context.Context, originID string) (int64, bool, error) {
	rows, err := invoke[List[struct {
		ID       ID   `json:"ID"`
		OriginID Text `json:"ORIGIN_ID"`
	}]](ctx, c, "crm.activity.list", Params{
		"filter": Params{"ORIGINATOR_ID": Originator, "ORIGIN_ID": originID},
		"select": []string{"ID", "ORIGIN_ID"}, "order": Params{"ID": "ASC"},
	}, Repeatable())
	if err != nil {
		return 0, false, err
	}
	for _, row := range rows {
		if string(row.OriginID) == originID && originID != "" {
			return int64(row.ID), true, nil
		}
	}
	return 0, false, nil
}

// activityDirection counts the other way round than the TYPE of a call.
func activityDirection(d call.Direction) int {
	switch d {
	case call.Outgoing, call.Callback, call.Info:
		return 2
	}
	return 1
}

// AttachTranscript adds what was said to a finished call and returns the
// transcript's id. A repetition adds it again.
//
// https://apidocs.bitrix24.com/api-reference/telephony/telephony-call-attach-transcription.html
func (c *Client) AttachTranscript(ctx context.Context, callID string, messages []call.Message) (int64, error) {
	lines := make([]Params, len(messages))
	for i, m := range messages {
		side := "Client"
		if m.Side == call.User {
			side = "User"
		}
		lines[i] = Params{
			"SIDE": side, "START_TIME": max(m.Start, 0), "STOP_TIME": max(m.Stop, m.Start, 1), "MESSAGE": m.Text,
		}
	}
	answer, err := invoke[struct {
		ID ID `json:"TRANSCRIPT_ID"`
	}](ctx, c, "telephony.call.attachTranscription", Params{"CALL_ID": callID, "MESSAGES": lines})
	return int64(answer.ID), err
}
