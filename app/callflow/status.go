package callflow

import (
	"slices"

	"callwise/app/b24"
	"callwise/app/call"
)

// statusCode is what finish is told. Only 304 on an incoming call counts as
// missed in Bitrix24, so a caller nobody answered gets 304 whatever the PBX
// calls the reason.
//
// https://apidocs.bitrix24.com/api-reference/telephony/telephony-external-call-finish.html
func statusCode(c call.Call) b24.StatusCode {
	if c.Answered() {
		return b24.Succeeded
	}
	if !dialled(c.Direction) {
		return incomingCode(c.Status)
	}
	switch c.Status {
	case call.StatusCancelled, call.StatusMissed:
		return b24.Cancelled
	case call.StatusNoAnswer, call.StatusUnavailable:
		return b24.NoAnswer
	}
	return sharedCode(c.Status)
}

func incomingCode(s call.Status) b24.StatusCode {
	if slices.Contains(call.MissedStatuses, s) {
		return b24.Missed
	}
	return sharedCode(s)
}

func sharedCode(s call.Status) b24.StatusCode {
	switch s {
	case call.StatusDeclined:
		return b24.Declined
	case call.StatusBusy:
		return b24.Busy
	case call.StatusInvalidNumber:
		return b24.WrongNumber
	case call.StatusNoFunds:
		return b24.NoFunds
	case call.StatusBlocked:
		return b24.Blocked
	case call.StatusFailed:
		return b24.Unavailable
	}
	return b24.UndefinedCode
}

// statusOf translates the code of a finished call that Bitrix24 reports.
func statusOf(code string, d call.Direction) call.Status {
	switch b24.StatusCode(code) {
	case b24.Succeeded:
		return call.StatusAnswered
	case b24.Missed:
		return call.StatusMissed
	case b24.Declined:
		return call.StatusDeclined
	case b24.Cancelled:
		return call.StatusCancelled
	case b24.Busy:
		return call.StatusBusy
	case b24.WrongNumber:
		return call.StatusInvalidNumber
	case b24.NoFunds:
		return call.StatusNoFunds
	case b24.Blocked, b24.Forbidden:
		return call.StatusBlocked
	case b24.NoAnswer:
		if dialled(d) {
			return call.StatusNoAnswer
		}
		return call.StatusUnavailable
	}
	return call.StatusFailed
}

// CodeOf is the status code of Bitrix24 for a call that ended with s.
func CodeOf(s call.Status, d call.Direction) string {
	return string(statusCode(call.Call{Status: s, Direction: d}))
}
