package b24

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/url"
	"time"
)

// Names of events as they arrive.
//
// https://apidocs.bitrix24.com/api-reference/telephony/events/index.html
const (
	AppInstall            = "ONAPPINSTALL"
	AppUserReady          = "ONAPPUSERREADY"
	AppUpdate             = "ONAPPUPDATE"
	AppUninstall          = "ONAPPUNINSTALL"
	AppPayment            = "ONAPPPAYMENT"
	ExternalCallStart     = "ONEXTERNALCALLSTART"
	ExternalCallBackStart = "ONEXTERNALCALLBACKSTART"
	VoximplantInit        = "ONVOXIMPLANTCALLINIT"
	VoximplantStart       = "ONVOXIMPLANTCALLSTART"
	VoximplantEnd         = "ONVOXIMPLANTCALLEND"
)

// An Event is something a portal says happened. Nothing in it can be trusted
// before [Event.SentBy] has proven where it comes from.
type Event struct {
	Name             string // upper case
	HandlerID        string
	At               time.Time // when it was sent; zero when missing
	MemberID         string
	ApplicationToken string
	Endpoint         string // client_endpoint, unproven
	ServerEndpoint   string // server_endpoint, unproven; see [App.AuthHost]
	Domain           string
	Scope            []string
	Status           string            // the application's status letter
	Token            *Token            // pair in auth; nil for none, often without a refresh token
	Data             map[string]string // flattened: "CALL_ID", "FIELDS.ID"
	// System is the pair of the application's system user, which
	// ONAPPUSERREADY brings in its data; nil otherwise. Data does not hold
	// its tokens.
	System *Token
}

// SentBy reports whether the event carries the portal's application token, in
// constant time. An empty token matches nobody.
func (e Event) SentBy(token string) bool {
	given, want := sha256.Sum256([]byte(e.ApplicationToken)), sha256.Sum256([]byte(token))
	return subtle.ConstantTimeCompare(given[:], want[:]) == 1 && token != ""
}

// Key names the event for telling a repetition: the same event sent twice has
// the same key.
func (e Event) Key() string { return "" }

// ParseEvent reads what a portal posts to a handler. It returns ErrMalformed
// for what is no event or larger than one may be.
//
// https://apidocs.bitrix24.com/api-reference/events/index.html
func ParseEvent(form url.Values) (Event, error) { return Event{}, nil }
