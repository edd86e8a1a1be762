package b24

import (
	"encoding/json"
	"net/url"
	"strconv"
	"strings"
)

// A Frame is the request with which Bitrix24 opens a page of ours. Nothing in
// it can be trusted before its token is verified.
type Frame struct {
	Domain           string // portal's host as posted
	Lang             string // user's language in Bitrix24's spelling, lower case, "en" when missing
	MemberID         string
	AuthID           string // access token of the user who opened the frame
	RefreshID        string // refresh token, may be empty
	ExpiresIn        int    // seconds the access token lives
	ServerEndpoint   string // see [App.AuthHost]
	ApplicationToken string // empty on older portals
	Scope            []string
	Status           string            // the application's status letter
	Placement        string            // DEFAULT for the application's page
	Options          map[string]string // of the placement, chosen by whoever opens it; nested values as JSON
}

// ParseFrame reads the request with which Bitrix24 opens a page. It returns
// ErrMalformed for a request without a portal or a token. What is no secret is
// taken from the address when the body does not have it.
//
// https://apidocs.bitrix24.com/settings/oauth/simple-way.html
func ParseFrame(query, form url.Values) (Frame, error) {
	either := func(name string) string {
		if value := form.Get(name); value != "" {
			return clean(value)
		}
		return clean(query.Get(name))
	}
	f := Frame{
		Domain: either("DOMAIN"), Lang: strings.ToLower(either("LANG")), MemberID: clean(form.Get("member_id")),
		AuthID: clean(form.Get("AUTH_ID")), RefreshID: clean(form.Get("REFRESH_ID")),
		ServerEndpoint: clean(form.Get("SERVER_ENDPOINT")), ApplicationToken: clean(form.Get("APPLICATION_TOKEN")),
		Scope: scopeList(form.Get("APPLICATION_SCOPE")), Status: clean(form.Get("status")),
		Placement: strings.ToUpper(clean(form.Get("PLACEMENT"))), Options: optionsOf(form.Get("PLACEMENT_OPTIONS")),
	}
	if lifetime, err := strconv.Atoi(form.Get("AUTH_EXPIRES")); err == nil && lifetime > 0 && lifetime < 1<<31 {
		f.ExpiresIn = lifetime
	}
	if f.Lang == "" {
		f.Lang = "en"
	}
	if f.Placement == "" {
		f.Placement = "DEFAULT"
	}
	if f.MemberID == "" || f.AuthID == "" || max(len(f.MemberID), len(f.Lang), len(f.Placement), len(f.Domain)) > maxWord {
		return Frame{}, ErrMalformed
	}
	return f, nil
}

// optionsOf reads the options of a placement. Everything but a JSON object,
// such as "undefined" from the telephony's settings, means none; so do the
// words by which single options say that they have no value.
func optionsOf(text string) map[string]string {
	options := map[string]string{}
	var object map[string]json.RawMessage
	if json.Unmarshal([]byte(text), &object) != nil || len(object) > maxPairs {
		return options
	}
	for name, raw := range object {
		value := scalar(raw)
		if value == "" && !nothing(raw) {
			value = string(raw)
		}
		if value != "" && value != "undefined" {
			options[clean(name)] = clean(value)
		}
	}
	return options
}
