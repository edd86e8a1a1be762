package kamailio

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/pion/rtp"
	"github.com/zaf/g711"
)

const (
	rate     = 8000 // samples a second of G.711
	maxSound = 100<<20 - header
	header   = 44        // bytes
	maxDrift = rate      // samples between a packet's own time and its arrival, before its own is not believed
	maxPiece = 256 << 10 // bytes of one packet in a capture
)

// A Sound is where a mix is written to: an empty file.
type Sound interface {
	io.ReaderAt
	io.WriterAt
}

var (
	errCapture = errors.New("the file is no capture of IP packets (pcap, little-endian, raw)")
	errSilent  = errors.New("nothing in G.711 was recorded; offer PCMA and PCMU only")
)

// Mix writes what both sides of a call said as one WAV file (16 bits, 8 kHz,
// mono). The capture is RTPengine's: recording-method pcap, recording-format
// raw. Of a call too long for Callwise (100 MB, 109 minutes), the beginning is
// written. Neither is held in memory.
func Mix(capture io.Reader, to Sound) error {
	in := bufio.NewReader(capture)
	if err := checkCapture(in); err != nil {
		return err
	}
	m := mixer{to: to, streams: map[uint32]*stream{}}
	for {
		at, packet, err := readPacket(in)
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) { // what RTPengine could not finish
			return m.finish()
		}
		if err != nil {
			return err
		}
		if err := m.add(at, packet); err != nil {
			return err
		}
	}
}

// checkCapture reads the head of a capture.
//
// https://www.ietf.org/archive/id/draft-ietf-opsawg-pcap-05.html
func checkCapture(in io.Reader) error {
	var head [24]byte
	if _, err := io.ReadFull(in, head[:]); err != nil {
		return errCapture
	}
	const magic, raw, rawBSD = 0xa1b2c3d4, 101, 12
	kind := binary.LittleEndian.Uint32(head[20:])
	if binary.LittleEndian.Uint32(head[:]) != magic || kind != raw && kind != rawBSD {
		return errCapture
	}
	return nil
}

func readPacket(in io.Reader) (time.Time, []byte, error) {
	var head [16]byte
	if _, err := io.ReadFull(in, head[:]); err != nil {
		return time.Time{}, nil, err
	}
	size := binary.LittleEndian.Uint32(head[8:])
	if size > maxPiece {
		return time.Time{}, nil, errCapture
	}
	packet := make([]byte, size)
	_, err := io.ReadFull(in, packet)
	at := time.Unix(int64(binary.LittleEndian.Uint32(head[:])), int64(binary.LittleEndian.Uint32(head[4:]))*1000)
	return at, packet, err
}

// payload is what an IP packet carries by UDP, or nothing.
func payload(packet []byte) []byte {
	if len(packet) == 0 {
		return nil
	}
	const udp = 8 // bytes of its head
	from := udp
	switch packet[0] >> 4 {
	case 4:
		from += int(packet[0]&0x0f) * 4
	case 6:
		from += 40
	}
	return packet[min(from, len(packet)):]
}

// A stream is what one side says.
type stream struct {
	begin int    // sample of the mix
	clock uint32 // of that sample
}

// A mixer adds up streams. Each packet is put where its own clock says, so that
// one that arrives late or twice changes nothing, and a pause stays one.
type mixer struct {
	to      Sound
	first   time.Time
	streams map[uint32]*stream
	size    int // bytes of sound
}

// add mixes one packet in. What is no G.711 is left out.
func (m *mixer) add(at time.Time, packet []byte) error {
	var p rtp.Packet
	if p.Unmarshal(payload(packet)) != nil {
		return nil
	}
	samples := decode(p.PayloadType, p.Payload)
	if len(samples) == 0 {
		return nil
	}
	if m.first.IsZero() {
		m.first = at
	}
	return m.put(m.place(p.SSRC, p.Timestamp, at), samples)
}

// Payload types of G.711.
//
// https://www.rfc-editor.org/rfc/rfc3551#section-6
const (
	pcmu = 0
	pcma = 8
)

func decode(kind uint8, sound []byte) []int16 {
	var one func(uint8) int16
	switch kind {
	case pcmu:
		one = g711.DecodeUlawFrame
	case pcma:
		one = g711.DecodeAlawFrame
	default:
		return nil
	}
	samples := make([]int16, len(sound))
	for i, b := range sound {
		samples[i] = one(b)
	}
	return samples
}

// place returns the sample of the mix at which a packet begins.
func (m *mixer) place(source, clock uint32, at time.Time) int {
	arrived := int(at.Sub(m.first) * rate / time.Second)
	s := m.streams[source]
	if s == nil {
		s = &stream{begin: arrived, clock: clock}
		m.streams[source] = s
	}
	place := s.begin + int(int32(clock-s.clock))
	if drift := place - arrived; drift > maxDrift || drift < -maxDrift {
		*s = stream{begin: arrived, clock: clock}
		return arrived
	}
	return place
}

func (m *mixer) put(place int, samples []int16) error {
	if place < 0 || place*2+len(samples)*2 > maxSound {
		return nil
	}
	piece := make([]byte, len(samples)*2)
	if _, err := m.to.ReadAt(piece, int64(header+place*2)); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	for i, sample := range samples {
		sum := int(int16(binary.LittleEndian.Uint16(piece[i*2:]))) + int(sample)
		binary.LittleEndian.PutUint16(piece[i*2:], uint16(int16(max(-1<<15, min(sum, 1<<15-1)))))
	}
	m.size = max(m.size, place*2+len(piece))
	_, err := m.to.WriteAt(piece, int64(header+place*2))
	return err
}

// finish writes the head of the WAV file.
func (m *mixer) finish() error {
	if m.size == 0 {
		return errSilent
	}
	head := make([]byte, 0, header)
	little := binary.LittleEndian
	head = little.AppendUint32(append(head, "RIFF"...), uint32(header-8+m.size))
	head = little.AppendUint32(append(head, "WAVEfmt "...), 16)
	head = little.AppendUint16(little.AppendUint16(head, 1), 1) // PCM, one channel
	head = little.AppendUint32(little.AppendUint32(head, rate), rate*2)
	head = little.AppendUint16(little.AppendUint16(head, 2), 16)
	head = little.AppendUint32(append(head, "data"...), uint32(m.size))
	if _, err := m.to.WriteAt(head, 0); err != nil {
		return fmt.Errorf("the head: %w", err)
	}
	return nil
}
