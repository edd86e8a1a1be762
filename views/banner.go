package views

// tone is the colour of a banner: nothing works, or a part does not.
func (b Banner) tone() string {
	switch b.Kind {
	case DryRun:
		return "dry"
	case MissingScopes, InstallationPending, EventsUnproven:
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

// reasons are the words for why Bitrix24 does not work for us, by the code of
// the portal's state.
var reasons = map[string]string{
	"PAYMENT_REQUIRED": "payment", "NO_REST": "plan", "PORTAL_DELETED": "closed", "OVERLOAD_LIMIT": "blocked", "UNINSTALLED": "gone",
	"USER_ACCESS_ERROR": "restricted", "AUTHORIZATION_ERROR": "dismissed", "ACCESS_DENIED": "demoted",
}

// key begins the keys of a banner's words: those of its reason, if there are
// any of its own.
func (b Banner) key() string {
	key := "banner." + string(b.Kind)
	if reason, ok := reasons[b.Code]; ok {
		return key + "." + reason
	}
	return key
}

// advice says what can be done, and by whom.
func (b Banner) advice(p Page) string {
	key := b.key() + ".employee"
	if p.Admin {
		key = b.key() + ".admin"
	}
	return p.L.T(key, "Scopes", b.Scopes)
}
