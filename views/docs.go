package views

import (
	"context"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/a-h/templ"
)

// A DocsPage explains the PBX API to its developers; nothing on it belongs to a
// portal.
type DocsPage struct {
	L        Localizer
	Host     string // public address of the program, without a slash at the end
	API      string // public address of the API, likewise
	Statuses []DocsStatus
	Problems []int // HTTP statuses that are answered with a problem
}

// A DocsStatus is a word for the end of a call, and Bitrix24's code for it.
type DocsStatus struct{ Word, Incoming, Outgoing string }

// docsParts are the sections in order: their ids, which are their titles' keys.
var docsParts = []string{
	"start", "play", "life", "events", "situations", "fields", "statuses",
	"recordings", "transcripts", "customers", "commands", "verify", "errors", "limits",
}

// docsFields are the fields of an event and the types they belong to; a star
// marks where a field is required, or alone, that it always is.
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

var (
	docsRules  = []string{"repeat", "order", "alone", "open"}
	docsLimits = []string{"body", "rate", "ids", "extensions", "messages", "events", "uploads", "customers", "commands", "call"}
)

const docsKey = " \\\n  -H \"Authorization: Bearer $KEY\""

func (p DocsPage) report(events string) string {
	return "curl " + p.API + "/events" + docsKey + " \\\n  -H 'Content-Type: application/json' \\\n  -d '" + events + "'"
}

func (p DocsPage) customers() string {
	return "curl '" + p.API + "/customers?phone=%2B493012345678'" + docsKey
}

func (p DocsPage) upload() string {
	return "curl -T 917.mp3 " + p.API + "/calls/c-917/recording" + docsKey
}

func (p DocsPage) play() string {
	return "CALLWISE_PBX_KEY=$KEY callwise play -url " + p.Host + " -scenario ring-group"
}

func problemTitle(status int) string { return strconv.Itoa(status) + " " + http.StatusText(status) }

// prose is a text in which words between grave accents are code.
func prose(text string) templ.Component {
	var html strings.Builder
	for i, part := range strings.Split(text, "`") {
		part = templ.EscapeString(part)
		if i%2 == 1 {
			part = "<code>" + part + "</code>"
		}
		html.WriteString(part)
	}
	return templ.ComponentFunc(func(_ context.Context, w io.Writer) error {
		_, err := io.WriteString(w, html.String())
		return err
	})
}
