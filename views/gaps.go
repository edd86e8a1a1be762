package views

import "time"

// A Gap is a time in which calls did not reach us.
type Gap struct {
	When      string // "Today, 09:10–09:42"
	Missing   int    // not recovered yet
	Recovered int
}

// Gaps are what an administrator is told of calls that are missing in the log.
type Gaps struct {
	List  []Gap
	Click bool // a click recovers what is missing; else it is recovered by itself
	Old   bool // only what began long ago waits for the click
}

// missing reports that some are not recovered yet.
func (g Gaps) missing() bool {
	for _, gap := range g.List {
		if gap.Missing > 0 {
			return true
		}
	}
	return false
}

func (g Gaps) tone() string {
	if g.missing() {
		return "warning"
	}
	return "info"
}

func (g Gaps) icon() string {
	if g.missing() {
		return "triangle-alert"
	}
	return "circle-check"
}

// Span says from when to when, as people in zone read it: the day once.
func (l Localizer) Span(from, to, now time.Time, zone *time.Location) string {
	if zone == nil {
		zone = time.UTC
	}
	from, to, now = from.In(zone), to.In(zone), now.In(zone)
	if from.Format(time.DateOnly) != to.Format(time.DateOnly) {
		return l.Moment(from, now, zone).Text + " – " + l.Moment(to, now, zone).Text
	}
	clock := from.Format("15:04")
	if end := to.Format("15:04"); end != clock {
		clock += "–" + end
	}
	return l.T(dayKey(from, now), "Time", clock, "Day", from.Day(), "Month", l.month("short", from), "Year", from.Year())
}
