package callflow

import (
	"testing"

	"callwise/app/b24"
	"callwise/app/call"
)

func TestEveryWayACallEndsHasItsCodeInBitrix24(t *testing.T) {
	tests := []struct {
		status             call.Status
		incoming, outgoing b24.StatusCode
	}{
		{call.StatusAnswered, b24.Succeeded, b24.Succeeded},
		{call.StatusMissed, b24.Missed, b24.Cancelled},
		{call.StatusDeclined, b24.Declined, b24.Declined},
		{call.StatusCancelled, b24.Missed, b24.Cancelled},
		{call.StatusBusy, b24.Missed, b24.Busy},
		{call.StatusNoAnswer, b24.Missed, b24.NoAnswer},
		{call.StatusInvalidNumber, b24.WrongNumber, b24.WrongNumber},
		{call.StatusUnavailable, b24.Missed, b24.NoAnswer},
		{call.StatusNoFunds, b24.NoFunds, b24.NoFunds},
		{call.StatusBlocked, b24.Blocked, b24.Blocked},
		{call.StatusFailed, b24.Unavailable, b24.Unavailable},
		{"", b24.UndefinedCode, b24.UndefinedCode},
	}
	for _, tt := range tests {
		if got := statusCode(call.Call{Direction: call.Incoming, Status: tt.status}); got != tt.incoming {
			t.Errorf("incoming %q = %q, want %q", tt.status, got, tt.incoming)
		}
		if got := statusCode(call.Call{Direction: call.Outgoing, Status: tt.status}); got != tt.outgoing {
			t.Errorf("outgoing %q = %q, want %q", tt.status, got, tt.outgoing)
		}
	}
}

func TestEveryCodeOfBitrix24IsAWayACallEnds(t *testing.T) {
	tests := []struct {
		code      b24.StatusCode
		direction call.Direction
		want      call.Status
	}{
		{b24.Succeeded, call.Incoming, call.StatusAnswered},
		{b24.Missed, call.Incoming, call.StatusMissed},
		{b24.Declined, call.Incoming, call.StatusDeclined},
		{b24.Cancelled, call.Outgoing, call.StatusCancelled},
		{b24.Busy, call.Outgoing, call.StatusBusy},
		{b24.WrongNumber, call.Outgoing, call.StatusInvalidNumber},
		{b24.NoFunds, call.Outgoing, call.StatusNoFunds},
		{b24.Blocked, call.Incoming, call.StatusBlocked},
		{b24.Forbidden, call.Incoming, call.StatusBlocked},
		{b24.NoAnswer, call.Outgoing, call.StatusNoAnswer},
		{b24.NoAnswer, call.Incoming, call.StatusUnavailable},
		{b24.Unavailable, call.Outgoing, call.StatusFailed},
		{b24.NoDirection, call.Outgoing, call.StatusFailed},
		{"anything", call.Outgoing, call.StatusFailed},
	}
	for _, tt := range tests {
		if got := statusOf(string(tt.code), tt.direction); got != tt.want {
			t.Errorf("%q, %s = %q, want %q", tt.code, tt.direction, got, tt.want)
		}
	}
}
