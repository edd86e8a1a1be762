package callflow

import (
	"testing"

	"callwise/app/b24"
	"callwise/app/call"

	"github.com/google/go-cmp/cmp"
)

// The data are the examples of bitrix24-telephony-crm.md, 2.2 to 2.4.
func TestWhatBitrix24ReportsIsToldInWordsOfThePhoneLine(t *testing.T) {
	tests := []struct {
		name  string
		event string
		data  map[string]string
		want  call.Event
		told  bool
	}{
		{
			name: "a click", event: b24.ExternalCallStart,
			data: map[string]string{
				"PHONE_NUMBER": "8 903 555-11-22", "PHONE_NUMBER_INTERNATIONAL": "+79035551122", "USER_ID": "17",
				"LINE_NUMBER": "74951230000", "CALL_ID": "externalCall.8a30.1787300099",
			},
			want: call.Event{Type: call.Started, Direction: call.Outgoing, Phone: "+79035551122", Line: "74951230000", B24ID: "externalCall.8a30.1787300099"},
			told: true,
		},
		{
			name: "a callback", event: b24.ExternalCallBackStart,
			data: map[string]string{"PHONE_NUMBER": "+79035551122", "TEXT": "A call back was requested", "LINE_NUMBER": "74951230000"},
			want: call.Event{Type: call.Started, Direction: call.Callback, Phone: "+79035551122", Line: "74951230000"},
			told: true,
		},
		{
			name: "an incoming call of a rented number: the client is CALLER_ID", event: b24.VoximplantInit,
			data: map[string]string{"CALL_ID": "6F10.1787300200.1004711", "CALL_TYPE": "2", "ACCOUNT_SEARCH_ID": "74951230000", "PHONE_NUMBER": "74951230000", "CALLER_ID": "+79035551122"},
			want: call.Event{Type: call.Started, Direction: call.Incoming, Phone: "+79035551122", Line: "74951230000"},
			told: true,
		},
		{
			name: "an outgoing call of a rented number: the client is PHONE_NUMBER", event: b24.VoximplantInit,
			data: map[string]string{"CALL_ID": "6F10.1787300200.1004711", "CALL_TYPE": "1", "ACCOUNT_SEARCH_ID": "reg12", "PHONE_NUMBER": "+79035551122", "CALLER_ID": "reg12"},
			want: call.Event{Type: call.Started, Direction: call.Outgoing, Phone: "+79035551122", Line: "reg12"},
			told: true,
		},
		{
			name: "an application's INIT tells nothing: it may be our own echo", event: b24.VoximplantInit,
			data: map[string]string{"CALL_ID": "externalCall.5b0c.1787300010", "CALL_TYPE": "2", "CALLER_ID": "+79035551122", "REST_APP_ID": "3"},
		},
		{
			name: "a START tells nothing", event: b24.VoximplantStart,
			data: map[string]string{"CALL_ID": "externalCall.5b0c.1787300010", "USER_ID": "17"},
		},
		{
			name: "the end of a call", event: b24.VoximplantEnd,
			data: map[string]string{
				"CALL_ID": "6F10.1787300200.1004711", "CALL_TYPE": "2", "PHONE_NUMBER": "+79035551122", "PORTAL_NUMBER": "74951230000",
				"CALL_DURATION": "95", "CALL_FAILED_CODE": "200", "CRM_ACTIVITY_ID": "7943",
			},
			want: call.Event{Type: call.Ended, Direction: call.Incoming, Phone: "+79035551122", Line: "74951230000", Status: call.StatusAnswered, Duration: 95},
			told: true,
		},
		{
			name: "an end with nonsense in it", event: b24.VoximplantEnd,
			data: map[string]string{"CALL_ID": "6F10", "CALL_TYPE": "1", "CALL_DURATION": "-5", "CALL_FAILED_CODE": "603-S"},
			want: call.Event{Type: call.Ended, Direction: call.Outgoing, Status: call.StatusCancelled},
			told: true,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, told := tellBitrix24(tt.event, tt.data)
			if told != tt.told {
				t.Fatalf("told = %v", told)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("event (-want +got):\n%s", diff)
			}
		})
	}
}
