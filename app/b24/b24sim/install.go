package b24sim

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// An app is the application on one portal.
type app struct {
	known        bool // somebody clicked Install, and nobody removed it
	installed    bool // installFinish was called
	overdue      bool // what was paid for is over, but all goes on
	unpaid       bool // the trial or paid period is over
	installation int  // counts the installations; tokens belong to one
	version      int
	token        string // the application token
	tokenSerial  int
	installer    int64
	systemUser   int64
	handlers     []handler
	lastHandler  int64
	placements   []placement
	options      *array
	userOptions  map[int64]*array
}

// AppID is the application's number on every portal: ID of app.info and
// REST_APP_ID of its calls.
const AppID = 3

// Refusals of what people do in the portal's own pages.
var (
	ErrNotAdmin     = errors.New("b24sim: only an administrator may do this")
	ErrNotInstalled = errors.New("b24sim: the application is not installed")
	ErrUnfinished   = errors.New("b24sim: the application is not fully installed, contact the administrator")
	ErrNoPlacement  = errors.New("b24sim: the application shows nothing at this placement")
	ErrNoUser       = errors.New("b24sim: no such active user")
)

// StartInstall is an administrator's click on Install: the application is
// known from now on, and its installer opens in the frame returned.
func (p *Portal) StartInstall(userID int64) (Frame, error) {
	defer p.lock()()
	user, err := p.person(userID)
	if err != nil {
		return Frame{}, err
	}
	if !user.Admin {
		return Frame{}, ErrNotAdmin
	}
	if !p.app.known {
		p.app.known = true
		p.app.installation++
		p.app.version = 1
		p.app.token = p.applicationToken()
	}
	p.app.installed = false
	p.app.installer = userID
	return p.frame(user, p.sim.config.InstallerURL, "DEFAULT", nil), nil
}

func (p *Portal) person(userID int64) (*User, error) {
	u := p.user(userID)
	if u == nil || u.Dismissed || u.System {
		return nil, fmt.Errorf("user %d: %w", userID, ErrNoUser)
	}
	return u, nil
}

// applicationToken is constant for a portal until an update replaces it.
func (p *Portal) applicationToken() string {
	return digest(32, "application token", p.config.MemberID, p.sim.config.ClientID, p.app.tokenSerial)
}

// FinishInstall is BX24.installFinish: from now on events are sent and
// placements shown. In any other phase it does nothing.
func (p *Portal) FinishInstall() {
	defer p.lock()()
	if !p.app.known || p.app.installed {
		return
	}
	p.app.installed = true
	p.raise(event{name: "ONAPPINSTALL", userID: p.app.installer, refresh: true, data: obj(
		"VERSION", p.app.version, "ACTIVE", "Y", "INSTALLED", "Y", "LANGUAGE_ID", p.config.Language,
	)})
	if p.config.SystemUser {
		p.announceSystemUser()
	}
}

// announceSystemUser creates or wakes the application's own account and sends
// ONAPPUSERREADY, unbound, to the address used for the installation. The
// account's tokens are in data, the installer's in auth.
func (p *Portal) announceSystemUser() {
	u := p.user(p.app.systemUser)
	if u == nil {
		u = p.addUser(User{Name: "Application", LastName: p.sim.config.Code, System: true})
		p.app.systemUser = u.ID
	}
	u.Dismissed = false
	t := p.issue(u.ID)
	base := p.sim.config.BaseURL
	data := obj(
		"access_token", t.access, "refresh_token", t.refresh, "expires_in", int64(accessTTL.Seconds()),
		"scope", strings.Join(p.config.Scopes, ","), "domain", hostOf(base), "server_endpoint", base+"/rest/",
		"client_endpoint", p.endpoint(), "member_id", p.config.MemberID, "user_id", u.ID,
		"client_id", p.sim.config.ClientID, "status", p.config.Status, "LANGUAGE_ID", p.config.Language,
	)
	p.post(p.sim.config.InstallerURL, event{name: "ONAPPUSERREADY", data: data, userID: p.app.installer, refresh: true}, 17, 0)
}

// UpdateApp installs a new version: ONAPPUPDATE is sent with the tokens of the
// administrator who updated, and with a new application token if wanted. The
// application is unfinished again until [Portal.FinishInstall], so events stop
// and [Portal.OpenFrame] opens the installer. Handlers stay, but for that of
// ONAPPINSTALL.
func (p *Portal) UpdateApp(userID int64, version int, newApplicationToken bool) {
	defer p.lock()()
	if newApplicationToken {
		p.app.tokenSerial++
		p.app.token = p.applicationToken()
	}
	previous := p.app.version
	p.app.version = version
	p.app.installer = userID
	p.raise(event{name: "ONAPPUPDATE", userID: userID, refresh: true, data: obj(
		"VERSION", version, "PREVIOUS_VERSION", previous, "LANGUAGE_ID", p.config.Language,
	)})
	p.app.installed = false
	p.app.handlers = slices.DeleteFunc(p.app.handlers, func(h handler) bool { return h.event == "ONAPPINSTALL" })
}

// Uninstall removes the application: ONAPPUNINSTALL is sent without tokens (if
// it was bound and the installation finished), every token is dead, handlers,
// placements and external lines are gone. clean is the tick box "delete
// application settings and data".
func (p *Portal) Uninstall(clean bool) {
	defer p.lock()()
	p.raise(event{name: "ONAPPUNINSTALL", data: obj("LANGUAGE_ID", p.config.Language, "CLEAN", clean)})
	if u := p.user(p.app.systemUser); u != nil {
		u.Dismissed = true
	}
	p.phone.lines = nil
	kept := app{
		installation: p.app.installation, tokenSerial: p.app.tokenSerial, systemUser: p.app.systemUser,
		lastHandler: p.app.lastHandler, options: p.app.options, userOptions: p.app.userOptions,
	}
	if clean || p.config.Status == "L" {
		kept.options, kept.userOptions = nil, nil
	}
	p.app = kept
}

// Installed reports whether the installation is finished.
func (p *Portal) Installed() bool {
	defer p.lock()()
	return p.app.installed
}

// ApplicationToken is the secret in every event of this portal.
func (p *Portal) ApplicationToken() string {
	defer p.lock()()
	return p.app.token
}
