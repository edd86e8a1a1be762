package b24sim

import (
	"cmp"
	"encoding/json"
	"net/url"
	"strings"
)

// A Frame is the POST with which a browser opens a page of the application in
// the portal's frame (bitrix24-platform.md, 7.1).
type Frame struct {
	URL  string // the page with DOMAIN, PROTOCOL, LANG and APP_SID
	Form url.Values
}

// OpenFrame opens a page of the application for a user, with fresh tokens of
// that user: placement DEFAULT is the application itself (its installer while
// the installation is unfinished), any other one a placement it has bound.
func (p *Portal) OpenFrame(userID int64, placement string, options map[string]string) (Frame, error) {
	defer p.lock()()
	user, err := p.person(userID)
	if err != nil {
		return Frame{}, err
	}
	address, err := p.pageAt(user, placement)
	if err != nil {
		return Frame{}, err
	}
	return p.frame(user, address, placement, options), nil
}

func (p *Portal) pageAt(user *User, placement string) (string, error) {
	switch {
	case !p.app.known:
		return "", ErrNotInstalled
	case !p.app.installed && user.Admin && placement == "DEFAULT":
		return p.sim.config.InstallerURL, nil
	case !p.app.installed:
		return "", ErrUnfinished
	case placement == "DEFAULT":
		return p.sim.config.ApplicationURL, nil
	}
	for _, bound := range p.app.placements {
		if bound.code == placement {
			return bound.url, nil
		}
	}
	return "", ErrNoPlacement
}

func (p *Portal) frame(user *User, address, placement string, options map[string]string) Frame {
	t := p.issue(user.ID)
	base := p.sim.config.BaseURL
	protocol := "0"
	if strings.HasPrefix(base, "https:") {
		protocol = "1"
	}
	query := url.Values{
		"DOMAIN": {hostOf(base)}, "PROTOCOL": {protocol}, "LANG": {cmp.Or(user.Language, p.config.Language)},
		"APP_SID": {p.sim.unique(32, "sid")},
	}
	form := url.Values{
		"AUTH_ID": {t.access}, "AUTH_EXPIRES": {"3600"}, "REFRESH_ID": {t.refresh},
		"member_id": {p.config.MemberID}, "status": {p.config.Status},
		"PLACEMENT": {placement}, "PLACEMENT_OPTIONS": {placementOptions(placement, options)},
	}
	if !p.config.OldFrames {
		form.Set("SERVER_ENDPOINT", base+"/rest/")
		form.Set("APPLICATION_TOKEN", p.app.token)
		form.Set("APPLICATION_SCOPE", strings.Join(p.config.Scopes, ","))
	}
	return Frame{URL: withQuery(address, query), Form: form}
}

// withQuery keeps the query of the registered address and appends the rest.
func withQuery(address string, query url.Values) string {
	if strings.Contains(address, "?") {
		return address + "&" + query.Encode()
	}
	return address + "?" + query.Encode()
}

// placementOptions is a JSON text as PHP writes it: [] when empty, slashes
// escaped.
func placementOptions(placement string, options map[string]string) string {
	all := map[string]string{}
	if placement == "TELEPHONY_ANALYTICS_MENU" {
		all["URI"] = "/report/telephony/?IFRAME=Y&IFRAME_TYPE=SIDE_SLIDER"
	}
	for k, v := range options {
		all[k] = v
	}
	if len(all) == 0 {
		return "[]"
	}
	b, _ := json.Marshal(all)
	return strings.ReplaceAll(string(b), "/", `\/`)
}
