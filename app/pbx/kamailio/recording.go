package kamailio

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

const (
	// patience is how long a recording is waited for: RTPengine closes it when
	// it forgets the call, half a minute after the end unless it is configured
	// otherwise, and a minute after the last sound at the latest.
	patience = 3 * time.Minute
	lookAt   = 500 * time.Millisecond // how often
)

// carryRecording uploads the recording of an ended call. The event is done
// only then: should we stop before, it comes again.
func (w *carrier) carryRecording(ctx context.Context, t told) {
	err := w.uploadRecording(ctx, t.Call)
	if ctx.Err() != nil {
		return
	}
	if err != nil {
		w.Log.Error("a recording was not uploaded", "event", t.ID, "error", err)
	}
	w.done(t.ID)
}

var errNoRecording = errors.New("RTPengine has none of this call")

func (w *carrier) uploadRecording(ctx context.Context, call string) error {
	capture := findRecording(w.Recordings, call)
	for end := time.Now().Add(patience); capture == "" && ctx.Err() == nil && time.Now().Before(end); {
		pause(ctx, lookAt)
		capture = findRecording(w.Recordings, call)
	}
	if capture == "" {
		return errNoRecording
	}
	sound, err := w.convert(ctx, capture)
	if err != nil {
		return err
	}
	defer os.Remove(sound)
	return w.persist(ctx, "a recording", func() error { return w.Callwise.Upload(ctx, call, sound) })
}

// convert makes a sound file, one at a time, and returns its path.
func (w *carrier) convert(ctx context.Context, capture string) (string, error) {
	select {
	case <-ctx.Done():
		return "", ctx.Err()
	case w.conversion <- struct{}{}:
	}
	defer func() { <-w.conversion }()
	in, err := os.Open(capture)
	if err != nil {
		return "", err
	}
	defer in.Close()
	out, err := os.CreateTemp("", "callwise-*.wav")
	if err != nil {
		return "", err
	}
	if err := errors.Join(Mix(in, out), out.Close()); err != nil {
		return "", errors.Join(fmt.Errorf("converting it: %w", err), os.Remove(out.Name()))
	}
	return out.Name(), nil
}

// captureName is what RTPengine puts between the escaped call id and the end of
// a file's name.
var captureName = regexp.MustCompile(`^-[0-9a-f]{16}$`)

// findRecording returns the path of a call's recording that RTPengine has
// closed, or nothing. That it is closed is told by a file in metadata.
//
// https://rtpengine.readthedocs.io/en/mr10.5/rtpengine.html
func findRecording(folder, call string) string {
	escaped := strings.ReplaceAll(url.QueryEscape(call), "+", "%20")
	closed, err := filepath.Glob(filepath.Join(escapeGlob(folder), "metadata", "rtpengine-meta-"+escaped+"-*.txt"))
	if err != nil {
		return ""
	}
	for _, path := range closed {
		name := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(path), "rtpengine-meta-"), ".txt")
		if captureName.MatchString(strings.TrimPrefix(name, escaped)) {
			return filepath.Join(folder, "pcaps", name+".pcap")
		}
	}
	return ""
}

var globbed = strings.NewReplacer(`*`, `\*`, `?`, `\?`, `[`, `\[`, `\`, `\\`)

func escapeGlob(folder string) string { return globbed.Replace(folder) }
