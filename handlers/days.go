package handlers

import "time"

// dayBegins is the first moment of a day in a zone; days that a month does not
// have overflow, as those of [time.Date] do. Where the clocks change at midnight
// it is not 00:00, or the first of two.
func dayBegins(year int, month time.Month, day int, zone *time.Location) time.Time {
	midnight := time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
	shown := func(day int) time.Time { // when clocks that stay as at noon of a day show it
		_, east := time.Date(year, month, day, 12, 0, 0, 0, zone).Zone()
		return midnight.Add(-time.Duration(east) * time.Second).In(zone)
	}
	first, second := shown(day-1), shown(day)
	if second.Before(first) {
		first, second = second, first
	}
	if first.Day() == midnight.Day() {
		return first
	}
	return second
}

// calendarDay is the day that clocks show at a moment, free of any zone: as
// midnight in UTC, days can be counted on from it.
func calendarDay(at time.Time) time.Time {
	y, m, d := at.Date()
	return time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
}
