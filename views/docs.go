package views

import (
	"net/http"
	"strconv"
)

// A DocsPage explains the PBX API to its developers; nothing on it belongs to a
// portal.
type DocsPage struct {
	Page
	API      string // public address of the API, without a slash at the end
	Statuses []DocsStatus
	Problems []int // HTTP statuses that are answered with a problem
}

// A DocsStatus is a word for the end of a call, and Bitrix24's code for it.
type DocsStatus struct{ Word, Incoming, Outgoing string }

// docsFields are the fields of an event beside those that all have, and the
// types they belong to; a star marks where a field is required.
var docsFields = []struct{ name, in string }{
	{"id", "*"}, {"type", "*"}, {"call", "*"}, {"at", "*"},
	{"direction", "call.started*"},
	{"phone", "call.started"},
	{"line", "call.started"},
	{"extensions", "call.started, call.ringing*"},
	{"bitrix24_call_id", "call.started"},
	{"extension", "call.answered*, call.ended"},
	{"from", "call.transferred"},
	{"to", "call.transferred*"},
	{"status", "call.ended*"},
	{"duration", "call.ended"},
	{"url", "recording.ready*"},
	{"messages", "transcript.ready*"},
}

// docsEvents are the events of the quick start, one request each.
var docsEvents = []struct{ step, json string }{
	{"started", `{"id": "e-1", "type": "call.started", "call": "c-917", "at": "2026-08-21T10:20:30+03:00",
  "direction": "incoming", "phone": "+493012345678", "line": "493099900", "extensions": ["104", "105"]}`},
	{"answered", `{"id": "e-2", "type": "call.answered", "call": "c-917", "at": "2026-08-21T10:20:38+03:00",
  "extension": "104"}`},
	{"ended", `{"id": "e-3", "type": "call.ended", "call": "c-917", "at": "2026-08-21T10:22:13+03:00",
  "extension": "104", "status": "answered", "duration": 95}`},
	{"recording", `{"id": "e-4", "type": "recording.ready", "call": "c-917", "at": "2026-08-21T10:22:40+03:00",
  "url": "https://pbx.example/records/917.mp3"}`},
}

func (p DocsPage) curl(event string) string {
	return "curl " + p.API + "/events \\\n  -H \"Authorization: Bearer $KEY\" \\\n  -H 'Content-Type: application/json' \\\n  -d '" + event + "'"
}

func (p DocsPage) customers() string {
	return "curl '" + p.API + "/customers?phone=%2B493012345678' \\\n  -H \"Authorization: Bearer $KEY\""
}

const docsCustomer = `{"known": true, "name": "Anna Schmidt",
 "entities": [{"type": "contact", "id": 412, "title": "Anna Schmidt"}],
 "responsible": {"user_id": 17, "extension": "104", "on_duty": true}}`

const docsCommand = `POST /your/command/url
content-type: application/json
webhook-id: 7f0c2a1e
webhook-timestamp: 1787300430
webhook-signature: v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=

{"type": "call.originate", "bitrix24_call_id": "externalCall.5b0c1e7a.1787300430",
 "phone": "+493012345678", "dtmf_after_connect": "", "extension": "104", "user_id": 17,
 "line": "493099900", "crm_entity": {"type": "contact", "id": 412}}`

const docsVerify = `KEY=$(printf %s "${SECRET#whsec_}" | base64 -d | od -An -v -tx1 | tr -d ' \n')
printf %s "v1,"
{ printf %s "$ID.$TIMESTAMP."; cat body.json; } |
  openssl dgst -sha256 -mac HMAC -macopt hexkey:$KEY -binary | base64`

func problemTitle(status int) string { return strconv.Itoa(status) + " " + http.StatusText(status) }
