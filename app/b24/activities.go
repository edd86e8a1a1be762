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
	Description   string
	Direction     call.Direction
	Phone         string
	Client        crm.Ref // contact, company or lead that was talked to; zero means Owner
	ResponsibleID int64
	StartedAt     time.Time
	EndedAt       time.Time
	Completed     bool // false shows the call as missed
	OriginID      string
}

// AddCallActivity writes a call into the CRM and returns the activity's id.
//
// https://apidocs.bitrix24.com/api-reference/crm/timeline/activities/activity-base/crm-activity-add.html
func (c *Client) AddCallActivity(ctx context.Context, a CallActivity) (int64, error) { return 0, nil }
