package main

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// A telephone is a baresip that says one tone all the time.
type telephone struct {
	t    testing.TB
	user string
	link net.Conn

	mu      sync.Mutex
	happens []string // types of its events
	answers []string // to its commands
}

const phoneConfig = `poll_method epoll
sip_listen %[1]s
net_interface 127.0.0.1
audio_source aufile,%[2]s/tone.wav
audio_player aufile,%[2]s/heard.wav
audio_alert nil,nil
audio_path %[2]s
ausrc_srate 8000
auplay_srate 8000
ausrc_format s16
auplay_format s16
auenc_format s16
audec_format s16
rtp_ports %[3]d-%[4]d
module_path /usr/lib/baresip/modules
module g711.so
module aufile.so
module_tmp account.so
module_app menu.so
module_app ctrl_tcp.so
ctrl_tcp_listen %[5]s
`

// telephone starts the phone of a user at an address, with the next port free
// too. One that registers is an employee's.
func (s *sipServer) telephone(user, address string, registers bool, hertz float64) *telephone {
	s.t.Helper()
	folder := s.t.TempDir()
	control := freeAddress(s.t)
	media := portOf(s.t, freeRange(s.t, 10))
	seconds := 0
	if registers {
		seconds = 60
	}
	for name, text := range map[string][]byte{
		"config":   fmt.Appendf(nil, phoneConfig, address, folder, media, media+9, control),
		"accounts": fmt.Appendf(nil, "<sip:%s@%s;transport=udp>;regint=%d;answermode=manual\n", user, s.sip, seconds),
		"contacts": nil, "tone.wav": tone(hertz, 120),
	} {
		if err := os.WriteFile(filepath.Join(folder, name), text, 0o600); err != nil {
			s.t.Fatal(err)
		}
	}
	run(s.t, folder, []string{"HOME=" + folder}, "baresip", "-f", folder)
	p := &telephone{t: s.t, user: user}
	eventually(s.t, "the phone "+user+" is on", func() bool {
		link, err := net.Dial("tcp", control)
		p.link = link
		return err == nil
	})
	s.t.Cleanup(func() { p.link.Close() })
	go p.listen()
	if registers {
		eventually(s.t, "the phone "+user+" is registered", func() bool { return strings.Contains(p.do("reginfo", ""), "OK") })
	}
	return p
}

// listen remembers what the phone tells, as netstrings of JSON.
func (p *telephone) listen() {
	for reader := bufio.NewReader(p.link); ; {
		size, err := reader.ReadString(':')
		n, sizeErr := strconv.Atoi(strings.TrimSuffix(size, ":"))
		if err != nil || sizeErr != nil {
			return
		}
		frame := make([]byte, n+1)
		if _, err := io.ReadFull(reader, frame); err != nil {
			return
		}
		var said struct {
			Event bool
			Type  string
			Data  string
			OK    bool
		}
		if json.Unmarshal(frame[:n], &said) != nil {
			return
		}
		p.mu.Lock()
		if said.Event {
			p.happens = append(p.happens, said.Type)
		} else {
			p.answers = append(p.answers, fmt.Sprint(said.OK, said.Data))
		}
		p.mu.Unlock()
	}
}

// do carries a command out and returns the answer.
func (p *telephone) do(command, with string) string {
	p.t.Helper()
	text, err := json.Marshal(map[string]string{"command": command, "params": with})
	if err != nil {
		p.t.Fatal(err)
	}
	before := p.answered()
	if _, err := fmt.Fprintf(p.link, "%d:%s,", len(text), text); err != nil {
		p.t.Fatal(err)
	}
	eventually(p.t, p.user+" does "+command, func() bool { return p.answered() > before })
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.answers[len(p.answers)-1]
}

func (p *telephone) answered() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.answers)
}

// happened waits until something has happened to the phone n times.
func (p *telephone) happened(event string, n int) {
	p.t.Helper()
	eventually(p.t, p.user+": "+event, func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		return strings.Count(strings.Join(p.happens, "\n")+"\n", event+"\n") >= n
	})
}

// tone is a WAV file of one tone.
func tone(hertz float64, seconds int) []byte {
	const rate = 8000
	size := uint32(seconds * rate * 2)
	little := binary.LittleEndian
	file := little.AppendUint32([]byte("RIFF"), 36+size)
	file = append(file, "WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00\x40\x1f\x00\x00\x80\x3e\x00\x00\x02\x00\x10\x00data"...)
	file = little.AppendUint32(file, size)
	for i := range seconds * rate {
		file = little.AppendUint16(file, uint16(int16(8000*math.Sin(2*math.Pi*hertz*float64(i)/rate))))
	}
	return file
}

// loudness is how much of a tone there is in a WAV file of 8 kHz, 16 bits, mono:
// about the amplitude where it sounds all the time.
func loudness(t testing.TB, file []byte, hertz float64) float64 {
	t.Helper()
	if len(file) < 44 || string(file[:4]) != "RIFF" || binary.LittleEndian.Uint32(file[24:]) != 8000 ||
		int(binary.LittleEndian.Uint32(file[40:])) != len(file)-44 {
		t.Fatalf("no WAV file of 8 kHz: %d bytes", len(file))
	}
	var re, im float64
	n := (len(file) - 44) / 2
	for i := range n {
		sample := float64(int16(binary.LittleEndian.Uint16(file[44+2*i:])))
		re += sample * math.Cos(2*math.Pi*hertz*float64(i)/8000)
		im += sample * math.Sin(2*math.Pi*hertz*float64(i)/8000)
	}
	return 2 * math.Hypot(re, im) / float64(n)
}
