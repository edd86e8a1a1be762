package callflow

import (
	"testing"
	"time"

	"callwise/models"
)

func TestANightShiftBeginsWithTheDayWhereClocksChangeAtMidnight(t *testing.T) {
	santiago, err := time.LoadLocation("America/Santiago")
	if err != nil {
		t.Fatal(err)
	}
	night := models.MissedCalls{WorkingHours: true, Days: []string{"7"}, From: "00:00", To: "06:00", Deadline: 60}
	end := time.Date(2026, 9, 5, 12, 0, 0, 0, santiago) // the clocks leave the hour from 00:00 out that night
	if got, want := deadline(night, end, santiago), time.Date(2026, 9, 6, 2, 0, 0, 0, santiago); !got.Equal(want) {
		t.Errorf("deadline = %v, want %v", got, want)
	}
}

func TestADeadlineCountsTheTimeThatPeopleWork(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	office := models.MissedCalls{WorkingHours: true, Days: []string{"1", "2", "3", "4", "5"}, From: "09:00", To: "18:00"}
	night := models.MissedCalls{WorkingHours: true, Days: []string{"7"}, From: "01:00", To: "05:00"}
	lateShift := models.MissedCalls{WorkingHours: true, Days: []string{"3"}, From: "17:30", To: "18:00"}
	for _, test := range []struct {
		name     string
		settings models.MissedCalls
		minutes  int
		end      string
		want     string
	}{
		{"at any time", models.MissedCalls{}, 30, "2026-08-22 23:50", "2026-08-23 00:20"},
		{"within a day", office, 30, "2026-08-21 10:20", "2026-08-21 10:50"},
		{"before opening", office, 30, "2026-08-21 07:00", "2026-08-21 09:30"},
		{"at opening", office, 30, "2026-08-21 09:00", "2026-08-21 09:30"},
		{"until closing", office, 30, "2026-08-20 17:30", "2026-08-20 18:00"},
		{"over night", office, 30, "2026-08-20 17:45", "2026-08-21 09:15"},
		{"at closing", office, 30, "2026-08-20 18:00", "2026-08-21 09:30"},
		{"after closing", office, 30, "2026-08-20 22:00", "2026-08-21 09:30"},
		{"after closing on Friday", office, 30, "2026-08-21 18:30", "2026-08-24 09:30"},
		{"on Saturday", office, 30, "2026-08-22 11:00", "2026-08-24 09:30"},
		{"over a weekend", office, 60, "2026-08-21 17:30", "2026-08-24 09:30"},
		{"several days", office, 3 * 9 * 60, "2026-08-20 12:00", "2026-08-25 12:00"},
		{"over the change to summer time", office, 60, "2026-03-27 17:30", "2026-03-30 09:30"},
		{"over the change to winter time", office, 60, "2026-10-23 17:30", "2026-10-26 09:30"},
		{"an hour that the clocks leave out does not count", night, 180, "2026-03-28 12:00", "2026-03-29 05:00"},
		{"an hour that they show twice counts twice", night, 300, "2026-10-24 12:00", "2026-10-25 05:00"},
		{"week after week", lateShift, 75, "2026-08-19 17:45", "2026-09-02 18:00"},
		{"no working day", models.MissedCalls{WorkingHours: true, From: "09:00", To: "18:00"}, 30, "2026-08-22 11:00", "2026-08-22 11:30"},
	} {
		t.Run(test.name, func(t *testing.T) {
			end, err := time.ParseInLocation("2006-01-02 15:04", test.end, berlin)
			if err != nil {
				t.Fatal(err)
			}
			test.settings.Deadline = test.minutes
			got := deadline(test.settings, end.UTC(), berlin).In(berlin).Format("2006-01-02 15:04")
			if got != test.want {
				t.Errorf("deadline = %s, want %s", got, test.want)
			}
		})
	}
}
