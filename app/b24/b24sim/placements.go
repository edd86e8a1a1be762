package b24sim

import (
	"slices"
	"strings"
)

// placementScopes are the placements offered here and the scope each needs
// besides "placement".
var placementScopes = map[string]string{
	"TELEPHONY_ANALYTICS_MENU": "telephony",
	"CALL_CARD":                "telephony",
	"CRM_LEAD_DETAIL_TAB":      "crm",
	"CRM_DEAL_DETAIL_TAB":      "crm",
	"CRM_CONTACT_DETAIL_TAB":   "crm",
	"CRM_COMPANY_DETAIL_TAB":   "crm",
	"CRM_ANALYTICS_MENU":       "crm",
	"LEFT_MENU":                "",
	"REST_APP_URI":             "",
	"PAGE_BACKGROUND_WORKER":   "",
}

// single are the placements that take one handler only.
var single = []string{"REST_APP_URI", "PAGE_BACKGROUND_WORKER"}

type placement struct {
	code, url          string
	title, description string
	langAll            *array
}

// A Placement is a spot in the portal where the application shows a page.
type Placement struct {
	Code, URL, Title string
}

// Placements are what the application has bound, in that order. The title is
// the one in the portal's language.
func (p *Portal) Placements() []Placement {
	defer p.lock()()
	var all []Placement
	for _, bound := range p.app.placements {
		all = append(all, Placement{bound.code, bound.url, bound.titleIn(p.config.Language)})
	}
	return all
}

func (b placement) titleIn(language string) string {
	words, _ := b.langAll.get(language)
	if words == nil {
		words, _ = b.langAll.get("en")
	}
	if w, ok := words.(*array); ok {
		return param(w, "TITLE")
	}
	return b.title
}

var placementMethods = map[string]method{
	"placement.bind":   {scope: "placement", app: true, admin: true, noBatch: true, run: (*call).placementBind},
	"placement.get":    {scope: "placement", app: true, admin: true, run: (*call).placementGet},
	"placement.unbind": {scope: "placement", app: true, admin: true, noBatch: true, run: (*call).placementUnbind},
	"placement.list":   {scope: "placement", app: true, run: (*call).placementList},
}

func (c *call) placementBind() (any, error) {
	code, address := strings.ToUpper(c.text("PLACEMENT")), c.text("HANDLER")
	switch {
	case code == "":
		return nil, badArgument("PLACEMENT", "Argument 'PLACEMENT' is null or empty")
	case address == "":
		return nil, badArgument("HANDLER", "Argument 'HANDLER' is null or empty")
	}
	scope, known := placementScopes[code]
	if !known || !c.p.granted(scope) {
		return nil, refuse("ERROR_PLACEMENT_NOT_FOUND", "Placement not found")
	}
	if err := checkHandler(address); err != nil {
		return nil, err
	}
	if _, given := c.params.get("USER_ID"); given && code != "PAGE_BACKGROUND_WORKER" {
		return nil, refuse("ERROR_PLACEMENT_USER_MODE", "User mode is not available for this placement")
	}
	if err := c.p.placementTaken(code, address); err != nil {
		return nil, err
	}
	langAll := c.array("LANG_ALL")
	bound := placement{code: code, url: address, langAll: langAll}
	if langAll.len() == 0 {
		bound.title, bound.description = c.text("TITLE"), c.text("DESCRIPTION")
	}
	c.p.app.placements = append(c.p.app.placements, bound)
	return true, nil
}

func (p *Portal) placementTaken(code, address string) error {
	for _, bound := range p.app.placements {
		switch {
		case bound.code != code:
		case bound.url == address:
			return refuse("ERROR_CORE", "Unable to set placement handler: Handler already binded")
		case slices.Contains(single, code):
			return refuse("ERROR_PLACEMENT_MAX_COUNT", "Max count of handlers reached")
		}
	}
	return nil
}

func (c *call) placementGet() (any, error) {
	rows := list[any]()
	for _, bound := range c.p.app.placements {
		langAll := obj()
		for _, language := range bound.langAll.keysOf() {
			words, _ := bound.langAll.values[language].(*array)
			langAll.set(language, obj(
				"TITLE", param(words, "TITLE"), "DESCRIPTION", param(words, "DESCRIPTION"), "GROUP_NAME", param(words, "GROUP_NAME"),
			))
		}
		rows.push(obj(
			"placement", bound.code, "userId", 0, "handler", bound.url, "options", obj(),
			"title", bound.title, "description", bound.description, "langAll", langAll,
		))
	}
	return rows, nil
}

func (c *call) placementUnbind() (any, error) {
	code, address := strings.ToUpper(c.text("PLACEMENT")), c.text("HANDLER")
	if code == "" {
		return nil, badArgument("PLACEMENT", "Argument 'PLACEMENT' is null or empty")
	}
	before := len(c.p.app.placements)
	c.p.app.placements = slices.DeleteFunc(c.p.app.placements, func(b placement) bool {
		return b.code == code && (address == "" || b.url == address)
	})
	return obj("count", before-len(c.p.app.placements)), nil
}

func (c *call) placementList() (any, error) {
	var codes []string
	for code, scope := range placementScopes {
		if c.p.granted(scope) {
			codes = append(codes, code)
		}
	}
	slices.Sort(codes)
	return list(codes...), nil
}
