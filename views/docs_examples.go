package views

import "strings"

// The examples of the page for PBX developers. Tests send each of them to the
// program, or receive each of them from it.

const docsFirst = `{"id": "first-1", "type": "call.started", "call": "first",
  "at": "2026-08-21T10:20:30+03:00", "direction": "incoming",
  "phone": "+493012345678", "line": "493099900", "extensions": ["104", "105"]}`

const docsRest = `[{"id": "first-2", "type": "call.answered", "call": "first",
  "at": "2026-08-21T10:20:38+03:00", "extension": "104"},
 {"id": "first-3", "type": "call.ended", "call": "first",
  "at": "2026-08-21T10:22:13+03:00", "extension": "104", "status": "answered", "duration": 95}]`

// docsEvents are the events of one call, in order.
var docsEvents = []struct{ name, json string }{
	{"call.started", `{"id": "e-1", "type": "call.started", "call": "c-917",
 "at": "2026-08-21T10:20:30+03:00", "direction": "incoming",
 "phone": "+493012345678", "line": "493099900", "extensions": ["104", "105"]}`},
	{"call.ringing", `{"id": "e-2", "type": "call.ringing", "call": "c-917",
 "at": "2026-08-21T10:20:45+03:00", "extensions": ["106"]}`},
	{"call.answered", `{"id": "e-3", "type": "call.answered", "call": "c-917",
 "at": "2026-08-21T10:20:52+03:00", "extension": "106"}`},
	{"call.transferred", `{"id": "e-4", "type": "call.transferred", "call": "c-917",
 "at": "2026-08-21T10:21:30+03:00", "from": "106", "to": "104"}`},
	{"call.ended", `{"id": "e-5", "type": "call.ended", "call": "c-917",
 "at": "2026-08-21T10:22:32+03:00", "extension": "104", "status": "answered", "duration": 100}`},
	{"recording.ready", `{"id": "e-6", "type": "recording.ready", "call": "c-917",
 "at": "2026-08-21T10:22:40+03:00", "url": "https://pbx.example/records/917.mp3"}`},
	{"transcript.ready", `{"id": "e-7", "type": "transcript.ready", "call": "c-917",
 "at": "2026-08-21T10:23:05+03:00", "messages": [
  {"side": "user", "start": 0, "stop": 3, "text": "Good morning, how can I help?"},
  {"side": "client", "start": 4, "stop": 9, "text": "I should like an offer for my roof."}]}`},
}

const docsAlone = `{"id": "s-1", "type": "call.ended", "call": "c-918",
 "at": "2026-08-21T11:05:10+03:00", "direction": "outgoing",
 "phone": "+493012345679", "line": "493099900", "extension": "105",
 "status": "busy", "duration": 0}`

// docsSituations are told in words only.
var docsSituations = []string{"menu", "group", "queue", "blind", "asked", "legs", "late", "alone"}

const docsStored = `{"accepted":1,"duplicates":0}`

const docsPut = `{"size":731904,"type":"audio/mpeg"}`

const docsCustomer = `{"known": true, "name": "Anna Schmidt",
 "entities": [{"type": "contact", "id": 412, "title": "Anna Schmidt"}],
 "responsible": {"user_id": 17, "extension": "104", "on_duty": true}}`

const docsWrong = `{"type":"about:blank","title":"Unprocessable Entity","status":422,"detail":"is required","pointer":"/0/status"}`

// What is signed in the worked example.
const (
	docsSecret    = "whsec_YW4gZXhhbXBsZSwgbm90IGEgc2VjcmV0IGF0IGFsbCE="
	docsCommandID = "cmd_1_42"
	docsSentAt    = "1787300430"
	docsSignature = "v1,MlbXrUAs+AT1+Q6Jjj2Bma+0ydlte6cVg3B5AmFbWT4="
	docsOriginate = `{"type":"call.originate","bitrix24_call_id":"externalCall.5b0c1e7a.1787300430","phone":"+493012345678",` +
		`"dtmf_after_connect":"","extension":"104","user_id":17,"line":"493099900","crm_entity":{"type":"contact","id":412}}`
	docsCallback = `{"type":"callback.originate","command_id":"callback:5d41402abc4b2a76","phone":"+493012345678",` +
		`"extension":"104","announce":"Anna Schmidt asks for a call about her order.","line":"493099900"}`
)

// docsCommand is a command as it arrives.
func docsCommand() string {
	return strings.Join([]string{
		"POST /callwise/commands HTTP/1.1", "Content-Type: application/json", "Webhook-Id: " + docsCommandID,
		"Webhook-Timestamp: " + docsSentAt, "Webhook-Signature: " + docsSignature, "", docsOriginate,
	}, "\n")
}

// docsVerify checks that command, whichever of the secrets signed it.
func docsVerify() string {
	return "SECRET='" + docsSecret + "'\nID='" + docsCommandID + "'\nTIMESTAMP='" + docsSentAt + "'\nSIGNATURES='" + docsSignature + "'\n" +
		"BODY='" + docsOriginate + "'\n" + `
HEX=$(printf %s "${SECRET#whsec_}" | base64 -d | od -An -v -tx1 | tr -d ' \n')
EXPECTED="v1,$(printf %s "$ID.$TIMESTAMP.$BODY" |
  openssl dgst -sha256 -mac HMAC -macopt "hexkey:$HEX" -binary | base64)"
case " $SIGNATURES " in *" $EXPECTED "*) echo genuine ;; *) echo forged ;; esac`
}
