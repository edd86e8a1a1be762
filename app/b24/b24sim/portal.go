package b24sim

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"callwise/app/crm"
)

// A Plan decides a portal's limits (bitrix24-platform.md, section 4).
type Plan string

const (
	Professional Plan = ""           // 50 requests at once, 2 a second; 480 s of operating time
	Enterprise   Plan = "enterprise" // 250 requests at once, 5 a second; 480 s of operating time
	SelfHosted   Plan = "selfhosted" // no limits, and no operating time in the answers
)

// A PortalConfig describes a new portal. What is left out gets a default.
type PortalConfig struct {
	// Name is the portal's path under the base URL.
	Name string
	// MemberID is 32 hexadecimal digits; made from Name by default.
	MemberID string
	// Mode is classic by default.
	Mode crm.Mode
	// RepeatSales is the switch "Enable repeat sales mode".
	RepeatSales bool
	// UseFinishedLead makes a closed lead an object that calls are bound to.
	UseFinishedLead bool
	// NamesLead has the portal name, of what it creates for a new number in
	// simple mode, only the lead that it converts at once: that it names deal and
	// contact is not promised (bitrix24-telephony-crm.md, 1.2).
	NamesLead bool
	// ConvertsLate has the portal convert leads in simple mode only when told to with
	// [Portal.ConvertLeads] (bitrix24-telephony-crm.md, trap 42), and not show them any
	// more (5.5). Of what it creates for a new number it names the lead then.
	ConvertsLate bool
	// Language is the portal's default and its users' LANG; "en" by default.
	Language string
	// TimeZone is an IANA name; "Europe/Berlin" by default.
	TimeZone string
	// Users are the employees; by default one administrator with ID 1.
	Users []User
	// Scopes are the permissions the application was given; by default crm,
	// telephony, placement and user_basic.
	Scopes []string
	// Plan is Professional by default.
	Plan Plan
	// Status is the application's status letter, "F" by default.
	Status string
	// SystemUser makes the portal create a system user for the application
	// and send ONAPPUSERREADY when the installation is finished.
	SystemUser bool
	// OldFrames has frames carry neither application token, server endpoint nor
	// scopes, as those of older portals (bitrix24-platform.md, 7.1).
	OldFrames bool
	// UploadsAt begins the addresses to upload recordings to; by default the
	// portal's own address does (bitrix24-telephony-crm.md, 1.5).
	UploadsAt string
}

// A User is somebody with an account on the portal.
type User struct {
	ID             int64
	Name, LastName string
	Email          string
	Extension      string // UF_PHONE_INNER
	Mobile         string // PERSONAL_MOBILE
	WorkPhone      string // WORK_PHONE
	Position       string
	Admin          bool
	Dismissed      bool
	WorkDay        string // TIMEMAN_STATUS; "" = OPENED
	System         bool   // the application's own account, which no list shows
	Language       string // of their own pages; "" = the portal's
	TimeZone       string // IANA name; "" = the portal's
}

// Title is the user's full name.
func (u User) Title() string { return strings.TrimSpace(u.Name + " " + u.LastName) }

// A Portal is one company's Bitrix24.
type Portal struct {
	sim     *Sim
	config  PortalConfig
	zone    *time.Location
	users   []*User
	app     app
	crm     store
	phone   telephony
	buckets map[string]bucket // by the caller's address
	overrun int               // requests that met a full one
	spent   map[string][]expense
	waiting []*record // leads to be converted
	queue   []*Delivery
	losing  bool // events are lost; see [Portal.LoseEvents]
	sending bool
	log     []Delivery

	notices    []Notice
	lastNotice int64
}

// AddPortal makes a portal. It panics if the name is taken or the time zone
// unknown, as both are mistakes of the test.
func (s *Sim) AddPortal(c PortalConfig) *Portal {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.Name == "" || s.portal(c.Name) != nil {
		panic(fmt.Sprintf("b24sim: portal name %q is empty or taken", c.Name))
	}
	c = withDefaults(c)
	zone, err := time.LoadLocation(c.TimeZone)
	if err != nil {
		panic("b24sim: " + err.Error())
	}
	p := &Portal{sim: s, config: c, zone: zone, spent: map[string][]expense{}, buckets: map[string]bucket{}}
	p.crm = newStore()
	p.phone = newTelephony()
	for _, u := range c.Users {
		p.addUser(u)
	}
	s.portals = append(s.portals, p)
	s.named[strings.ToLower(c.Name)] = p
	return p
}

func withDefaults(c PortalConfig) PortalConfig {
	if c.MemberID == "" {
		c.MemberID = digest(32, "member", c.Name)
	}
	if c.Mode == "" {
		c.Mode = crm.Classic
	}
	if c.Language == "" {
		c.Language = "en"
	}
	if c.TimeZone == "" {
		c.TimeZone = "Europe/Berlin"
	}
	if c.Status == "" {
		c.Status = "F"
	}
	if c.Scopes == nil {
		c.Scopes = []string{"crm", "telephony", "placement", "user_basic"}
	}
	if c.Users == nil {
		c.Users = []User{{ID: 1, Name: "Vera", LastName: "Stein", Extension: "101", Admin: true}}
	}
	return c
}

