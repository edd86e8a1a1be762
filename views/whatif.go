package views

// A WhatIf is the region of that name: the last real calls decided anew.
type WhatIf struct {
	L        Localizer
	Session  string
	Total    int             // calls that were decided anew
	Differ   int             // of these, how many would turn out differently
	Since    Moment          // when the oldest of them began
	Counters []WhatIfCounter // what there would be more or less of
	Kinds    []string        // "Incoming: 12"
	Calls    []WhatIfCall    // those that differ, the newest first
	All      bool            // Calls are all of them
}

// A WhatIfCounter is one difference, counted: "+12 repeated leads".
type WhatIfCounter struct {
	Text string
	More bool // of something created
	Less bool
}

// A WhatIfPair is a call that would turn out differently.
type WhatIfPair struct {
	ID            int64
	Time          Moment
	Direction     string
	Customer      string // name, or empty
	Phone         string
	Before, After PreviewCell
}

// A WhatIfCall is such a call in words.
type WhatIfCall struct {
	ID            int64
	Time          Moment
	Direction     string // incoming, outgoing, …: chooses the icon
	Call          string // "Incoming"
	Who           string // the customer's name or number
	Before, After string
	Why           string // the reason it would have
}

// whatIfShown is how many calls the region lists at first: what will happen
// stands below, and both are to be seen while the switches are moved.
const whatIfShown = 3

// NewWhatIf counts and words the calls that would turn out differently; all
// lists every one of them.
func NewWhatIf(l Localizer, total int, pairs []WhatIfPair, all bool) WhatIf {
	w := WhatIf{L: l, Total: total, Differ: len(pairs), Counters: whatIfCounters(l, pairs), Kinds: whatIfKinds(l, pairs)}
	w.All = all || len(pairs) <= whatIfShown
	shown := pairs
	if !w.All {
		shown = pairs[:whatIfShown]
	}
	for _, p := range shown {
		w.Calls = append(w.Calls, whatIfCall(l, p))
	}
	return w
}

func whatIfCall(l Localizer, p WhatIfPair) WhatIfCall {
	c := WhatIfCall{
		ID: p.ID, Time: p.Time, Direction: p.Direction, Call: l.word("direction", p.Direction), Who: p.Customer,
		Before: l.Create(p.Before.Create), After: l.Create(p.After.Create), Why: l.word("because", p.After.Reason),
	}
	if c.Who == "" {
		c.Who = p.Phone
	}
	if p.Before.Create == p.After.Create {
		c.Before, c.After = l.logTo(p.Before), l.logTo(p.After)
	}
	return c
}

// whatIfCounters say what there would be more or less of, more first.
func whatIfCounters(l Localizer, pairs []WhatIfPair) []WhatIfCounter {
	more, less, elsewhere := map[string]int{}, map[string]int{}, 0
	for _, p := range pairs {
		if p.Before.Create == p.After.Create {
			elsewhere++
			continue
		}
		more[p.After.Create]++
		less[p.Before.Create]++
	}
	var counters []WhatIfCounter
	for _, create := range CreateCodes[1:] {
		if n := more[create]; n > 0 {
			counters = append(counters, WhatIfCounter{Text: l.N("whatif.more."+create, n), More: true})
		}
	}
	for _, create := range CreateCodes[1:] {
		if n := less[create]; n > 0 {
			counters = append(counters, WhatIfCounter{Text: l.N("whatif.less."+create, n), Less: true})
		}
	}
	if elsewhere > 0 {
		counters = append(counters, WhatIfCounter{Text: l.N("whatif.elsewhere", elsewhere)})
	}
	return counters
}

// directionOrder is the order in which kinds of calls are named.
var directionOrder = []string{"incoming", "outgoing", "redirected", "callback", "info", "internal"}

func whatIfKinds(l Localizer, pairs []WhatIfPair) []string {
	counted := map[string]int{}
	for _, p := range pairs {
		counted[p.Direction]++
	}
	var kinds []string
	for _, d := range directionOrder {
		if n := counted[d]; n > 0 {
			kinds = append(kinds, l.T("whatif.kind", "Direction", l.word("direction", d), "N", n))
		}
	}
	return kinds
}

func (c WhatIfCall) address() string { return CallRow{ID: c.ID}.address() }

func (c WhatIfCall) icon() string { return CallRow{Direction: c.Direction, Answered: true}.icon() }
