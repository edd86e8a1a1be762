package callflow

import (
	"cmp"
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"

	"callwise/models"
)

// ErrNoRecording says that a call has no recording that can be heard here: none
// is known, or what stands at its address is none.
var ErrNoRecording = errors.New("callflow: no recording")

// maxRecording is the largest recording that is passed on: six hours at 64 kbit/s.
const maxRecording = 200 << 20

// listenersPerHost bounds how many recordings of one PBX are played at a time, or
// looked for.
const listenersPerHost = 64

// maxHops is how often a PBX may send us on to another address.
const maxHops = 3

// errHop: a PBX sent us on too often, or out of HTTPS.
var errHop = errors.New("callflow: a recording is not followed any further")

// RecordingClient fetches recordings. It reaches public addresses only, each
// that it is sent on to as well, and never leaves HTTPS. How long a recording
// may take is up to the context.
func RecordingClient(allowLoopback bool) *http.Client {
	transport := publicTransport(allowLoopback)
	transport.MaxConnsPerHost = listenersPerHost
	return &http.Client{
		Transport: transport,
		CheckRedirect: func(next *http.Request, via []*http.Request) error {
			if len(via) > maxHops || via[0].URL.Scheme == "https" && next.URL.Scheme != "https" {
				return errHop
			}
			next.Header.Del("Referer") // the first address may hold a secret
			return nil
		},
	}
}

// An Audio is a recording, or the part of it that was asked for, as it comes
// from the PBX. Body is to be closed.
type Audio struct {
	Status int // 200, 206 or 416
	Type   string
	Length int64  // -1 when not told
	Range  string // Content-Range
	Ranges string // Accept-Ranges
	Body   io.ReadCloser
}

// Listen fetches the recording of a call from where the PBX keeps it; part is
// the Range of the one who listens, or empty. Whatever keeps it from being
// heard is [ErrNoRecording].
func (f *Flow) Listen(ctx context.Context, portalID, callID int64, part string) (*Audio, error) {
	address, err := f.recordingOf(ctx, portalID, callID)
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, ErrNoRecording // not the address: it may hold a secret
	}
	request.Header.Set("Accept", "audio/*")
	request.Header.Set("Accept-Encoding", "identity")
	if part != "" {
		request.Header.Set("Range", part)
	}
	answer, err := f.Recordings.Do(request)
	if err != nil {
		return nil, ErrNoRecording
	}
	audio, err := audioOf(answer)
	if err != nil {
		return nil, errors.Join(err, answer.Body.Close())
	}
	return audio, nil
}

// HasAudio reports whether the uploaded recording of a call is still here.
func (f *Flow) HasAudio(ctx context.Context, c *models.Call) (bool, error) {
	_, err := f.Store.AudioOf(ctx, c.PortalID, c.Keys()...)
	if errors.Is(err, models.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// Uploaded opens the uploaded recording of a call; a recording that is not here
// (any more) is [models.ErrNotFound].
func (f *Flow) Uploaded(ctx context.Context, portalID, callID int64) (*models.Audio, io.ReadSeeker, error) {
	c, err := f.Store.CallByID(ctx, portalID, callID)
	if err != nil {
		return nil, nil, err
	}
	audio, err := f.Store.AudioOf(ctx, portalID, c.Keys()...)
	if err != nil {
		return nil, nil, err
	}
	return audio, f.openAudio(ctx, audio), nil
}

// recordingOf is where the recording of a call is: what Bitrix24 was told, or
// the PBX's first word if that is not passed on yet.
func (f *Flow) recordingOf(ctx context.Context, portalID, callID int64) (string, error) {
	c, err := f.Store.CallByID(ctx, portalID, callID)
	if err != nil {
		return "", err
	}
	events, err := f.Store.EventsOf(ctx, portalID, c.Keys()...)
	if err != nil {
		return "", err
	}
	address, err := RecordingURL(events)
	if err != nil {
		return "", err
	}
	if address = cmp.Or(c.Progress.Recording.URL, address); address == "" {
		return "", ErrNoRecording
	}
	return address, nil
}

func audioOf(answer *http.Response) (*Audio, error) {
	switch answer.StatusCode {
	case http.StatusOK, http.StatusPartialContent, http.StatusRequestedRangeNotSatisfiable:
	default:
		return nil, ErrNoRecording
	}
	kind := "audio/mpeg"
	if answer.StatusCode != http.StatusRequestedRangeNotSatisfiable {
		if kind = audioType(answer); kind == "" {
			return nil, ErrNoRecording
		}
	}
	if answer.ContentLength > maxRecording {
		return nil, ErrNoRecording
	}
	return &Audio{
		Status: answer.StatusCode, Type: kind, Length: answer.ContentLength,
		Range: answer.Header.Get("Content-Range"), Ranges: answer.Header.Get("Accept-Ranges"),
		Body: limited{io.LimitReader(answer.Body, maxRecording), answer.Body},
	}, nil
}

// audioType is the type of an answer if it is audio. Stores of files often say
// of a recording only that it is bytes; its name tells then what it is.
func audioType(answer *http.Response) string {
	kind, _, err := mime.ParseMediaType(answer.Header.Get("Content-Type"))
	if err != nil {
		return ""
	}
	if strings.HasPrefix(kind, "audio/") {
		return kind
	}
	name := strings.ToLower(answer.Request.URL.Path)
	bytes := kind == "application/octet-stream" || kind == "binary/octet-stream"
	switch {
	case bytes && strings.HasSuffix(name, ".mp3"):
		return "audio/mpeg"
	case bytes && strings.HasSuffix(name, ".wav"):
		return "audio/wav"
	}
	return ""
}

// limited reads no more than it may.
type limited struct {
	io.Reader
	io.Closer
}
