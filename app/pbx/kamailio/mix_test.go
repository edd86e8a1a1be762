package kamailio

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/pion/rtp"
	"github.com/zaf/g711"
)

// A piece is one packet of a capture.
type piece struct {
	arrives time.Duration // after the first
	source  uint32
	clock   uint32
	kind    uint8
	level   int16 // of all its samples
	n       int   // samples
}

var began = time.Date(2026, 11, 27, 1, 9, 8, 868_000_000, time.UTC)

// capture is a file as RTPengine writes it.
func capture(t *testing.T, pieces ...piece) []byte {
	t.Helper()
	little := binary.LittleEndian
	file := append(little.AppendUint32(nil, 0xa1b2c3d4), 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 101, 0, 0, 0)
	for _, p := range pieces {
		code := g711.EncodeUlawFrame
		if p.kind == pcma {
			code = g711.EncodeAlawFrame
		}
		sound, err := (&rtp.Packet{
			Header:  rtp.Header{Version: 2, PayloadType: p.kind, SSRC: p.source, Timestamp: p.clock},
			Payload: bytes.Repeat([]byte{code(p.level)}, p.n),
		}).Marshal()
		if err != nil {
			t.Fatal(err)
		}
		packet := append(append([]byte{0x45}, make([]byte, 27)...), sound...) // IP and UDP, of which only the first length counts
		at := began.Add(p.arrives)
		file = little.AppendUint32(little.AppendUint32(file, uint32(at.Unix())), uint32(at.Nanosecond()/1000))
		file = little.AppendUint32(little.AppendUint32(file, uint32(len(packet))), uint32(len(packet)))
		file = append(file, packet...)
	}
	return file
}

// mixed is what Mix makes of a capture.
func mixed(t *testing.T, file []byte) ([]byte, error) {
	t.Helper()
	out, err := os.Create(filepath.Join(t.TempDir(), "mix.wav"))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	mixErr := Mix(bytes.NewReader(file), out)
	sound, err := io.ReadAll(out)
	if err != nil {
		t.Fatal(err)
	}
	return sound, mixErr
}

// levels are the samples of a WAV file, each run of equal ones once with its
// length.
func levels(t *testing.T, sound []byte) (runs [][2]int) {
	t.Helper()
	want := "RIFF\x00\x00\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00\x40\x1f\x00\x00\x80\x3e\x00\x00\x02\x00\x10\x00data"
	if len(sound) < header || int(binary.LittleEndian.Uint32(sound[4:])) != len(sound)-8 || int(binary.LittleEndian.Uint32(sound[40:])) != len(sound)-header {
		t.Fatalf("lengths are wrong in %q", sound[:min(len(sound), header)])
	}
	if got := "RIFF\x00\x00\x00\x00" + string(sound[8:40]); got != want {
		t.Fatalf("the head is %q", got)
	}
	for i := header; i < len(sound); i += 2 {
		level := int(int16(binary.LittleEndian.Uint16(sound[i:])))
		if len(runs) == 0 || runs[len(runs)-1][0] != level {
			runs = append(runs, [2]int{level, 0})
		}
		runs[len(runs)-1][1]++
	}
	return runs
}

// Levels that both laws keep as they are, or nearly.
const (
	loud  = 8000
	quiet = 1000
)

func level(kind uint8, l int16) int {
	if kind == pcma {
		return int(g711.DecodeAlawFrame(g711.EncodeAlawFrame(l)))
	}
	return int(g711.DecodeUlawFrame(g711.EncodeUlawFrame(l)))
}

