package pbxsim

import (
	"context"
	"fmt"
	"strconv"
	"time"
)

// A Player plays scenarios to a Callwise.
type Player struct {
	Client Client
	Speed  float64 // how much faster than life; above 0
	Played func(Played)
}

// Played is a step that was played, and what Callwise answered.
type Played struct {
	At     time.Time // when it began
	Says   string
	Asks   bool   // who is calling
	Answer string // without names and numbers; empty if there is an error
	Err    error
}

// Play plays a scenario to its end or its first error, and tells each step to
// Played. The error is that of ctx, or of the step that failed.
func (p Player) Play(ctx context.Context, s Scenario, c Cast) error {
	if len(c.Extensions) < Extensions {
		return fmt.Errorf("a scenario needs %d extensions", Extensions)
	}
	play := play{p, c, map[string]Event{}, 0}
	for _, step := range s.steps(c) {
		if err := pause(ctx, time.Duration(float64(step.Pause)/p.Speed)); err != nil {
			return err
		}
		done := Played{At: time.Now(), Says: step.Says, Asks: step.Asks}
		done.Answer, done.Err = play.step(ctx, step, done.At)
		p.Played(done)
		if done.Err != nil {
			return done.Err
		}
	}
	return nil
}

// A play is one call of a scenario under way.
type play struct {
	Player
	cast   Cast
	named  map[string]Event
	serial int
}

func (p *play) step(ctx context.Context, s Step, now time.Time) (string, error) {
	if s.Asks {
		found, err := p.Client.Customer(ctx, p.cast.Phone)
		return describe(found), err
	}
	events := make([]Event, len(s.Events))
	for i, m := range s.Events {
		events[i] = p.event(m, now)
	}
	a, err := p.Client.Report(ctx, events...)
	return a.String(), err
}

// event is the event of a moment; one that has a name stays as it was first.
func (p *play) event(m Moment, now time.Time) Event {
	if e, sent := p.named[m.Name]; sent && m.Name != "" {
		return e
	}
	p.serial++
	e := Event{p.cast.Call + "-" + strconv.Itoa(p.serial), m.Event}
	e.CallID, e.At = p.cast.Call, now.Add(-m.Ago).UTC()
	p.named[m.Name] = e
	return e
}

// describe says what is known about a customer, without saying who it is.
func describe(c Customer) string {
	if !c.Known {
		return "nobody known"
	}
	text := fmt.Sprintf("known, %d in the CRM", len(c.Entities))
	if c.Responsible == nil || c.Responsible.Extension == "" {
		return text + ", nobody to ring"
	}
	if c.Responsible.OnDuty {
		return text + ", ring " + c.Responsible.Extension
	}
	return text + ", " + c.Responsible.Extension + " is not on duty"
}
