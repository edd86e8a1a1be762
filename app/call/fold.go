package call

import (
	"cmp"
	"slices"
	"time"
)

// Fold is what the events of one call add up to. The order and the repetition
// of the events do not matter, and an [Ended] event alone is a call. Once
// anybody answered, the call is answered, whatever another leg reports. Of more than
// 200 extensions that rang it keeps the first, and so of those that ring at a time.
func Fold(events []Event) Call {
	f := folding{events: inOrder(events)}
	f.begin()
	f.ring()
	f.ringNow()
	f.answer()
	f.end()
	f.attach()
	return f.Call
}

// folding is a call under construction, one part after the other.
type folding struct {
	Call
	events []Event // in order, without repeats
}

// inOrder sorts events by time and puts equal ones together, so that what
// follows depends neither on their order nor on their number.
func inOrder(events []Event) []Event {
	sorted := slices.Clone(events)
	for i := range sorted {
		sorted[i].At = sorted[i].At.UTC()
	}
	slices.SortFunc(sorted, compare)
	return slices.CompactFunc(sorted, func(a, b Event) bool { return compare(a, b) == 0 })
}

// lifecycle breaks ties between events of the same moment.
var lifecycle = []EventType{Started, Ringing, Answered, Transferred, Ended, RecordingReady, TranscriptReady}

func compare(a, b Event) int {
	return cmp.Or(
		a.At.Compare(b.At),
		cmp.Compare(slices.Index(lifecycle, a.Type), slices.Index(lifecycle, b.Type)),
		cmp.Compare(a.Type, b.Type),
		cmp.Compare(a.CallID, b.CallID),
		cmp.Compare(a.Direction, b.Direction),
		cmp.Compare(a.Phone, b.Phone),
		cmp.Compare(a.Line, b.Line),
		slices.Compare(a.Extensions, b.Extensions),
		cmp.Compare(a.B24ID, b.B24ID),
		cmp.Compare(a.Extension, b.Extension),
		cmp.Compare(a.From, b.From),
		cmp.Compare(a.To, b.To),
		cmp.Compare(a.Status, b.Status),
		cmp.Compare(a.Duration, b.Duration),
		cmp.Compare(a.URL, b.URL),
		slices.CompareFunc(a.Messages, b.Messages, func(m, n Message) int {
			return cmp.Or(cmp.Compare(m.Start, n.Start), cmp.Compare(m.Stop, n.Stop),
				cmp.Compare(m.Side, n.Side), cmp.Compare(m.Text, n.Text))
		}),
	)
}

func (f *folding) all(t EventType) []Event {
	var found []Event
	for _, e := range f.events {
		if e.Type == t {
			found = append(found, e)
		}
	}
	return found
}

// begin fills in who called whom. What started says counts before what ended
// repeats.
func (f *folding) begin() {
	started := f.all(Started)
	for _, e := range append(started, f.all(Ended)...) {
		f.Direction = cmp.Or(f.Direction, e.Direction)
		f.Phone = cmp.Or(f.Phone, e.Phone)
		f.Line = cmp.Or(f.Line, e.Line)
		f.B24ID = cmp.Or(f.B24ID, e.B24ID)
	}
	if len(started) > 0 {
		f.StartedAt = started[0].At
		return
	}
	for _, e := range f.events {
		if at := began(e); !at.IsZero() && (f.StartedAt.IsZero() || at.Before(f.StartedAt)) {
			f.StartedAt = at
		}
	}
}

// began is the latest moment at which the call of e can have begun, zero when e
// does not tell.
func began(e Event) time.Time {
	switch e.Type {
	case RecordingReady, TranscriptReady:
		return time.Time{}
	case Ended:
		return e.At.Add(-seconds(e.Duration))
	}
	return e.At
}

// mostRung bounds how many extensions a call has, and how many of them ring at a
// time.
const mostRung = 200

// ring lists who was rung. Whom the call rang first stands in what started, and
// again in what ended, which may come alone.
func (f *folding) ring() {
	f.Extensions = []string{}
	for _, e := range slices.Concat(f.all(Started), f.all(Ended), f.events) {
		for _, extension := range e.Extensions {
			f.Extensions = joined(f.Extensions, extension)
		}
	}
}

