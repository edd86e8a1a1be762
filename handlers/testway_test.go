package handlers

import (
	"testing"
	"time"

	"callwise/app/rules"
	"callwise/models"
	"callwise/views"

	"github.com/google/go-cmp/cmp"
)

func TestAStepThatTakesTooLongIsNamedWithItsCause(t *testing.T) {
	at := time.Date(2026, 3, 4, 13, 5, 9, 0, time.UTC)
	stored := []models.Event{{ID: 1}}
	taken := []models.Event{{ID: 1, DoneAt: &at}}
	for _, tt := range []struct {
		name        string
		call        models.Call
		events      []models.Event
		age         time.Duration
		worker, crm views.TestState
		mend        string
	}{
		{"just sent", models.Call{}, stored, time.Second, views.TestWaiting, views.TestWaiting, ""},
		{"nobody takes it up", models.Call{}, stored, 21 * time.Second, views.TestFailed, views.TestWaiting, ""},
		{"Bitrix24 does not answer", models.Call{}, taken, 21 * time.Second, views.TestFine, views.TestFailed,
			"Bitrix24 has not answered for 20 seconds. Check that your Bitrix24 can be reached from the internet."},
		{"taken up, and Bitrix24 is slow", models.Call{}, taken, time.Second, views.TestFine, views.TestWaiting, ""},
		{"Bitrix24 refuses", models.Call{Attempts: 1, ErrorCode: "ACCESS_DENIED"}, stored, time.Second, views.TestFine, views.TestFailed,
			"Bitrix24 answered ACCESS_DENIED. It is asked again; if it stays so, close the application and open it from Bitrix24."},
	} {
		t.Run(tt.name, func(t *testing.T) {
			way := testWay{v: view{portal: &models.Portal{}}, details: &models.Details{Call: tt.call, Events: tt.events}, age: tt.age}
			got := []any{way.worker().State, way.crm().State, way.crm().Mend}
			if diff := cmp.Diff([]any{tt.worker, tt.crm, tt.mend}, got); diff != "" {
				t.Errorf("steps (-want +got):\n%s", diff)
			}
		})
	}
}

func TestATestCallSaysWhenTheCardIsShown(t *testing.T) {
	employees := map[int64]models.CardTime{17: models.CardNever, 18: ""}
	for _, tt := range []struct {
		card models.CallCard
		user int64
		want string
	}{
		{models.CallCard{}, 17, "Call card: when it rings"},
		{models.CallCard{Employees: employees}, 17, "Call card: never"},
		{models.CallCard{Employees: employees}, 18, "Call card: when it rings"},
		{models.CallCard{When: models.CardOnAnswer, Employees: employees}, 18, "Call card: when it is answered"},
		{models.CallCard{When: models.CardOnAnswer, Employees: employees}, 19, "Call card: when it is answered"},
	} {
		way := testWay{
			v:       view{l: views.ForLang("en"), portal: &models.Portal{Settings: models.Settings{Card: tt.card}}},
			w:       words{employees: map[int64]string{tt.user: "Anna"}},
			details: &models.Details{Call: models.Call{UserID: tt.user, Decision: &rules.Decision{Reason: rules.NewCreated}}},
		}
		if lines := way.sent().Lines; lines[len(lines)-1] != tt.want {
			t.Errorf("%+v says of user %d %q, want %q", tt.card, tt.user, lines, tt.want)
		}
	}
}