// digest is n hexadecimal digits that depend on parts only.
func digest(n int, parts ...any) string {
	var b strings.Builder
	for i := 0; b.Len() < n; i++ {
		sum := sha256.Sum256([]byte(fmt.Sprint(append(parts, "|", i)...)))
		b.WriteString(hex.EncodeToString(sum[:]))
	}
	return b.String()[:n]
}

// Name is the portal's present path under the base URL.
func (p *Portal) Name() string {
	defer p.lock()()
	return p.config.Name
}

// MemberID is the portal's name that never changes.
func (p *Portal) MemberID() string { return p.config.MemberID }

// URL is the portal's address; its REST endpoint is below.
func (p *Portal) URL() string {
	defer p.lock()()
	return p.url()
}

// Endpoint is the portal's client_endpoint, with a slash at the end.
func (p *Portal) Endpoint() string {
	defer p.lock()()
	return p.endpoint()
}

func (p *Portal) url() string      { return p.sim.config.BaseURL + "/" + p.config.Name }
func (p *Portal) endpoint() string { return p.url() + "/rest/" }

// lock takes the simulator's lock and returns what gives it back.
func (p *Portal) lock() (unlock func()) {
	p.sim.mu.Lock()
	return p.sim.mu.Unlock
}

func (p *Portal) now() time.Time { return p.sim.config.Now().In(p.zone).Truncate(time.Second) }

// Rename moves the portal to another name. The old address answers 302 from
// then on (bitrix24-platform.md, 3.1).
func (p *Portal) Rename(name string) {
	defer p.lock()()
	old := p.config.Name
	p.config.Name = name
	delete(p.sim.named, strings.ToLower(old))
	p.sim.named[strings.ToLower(name)] = p
	p.sim.moved[strings.ToLower(old)] = name
	delete(p.sim.moved, strings.ToLower(name))
}

// Mode is how the portal's CRM works now.
func (p *Portal) Mode() crm.Mode {
	defer p.lock()()
	return p.config.Mode
}

// SetMode switches the CRM between its two modes, as an administrator does.
func (p *Portal) SetMode(m crm.Mode) {
	defer p.lock()()
	p.config.Mode = m
}

// RepeatSales tells whether repeat sales mode is on.
func (p *Portal) RepeatSales() bool {
	defer p.lock()()
	return p.config.RepeatSales
}

// SetRepeatSales switches repeat sales mode, as an administrator does.
func (p *Portal) SetRepeatSales(on bool) {
	defer p.lock()()
	p.config.RepeatSales = on
}

// SetScopes changes what the application may use, as an update of its card
// accepted by the administrator does.
func (p *Portal) SetScopes(scopes ...string) {
	defer p.lock()()
	p.config.Scopes = slices.Clone(scopes)
}

// AddUser adds an employee and returns the id, the next free one if u has none.
func (p *Portal) AddUser(u User) int64 {
	defer p.lock()()
	return p.addUser(u).ID
}

func (p *Portal) addUser(u User) *User {
	if u.ID == 0 {
		for _, other := range p.users {
			u.ID = max(u.ID, other.ID)
		}
		u.ID++
	}
	if p.user(u.ID) != nil {
		panic(fmt.Sprintf("b24sim: user %d exists", u.ID))
	}
	p.users = append(p.users, &u)
	return &u
}

func (p *Portal) user(id int64) *User {
	for _, u := range p.users {
		if u.ID == id {
			return u
		}
	}
	return nil
}

// Users are all accounts in the order they were added.
func (p *Portal) Users() []User {
	defer p.lock()()
	all := make([]User, 0, len(p.users))
	for _, u := range p.users {
		all = append(all, *u)
	}
	return all
}

// SetExtension gives an employee another inner number, of which no event tells.
func (p *Portal) SetExtension(userID int64, extension string) {
	defer p.lock()()
	if u := p.user(userID); u != nil {
		u.Extension = extension
	}
}

// SetWorkDay has the time tracking say something else of an employee: CLOSED,
// PAUSED, EXPIRED, UNAVAILABLE or NOT_INSTALLED.
func (p *Portal) SetWorkDay(userID int64, status string) {
	defer p.lock()()
	if u := p.user(userID); u != nil {
		u.WorkDay = status
	}
}

// Dismiss deactivates an employee: the tokens die with the account.
func (p *Portal) Dismiss(userID int64) {
	defer p.lock()()
	if u := p.user(userID); u != nil {
		u.Dismissed = true
	}
}

// SetAdmin gives or takes an employee's right to manage the portal.
func (p *Portal) SetAdmin(userID int64, admin bool) {
	defer p.lock()()
	if u := p.user(userID); u != nil {
		u.Admin = admin
	}
}
