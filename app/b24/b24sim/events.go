package b24sim

import (
	"net/url"
	"slices"
	"strings"
)

// eventScopes are the events an application can subscribe to here, and the
// scope each belongs to ("" = basic).
var eventScopes = map[string]string{
	"ONAPPINSTALL":            "",
	"ONAPPUPDATE":             "",
	"ONAPPUNINSTALL":          "",
	"ONAPPPAYMENT":            "",
	"ONAPPMETHODCONFIRM":      "",
	"ONAPPTEST":               "",
	"ONEXTERNALCALLSTART":     "telephony",
	"ONEXTERNALCALLBACKSTART": "telephony",
	"ONVOXIMPLANTCALLINIT":    "telephony",
	"ONVOXIMPLANTCALLSTART":   "telephony",
	"ONVOXIMPLANTCALLEND":     "telephony",
}

// A handler is a subscription to an event.
type handler struct {
	id         int64
	event, url string
	authType   int64 // the user whose token it gets; 0 = who caused the event
}

// A Handler is a subscription of the application to an event.
type Handler struct {
	Event, URL string
	AuthType   int64
}

// Handlers are the application's subscriptions in the order they were made.
func (p *Portal) Handlers() []Handler {
	defer p.lock()()
	var all []Handler
	for _, h := range p.app.handlers {
		all = append(all, Handler{h.event, h.url, h.authType})
	}
	return all
}

var eventMethods = map[string]method{
	"event.bind":   {app: true, run: (*call).eventBind},
	"event.unbind": {app: true, run: (*call).eventUnbind},
	"event.get":    {app: true, run: (*call).eventGet},
	"event.test":   {app: true, run: (*call).eventTest},
	"events":       {run: (*call).events},
}

func (c *call) eventBind() (any, error) {
	event := strings.ToUpper(c.text("event"))
	if event == "" {
		return nil, badArgument("EVENT", "Argument 'EVENT' is null or empty")
	}
	if kind := c.text("event_type"); kind != "" && kind != "online" {
		return nil, badArgument("EVENT_TYPE", "Offline event cannot be registered for this event.")
	}
	address := c.text("handler")
	if address == "" {
		return nil, badArgument("HANDLER", "Argument 'HANDLER' is null or empty")
	}
	scope, known := eventScopes[event]
	if !known || !c.p.granted(scope) {
		return nil, refuse("ERROR_EVENT_NOT_FOUND", "Event not found")
	}
	if err := checkHandler(address); err != nil {
		return nil, err
	}
	authType, err := c.authType()
	if err != nil {
		return nil, err
	}
	if slices.ContainsFunc(c.p.app.handlers, func(h handler) bool {
		return h.event == event && h.url == address && h.authType == authType
	}) {
		return nil, refuse("ERROR_CORE", "Unable to set event handler: Handler already binded")
	}
	c.p.app.lastHandler++
	c.p.app.handlers = append(c.p.app.handlers, handler{c.p.app.lastHandler, event, address, authType})
	return true, nil
}

// authType is the user whose token the handler gets: an administrator may
// choose, all others get their own.
func (c *call) authType() (int64, error) {
	wanted, given := c.int("auth_type")
	if c.user.Admin {
		return wanted, nil
	}
	if given && wanted != c.user.ID {
		return 0, forbid("ACCESS_DENIED", "Access denied!")
	}
	return c.user.ID, nil
}

// checkHandler refuses an address Bitrix24 would not call.
func checkHandler(address string) error {
	u, err := url.Parse(address)
	if err != nil || !strings.Contains(u.Hostname(), ".") {
		return refuse("ERROR_WRONG_HANDLER_URL", "Wrong handler URL")
	}
	if u.Scheme != "http" && u.Scheme != "https" {
		return refuse("ERROR_UNSUPPORTED_PROTOCOL", "Unsupported event handler protocol")
	}
	return nil
}

func (c *call) eventUnbind() (any, error) {
	event, address := strings.ToUpper(c.text("event")), c.text("handler")
	switch {
	case event == "":
		return nil, badArgument("EVENT", "Argument 'EVENT' is null or empty")
	case address == "":
		return nil, badArgument("HANDLER", "Argument 'HANDLER' is null or empty")
	}
	authType, given := c.int("auth_type")
	if !c.user.Admin {
		if given && authType != c.user.ID {
			return nil, forbid("ACCESS_DENIED", "Access denied!")
		}
		authType, given = c.user.ID, true
	}
	before := len(c.p.app.handlers)
	c.p.app.handlers = slices.DeleteFunc(c.p.app.handlers, func(h handler) bool {
		return h.event == event && h.url == address && (!given || h.authType == authType)
	})
	return obj("count", before-len(c.p.app.handlers)), nil
}

func (c *call) eventGet() (any, error) {
	rows := list[any]()
	for _, h := range c.p.app.handlers {
		if !c.user.Admin && h.authType != c.user.ID {
			continue
		}
		rows.push(obj("event", h.event, "handler", h.url, "auth_type", text(h.authType), "offline", 0))
	}
	return rows, nil
}

// eventTest raises ONAPPTEST with the parameters it was given.
func (c *call) eventTest() (any, error) {
	c.p.raise(event{name: "ONAPPTEST", data: obj("QUERY", c.params), userID: c.user.ID})
	return 1, nil
}

func (c *call) events() (any, error) {
	var codes []string
	for name, scope := range eventScopes {
		if c.p.granted(scope) {
			codes = append(codes, name)
		}
	}
	slices.Sort(codes)
	return list(codes...), nil
}
