package b24sim

import (
	"net/http"
	"net/url"
	"time"
)

type token struct{}
type app struct{}
type crmStore struct{}
type telephony struct{}
type bucket struct{}
type expense struct{}

func newCRM() crmStore        { return crmStore{} }
func newTelephony() telephony { return telephony{} }

// ServeHTTP answers as the authorization server or as a portal.
func (s *Sim) ServeHTTP(w http.ResponseWriter, r *http.Request) {}

// A Request is one HTTP request the simulator received.
type Request struct {
	At         time.Time
	Portal     string
	Method     string   // lower case; "oauth/token" and "oauth/app.info" for the authorization server
	Commands   []string // methods of a batch, in order
	Params     any      // parameters without auth: maps, lists and scalars
	UserID     int64
	Status     int
	Code       string
	TokenInURL bool
}

func (s *Sim) Requests() []Request             { return nil }
func (s *Sim) ClearRequests()                  {}
func (s *Sim) Count(portal, method string) int { return 0 }

// An Act is what a fault does.
type Act int

const (
	Drop        Act = iota + 1 // break the connection
	ServerError                // answer Status (502 by default) with an HTML page
	Garbage                    // answer 200 with an HTML page
	Empty                      // answer 200 with nothing
	Hold                       // wait for Injected.Release
	Refuse                     // answer Status and Code as the method would; in a batch the one command
)

// A Fault is what goes wrong with chosen requests.
type Fault struct {
	Portal string // "" = any
	Method string // "" = any; a batch matches if one of its commands does
	Nth    int    // the first request it applies to, counted from 1 (and from injection); 0 = 1
	Times  int    // how many in a row; 0 = 1, negative = all
	Act    Act
	After  bool // execute the request first
	Status int
	Code   string
	Text   string
}

type Injected struct{}

func (s *Sim) Inject(f Fault) *Injected      { return nil }
func (i *Injected) Hits() int                { return 0 }
func (i *Injected) Reached() <-chan struct{} { return nil } // closed at the first hit
func (i *Injected) Release()                 {}
func (i *Injected) Remove()                  {}

// A Delivery is an event on its way to a handler, or delivered.
type Delivery struct {
	Event   string
	Handler string
	Form    url.Values
	Body    string
	At      time.Time
	Status  int // 0 = nobody answered
	Answer  string
}

func (p *Portal) Deliveries() []Delivery { return nil }

// A Frame is the POST with which a browser opens a page of the application.
type Frame struct {
	URL  string // with the query parameters of the contract
	Form url.Values
}

func (p *Portal) StartInstall(userID int64) (Frame, error) { return Frame{}, nil }
func (p *Portal) FinishInstall()                           {}
func (p *Portal) OpenFrame(userID int64, placement string, options map[string]string) (Frame, error) {
	return Frame{}, nil
}
func (p *Portal) UpdateApp(userID int64, version int, newApplicationToken bool) {}
func (p *Portal) Uninstall(clean bool)                                          {}
func (p *Portal) Installed() bool                                               { return false }
func (p *Portal) ApplicationToken() string                                      { return "" }
func (p *Portal) ExpireTokens()                                                 {}
func (p *Portal) RevokeTokens(userID int64)                                     {}
func (p *Portal) AuthorizationCode(userID int64) string                         { return "" }
func (p *Portal) Token(userID int64) (access, refresh string)                   { return "", "" }
func (p *Portal) Webhook(userID int64) string                                   { return "" }
func (p *Portal) Handlers() []Handler                                           { return nil }
func (p *Portal) Placements() []Placement                                       { return nil }

type Handler struct {
	Event, URL string
	AuthType   int64
}
type Placement struct{ Code, URL, Title string }

func (p *Portal) AddLead(l Lead) int64             { return 0 }
func (p *Portal) AddDeal(d Deal) int64             { return 0 }
func (p *Portal) AddContact(c Contact) int64       { return 0 }
func (p *Portal) AddCompany(c Company) int64       { return 0 }
func (p *Portal) Delete(ref Ref)                   {}
func (p *Portal) SetStage(ref Ref, stageID string) {}
func (p *Portal) Exclude(phone string)             {}
func (p *Portal) Leads() []Lead                    { return nil }
func (p *Portal) Deals() []Deal                    { return nil }
func (p *Portal) Contacts() []Contact              { return nil }
func (p *Portal) Companies() []Company             { return nil }
func (p *Portal) Activities() []Activity           { return nil }
func (p *Portal) ActivitiesOf(ref Ref) []Activity  { return nil }
func (p *Portal) Comments(ref Ref) []string        { return nil }
func (p *Portal) Snapshot() Snapshot               { return Snapshot{} }

// A Snapshot is everything a call may leave behind, without times and call
// ids, in a stable order: two of them can be compared with go-cmp.
type Snapshot struct {
	Leads      []Lead
	Deals      []Deal
	Contacts   []Contact
	Companies  []Company
	Activities []Activity
	Statistics []Statistic
	Unfinished int // registered calls without an end
}

// A Statistic is a finished call in the telephony statistics.
type Statistic struct {
	ID             int64
	CallID         string
	ExternalCallID string
	UserID         int64
	Phone, Line    string
	Type           int // 1 outgoing, 2 incoming, 3 redirected, 4 callback, 5 information
	Duration       int
	Status         string
	Entity         Ref
	ActivityID     int64
	AppID          int64
	Recording      string
	Transcript     []string
	StartedAt      time.Time
}

func (p *Portal) Statistics() []Statistic { return nil }

// A Card is a call card an employee sees.
type Card struct {
	CallID string
	UserID int64
}

func (p *Portal) Cards() []Card { return nil }

// A Line is an external line of the application.
type Line struct {
	Number, Name string
	AutoCreate   bool
}

func (p *Portal) Lines() []Line { return nil }

// A Click is a click on a phone number.
type Click struct {
	UserID int64
	Phone  string
	Entity Ref    // the card it was clicked in; zero = dial pad
	Line   string // the default line for outgoing calls; "" = the application without a line
	Mobile bool
}

func (p *Portal) Click(c Click) (callID string) { return "" }

// A Callback is a callback form sent on the company's site.
type Callback struct {
	Phone  string
	Entity Ref // what the form found; zero = it makes a lead (simple mode: contact and deal)
	Line   string
	Text   string
}

func (p *Portal) OrderCallback(c Callback) Ref { return Ref{} }

// A BuiltinCall is a call on a line of Bitrix24 itself, or of another application.
type BuiltinCall struct {
	Incoming bool
	Phone    string
	Line     string // digits, regN or sipN; with OtherApp the other application's line
	UserID   int64
	Create   bool  // whether the line creates CRM objects itself
	OtherApp int64 // REST_APP_ID of another telephony application; 0 = Bitrix24's own line
}

// A LiveCall is a call that is going on.
type LiveCall struct{ ID string }

func (p *Portal) StartCall(c BuiltinCall) *LiveCall          { return nil }
func (c *LiveCall) Answer()                                  {}
func (c *LiveCall) End(status string, seconds int) Statistic { return Statistic{} }
