package modelstest

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"callwise/models"

	"gorm.io/gorm"
)

// A Log is a call log to be made: calls of a portal, spread evenly over the
// days before a time.
type Log struct {
	PortalID int64
	Calls    int
	To       time.Time
	Days     int
}

// Fill makes a log by one statement. What the calls are is the same mix for
// any number of them: each part of the mix is drawn by a prime of its own.
func Fill(t testing.TB, s *models.Store, log Log) {
	t.Helper()
	step := float64(log.Days) * 86400 / float64(log.Calls)
	err := s.Transaction(t.Context(), func(tx *gorm.DB) error {
		return tx.Exec(strings.ReplaceAll(fillStatement(tx.Name()), "{rare}", strconv.Itoa(max(12, log.Calls/10))), map[string]any{
			"portal": log.PortalID, "calls": log.Calls, "step": step, "to": log.To.UTC(), "first": log.To.UTC().Unix(),
		}).Error
	})
	if err != nil {
		t.Fatal(err)
	}
}

func fillStatement(dialect string) string {
	if dialect == "postgres" {
		return strings.NewReplacer(
			"{numbers}", "generate_series(1, CAST(@calls AS bigint)) AS numbers(n)",
			"{at}", "CAST(@to AS timestamptz) - n * CAST(@step AS double precision) * interval '1 second'",
			"{portal}", "CAST(@portal AS bigint)",
			"{json}", "json", "{nl}", "chr(10)").Replace(fill)
	}
	return "WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < @calls)\n" + strings.NewReplacer(
		"{numbers}", "numbers",
		"{at}", "strftime('%Y-%m-%d %H:%M:%f', @first - n * @step, 'unixepoch') || '+00:00'",
		"{portal}", "@portal",
		"{json}", "text", "{nl}", "char(10)").Replace(fill)
}

// fill is the mix. Of 100 calls 70 come in, 28 go out, one is internal and one
// a callback; 25 are missed. Half a percent failed and a third of a percent
// wait; of 1000 calls 8 have nobody's extension. A reason, an employee and a
// name stand in ten calls, however many there are.
const fill = `INSERT INTO calls (portal_id, kind, call_key, direction, phone, phone_key, customer_name, line, user_id, extension,
    started_at, duration, status, state, decision, progress, reason, result, attention, search, created_at, updated_at)
SELECT {portal}, 'pbx', 'fill:' || n, direction, '+4930' || number, '+4930' || number, name, '493055500' || (n % 7), user_id, extension,
    at, CASE WHEN status = 'answered' THEN n % 600 ELSE 0 END, status,
    CASE WHEN result = 'failed' THEN 'failed' ELSE 'finished' END,
    CAST('{"create":"none","reason":"' || reason || '","log_to":[{"type":"contact","id":' || n || '}],"notes":[]}' AS {json}),
    CAST('{"register":{"tried":true,"call_id":"externalCall.' || n || '"},"finish":{"done":true},"recording":{},"bound":[{"type":"contact","id":' || n || '}],"steps":[{"name":"register","at":"2026-03-04T13:05:09Z"},{"name":"finish","at":"2026-03-04T13:05:09Z"}]}' AS {json}),
    reason, result,
    CASE WHEN result = 'failed' THEN 'failed' WHEN user_id = 0 AND extension <> '' THEN 'unmapped' WHEN n % 251 = 0 THEN 'partial' ELSE '' END,
    lower(name) || {nl} || '4930' || number, at, at
FROM (
    SELECT n, {at} AS at,
        CASE WHEN n % 101 < 70 THEN 'incoming' WHEN n % 101 < 99 THEN 'outgoing' WHEN n % 101 < 100 THEN 'internal' ELSE 'callback' END AS direction,
        CASE WHEN n % 4 = 0 THEN 'missed' ELSE 'answered' END AS status,
        CASE WHEN n % 199 = 0 THEN 'failed' WHEN n % 307 = 0 THEN 'retrying' WHEN n % 7 < 2 THEN 'created' WHEN n % 7 < 5 THEN 'added' WHEN n % 11 = 0 THEN 'ignored' ELSE 'nothing' END AS result,
        CASE WHEN n % {rare} = 7 THEN 'REPEAT_OUT_LEAD_TO_CONTACT' WHEN n % 11 = 0 THEN 'EXCLUDED_NUMBER' WHEN n % 13 < 5 THEN 'OPEN_ENTITY' WHEN n % 13 < 9 THEN 'NEW_CREATED' ELSE 'REPEAT_CONTACT' END AS reason,
        CASE WHEN n % 127 = 0 THEN 0 WHEN n % {rare} = 9 THEN 999 ELSE 1 + n % 53 END AS user_id,
        CASE WHEN n % 127 = 0 THEN '199' ELSE CAST(101 + n % 53 AS varchar(10)) END AS extension,
        CAST(1000000 + n % 99991 AS varchar(10)) AS number,
        'Customer ' || (n % 99991) || CASE WHEN n % {rare} = 11 THEN ' Rarely' WHEN n % 97 = 0 THEN ' Sometimes' ELSE ' Often' END AS name
    FROM {numbers}
) AS mix`
