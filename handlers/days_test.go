package handlers

import (
	"testing"
	"time"

	"callwise/views"

	"github.com/google/go-cmp/cmp"
)

func in(t *testing.T, zone string) *time.Location {
	t.Helper()
	place, err := time.LoadLocation(zone)
	if err != nil {
		t.Fatal(err)
	}
	return place
}

func TestADayBeginsWhereTheOneBeforeEnds(t *testing.T) {
	for _, name := range []string{
		"America/Santiago", "America/Havana", "Africa/Cairo", "Asia/Beirut", "Atlantic/Azores", "America/Nuuk", // around midnight
		"Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC",
	} {
		t.Run(name, func(t *testing.T) {
			zone := in(t, name)
			for i := range 366 {
				day := time.Date(2026, 1, 1+i, 0, 0, 0, 0, time.UTC)
				at := dayBegins(2026, 1, 1+i, zone)
				if calendarDay(at) != day || calendarDay(at.Add(-1)) != day.AddDate(0, 0, -1) {
					t.Errorf("%s begins %s", day.Format(time.DateOnly), at)
				}
			}
		})
	}
}

func TestPeriodsAndBarsAreWholeDaysWhereClocksChangeAtMidnight(t *testing.T) {
	zone := in(t, "America/Santiago")
	first, next := time.Date(2026, 9, 6, 4, 0, 0, 0, time.UTC), time.Date(2026, 9, 7, 3, 0, 0, 0, time.UTC)
	for name, values := range map[string]views.FilterValues{
		"yesterday": {Period: "yesterday"}, "from a day to a day": {Period: "custom", From: "2026-09-06", To: "2026-09-06"},
	} {
		if from, to := period(values, next.Add(time.Hour), zone); !from.Equal(first) || !to.Equal(next) {
			t.Errorf("%s: from %v to %v", name, from, to)
		}
	}
	var days []string
	for _, day := range overviewBounds(first.In(zone), time.Time{}, first.AddDate(0, 0, 3).In(zone)) {
		days = append(days, day.Format(time.DateOnly))
	}
	if diff := cmp.Diff([]string{"2026-09-06", "2026-09-07", "2026-09-08", "2026-09-09", "2026-09-10"}, days); diff != "" {
		t.Errorf("days (-want +got):\n%s", diff)
	}
	month := overviewBounds(time.Time{}, time.Time{}, time.Date(2026, 9, 15, 12, 0, 0, 0, zone))
	if len(month) != 31 || month[30].Day() != 16 {
		t.Errorf("%d bounds, the last %v", len(month), month[len(month)-1])
	}
}
