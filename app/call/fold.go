package call

// Fold is what the events of one call add up to. The order and the repetition
// of the events do not matter.
func Fold(events []Event) Call {
	return Call{}
}
