package callflow

import (
	"context"
	"net/url"
	"strings"

	"callwise/app/b24"
	"callwise/models"
)

// attach gives Bitrix24 the address of the recording, once, unless the
// administrator wants it to stay where it is, or it is too large.
func (w *work) attach(ctx context.Context) error {
	progress := &w.row.Progress
	if w.call.RecordingURL == "" || progress.Recording.URL == w.call.RecordingURL {
		return nil
	}
	if kept := w.stays(ctx); kept != "" {
		w.did("recording_"+kept, "")
		progress.Recording = models.Recording{Kept: kept, URL: w.call.RecordingURL}
		return w.Store.SaveCall(ctx, w.row)
	}
	file, err := w.client.AttachRecord(ctx, *w.row.B24CallID, recordName(w.call.RecordingURL), w.call.RecordingURL)
	w.did("recording", errorCode(err))
	if _, passes := b24.Retry(err); passes || err != nil && !b24.IsPortal(err) {
		return err
	}
	progress.Recording = models.Recording{URL: w.call.RecordingURL, FileID: file, Code: errorCode(err)}
	return w.Store.SaveCall(ctx, w.row)
}

// stays says why a recording stays at the PBX; empty if it does not. One whose
// size the PBX does not tell is not too large.
func (w *work) stays(ctx context.Context) string {
	recordings := w.portal.Settings.Recordings
	if recordings.Mode == models.RecordingLink {
		return models.KeptAsLink
	}
	if recordings.MaxMB > 0 && recordingSize(ctx, w.PBX, w.call.RecordingURL) > int64(recordings.MaxMB)<<20 {
		return models.KeptTooLarge
	}
	return ""
}

// transcribe gives Bitrix24 what was said, once: a repetition would add it
// again, so an attempt whose answer was lost counts as done.
func (w *work) transcribe(ctx context.Context) error {
	progress := &w.row.Progress
	if len(w.call.Transcript) == 0 || progress.Transcript.Done {
		return nil
	}
	id, err := w.client.AttachTranscript(ctx, *w.row.B24CallID, w.call.Transcript)
	w.did("transcript", errorCode(err))
	if err != nil && (!b24.IsPortal(err) || passes(err) && !b24.Unsure(err)) {
		return err
	}
	progress.Transcript = models.Transcript{Done: true, ID: id, Code: errorCode(err)}
	return w.Store.SaveCall(ctx, w.row)
}

// passes reports a failure that waiting mends.
func passes(err error) bool {
	_, ok := patience(err)
	return ok
}

// recordName is the name of a recording's file: Bitrix24 takes mp3 and wav only.
func recordName(address string) string {
	u, err := url.Parse(address)
	if err == nil && strings.HasSuffix(strings.ToLower(u.Path), ".wav") {
		return "recording.wav"
	}
	return "recording.mp3"
}
