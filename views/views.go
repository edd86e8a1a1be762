// Package views holds the pages: templ components, the plain structs they
// show, and their words in every language.
//
// A component takes one view-model and only lays it out. Everything in a
// view-model is ready to be read: the functions of [Localizer] turn codes,
// times and lengths into words before the page is built. Nothing here knows the
// store, the clock or the request.
//
// Every page carries its session in a meta element (for static/app.js, which
// sends it as a header) and in a hidden field of each form, because the frame
// has no cookies; see interface.md §3.
package views

// A Page is what every page has around its content. The zero value is a page
// outside of the frame: no session, no tabs, English.
type Page struct {
	L       Localizer
	Session string // signed token; empty where there is none yet
	B24JS   string // address of the BX24 library; empty outside of the frame
	Tab     Tab    // the tab that is open; NoTab shows no tabs at all
	Admin   bool   // portal administrator: sees the settings tab and mends
	Banners []Banner
	Notice  *Notice // what was done just now; nil without one
}

// A Tab is one of the pages that the navigation leads to.
type Tab string

// The tabs.
const (
	NoTab       Tab = ""
	SettingsTab Tab = "settings"
	CallsTab    Tab = "calls"
	HealthTab   Tab = "health"
	OtherTab    Tab = "other" // none of them: the tabs are shown, and none is open
)

// A Banner tells what is wrong with the portal, above every page.
type Banner struct {
	Kind   BannerKind
	Scopes string // MissingScopes: the scopes, comma separated
	Code   string // why, in a word of the program or of Bitrix24; one that is not known says nothing
}

// A BannerKind is a state of the portal that people must know about.
type BannerKind string

// The states, the gravest first.
const (
	DryRun              BannerKind = "dry_run"              // calls are decided and shown; nothing is written to Bitrix24
	NeedsAuthorisation  BannerKind = "needs_authorisation"  // no token works; an administrator opening the app mends it
	Suspended           BannerKind = "suspended"            // Bitrix24 answers no requests (plan, payment, closed)
	MissingScopes       BannerKind = "missing_scopes"       // permissions were not granted
	EventsUnproven      BannerKind = "events_unproven"      // the portal has not told what proves its events: none is taken
	NotConnected        BannerKind = "not_connected"        // no PBX key yet
	InstallationPending BannerKind = "installation_pending" // installFinish has not happened: no events come
)

// A PlainKind is a page that is only a message.
type PlainKind string

// The plain pages and the status they go with.
const (
	About          PlainKind = "about"           // 200: GET of /b24/*, and 405
	NotRead        PlainKind = "not_read"        // 400
	SessionExpired PlainKind = "session_expired" // 401
	NoPermission   PlainKind = "no_permission"   // 403
	NotFound       PlainKind = "not_found"       // 404
	NotInstalled   PlainKind = "not_installed"   // 403 or 404: the portal is not known here
	Unreachable    PlainKind = "unreachable"     // 502: Bitrix24 did not confirm who opened the page
	TooLarge       PlainKind = "too_large"       // 413
	TooMany        PlainKind = "too_many"        // 429
	ServerError    PlainKind = "server_error"    // 500
)

// A PlainPage is a message with nothing to do on it.
type PlainPage struct {
	Page
	Kind    PlainKind
	Request string // id by which the operator finds the request; empty hides it
}
