package callflow

import (
	"slices"
	"strconv"
	"time"

	"callwise/models"
)

// maxWorkdays bounds the search for working time: a week's minutes at one a day.
const maxWorkdays = 7*7*24*60 + 7

// deadline is when a missed call that ended at end is to be answered: so many
// minutes later, of which only working time counts if that is wished. Working
// time is what the clocks of the portal's zone show, whatever they are moved.
func deadline(m models.MissedCalls, end time.Time, zone *time.Location) time.Time {
	left := time.Duration(m.Deadline) * time.Minute
	if !m.WorkingHours {
		return end.Add(left)
	}
	local := end.In(zone)
	for i := range maxWorkdays {
		noon := time.Date(local.Year(), local.Month(), local.Day()+i, 12, 0, 0, 0, zone)
		from, to := opening(m, noon)
		if from.Before(end) {
			from = end
		}
		if !workday(m, noon) || !from.Before(to) {
			continue
		}
		if open := to.Sub(from); left > open {
			left -= open
			continue
		}
		return from.Add(left).In(zone)
	}
	return end.Add(left) // no working time at all
}

// workday reports a day on which there is working time; Monday is "1".
func workday(m models.MissedCalls, day time.Time) bool {
	return slices.Contains(m.Days, strconv.Itoa((int(day.Weekday())+6)%7+1))
}

// opening is the working time of a day.
func opening(m models.MissedCalls, day time.Time) (from, to time.Time) {
	return clockOn(day, m.From), clockOn(day, m.To)
}

// clockOn is when the clocks show a time ("09:00") on a day; the day's first
// moment if they leave it out at midnight. One that cannot be read is midnight;
// the settings hold none.
func clockOn(day time.Time, clock string) time.Time {
	at, err := time.Parse("15:04", clock)
	if err != nil {
		at = time.Time{}
	}
	shown := time.Date(day.Year(), day.Month(), day.Day(), at.Hour(), at.Minute(), 0, 0, day.Location())
	if shown.Day() != day.Day() {
		_, shown = shown.ZoneBounds()
	}
	return shown
}