// joined are extensions with one more, unless it is among them or they are enough.
func joined(extensions []string, one string) []string {
	if len(extensions) >= mostRung || slices.Contains(extensions, one) {
		return extensions
	}
	return append(extensions, one)
}

// ringNow keeps who rings at the end of what is known. Each event names all who
// ring from then on, so a queue that goes on to the next one rings nobody else;
// events of one moment add up. An answer and a transfer end the ringing.
func (f *folding) ringNow() {
	var since time.Time
	for _, e := range f.events {
		switch e.Type {
		case Answered, Transferred, Ended:
			f.Ringing = nil
		case Started, Ringing:
			f.Ringing = ringers(f.Ringing, e, e.At.Equal(since))
			since = e.At
		}
	}
}

// ringers are those who ring after e, which adds to the ones before or not. An
// event that names nobody changes nothing.
func ringers(before []string, e Event, adds bool) []string {
	if len(e.Extensions) == 0 {
		return before
	}
	var now []string
	if adds {
		now = slices.Clone(before)
	}
	for _, extension := range e.Extensions {
		if extension != "" {
			now = joined(now, extension)
		}
	}
	return now
}

func (f *folding) answer() {
	for _, e := range f.events {
		switch {
		case e.Type == Answered:
			f.talks(e.At, e.Extension)
		case e.Type == Ended && e.Status == StatusAnswered:
			f.talks(e.At.Add(-seconds(e.Duration)), e.Extension)
		case e.Type == Transferred && f.Answered():
			f.TalkedLast = cmp.Or(e.To, f.TalkedLast)
		}
	}
}

// talks notes that an extension talks from at.
func (f *folding) talks(at time.Time, extension string) {
	if !f.Answered() {
		f.Status, f.AnsweredAt = StatusAnswered, at
	}
	f.AnsweredBy = cmp.Or(f.AnsweredBy, extension)
	f.TalkedLast = cmp.Or(extension, f.TalkedLast)
}

// legOnly reports that nothing has ended but legs which nobody answered, while
// somebody else talks.
func (f *folding) legOnly(ended []Event) bool {
	talks := func(e Event) bool {
		return e.Status == StatusAnswered || e.Extension == "" || e.Extension == f.TalkedLast
	}
	return f.Answered() && f.TalkedLast != "" && !slices.ContainsFunc(ended, talks)
}

// othersRang reports that each end names the extension that it is of, and that
// another one was rung. Such an end is that of the call, or of a leg whose call
// somebody else is about to answer.
func (f *folding) othersRang(ended []Event) bool {
	rest := slices.Clone(f.Extensions)
	for _, e := range ended {
		if e.Extension == "" {
			return false
		}
		rest = slices.DeleteFunc(rest, func(extension string) bool { return extension == e.Extension })
	}
	return len(rest) > 0
}

func (f *folding) end() {
	ended := f.all(Ended)
	if len(ended) == 0 {
		return
	}
	if f.legOnly(ended) {
		return
	}
	f.Ended = true
	if !f.Answered() {
		last := ended[len(ended)-1]
		f.EndedAt, f.Status = last.At, last.Status
		f.LegOnly = f.othersRang(ended)
		return
	}
	talks := slices.DeleteFunc(slices.Clone(ended), func(e Event) bool { return e.Status != StatusAnswered })
	if len(talks) == 0 {
		talks = ended[len(ended)-1:]
		talks[0].Duration = 0 // of a leg nobody talked on
	}
	f.EndedAt = talks[len(talks)-1].At
	for _, e := range talks {
		f.Duration = max(f.Duration, e.Duration)
	}
	if f.Duration == 0 {
		f.Duration = max(0, int(f.EndedAt.Sub(f.AnsweredAt)/time.Second))
	}
}

func (f *folding) attach() {
	for _, e := range f.all(RecordingReady) {
		f.RecordingURL = cmp.Or(f.RecordingURL, e.URL)
	}
	for _, e := range f.all(TranscriptReady) {
		f.Transcript = e.Messages
	}
}

func seconds(n int) time.Duration {
	return time.Duration(n) * time.Second
}
