package rules

import "errors"

// ParseCase reads one case of interface.md §5.
func ParseCase(line []byte) (Case, error) {
	return Case{}, errors.New("not yet")
}
