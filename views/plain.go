package views

func (k PlainKind) icon() string {
	switch k {
	case About:
		return "phone-call"
	case SessionExpired, TooMany:
		return "clock"
	case NoPermission:
		return "lock"
	case NotFound:
		return "search"
	default:
		return "triangle-alert"
	}
}
