package callflow

import (
	"cmp"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"callwise/app/b24"
	"callwise/app/call"
	"callwise/models"
)

// Keys of a call: its events are found under one of these.
func pbxKey(callID string) string      { return "pbx:" + callID }
func bitrix24Key(callID string) string { return "b24:" + callID }
func callbackKey(key string) string    { return "callback:" + key }

// PBXEvent is how an event of the PBX is stored; key is the PBX's id of it.
func PBXEvent(key string, e call.Event) (models.Event, error) {
	payload, err := json.Marshal(e)
	if err != nil {
		return models.Event{}, fmt.Errorf("store event of PBX: %w", err)
	}
	return models.Event{
		Source: models.SourcePBX, EventKey: key, CallKey: pbxKey(e.CallID),
		Type: string(e.Type), Payload: payload, HappenedAt: e.At.UTC(),
	}, nil
}

// CallEvent is how a telephony event of Bitrix24 is stored, and whether it is
// one. Bitrix24 gives events no name: what an event says is its key, so a
// repeated delivery changes nothing.
func CallEvent(e b24.Event) (models.Event, bool, error) {
	var callKey string
	switch e.Name {
	case b24.ExternalCallStart, b24.VoximplantInit, b24.VoximplantStart, b24.VoximplantEnd:
		if e.Data["CALL_ID"] == "" {
			return models.Event{}, false, nil
		}
		callKey = bitrix24Key(e.Data["CALL_ID"])
	case b24.ExternalCallBackStart:
		callKey = callbackKey(e.Key())
	default:
		return models.Event{}, false, nil
	}
	payload, err := json.Marshal(e.Data)
	if err != nil {
		return models.Event{}, false, fmt.Errorf("store event of Bitrix24: %w", err)
	}
	return models.Event{
		Source: models.SourceBitrix24, EventKey: e.Key(), CallKey: callKey,
		Type: e.Name, Payload: payload, HappenedAt: e.At.UTC(),
	}, true, nil
}

// tellAll translates stored events into what happened on the phone line.
func tellAll(events []models.Event) ([]call.Event, error) {
	var told []call.Event
	for _, e := range events {
		one, ok, err := tell(e)
		if err != nil {
			return nil, err
		}
		if ok {
			told = append(told, one)
		}
	}
	return told, nil
}

// tell translates one stored event; an event that says nothing about the phone
// line (an echo of our own registration) is skipped.
func tell(e models.Event) (call.Event, bool, error) {
	if e.Source != models.SourceBitrix24 {
		var told call.Event
		if err := json.Unmarshal(e.Payload, &told); err != nil {
			return call.Event{}, false, fmt.Errorf("event %d: %w", e.ID, err)
		}
		return told, true, nil
	}
	var data map[string]string
	if err := json.Unmarshal(e.Payload, &data); err != nil {
		return call.Event{}, false, fmt.Errorf("event %d: %w", e.ID, err)
	}
	told, ok := tellBitrix24(e.Type, data)
	told.At, told.Phone = e.HappenedAt, models.Cut(told.Phone, maxPhone)
	return told, ok, nil
}

// maxPhone is how many characters of a number Bitrix24 may tell, as many as the PBX:
// calls are found by it, and no database indexes texts of any length.
const maxPhone = 64

func tellBitrix24(name string, data map[string]string) (call.Event, bool) {
	switch name {
	case b24.ExternalCallStart:
		return call.Event{
			Type: call.Started, Direction: call.Outgoing, B24ID: data["CALL_ID"],
			Phone: cmp.Or(data["PHONE_NUMBER_INTERNATIONAL"], data["PHONE_NUMBER"]),
			Line:  data["LINE_NUMBER"],
		}, true
	case b24.ExternalCallBackStart:
		return call.Event{Type: call.Started, Direction: call.Callback, Phone: data["PHONE_NUMBER"], Line: data["LINE_NUMBER"]}, true
	case b24.VoximplantInit:
		return tellInit(data)
	case b24.VoximplantEnd:
		return tellEnd(data)
	}
	return call.Event{}, false
}

// tellInit reads the beginning of a call of Bitrix24's own lines. The client's
// number stands in CALLER_ID of an incoming call and in PHONE_NUMBER of an
// outgoing one; the other field is the portal's own number or line.
//
// https://apidocs.bitrix24.com/api-reference/telephony/voximplant/events/on-voximplant-call-init.html
func tellInit(data map[string]string) (call.Event, bool) {
	if isExternal(data["CALL_ID"]) {
		return call.Event{}, false
	}
	told := call.Event{Type: call.Started, Direction: directionOf(data["CALL_TYPE"]), Line: data["ACCOUNT_SEARCH_ID"]}
	told.Phone = data["CALLER_ID"]
	if dialled(told.Direction) {
		told.Phone = data["PHONE_NUMBER"]
	}
	return told, true
}

// tellEnd reads the end of a call that the app did not register.
//
// https://apidocs.bitrix24.com/api-reference/telephony/voximplant/events/on-voximplant-call-end.html
func tellEnd(data map[string]string) (call.Event, bool) {
	direction := directionOf(data["CALL_TYPE"])
	duration, err := strconv.Atoi(data["CALL_DURATION"])
	if err != nil || duration < 0 {
		duration = 0
	}
	return call.Event{
		Type: call.Ended, Direction: direction, Phone: data["PHONE_NUMBER"], Line: data["PORTAL_NUMBER"],
		Status: statusOf(data["CALL_FAILED_CODE"], direction), Duration: duration,
	}, true
}

// directionOf translates Bitrix24's call types.
//
// https://apidocs.bitrix24.com/api-reference/telephony/telephony-external-call-register.html
func directionOf(callType string) call.Direction {
	switch callType {
	case "1":
		return call.Outgoing
	case "3":
		return call.Redirected
	case "4":
		return call.Callback
	case "5":
		return call.Info
	}
	return call.Incoming
}

// dialled reports a direction in which the portal dials the client.
func dialled(d call.Direction) bool {
	return d == call.Outgoing || d == call.Callback || d == call.Info
}

// isExternal reports an id that Bitrix24 gave to a call of an application.
func isExternal(id string) bool { return strings.HasPrefix(id, "externalCall.") }

// parseID reads an id as events spell it; nothing and nonsense are 0.
func parseID(text string) int64 {
	id, err := strconv.ParseInt(text, 10, 64)
	if err != nil || id < 0 {
		return 0
	}
	return id
}

// isYes reads a flag as events spell it, or once did.
func isYes(text string) bool { return text == "1" || text == "Y" }

// parseTime reads the ISO 8601 times of Bitrix24; one that is unreadable or not of
// this century is zero.
func parseTime(text string) time.Time {
	at, err := time.Parse(time.RFC3339, text)
	if err != nil || !call.Plausible(at) {
		return time.Time{}
	}
	return at.UTC()
}
