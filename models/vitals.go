package models

import (
	"cmp"
	"context"
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

// A Pulse counts calls that began in the last two hours and that somebody told us
// of, and all that began in the same two hours of each of the last four weeks, by the
// portal's clock.
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

// windows are the ends of the two hours of this week and of those before.
type windows [weeksBack + 1]time.Time

// sameHours are the same hours by the clocks of a zone: they are others of the
// day in UTC when a change to or from summer time lies between.
func sameHours(now time.Time, zone *time.Location) windows {
	ends := windows{Stored(now)} // not by the clock: an hour may come twice
	for week := 1; week < len(ends); week++ {
		ends[week] = Stored(now.In(zone).AddDate(0, 0, -7*week))
	}
	return ends
}

// inUse are the portals that are active or not reachable.
const inUse = "status IN ('active', 'reauth', 'suspended')"

// Vitals returns those of the next portals after an id that are in use, active
// or not reachable; none means that there are no more.
func (s *Store) Vitals(ctx context.Context, after int64) ([]Vitals, error) {
	var page []portalRow
	err := s.with(ctx).Select("id", "time_zone").Where("id > ? AND "+inUse, after).Order("id").Limit(vitalsPage).Find(&page).Error
	if err != nil {
		return nil, err
	}
	now, zones := s.now(), map[string]windows{}
	alike := map[windows][]int64{}
	for _, p := range page {
		ends, known := zones[p.TimeZone]
		if !known {
			ends = sameHours(now, p.Zone())
			zones[p.TimeZone] = ends
		}
		alike[ends] = append(alike[ends], p.ID)
	}
	var all []Vitals
	for ends, portalIDs := range alike {
		if all, err = s.addVitals(ctx, all, portalIDs, ends); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(all, func(a, b Vitals) int { return cmp.Compare(a.PortalID, b.PortalID) })
	return all, nil
}

// addVitals adds those of portals whose weeks are compared in the same windows.
func (s *Store) addVitals(ctx context.Context, all []Vitals, portalIDs []int64, ends windows) ([]Vitals, error) {
	var columns []string
	var values []any
	count := func(sql string, more ...any) {
		columns, values = append(columns, "(SELECT count(*) FROM "+sql+")"), append(values, more...)
	}
	count("tokens t WHERE t.portal_id = p.id AND t.dead_code = '' AND t.kind <> 'system'")
	count("tokens t WHERE t.portal_id = p.id AND t.dead_code = ''")
	for _, kinds := range []string{"'pbx'", "'click', 'callback', 'builtin', 'other'"} {
		of := realCalls + " AND kind IN (" + kinds + ") AND started_at >= ? AND started_at < ?"
		count(of+" AND "+told, ends[0].Add(-SilenceWindow), ends[0])
		for _, until := range ends[1:] {
			count(of, until.Add(-SilenceWindow), until)
		}
	}
	hour := ends[0].Add(-TroubleWindow)
	count("calls WHERE portal_id = p.id AND started_at >= ?", hour)
	count("calls WHERE portal_id = p.id AND started_at >= ? AND result IN ('failed', 'retrying')", hour)
	rows, err := s.with(ctx).Raw("SELECT p.id, p.status, p.status_code, "+strings.Join(columns, ", ")+
		" FROM portals p WHERE p.id IN ? AND "+inUse, append(values, portalIDs)...).Rows()
	if err != nil {
		return nil, err
	}
	defer rows.Close()
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

// told holds for those of them that we do not only have from the statistics.
const told = "NOT (kind IN ('builtin', 'other')" +
	" AND EXISTS (SELECT 1 FROM missing_calls m WHERE m.portal_id = p.id AND m.call_key = calls.call_key AND m.recovered <> 0)" +
	" AND NOT EXISTS (SELECT 1 FROM events e WHERE e.portal_id = p.id AND e.call_key = calls.call_key AND e.event_key NOT LIKE '" + RecoveredPrefix + "%'))"

func (p *Pulse) places() []any {
	places := []any{&p.Now}
	for i := range p.Before {
		places = append(places, &p.Before[i])
	}
	return places
}
