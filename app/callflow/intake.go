package callflow

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"

	"callwise/app/call"
	"callwise/models"
)

// MaxUpload is the largest recording that a PBX may upload, in bytes.
const MaxUpload = 100 << 20

// Why a recording is not taken.
var (
	ErrAudioEmpty  = errors.New("callflow: an empty recording")
	ErrAudioKind   = errors.New("callflow: neither MP3 nor WAV")
	ErrAudioSize   = errors.New("callflow: the recording is too large")
	ErrAudioBroken = errors.New("callflow: the recording broke off")
	ErrAudioKnown  = errors.New("callflow: the call has another recording")
)

// TakeRecording stores the recording of a call of a portal's PBX as it comes,
// piece by piece, and wakes a worker for the call, which may not be known yet.
// What broke off is not kept. It reports false when the call has that very
// recording already. Another one takes the place of one that Bitrix24 does not
// have yet; later it is [ErrAudioKnown].
func (f *Flow) TakeRecording(ctx context.Context, portalID int64, callID string, body io.Reader) (audio *models.Audio, fresh bool, err error) {
	markOf(ctx).name(portalID, pbxKey(callID))
	if err := f.takes(ctx, portalID, callID); err != nil {
		return nil, false, err
	}
	pieces := &pieces{body: body, buffer: make([]byte, models.AudioChunk)}
	piece, err := pieces.next()
	if err != nil {
		return nil, false, err
	}
	kind := audioKind(piece)
	switch {
	case len(piece) == 0:
		return nil, false, ErrAudioEmpty
	case kind == "":
		return nil, false, ErrAudioKind
	}
	audio, err = f.Store.BeginAudio(ctx, portalID, pbxKey(callID), kind)
	if err != nil {
		return nil, false, err
	}
	if fresh, err = f.receive(ctx, audio, callID, piece, pieces); err != nil {
		return nil, false, errors.Join(err, f.Store.DiscardAudio(context.WithoutCancel(ctx), audio))
	}
	return audio, fresh, nil
}

// takes reports ErrAudioKnown for a call whose recording Bitrix24 has fetched
// from where the PBX keeps it.
func (f *Flow) takes(ctx context.Context, portalID int64, callID string) error {
	row, err := f.Store.CallByPBX(ctx, portalID, callID)
	if errors.Is(err, models.ErrNotFound) {
		return nil
	}
	if err == nil && row.Progress.Recording.Upload == 0 && row.Progress.Recording.Attached() {
		return ErrAudioKnown
	}
	return err
}

// receive stores a recording to its end.
func (f *Flow) receive(ctx context.Context, audio *models.Audio, callID string, piece []byte, pieces *pieces) (bool, error) {
	sum := sha256.New()
	for number := 0; len(piece) > 0; number++ {
		audio.Size += int64(len(piece))
		if audio.Size > MaxUpload {
			return false, ErrAudioSize
		}
		if err := f.Store.AddAudio(ctx, audio, number, piece); err != nil {
			return false, err
		}
		sum.Write(piece)
		var err error
		if piece, err = pieces.next(); err != nil {
			return false, err
		}
	}
	audio.Checksum = hex.EncodeToString(sum.Sum(nil))
	event, err := PBXEvent(fmt.Sprintf("upload:%d", audio.ID), call.Event{Type: call.RecordingReady, CallID: callID, At: f.Now()})
	if err != nil {
		return false, err
	}
	event.Source = models.SourceCallwise
	fresh, err := f.Store.FinishAudio(ctx, audio, event)
	if errors.Is(err, models.ErrConflict) {
		return false, ErrAudioKnown
	}
	return fresh, err
}

// pieces cuts a body into pieces of equal length but the last.
type pieces struct {
	body   io.Reader
	buffer []byte
	ended  bool
}

// next is the next piece, empty after the last; it is good until the one after.
// A body that breaks off is not a body that ends.
func (p *pieces) next() ([]byte, error) {
	n := 0
	for n < len(p.buffer) && !p.ended {
		read, err := p.body.Read(p.buffer[n:])
		n += read
		if err == io.EOF {
			p.ended = true
		} else if err != nil {
			return nil, errors.Join(ErrAudioBroken, err)
		}
	}
	return p.buffer[:n], nil
}

// audioKind tells by its beginning what a recording is: "mp3", "wav" or neither.
func audioKind(begin []byte) string {
	switch {
	case len(begin) >= 12 && bytes.HasPrefix(begin, []byte("RIFF")) && string(begin[8:12]) == "WAVE":
		return "wav"
	case len(begin) >= 10 && bytes.HasPrefix(begin, []byte("ID3")) && begin[3] != 0xFF && begin[4] != 0xFF:
		return "mp3"
	case len(begin) >= 4 && isFrame(begin):
		return "mp3"
	}
	return ""
}

// isFrame reports the header of a frame of MPEG layer III: eleven bits of sync,
// and no value that is reserved.
func isFrame(b []byte) bool {
	sync := b[0] == 0xFF && b[1]&0xE0 == 0xE0
	version, layer := b[1]>>3&3, b[1]>>1&3
	rate, frequency := b[2]>>4, b[2]>>2&3
	return sync && version != 1 && layer == 1 && rate != 15 && frequency != 3
}

// MediaType is the type of an uploaded recording on the wire.
func MediaType(audio *models.Audio) string {
	if audio.Kind == "wav" {
		return "audio/wav"
	}
	return "audio/mpeg"
}

// openAudio reads an uploaded recording, one piece at a time.
func (f *Flow) openAudio(ctx context.Context, audio *models.Audio) io.ReadSeeker {
	return &audioReader{ctx: ctx, store: f.Store, audio: audio, number: -1}
}

type audioReader struct {
	ctx    context.Context
	store  *models.Store
	audio  *models.Audio
	at     int64
	number int // of the piece at hand
	piece  []byte
}

func (r *audioReader) Read(p []byte) (int, error) {
	if r.at >= r.audio.Size {
		return 0, io.EOF
	}
	number, offset := int(r.at/models.AudioChunk), int(r.at%models.AudioChunk)
	if number != r.number {
		piece, err := r.store.AudioData(r.ctx, r.audio, number)
		if err != nil {
			return 0, err
		}
		r.number, r.piece = number, piece
	}
	if offset >= len(r.piece) {
		return 0, io.ErrUnexpectedEOF
	}
	n := copy(p, r.piece[offset:])
	r.at += int64(n)
	return n, nil
}

func (r *audioReader) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += r.at
	case io.SeekEnd:
		offset += r.audio.Size
	}
	if offset < 0 {
		return 0, errors.New("callflow: before the beginning of a recording")
	}
	r.at = offset
	return offset, nil
}
