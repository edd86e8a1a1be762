// Package demo is what a newcomer opens: the pages of a simulated Bitrix24
// with Callwise in a frame, a small CRM to look at, and a telephone to place
// calls with. The simulated portal's own REST, OAuth server and events are
// those of package b24sim; whatever the telephone does goes to the program
// over its public PBX API.
package demo

import (
	"context"
	"embed"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"

	"callwise/app/b24/b24sim"
)

// portalName is the portal's path below the address that is served.
const portalName = "brightacre"

// programCode is the program's name in the portal's addresses of it.
const programCode = "callwise"

// linkPath is the portal's address of the program. Of a query only params[…] is
// passed on.
const linkPath = "/marketplace/view/" + programCode + "/"

// zoneName is the time zone of the portal, and of what its pages show.
const zoneName = "Europe/Berlin"

// commandPath is where the telephone takes commands of the program.
const commandPath = "/demo/pbx"

//go:embed assets
var assets embed.FS

// A Config is what the demo is given.
type Config struct {
	// AppURL and PortalURL are the addresses of the program and of the demo,
	// without a slash at the end.
	AppURL, PortalURL string
	// ClientID and ClientSecret are the application's keys.
	ClientID, ClientSecret string
	// Language is the portal's, as Bitrix24 writes it, such as "en".
	Language string
	// Access connects the telephone to the portal with this member_id as the
	// portal's PBX: it makes a key for it and sets where it takes commands. It
	// may be repeated; the key before is dead then. It fails as long as the
	// program is not installed on the portal.
	Access func(ctx context.Context, memberID, commandURL string) (Access, error)
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	Log *slog.Logger
}

// An Access is what a PBX needs to speak with the program.
type Access struct {
	Key    string // of the PBX API
	Secret string // that commands are signed with
}

// A Demo is a portal with its pages and a telephone. It serves the portal's
// address.
type Demo struct {
	config    Config
	sim       *b24sim.Sim
	portal    *b24sim.Portal
	phone     *telephone
	customers []customer
	seeded    seeds
	zone      *time.Location
	handler   http.Handler

	mu       sync.Mutex
	excluded []string // numbers put on the list of exceptions, which nobody can read back
}

// New makes a portal with its customers; the program is not installed on it.
func New(c Config) *Demo {
	if c.Now == nil {
		c.Now = time.Now
	}
	d := &Demo{config: c, zone: time.UTC}
	if zone, err := time.LoadLocation(zoneName); err == nil {
		d.zone = zone
	}
	d.sim = b24sim.New(b24sim.Config{
		ClientID: c.ClientID, ClientSecret: c.ClientSecret, Code: programCode, BaseURL: c.PortalURL,
		InstallerURL: c.AppURL + "/b24/install", ApplicationURL: c.AppURL + "/b24/app", Now: c.Now,
	})
	d.portal = d.sim.AddPortal(b24sim.PortalConfig{
		Name: portalName, RepeatSales: true, Language: c.Language, TimeZone: zoneName, Users: employees(),
	})
	d.customers = seed(d.portal, c.Now())
	d.seeded = countSeeds(d.portal)
	d.excluded = []string{exceptedNumber}
	d.phone = newTelephone(c, d.portal)
	d.handler = d.routes()
	return d
}

// Run lets the telephone carry out the commands it accepted, until ctx ends.
func (d *Demo) Run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case order := <-d.phone.orders:
			d.phone.ring(ctx, order)
		}
	}
}

// ServeHTTP serves the portal's pages; everything else is the simulated
// Bitrix24 itself.
func (d *Demo) ServeHTTP(w http.ResponseWriter, r *http.Request) { d.handler.ServeHTTP(w, r) }

func (d *Demo) routes() http.Handler {
	pages := http.NewServeMux()
	pages.HandleFunc("GET /{$}", d.showPage)
	pages.HandleFunc("GET /demo/live", d.showLive)
	pages.Handle("GET /demo/assets/", http.StripPrefix("/demo/", cached(http.FileServerFS(assets))))
	pages.HandleFunc("GET /crm/{type}/details/{id}/", toCard)
	pages.HandleFunc("GET /"+portalName+"/crm/{type}/details/{id}/", toCard)
	pages.HandleFunc("GET "+linkPath, toCall)
	pages.HandleFunc("GET /"+portalName+linkPath, toCall)
	pages.HandleFunc("GET "+recordingPath+"{name}", recording)
	pages.HandleFunc("POST /demo/frame", d.openFrame)
	pages.HandleFunc("POST /demo/auth", d.refreshAuth)
	pages.HandleFunc("POST "+commandPath, d.phone.receiveCommand)
	for path, do := range d.actions() {
		pages.HandleFunc("POST "+path, d.act(do))
	}
	pages.Handle("/", d.sim)
	// A page of somebody else must not press our buttons.
	return onThisMachine(http.NewCrossOriginProtection().Handler(pages))
}

// onThisMachine serves only browsers that ask for this machine. The name of
// somebody else's page may be made to mean this machine; to the browser that page
// and the demo are one then.
//
// https://developer.mozilla.org/en-US/docs/Web/Security/Attacks/DNS_rebinding
func onThisMachine(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := r.Host
		if name, _, err := net.SplitHostPort(host); err == nil {
			host = name
		}
		if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
			http.Error(w, "The demo works at 127.0.0.1 only.", http.StatusMisdirectedRequest)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// cached lets a browser keep the assets for as long as one look lasts.
func cached(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-cache")
		next.ServeHTTP(w, r)
	})
}

// toCard is the address of a card as links to it have it.
func toCard(w http.ResponseWriter, r *http.Request) {
	http.Redirect(w, r, "/?card="+r.PathValue("type")+"-"+r.PathValue("id")+"#crm", http.StatusSeeOther)
}

// toCall is the portal's address of the program, as its links to calls have it.
func toCall(w http.ResponseWriter, r *http.Request) {
	named := url.Values{"call": {r.URL.Query().Get("params[call]")}}
	http.Redirect(w, r, "/?"+named.Encode(), http.StatusSeeOther)
}
