package demo

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"net/http"
	"time"

	"callwise/app/call"
)

// weekCalls is how many calls the past week had.
const weekCalls = 40

// recordingPath is where the telephone keeps its recordings.
const recordingPath = "/demo/recordings/"

// playWeek reports the calls of the past week, as a PBX does that was cut off:
// the log, its overview and the what-if then have something to show.
func (d *Demo) playWeek(r *http.Request) error {
	if err := d.phone.connect(r.Context()); err != nil {
		return err
	}
	chance := rand.New(rand.NewPCG(1, 2)) // the same week each time
	for n := range weekCalls {
		if err := d.phone.tell(r.Context(), d.pastCall(chance, n)...); err != nil {
			return err
		}
	}
	return nil
}

// pastCall are the events of the nth call of the week, the oldest first.
func (d *Demo) pastCall(chance *rand.Rand, n int) []call.Event {
	now := d.config.Now()
	day := now.In(d.zone).AddDate(0, 0, -7+n*7/weekCalls)
	at := time.Date(day.Year(), day.Month(), day.Day(), 8, 30, 0, 0, d.zone).Add(time.Duration(chance.IntN(9*3600)) * time.Second)
	if !at.Before(now.Add(-time.Hour)) {
		at = now.Add(-time.Hour)
	}
	customer := d.customers[chance.IntN(len(d.customers))]
	if chance.IntN(3) == 0 {
		customer = d.customers[0] // somebody new
	}
	started := call.Event{
		Type: call.Started, CallID: fmt.Sprintf("week-%d-%d", now.Unix(), n), At: at.UTC(), Direction: call.Incoming,
		Phone: customer.phone, Line: mainLine, Extensions: []string{fmt.Sprint(101 + chance.IntN(4))},
	}
	if chance.IntN(3) == 0 {
		started.Line = secondLine
	}
	if chance.IntN(3) == 0 && customer.phone != hiddenNumber {
		started.Direction = call.Outgoing
	}
	if customer.phone == "" {
		started.Phone = d.phone.nextNumber()
	}
	if chance.IntN(4) == 0 {
		return []call.Event{started, missed(started)}
	}
	return d.talk(started, 20+chance.IntN(400))
}

// missed is the end of a call that nobody took.
func missed(started call.Event) call.Event {
	status := call.StatusMissed
	if started.Direction == call.Outgoing {
		status = call.StatusNoAnswer
	}
	return call.Event{Type: call.Ended, CallID: started.CallID, At: started.At.Add(25 * time.Second), Status: status}
}

// talk is a conversation, and its recording.
func (d *Demo) talk(started call.Event, seconds int) []call.Event {
	answered := call.Event{Type: call.Answered, CallID: started.CallID, At: started.At.Add(6 * time.Second), Extension: started.Extensions[0]}
	ended := call.Event{
		Type: call.Ended, CallID: started.CallID, At: answered.At.Add(time.Duration(seconds) * time.Second),
		Status: call.StatusAnswered, Extension: answered.Extension, Duration: seconds,
	}
	recorded := call.Event{
		Type: call.RecordingReady, CallID: started.CallID, At: ended.At.Add(2 * time.Second),
		URL: d.config.PortalURL + recordingPath + started.CallID + ".wav",
	}
	return []call.Event{started, answered, ended, recorded}
}

// A sound of the demo: two tones, of a telephone's quality.
const (
	soundRate    = 8000 // samples a second, 16 bits each
	soundSeconds = 4
)

// recording serves what the telephone recorded: every call sounds alike.
func recording(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "audio/wav")
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(sound))
}

var sound = makeSound()

func makeSound() []byte {
	const size = soundRate * soundSeconds * 2
	file := append(make([]byte, 0, 44+size), "RIFF"...)
	file = binary.LittleEndian.AppendUint32(file, 36+size)
	file = append(file, "WAVEfmt "...)
	file = binary.LittleEndian.AppendUint32(file, 16)
	file = binary.LittleEndian.AppendUint16(file, 1) // PCM
	file = binary.LittleEndian.AppendUint16(file, 1) // channels
	file = binary.LittleEndian.AppendUint32(file, soundRate)
	file = binary.LittleEndian.AppendUint32(file, soundRate*2)
	file = binary.LittleEndian.AppendUint16(file, 2)
	file = binary.LittleEndian.AppendUint16(file, 16)
	file = append(file, "data"...)
	file = binary.LittleEndian.AppendUint32(file, size)
	for i := range soundRate * soundSeconds {
		tone := 440.0
		if i/soundRate%2 == 1 {
			tone = 554.4
		}
		sample := 6000 * math.Sin(2*math.Pi*tone*float64(i)/soundRate)
		file = binary.LittleEndian.AppendUint16(file, uint16(int16(sample)))
	}
	return file
}
