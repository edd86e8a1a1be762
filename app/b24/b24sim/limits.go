package b24sim

import (
	"strings"
	"time"
)

const (
	// defaultCost is the operating time one call of a method takes.
	defaultCost = 50 * time.Millisecond
	// operatingLimit and operatingWindow are the documentation's example: 480
	// seconds of one method within ten minutes.
	operatingLimit  = 480 * time.Second
	operatingWindow = 10 * time.Minute
)

// A bucket is the leaky bucket of one caller's address: it holds X requests
// and drains Y a second (bitrix24-platform.md, section 4).
type bucket struct {
	level float64
	at    time.Time
}

func (p Plan) bucket() (size, drain float64) {
	if p == Enterprise {
		return 250, 5
	}
	return 50, 2
}

// admit takes a request into the bucket, false when it is full. Requests that
// were refused do not fill it.
func (p *Portal) admit(remote string) bool {
	if p.config.Plan == SelfHosted {
		return true
	}
	size, drain := p.config.Plan.bucket()
	now := p.sim.config.Now()
	b := p.buckets[remote]
	b.level = max(0, b.level-now.Sub(b.at).Seconds()*drain)
	b.at = now
	full := b.level+1 > size
	if full {
		p.overrun++
	} else {
		b.level++
	}
	p.buckets[remote] = b
	return !full
}

// An expense is operating time a method took.
type expense struct {
	at   time.Time
	cost time.Duration
}

func (p *Portal) spend(method string, cost time.Duration) {
	p.spent[method] = append(p.spent[method], expense{p.sim.config.Now(), cost})
}

// Spend adds operating time to a method, as if it had worked that long. From
// 480 seconds within ten minutes on it answers OPERATION_TIME_LIMIT.
func (p *Portal) Spend(method string, d time.Duration) {
	defer p.lock()()
	p.spend(strings.ToLower(method), d)
}

// operating is the time a method took within the window, and when the oldest
// of it is forgotten.
func (p *Portal) operating(method string) (sum time.Duration, reset time.Time) {
	now := p.sim.config.Now()
	kept := p.spent[method][:0]
	for _, e := range p.spent[method] {
		if now.Sub(e.at) < operatingWindow {
			kept = append(kept, e)
			sum += e.cost
		}
	}
	p.spent[method] = kept
	reset = now.Add(operatingWindow)
	if len(kept) > 0 {
		reset = kept[0].at.Add(operatingWindow)
	}
	return sum, reset
}

// isSpent reports whether the method has used up its time. The check comes
// before the execution, so the call that overshoots still completes.
func (p *Portal) isSpent(method string) bool {
	if p.config.Plan == SelfHosted {
		return false
	}
	sum, _ := p.operating(method)
	return sum >= operatingLimit
}
