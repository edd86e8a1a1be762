package b24

import (
	"context"
	"strconv"
	"time"
)

// StatisticsPage is how many finished calls a portal tells at a time.
const StatisticsPage = 50

// A StatisticsList is a page of a portal's call statistics.
type StatisticsList struct {
	Ended []EndedCall
	At    time.Time // by the portal's clock; ours if it did not tell
}

// An EndedCall is a finished call in a portal's statistics.
type EndedCall struct {
	ID    int64
	AppID string    // application that registered it, "" for Bitrix24's own lines
	Start time.Time // zero if the portal did not tell
	// End is what ONVOXIMPLANTCALLEND tells of it.
	End map[string]string
}

// Statistics returns the finished calls that were entered after the row with
// an id, at most [StatisticsPage], in the order they were entered. A long call
// is entered after shorter ones that began later, so only ids tell what is new.
// The token's user needs the right to see call statistics.
//
// https://apidocs.bitrix24.com/api-reference/telephony/voximplant/voximplant-statistic-get.html
func (c *Client) Statistics(ctx context.Context, after int64) (StatisticsList, error) {
	return c.statistics(ctx, Params{"FILTER": Params{">ID": strconv.FormatInt(after, 10)}, "SORT": "ID", "ORDER": "ASC"})
}

// NewestStatistic is the id of the call that was entered last into the
// statistics, 0 if there is none.
func (c *Client) NewestStatistic(ctx context.Context) (int64, error) {
	list, err := c.statistics(ctx, Params{"FILTER": Params{">ID": "0"}, "SORT": "ID", "ORDER": "DESC"})
	newest := int64(0)
	for _, e := range list.Ended {
		newest = max(newest, e.ID)
	}
	return newest, err
}

const methodStatistics = "voximplant.statistic.get"

func (c *Client) statistics(ctx context.Context, params Params) (StatisticsList, error) {
	got, err := c.call(ctx, methodStatistics, params, AsAdmin(), Repeatable())
	if err != nil {
		return StatisticsList{}, err
	}
	var rows List[map[string]Text]
	if err := decode(methodStatistics, got.Result, &rows); err != nil {
		return StatisticsList{}, err
	}
	list := StatisticsList{At: got.Time.at(c.app.now())}
	for _, row := range rows {
		list.Ended = append(list.Ended, endedCall(row))
	}
	return list, nil
}

// endNames are the fields of END that the statistics have under the same name.
var endNames = []string{
	"CALL_ID", "CALL_TYPE", "PHONE_NUMBER", "PORTAL_NUMBER", "PORTAL_USER_ID", "CALL_DURATION", "CALL_START_DATE",
	"COST", "COST_CURRENCY", "CALL_FAILED_CODE", "CALL_FAILED_REASON", "CRM_ACTIVITY_ID",
}

func endedCall(row map[string]Text) EndedCall {
	id, _ := strconv.ParseInt(string(row["ID"]), 10, 64)
	start, _ := time.Parse(time.RFC3339, string(row["CALL_START_DATE"]))
	ended := EndedCall{ID: id, AppID: string(row["REST_APP_ID"]), Start: start, End: map[string]string{}}
	if ended.AppID == "0" {
		ended.AppID = ""
	}
	for _, name := range endNames {
		ended.End[name] = string(row[name])
	}
	return ended
}
