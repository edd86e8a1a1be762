package models

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// vitalsPage is how many portals [Store.Vitals] looks at at a time.
const vitalsPage = 200

// Windows of what is counted.
const (
	SilenceWindow = 2 * time.Hour // in which usually something comes
	TroubleWindow = time.Hour     // whose calls are looked at for failures
	weeksBack     = 4
)

// Vitals are what is counted of a portal to see whether it is well.
type Vitals struct {
	PortalID   int64
	Status     PortalStatus
	StatusCode string
	// People and Live are live pairs of tokens: of people, and all of them.
	People, Live int
	// PBX and Bitrix24 are the calls that either reported.
	PBX, Bitrix24 Pulse
	// Recent are the calls of the last hour, Trouble those of them that failed
	// or are to be repeated.
	Recent, Trouble int
}

// A Pulse counts calls that began in the last two hours, and in the same two
// hours of each of the last four weeks.
type Pulse struct {
	Now    int
	Before [weeksBack]int
}

// Usual is how many calls come at this time of the week: what three of the last
// four weeks had at least, so that one holiday does not count.
func (p Pulse) Usual() int {
	sorted := slices.Sorted(slices.Values(p.Before[:]))
	return sorted[1]
}

// Vitals returns those of the next portals after an id that are in use, active
// or not reachable; none means that there are no more.
func (s *Store) Vitals(ctx context.Context, after int64) ([]Vitals, error) {
	now := s.now()
	var columns []string
	var values []any
	count := func(sql string, more ...any) {
		columns, values = append(columns, "(SELECT count(*) FROM "+sql+")"), append(values, more...)
	}
	count("tokens t WHERE t.portal_id = p.id AND t.dead_code = '' AND t.kind <> 'system'")
	count("tokens t WHERE t.portal_id = p.id AND t.dead_code = ''")
	for _, kinds := range []string{"'pbx'", "'click', 'callback', 'builtin', 'other'"} {
		for week := range weeksBack + 1 {
			until := now.AddDate(0, 0, -7*week)
			count(realCalls+" AND kind IN ("+kinds+") AND started_at >= ? AND started_at < ?", until.Add(-SilenceWindow), until)
		}
	}
	hour := now.Add(-TroubleWindow)
	count("calls WHERE portal_id = p.id AND started_at >= ?", hour)
	count("calls WHERE portal_id = p.id AND started_at >= ? AND result IN ('failed', 'retrying')", hour)
	rows, err := s.with(ctx).Raw(fmt.Sprintf(`SELECT p.id, p.status, p.status_code, %s FROM portals p
		WHERE p.id > ? AND p.status IN ('active', 'reauth', 'suspended') ORDER BY p.id LIMIT ?`, strings.Join(columns, ", ")),
		append(values, after, vitalsPage)...).Rows()
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []Vitals
	for rows.Next() {
		var v Vitals
		places := append([]any{&v.PortalID, &v.Status, &v.StatusCode, &v.People, &v.Live}, v.PBX.places()...)
		places = append(append(places, v.Bitrix24.places()...), &v.Recent, &v.Trouble)
		if err := rows.Scan(places...); err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	return all, rows.Err()
}

// realCalls are the calls of a portal p but those that an administrator made up,
// as the index calls_kind has them.
const realCalls = "calls WHERE portal_id = p.id AND call_key NOT LIKE 'test:%'"

func (p *Pulse) places() []any {
	places := []any{&p.Now}
	for i := range p.Before {
		places = append(places, &p.Before[i])
	}
	return places
}
