package pbx

import (
	"slices"

	"callwise/app/call"
)

// Statuses are the words for the end of a call, in the order of the
// description.
func Statuses() []call.Status { return slices.Clone(statuses) }
