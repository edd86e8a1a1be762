package models

import (
	"slices"

	"callwise/app/rules"
)

// A CallResult is what became of a call, as the log filters by it.
type CallResult string

// Results of calls.
const (
	ResultCreated  CallResult = "created"
	ResultAdded    CallResult = "added"
	ResultNothing  CallResult = "nothing"
	ResultWaiting  CallResult = "waiting"  // the call is going on
	ResultRetrying CallResult = "retrying" // a step failed and will be repeated
	ResultFailed   CallResult = "failed"   // given up
	ResultIgnored  CallResult = "ignored"  // excluded by the administrator
	ResultDryRun   CallResult = "dry_run"  // decided, and nothing written
)

// SettledResults are those of calls that nothing is left to do for.
var SettledResults = []CallResult{ResultCreated, ResultAdded, ResultNothing, ResultFailed, ResultIgnored, ResultDryRun}

// An Attention is what an administrator is to mend in a call.
type Attention string

// What can be mended.
const (
	NoAttention     Attention = ""
	AttentionFailed Attention = "failed"      // given up: retry it
	AttentionCreate Attention = "create"      // Bitrix24 refused to create: try again
	AttentionBind   Attention = "partial"     // not logged to all its cards: retry it
	AttentionUser   Attention = "unmapped"    // nobody has its extension: map it
	AttentionRing   Attention = "noextension" // who clicked has no extension: give them one
	AttentionCard   Attention = "card"        // several cards have the number and something was created for one: choose
)

// summarise writes what the log filters by.
func (c *Call) summarise() {
	c.Reason = ""
	if c.Decision != nil {
		c.Reason = c.Decision.Reason
	}
	c.Search = searchText(c.CustomerName, c.PhoneKey)
	c.Result, c.Attention = c.result(), NoAttention
	for _, a := range c.troubles() {
		if !slices.Contains(c.Progress.Settled, a) {
			c.Attention = a
			return
		}
	}
}

func (c *Call) result() CallResult {
	switch {
	case c.State == CallFailed:
		return ResultFailed
	case c.RetryAt != nil:
		return ResultRetrying
	case c.State == CallOpen:
		return ResultWaiting
	case c.State == CallIgnored:
		return ResultIgnored
	case c.Progress.DryRun:
		return ResultDryRun
	case len(c.Progress.Created) > 0:
		return ResultCreated
	case len(c.Progress.Bound) > 0:
		return ResultAdded
	}
	return ResultNothing
}

// troubles are what there is to mend, the gravest first.
func (c *Call) troubles() []Attention {
	var all []Attention
	if c.State == CallFailed {
		all = append(all, AttentionFailed)
	}
	if len(c.Progress.BindFailed) > 0 {
		all = append(all, AttentionBind)
	}
	if c.UserID == 0 && c.Extension != "" && c.State != CallIgnored && c.Reason != rules.InternalCall {
		all = append(all, AttentionUser)
	}
	if c.Progress.NoExtension {
		all = append(all, AttentionRing)
	}
	if slices.Contains(c.Progress.Notes, rules.CreateFailed) && c.Progress.CreateDone {
		all = append(all, AttentionCreate)
	}
	if c.Case != nil && len(c.Progress.Created) > 0 && len(c.Case.CRM.Contacts)+len(c.Case.CRM.Companies) > 1 {
		all = append(all, AttentionCard)
	}
	return all
}
