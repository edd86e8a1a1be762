package demo

import (
	"encoding/json"
	"net/http"
	"net/url"
	"time"

	"callwise/app/b24/b24sim"
)

// An opening is what a browser needs to open a page of the program in the
// portal's frame: a form to post, and what BX24.init is answered with.
type opening struct {
	URL    string            `json:"url"`
	Fields map[string]string `json:"fields"`
	SID    string            `json:"sid"` // names the frame in its messages
	Init   initAnswer        `json:"init"`
}

// An initAnswer is what the portal tells a page in its frame.
type initAnswer struct {
	Auth      auth            `json:"auth"`
	Lang      string          `json:"lang"`
	Admin     bool            `json:"admin"`
	Placement string          `json:"placement"`
	Options   json.RawMessage `json:"options"`
	Installed bool            `json:"installed"`
	FirstRun  bool            `json:"firstRun"`
	UserID    int64           `json:"userId"`
	Domain    string          `json:"domain"`
}

// An auth is a user's token as BX24.getAuth shows it.
type auth struct {
	AccessToken  string `json:"access_token"`
	RefreshToken string `json:"refresh_token"`
	ExpiresIn    int64  `json:"expires_in"` // a moment in milliseconds, whatever its name says
	Domain       string `json:"domain"`
	MemberID     string `json:"member_id"`
}

// Placements of the call log: the menu of the telephony statistics, and the portal's
// address of the program, which names a call.
const (
	callLogPlacement = "TELEPHONY_ANALYTICS_MENU"
	linkPlacement    = "REST_APP_URI"
)

// openFrame opens a page of the program: its installer, the application for an
// administrator or an employee, the call log at its placement, or the call of a link.
func (d *Demo) openFrame(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	userID, placement, open := int64(administrator), "DEFAULT", d.portal.OpenFrame
	var options map[string]string
	switch r.FormValue("as") {
	case "install":
		open = func(userID int64, _ string, _ map[string]string) (b24sim.Frame, error) {
			return d.portal.StartInstall(userID)
		}
	case "calls":
		placement = callLogPlacement
	case "link":
		placement, options = linkPlacement, map[string]string{"call": r.FormValue("call")}
	case "employee":
		userID = ordinaryEmployee
	}
	frame, err := open(userID, placement, options)
	if err != nil {
		http.Error(w, sentence(err), http.StatusUnprocessableEntity)
		return
	}
	answerJSON(w, d.opening(frame, userID))
}

func (d *Demo) opening(f b24sim.Frame, userID int64) opening {
	o := opening{URL: f.URL, Fields: map[string]string{}}
	for name := range f.Form {
		o.Fields[name] = f.Form.Get(name)
	}
	if address, err := url.Parse(f.URL); err == nil {
		o.SID = address.Query().Get("APP_SID")
	}
	o.Init = initAnswer{
		Auth: d.auth(f.Form.Get("AUTH_ID")), Lang: d.config.Language, Admin: userID == administrator,
		Placement: f.Form.Get("PLACEMENT"), Options: json.RawMessage(f.Form.Get("PLACEMENT_OPTIONS")),
		Installed: d.portal.Installed(), UserID: userID, Domain: d.domain(),
	}
	return o
}

// auth is a token as the page may see it; the refresh token stays with the
// program's server.
func (d *Demo) auth(access string) auth {
	return auth{
		AccessToken: access, ExpiresIn: d.config.Now().Add(time.Hour).UnixMilli(), Domain: d.domain(),
		MemberID: d.portal.MemberID(),
	}
}

func (d *Demo) domain() string {
	u, err := url.Parse(d.config.PortalURL)
	if err != nil {
		return ""
	}
	return u.Host
}

// refreshAuth is BX24.refreshAuth: a new token of the user in the frame.
func (d *Demo) refreshAuth(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	access, _ := d.portal.Token(d.user(r).ID)
	answerJSON(w, d.auth(access))
}

func answerJSON(w http.ResponseWriter, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_ = json.NewEncoder(w).Encode(value) // the browser is gone; nobody to tell
}
