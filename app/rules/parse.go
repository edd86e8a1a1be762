package rules

import (
	"bytes"
	"errors"
	"io"
	"sync"

	"callwise/app/call"
	"callwise/app/crm"

	"github.com/go-json-experiment/json/jsontext"
)

// ParseCase reads one case of interface.md §5 strictly: exactly one JSON object
// with known fields, words and whole 64-bit ids, and direction among them. What
// is missing is false, empty or null, the CRM mode classic, Bitrix24's switch
// unknown. The error says what is wrong and where, and quotes nothing.
func ParseCase(line []byte) (Case, error) {
	p := parsers.Get().(*parser)
	defer parsers.Put(p)
	p.source = *bytes.NewBuffer(line)
	p.Reset(&p.source)
	return p.parse()
}

var parsers = sync.Pool{New: func() any { return &parser{Decoder: new(jsontext.Decoder)} }}

var errDirection = errors.New("/call/direction is missing")

func (p *parser) parse() (Case, error) {
	p.err = nil
	c := Case{Settings: DefaultSettings()}
	p.object(func(name string) bool {
		switch name {
		case "call":
			p.call(&c.Call)
		case "settings":
			p.settings(&c.Settings)
		case "crm":
			p.crm(&c.CRM)
		default:
			return false
		}
		return true
	})
	if p.err != nil {
		return Case{}, p.err
	}
	if _, err := p.ReadToken(); err != io.EOF {
		return Case{}, errMore
	}
	if c.Call.Direction == "" {
		return Case{}, errDirection
	}
	return c, nil
}

func (p *parser) call(c *Call) {
	p.object(func(name string) bool {
		switch name {
		case "direction":
			c.Direction = word(p, directions)
		case "internal":
			c.Internal = p.bool()
		case "hidden":
			c.Hidden = p.bool()
		case "employee":
			c.Employee = p.bool()
		case "leg":
			c.Leg = p.bool()
		case "origin":
			c.Origin = p.origin()
		default:
			return false
		}
		return true
	})
}

func (p *parser) origin() *Origin {
	if p.PeekKind() == 'n' {
		p.skip()
		return nil
	}
	var o Origin
	hasID := false
	p.object(func(name string) bool {
		switch name {
		case "type":
			o.Type = word(p, entityTypes)
		case "id":
			o.ID, hasID = p.id(), true
		case "closed":
			o.Closed = p.bool()
		default:
			return false
		}
		return true
	})
	p.require(o.Type != 0, "type")
	p.require(hasID, "id")
	return &o
}

func (p *parser) settings(s *Settings) {
	p.object(func(name string) bool {
		switch name {
		case "create_entities":
			s.CreateEntities = p.bool()
		case "outgoing_calls":
			s.OutgoingCalls = p.bool()
		case "repeated_leads":
			s.RepeatedLeads = p.bool()
		case "repeat_in_bitrix24":
			s.RepeatInBitrix24 = word(p, repeats)
		case "crm_mode":
			s.CRMMode = word(p, modes)
		default:
			return false
		}
		return true
	})
}

func (p *parser) crm(s *crm.Snapshot) {
	p.object(func(name string) bool {
		switch name {
		case "excluded":
			s.Excluded = p.bool()
		case "open_leads":
			s.OpenLeads = p.ids()
		case "open_deals":
			s.OpenDeals = p.ids()
		case "contacts":
			s.Contacts = p.ids()
		case "companies":
			s.Companies = p.ids()
		case "closed_leads":
			p.array(func() { s.ClosedLeads = append(s.ClosedLeads, p.closedLead()) })
		case "closed_deals":
			s.ClosedDeals = p.ids()
		default:
			return false
		}
		return true
	})
}

func (p *parser) closedLead() crm.ClosedLead {
	var l crm.ClosedLead
	hasID := false
	p.object(func(name string) bool {
		switch name {
		case "id":
			l.ID, hasID = p.id(), true
		case "outcome":
			l.Outcome = word(p, outcomes)
		default:
			return false
		}
		return true
	})
	p.require(hasID, "id")
	p.require(l.Outcome != "", "outcome")
	return l
}

// Words of a case.
var (
	directions = map[string]call.Direction{
		"incoming": call.Incoming, "outgoing": call.Outgoing, "redirected": call.Redirected,
		"callback": call.Callback, "info": call.Info,
	}
	entityTypes = map[string]crm.EntityType{
		"lead": crm.TypeLead, "deal": crm.TypeDeal, "contact": crm.TypeContact, "company": crm.TypeCompany,
	}
	repeats  = map[string]Repeat{"on": RepeatOn, "off": RepeatOff, "unknown": RepeatUnknown}
	modes    = map[string]crm.Mode{"classic": crm.Classic, "simple": crm.Simple}
	outcomes = map[string]crm.Outcome{
		"deal": crm.OutcomeDeal, "contact": crm.OutcomeContact, "lost": crm.OutcomeLost,
	}
)
