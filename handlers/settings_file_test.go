package handlers

import (
	"testing"

	"callwise/models"

	"github.com/google/go-cmp/cmp"
)

func TestEverySettingThatNamesAnEmployeeIsLookedAtInAFile(t *testing.T) {
	for _, tt := range []struct {
		change models.SettingChange
		want   []string
	}{
		{models.SettingChange{Path: "callbacks/duty", From: "17", To: "17\n4711"}, []string{"17", "4711"}},
		{models.SettingChange{Path: "alerts/users", From: "17", To: "17\n4711"}, []string{"17", "4711"}},
		{models.SettingChange{Path: "extensions/104", To: "4711"}, []string{"4711"}},
		{models.SettingChange{Path: "lines/22/responsible", To: "4711"}, []string{"4711"}},
		{models.SettingChange{Path: "lines/22/name", To: "4711"}, nil},
		{models.SettingChange{Path: "responsible/created/employee", To: "4711"}, []string{"4711"}},
		{models.SettingChange{Path: "responsible/missed/fallback", To: "4711"}, []string{"4711"}},
		{models.SettingChange{Path: "responsible/missed/who", To: "employee"}, nil},
		{models.SettingChange{Path: "card/employees/4711", To: "never"}, []string{"4711"}},
		{models.SettingChange{Path: "card/employees/4711", From: "never"}, nil},
		{models.SettingChange{Path: "missed/deadline", To: "4711"}, nil},
	} {
		if diff := cmp.Diff(tt.want, employeesIn(tt.change)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.change.Path, diff)
		}
	}
}
