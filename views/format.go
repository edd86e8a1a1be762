package views

import (
	"fmt"
	"strings"
	"time"
)

// A Moment is a point in time, ready to be read. The zero value is none.
type Moment struct {
	Text    string // short: "Today, 14:05", "4 Mar, 14:05"
	Full    string // "4 March 2026, 14:05:09"
	Machine string // RFC 3339, for the datetime attribute
}

// Moment formats t as people in zone read it at the time now. A zero t is none.
func (l Localizer) Moment(t, now time.Time, zone *time.Location) Moment {
	if t.IsZero() {
		return Moment{}
	}
	if zone == nil {
		zone = time.UTC
	}
	t, now = t.In(zone), now.In(zone)
	return Moment{
		Text:    l.T(dayKey(t, now), "Time", t.Format("15:04"), "Day", t.Day(), "Month", l.month("short", t), "Year", t.Year()),
		Full:    l.T("time.full", "Time", t.Format("15:04:05"), "Day", t.Day(), "Month", l.month("long", t), "Year", t.Year()),
		Machine: t.Format(time.RFC3339),
	}
}

// Instant formats t to the second, with milliseconds where seconds are too
// coarse to tell two moments apart (the timeline and the REST log).
func (l Localizer) Instant(t time.Time, zone *time.Location) Moment {
	if t.IsZero() {
		return Moment{}
	}
	m := l.Moment(t, t, zone)
	if zone == nil {
		zone = time.UTC
	}
	m.Text = t.In(zone).Format("15:04:05.000")
	return m
}

func (l Localizer) month(form string, t time.Time) string {
	return l.T(fmt.Sprintf("month.%s.%d", form, t.Month()))
}

func dayKey(t, now time.Time) string {
	switch day := now.YearDay(); {
	case t.Year() == now.Year() && t.YearDay() == day:
		return "time.today"
	case t.Format(time.DateOnly) == dayBefore(now).Format(time.DateOnly):
		return "time.yesterday"
	case t.Year() == now.Year():
		return "time.day"
	default:
		return "time.year"
	}
}

// dayBefore is noon of the day before: in some zones the clocks leave out an hour
// at midnight.
func dayBefore(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day()-1, 12, 0, 0, 0, t.Location())
}

// Duration formats a length of talk: "1:05", "1:02:03". Nothing for none.
func (l Localizer) Duration(d time.Duration) string {
	s := int(d / time.Second)
	switch {
	case s <= 0:
		return ""
	case s < 3600:
		return fmt.Sprintf("%d:%02d", s/60, s%60)
	default:
		return fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
	}
}

// Took formats how long a request took: "85 ms", "1.2 s", "1,2 с".
func (l Localizer) Took(d time.Duration) string {
	if d < time.Second {
		return l.T("time.ms", "N", d.Milliseconds())
	}
	seconds := fmt.Sprintf("%.1f", d.Seconds())
	return l.T("time.s", "N", strings.Replace(seconds, ".", l.T("number.decimal"), 1))
}

// Late says how much later than it happened an event arrived; nothing under a second.
func (l Localizer) Late(happened, arrived time.Time) string {
	late := arrived.Sub(happened)
	if happened.IsZero() || late < time.Second {
		return ""
	}
	if late < time.Minute {
		return l.N("time.late.seconds", int(late/time.Second))
	}
	if late < time.Hour {
		return l.N("time.late.minutes", int(late/time.Minute))
	}
	return l.N("time.late.hours", int(late/time.Hour))
}
