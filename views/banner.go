package views

// tone is the colour of a banner: nothing works, or a part does not.
func (b Banner) tone() string {
	switch b.Kind {
	case DryRun:
		return "dry"
	case MissingScopes, InstallationPending:
		return "warning"
	case NotConnected:
		return "info"
	default:
		return "danger"
	}
}

func (b Banner) icon() string {
	switch b.tone() {
	case "info":
		return "plug"
	case "dry":
		return "eye"
	}
	return "triangle-alert"
}

// advice says what can be done, and by whom.
func (b Banner) advice(p Page) string {
	key := "banner." + string(b.Kind) + ".employee"
	if p.Admin {
		key = "banner." + string(b.Kind) + ".admin"
	}
	return p.L.T(key, "Scopes", b.Scopes)
}
