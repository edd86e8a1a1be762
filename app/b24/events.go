package b24

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"callwise/app/call"

	"golang.org/x/oauth2"
)

// Names of events as they arrive.
//
// https://apidocs.bitrix24.com/api-reference/telephony/events/index.html
// https://apidocs.bitrix24.com/api-reference/common/events/index.html
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
	Data             map[string]string // flattened: "CALL_ID", "FIELDS.ID"; without tokens
	// System is the pair of the application's system user, which
	// ONAPPUSERREADY brings in its data; nil otherwise.
	System *Token
}

// SentBy reports whether the event carries the portal's application token, in
// constant time. An empty token matches nobody.
//
// https://apidocs.bitrix24.com/api-reference/events/safe-event-handlers.html
func (e Event) SentBy(token string) bool {
	given, want := sha256.Sum256([]byte(e.ApplicationToken)), sha256.Sum256([]byte(token))
	return subtle.ConstantTimeCompare(given[:], want[:]) == 1 && token != ""
}

// Key names the event for telling a repetition, as Bitrix24 does not: the same
// event sent twice has the same key.
func (e Event) Key() string {
	hash := sha256.New()
	write := func(text string) { hash.Write([]byte(strconv.Itoa(len(text)) + ":" + text)) }
	write(e.MemberID)
	write(e.Name)
	write(strconv.FormatInt(e.At.Unix(), 10))
	for _, name := range slices.Sorted(maps.Keys(e.Data)) {
		write(name)
		write(e.Data[name])
	}
	return hex.EncodeToString(hash.Sum(nil))
}

// Bounds of what is read from an event: anybody can post one.
const (
	maxPairs = 500
	maxKey   = 256
	maxDepth = 6
	maxWord  = 255 // of names and ids
)

// ParseEvent reads what a portal posts to a handler. It returns ErrMalformed
// for what is no event or larger than one may be.
//
// https://apidocs.bitrix24.com/api-reference/events/index.html
func ParseEvent(form url.Values) (Event, error) {
	fields, err := unbracket(form)
	if err != nil {
		return Event{}, err
	}
	auth := below(fields, "auth.")
	e := Event{
		Name: strings.ToUpper(fields["event"]), HandlerID: fields["event_handler_id"], At: unix(fields["ts"]),
		MemberID: auth["member_id"], ApplicationToken: auth["application_token"],
		Endpoint: auth["client_endpoint"], ServerEndpoint: auth["server_endpoint"], Domain: auth["domain"],
		Scope: scopeList(auth["scope"]), Status: auth["status"], Data: below(fields, "data."),
	}
	if e.Name == "" || e.MemberID == "" || max(len(e.Name), len(e.MemberID), len(e.HandlerID), len(e.Data["CALL_ID"])) > maxWord {
		return Event{}, ErrMalformed
	}
	e.Token = tokenIn(auth, e.At)
	if e.Name == AppUserReady {
		if e.System = tokenIn(e.Data, e.At); e.System != nil {
			e.System.Kind = SystemToken
		}
	}
	maps.DeleteFunc(e.Data, func(name, _ string) bool { return slices.Contains(secret, strings.ToLower(name)) })
	return e, nil
}

// unbracket flattens the keys of a form as PHP writes them: data[FIELDS][ID]
// becomes data.FIELDS.ID. Of a repeated key the last value counts.
func unbracket(form url.Values) (map[string]string, error) {
	fields, pairs := make(map[string]string, len(form)), 0
	for key, values := range form {
		pairs += len(values)
		if pairs > maxPairs || len(key) > maxKey {
			return nil, ErrMalformed
		}
		path, ok := bracketPath(key)
		if !ok {
			return nil, ErrMalformed
		}
		if len(values) > 0 {
			fields[strings.Join(path, ".")] = clean(values[len(values)-1])
		}
	}
	return fields, nil
}

// bracketPath splits a[b][c] into a, b, c.
func bracketPath(key string) ([]string, bool) {
	name, rest, nested := strings.Cut(key, "[")
	path := []string{clean(name)}
	for nested {
		part, after, closed := strings.Cut(rest, "]")
		if !closed || strings.Contains(part, "[") || len(path) == maxDepth {
			return nil, false
		}
		path = append(path, clean(part))
		if after == "" {
			return path, name != ""
		}
		if after[0] != '[' {
			return nil, false
		}
		rest = after[1:]
	}
	return path, name != ""
}

// clean drops what a database does not store in a text.
func clean(text string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(text, ""), "\x00", "")
}

// below are the fields below prefix.
func below(fields map[string]string, prefix string) map[string]string {
	found := map[string]string{}
	for name, value := range fields {
		if short, ok := strings.CutPrefix(name, prefix); ok {
			found[short] = value
		}
	}
	return found
}

// scopeList splits a list of scopes, which is separated by commas or, in other
// portals, by spaces.
func scopeList(text string) []string {
	return strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return r == ',' || r == ' ' })
}

// tokenIn reads a pair of tokens, nil when there is no access token. Kind and
// authorization server are for the receiver to say.
func tokenIn(fields map[string]string, sent time.Time) *Token {
	if fields["access_token"] == "" {
		return nil
	}
	user, _ := strconv.ParseInt(fields["user_id"], 10, 64)
	token := &Token{
		Token:  oauth2.Token{AccessToken: fields["access_token"], RefreshToken: fields["refresh_token"], Expiry: unix(fields["expires"])},
		UserID: user, Status: fields["status"],
	}
	lifetime, err := strconv.Atoi(fields["expires_in"])
	if token.Expiry.IsZero() && err == nil && !sent.IsZero() && lifetime > 0 && lifetime < 1<<31 {
		token.Expiry = sent.Add(time.Duration(lifetime) * time.Second)
	}
	return token
}

// unix reads seconds since 1970; zero for what is none, or not of this century.
func unix(text string) time.Time {
	seconds, err := strconv.ParseInt(text, 10, 64)
	at := time.Unix(seconds, 0).UTC()
	if err != nil || !call.Plausible(at) {
		return time.Time{}
	}
	return at
}
