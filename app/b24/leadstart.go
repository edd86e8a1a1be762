package b24

import (
	"context"
	"errors"

	"callwise/app/crm"
)

// A LeadStart is a call that begins, with a lead of ours for it.
type LeadStart struct {
	Call CallStart
	Lead NewLead
	// Card is the kind of card that Bitrix24 has to name for the call, or the
	// lead is not created: the number stands in the exceptions list. Zero asks
	// for none.
	Card     crm.EntityType
	Converts bool // simple mode, which makes a deal of the lead
}

// A MadeLead is a lead of ours, and what the portal told of it at once.
type MadeLead struct {
	ID      int64 // 0: not created, as far as the portal told
	Deal    int64 // what simple mode made of the lead; 0 if nothing yet
	Contact int64 // contact of Deal, may be 0
	// Repeated is whether Bitrix24 flags the lead of a client as a repeated one;
	// nil if it did not tell.
	Repeated *bool
}

// StartCallWithLead is [Client.StartCall] and [Client.AddLead] in one request.
// It is not safe to repeat: after an [Unsure] error repeat with StartCall, and
// look for the lead with [Client.FindByOrigin]. A refused lead is no error.
func (c *Client) StartCallWithLead(ctx context.Context, s LeadStart) (StartedCall, MadeLead, error) {
	answers, err := c.Batch(ctx, s.batch())
	if err != nil {
		return StartedCall{}, MadeLead{}, err
	}
	var answer startAnswer
	err = answers.Decode("call", &answer)
	if errors.Is(err, ErrNotExecuted) {
		started, err := c.StartCall(ctx, s.Call) // the line was refused, and stopped the batch
		return started, MadeLead{}, err
	}
	if err != nil {
		return StartedCall{}, MadeLead{}, err
	}
	started, err := answer.started(answers.At)
	return started, answers.madeLead(), err
}

// batch stops at the first refusal: a lead must not be created without its
// call, nor for an exception. A call without an object has no id that the card
// could be read by.
func (s LeadStart) batch() Batch {
	b := Batch{Halt: true}
	if s.Call.NewLine != nil {
		b.Add("line", methodAddLine, s.Call.NewLine.params())
	}
	b.Add("call", methodRegister, s.Call.params())
	if s.Card != 0 {
		b.Add("card", methodItemGet, Params{"entityTypeId": int(s.Card), "id": Ref("call", "CRM_ENTITY_ID")})
	}
	s.Lead.addTo(&b)
	if s.Converts {
		b.Add("deals", methodItemList, dealsOfLead(Ref("lead")))
	}
	return b
}

func (a Answers) madeLead() MadeLead {
	var id ID
	if a.Decode("lead", &id) != nil {
		return MadeLead{}
	}
	lead := MadeLead{ID: int64(id)}
	var deals itemList
	if a.Decode("deals", &deals) == nil {
		lead.Deal, lead.Contact = deals.dealOf(lead.ID)
	}
	var made struct {
		Item item `json:"item"`
	}
	if a.Decode("made", &made) == nil && made.Item.ID == id {
		repeated := bool(made.Item.Repeated)
		lead.Repeated = &repeated
	}
	return lead
}
