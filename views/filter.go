package views

// The choices of the call log's filter; the empty one is everything.
var (
	directionChoices = []string{"", "incoming", "outgoing", "redirected", "callback", "info", "internal"}
	outcomeChoices   = []string{"", "answered", "missed"}
)

// NewCallFilter offers the directions and outcomes by which the log can be
// narrowed, with the given ones chosen. An unknown word chooses everything.
// "missed" is every call that nobody answered.
func NewCallFilter(l Localizer, direction, outcome string) CallFilter {
	return CallFilter{
		Directions: options(l, "filter.direction", directionChoices, direction),
		Outcomes:   options(l, "filter.outcome", outcomeChoices, outcome),
		Active:     direction != "" || outcome != "",
	}
}

func options(l Localizer, family string, values []string, chosen string) []Option {
	list := make([]Option, 0, len(values))
	for _, value := range values {
		label := l.T(family + ".all")
		if value != "" {
			label = l.T(family + "." + value)
		}
		list = append(list, Option{Value: value, Label: label, Chosen: value == chosen})
	}
	return list
}
