package views

import "strconv"

// A toggle is a switch of the settings with its consequence.
type toggle struct {
	Name, Label, Help string
	On                bool
}

func (p SettingsPage) version() string { return strconv.FormatInt(p.Version, 10) }

func (p SettingsPage) repeatChoices() []Option {
	choices := make([]Option, 0, 3)
	for _, value := range []string{"on", "off", "unknown"} {
		choices = append(choices, Option{Value: value, Label: p.L.T("repeat." + value), Chosen: value == p.Repeat})
	}
	return choices
}

func (c Conflict) who(l Localizer) string {
	if c.Who == "" {
		return l.T("conflict.somebody")
	}
	return c.Who
}

func (r PreviewRow) number() string { return strconv.Itoa(r.Number) }

// revoke is where the form posts that ends a key.
func (k Key) revoke() string {
	return "/settings/keys/" + strconv.FormatInt(k.ID, 10) + "/revoke"
}

func (k Key) elementID() string { return "key-" + strconv.FormatInt(k.ID, 10) }

// described names the elements that explain a field: its help and its error.
func described(name string, err FieldError) string {
	if err == NoError {
		return name + "-help"
	}
	return name + "-error " + name + "-help"
}
