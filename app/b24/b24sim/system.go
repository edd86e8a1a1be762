package b24sim

import (
	"slices"
	"strings"
	"time"
)

var systemMethods = map[string]method{
	"app.info":        {run: (*call).appInfo},
	"app.option.get":  {app: true, run: (*call).appOptionGet},
	"app.option.set":  {app: true, run: (*call).appOptionSet},
	"user.option.get": {app: true, run: (*call).userOptionGet},
	"user.option.set": {app: true, run: (*call).userOptionSet},
	"scope":           {run: (*call).scope},
	"method.get":      {run: (*call).methodGet},
	"methods":         {run: (*call).methodList},
	"server.time":     {run: (*call).serverTime},
	"feature.get":     {run: (*call).featureGet},
}

func (c *call) appInfo() (any, error) {
	if c.token == nil {
		return nil, forbid("ACCESS_DENIED", "Access denied! Application context required")
	}
	info := obj(
		"ID", AppID, "CODE", c.p.sim.config.Code, "VERSION", c.p.app.version, "STATUS", c.p.config.Status,
		"INSTALLED", c.p.app.installed, "PAYMENT_EXPIRED", flag(c.p.app.overdue), "DAYS", nil, "LANGUAGE_ID", c.p.config.Language,
	)
	if c.p.config.Plan == SelfHosted {
		info.set("LICENSE", c.p.config.Language+"_selfhosted")
		return info, nil
	}
	family := "pro"
	if c.p.config.Plan == Enterprise {
		family = "ent"
	}
	info.set("LICENSE", c.p.config.Language+"_"+family+"100")
	info.set("LICENSE_TYPE", family+"100")
	info.set("LICENSE_FAMILY", family)
	return info, nil
}

func (c *call) scope() (any, error) { return list(c.p.config.Scopes...), nil }

func (c *call) methodGet() (any, error) {
	m, exists := methods[strings.ToLower(c.text("name"))]
	return obj("isExisting", exists, "isAvailable", exists && c.p.granted(m.scope)), nil
}

func (c *call) methodList() (any, error) {
	var names []string
	for name, m := range methods {
		if c.p.granted(m.scope) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return list(names...), nil
}

func (c *call) serverTime() (any, error) { return c.p.now().Format(time.RFC3339), nil }

func (c *call) featureGet() (any, error) {
	code := c.text("CODE")
	if code == "" {
		return nil, refuse("CODE_EMPTY", "CODE can't be empty")
	}
	if c.p.config.Plan == SelfHosted {
		return obj("value", c.p.config.Language+"_selfhosted"), nil
	}
	return obj("value", flag(c.p.config.Plan == Enterprise)), nil
}

func (c *call) appOptionGet() (any, error) { return optionGet(c.p.app.options, c.text("option")), nil }

func (c *call) appOptionSet() (any, error) {
	if !c.user.Admin {
		return nil, refuse("AccessException", "Administrator authorization required")
	}
	return true, optionSet(&c.p.app.options, c.array("options"))
}

func (c *call) userOptionGet() (any, error) {
	return optionGet(c.p.app.userOptions[c.user.ID], c.text("option")), nil
}

func (c *call) userOptionSet() (any, error) {
	if c.p.app.userOptions == nil {
		c.p.app.userOptions = map[int64]*array{}
	}
	own := c.p.app.userOptions[c.user.ID]
	err := optionSet(&own, c.array("options"))
	c.p.app.userOptions[c.user.ID] = own
	return true, err
}

// optionGet is all options, or one; null for an unknown key.
func optionGet(options *array, name string) any {
	if name != "" {
		v, _ := options.get(name)
		return v
	}
	if options == nil {
		return obj()
	}
	return options
}

func optionSet(options **array, sent *array) error {
	if sent.len() == 0 {
		return refuse("ArgumentNullException", "Argument 'options' is null or empty")
	}
	if *options == nil {
		*options = &array{}
	}
	for _, k := range sent.keys {
		(*options).set(k, sent.values[k])
	}
	return nil
}