func TestBothSidesOfACallAreMixedWhereTheirClocksSay(t *testing.T) {
	ms := time.Millisecond
	u, a := level(pcmu, loud), level(pcma, quiet)
	for _, test := range []struct {
		name   string
		pieces []piece
		want   [][2]int
	}{
		{"one side", []piece{{0, 1, 5000, pcmu, loud, 160}}, [][2]int{{u, 160}}},
		{"both at a time", []piece{{0, 1, 5000, pcmu, loud, 160}, {10 * ms, 2, 99, pcma, quiet, 160}}, [][2]int{{u, 80}, {u + a, 80}, {a, 80}}},
		{"the second arrives early", []piece{{0, 1, 0, pcmu, loud, 160}, {5 * ms, 1, 160, pcmu, quiet, 160}}, [][2]int{{u, 160}, {level(pcmu, quiet), 160}}},
		{"out of order", []piece{{0, 1, 0, pcmu, loud, 80}, {40 * ms, 1, 160, pcmu, loud, 80}, {41 * ms, 1, 80, pcmu, quiet, 80}}, [][2]int{{u, 80}, {level(pcmu, quiet), 80}, {u, 80}}},
		{"one is lost", []piece{{0, 1, 0, pcmu, loud, 160}, {40 * ms, 1, 320, pcmu, loud, 160}}, [][2]int{{u, 160}, {0, 160}, {u, 160}}},
		{"the clock goes over", []piece{{0, 1, 0xffffff60, pcmu, loud, 160}, {20 * ms, 1, 0, pcmu, quiet, 160}}, [][2]int{{u, 160}, {level(pcmu, quiet), 160}}},
		{"the clock is another after a hold", []piece{{0, 1, 0, pcmu, loud, 160}, {40 * ms, 1, 900_000, pcmu, loud, 160}}, [][2]int{{u, 160}, {0, 160}, {u, 160}}},
		{"too loud", []piece{{0, 1, 0, pcmu, 32000, 10}, {0, 2, 0, pcmu, 32000, 10}, {0, 3, 0, pcmu, -32000, 5}}, [][2]int{{32767 - level(pcmu, 32000), 5}, {32767, 5}}},
		{"what is no G.711 is left out", []piece{{0, 1, 0, 9, loud, 160}, {0, 1, 0, 72, loud, 60}, {20 * ms, 2, 0, pcma, quiet, 160}}, [][2]int{{a, 160}}},
	} {
		sound, err := mixed(t, capture(t, test.pieces...))
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		if diff := cmp.Diff(test.want, levels(t, sound)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
}

func TestAnUnfinishedCaptureIsMixedAsFarAsItGoes(t *testing.T) {
	whole := capture(t, piece{0, 1, 0, pcmu, loud, 160}, piece{20 * time.Millisecond, 1, 160, pcmu, loud, 160})
	sound, err := mixed(t, whole[:len(whole)-1])
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([][2]int{{level(pcmu, loud), 160}}, levels(t, sound)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestOfATooLongCallTheBeginningIsMixed(t *testing.T) {
	long := 2 * time.Hour
	sound, err := mixed(t, capture(t, piece{0, 1, 0, pcmu, loud, 160}, piece{long, 1, uint32(long / time.Second * rate), pcmu, loud, 160}))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([][2]int{{level(pcmu, loud), 160}}, levels(t, sound)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestWhatIsNoCaptureIsRefused(t *testing.T) {
	ethernet := capture(t)
	ethernet[20] = 1
	huge := append(capture(t), 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0x7f, 0, 0, 0, 0)
	for name, test := range map[string]struct {
		file []byte
		want error
	}{
		"nothing":           {nil, errCapture},
		"a page":            {[]byte("<html><body>Not found</body></html>"), errCapture},
		"Ethernet":          {ethernet, errCapture},
		"an endless packet": {huge, errCapture},
		"silence":           {capture(t), errSilent},
		"another codec":     {capture(t, piece{0, 1, 0, 111, 0, 60}), errSilent},
	} {
		if _, err := mixed(t, test.file); !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", name, err, test.want)
		}
	}
}

func FuzzNoCaptureBreaksTheMixer(f *testing.F) {
	f.Add([]byte{0x45, 1, 2})
	f.Add([]byte{0x6f})
	f.Fuzz(func(t *testing.T, packet []byte) {
		m := mixer{to: discard{}, streams: map[uint32]*stream{}}
		if err := m.add(began, packet); err != nil {
			t.Error(err)
		}
	})
}

type discard struct{}

func (discard) ReadAt([]byte, int64) (int, error)      { return 0, io.EOF }
func (discard) WriteAt(p []byte, _ int64) (int, error) { return len(p), nil }
