package callflow

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"callwise/app/b24"
	"callwise/app/call"
	"callwise/models"
)

const (
	// fileWithin is how long the PBX may take to have the file of a recording
	// that it reported.
	fileWithin = 24 * time.Hour
	// fileEarly is how much too early a look for a file may be: the worker that
	// planned it may have another clock.
	fileEarly = 5 * time.Second
	// mostPassed bounds how many addresses are tried for one call.
	mostPassed = 10
)

// attach gives Bitrix24 the recording of the call, once: what the PBX uploaded,
// else what stands at the first of the addresses it told. Another leg's does
// not replace it.
func (w *work) attach(ctx context.Context) error {
	audio, err := w.Store.AudioOf(ctx, w.portal.ID, w.row.Keys()...)
	if err == nil {
		return w.attachAudio(ctx, audio)
	}
	if !errors.Is(err, models.ErrNotFound) {
		return err
	}
	for {
		next, err := w.attachAddress(ctx)
		if err != nil || !next {
			return err
		}
	}
}

// attachAudio sends an uploaded recording on. When the answer is lost, or the
// address to send it to has expired, it is sent again and takes its own place: the
// call waits for it as for anything else, see [patience].
func (w *work) attachAudio(ctx context.Context, audio *models.Audio) error {
	progress := &w.row.Progress
	switch known := progress.Recording; {
	case known.Upload == audio.ID:
		return nil // it stays here, or Bitrix24 does not take it
	case known.Upload == 0 && known.Attached():
		return w.Store.CloseAudio(ctx, w.row, audio)
	}
	if kept := w.stays(audio.Size); kept != "" {
		w.did("recording_"+kept+"_here", "")
		progress.Recording = models.Recording{Kept: kept, Upload: audio.ID}
		return w.save(ctx)
	}
	file, err := w.client.SendRecord(ctx, *w.row.B24CallID, b24.RecordFile{
		Name: "recording." + audio.Kind, Size: audio.Size, Content: w.openAudio(ctx, audio),
	})
	w.did("recording", ErrorCode(err))
	if err != nil && !refusedForGood(err) {
		return err
	}
	progress.Recording = models.Recording{Upload: audio.ID, FileID: file, Code: ErrorCode(err)}
	if err != nil {
		return w.save(ctx)
	}
	return w.Store.CloseAudio(ctx, w.row, audio)
}

// attachAddress has Bitrix24 fetch the recording from the first address that is
// left; one of an earlier leg that is heard of late takes the place of a later
// leg's, as Bitrix24 keeps the last one it is given. It reports that it was in
// vain and another may be tried; without one, the first that is late is awaited.
//
// https://apidocs.bitrix24.com/api-reference/telephony/telephony-external-call-attach-record.html
func (w *work) attachAddress(ctx context.Context) (next bool, err error) {
	known := w.row.Progress.Recording
	settled := known.Attached() || known.Kept != ""
	if settled && known.Upload != 0 {
		return false, nil
	}
	if known.Code != "" && known.URL != "" && !slices.Contains(known.Passed, known.URL) {
		known.Passed = append(slices.Clone(known.Passed), known.URL)
	}
	address, reported, err := w.address(w.passedBy(known.Passed))
	if err != nil || settled && (address == "" || address == known.URL) {
		return false, err
	}
	if address == "" {
		return false, w.await(ctx, known.Passed)
	}
	recording := models.Recording{URL: address, Passed: known.Passed}
	if known.URL == address && known.Waiting != "" {
		recording = known
		if early, err := w.early(ctx, known.NextAt); early || err != nil {
			return false, err // a worker is woken by then
		}
	}
	if w.portal.Settings.Recordings.Mode == models.RecordingLink {
		return false, w.keep(ctx, recording, models.KeptAsLink)
	}
	size, missing := lookAt(ctx, w.Looks, address)
	mayCome := w.Now().Sub(reported) < fileWithin
	if missing != "" && mayCome {
		w.late = append(w.late, lateFile{recording, missing})
		return false, w.await(ctx, known.Passed)
	}
	if kept := w.stays(size); missing == "" && kept != "" {
		return false, w.keep(ctx, recording, kept)
	}
	return w.pass(ctx, recording, missing, mayCome)
}

// early reports that a look for a file is still to come by the database's clock, too:
// that is the one that wakes the worker, and ours may be behind it.
func (w *work) early(ctx context.Context, next time.Time) (bool, error) {
	from := next.Add(-fileEarly)
	if !w.Now().Before(from) {
		return false, nil
	}
	ahead, err := w.Store.Ahead(ctx)
	return w.Now().Add(-ahead).Before(from), err
}

// pass tells Bitrix24 the address of a recording. One that never came is given
// up for the reason missing. One that Bitrix24 could not fetch is late as long as the
// file may come.
func (w *work) pass(ctx context.Context, recording models.Recording, missing string, mayCome bool) (next bool, err error) {
	late := recording
	recording.Waiting, recording.NextAt, recording.Tries, recording.Code = "", time.Time{}, 0, missing
	if missing == "" {
		recording.FileID, err = w.client.AttachRecord(ctx, *w.row.B24CallID, recordName(recording.URL), recording.URL)
		if why := unfetched(err); why != "" && mayCome {
			w.late = append(w.late, lateFile{late, why})
			return true, nil
		}
		recording.Code = ErrorCode(err)
	}
	w.did("recording", recording.Code)
	if err != nil && !refusedForGood(err) {
		return false, err
	}
	if recording.Code == "" {
		recording.Passed = w.passedBy(recording.Passed)
	}
	w.row.Progress.Recording = recording
	return recording.Code != "", w.save(ctx)
}

// keep leaves a recording where it is.
func (w *work) keep(ctx context.Context, recording models.Recording, why string) error {
	w.did("recording_"+why, "")
	w.row.Progress.Recording = models.Recording{URL: recording.URL, Kept: why, Passed: w.passedBy(recording.Passed)}
	return w.save(ctx)
}

// A lateFile is the file of a recording that may come still, and why it was not to be
// had in this run.
type lateFile struct {
	recording models.Recording
	why       string
}

// passedBy adds the addresses of late files to those passed.
func (w *work) passedBy(passed []string) []string {
	passed = slices.Clone(passed)
	for _, late := range w.late {
		passed = append(passed, late.recording.URL)
	}
	return passed
}

// await has a worker look for the first late file again, after a pause that grows, and
// then for the others but those passed. The call does not wait for it.
func (w *work) await(ctx context.Context, passed []string) error {
	if len(w.late) == 0 {
		return nil
	}
	recording, why := w.late[0].recording, w.late[0].why
	if recording.Waiting == "" {
		w.did(awaiting(why), why)
	}
	pause := min(10*time.Second<<min(recording.Tries, 9), time.Hour)
	recording.Waiting, recording.NextAt, recording.Code = why, w.Now().UTC().Add(pause), ""
	recording.Passed = passed
	recording.Tries++
	w.row.Progress.Recording = recording
	return w.Store.SaveAndWake(ctx, w.row, pause)
}

// stays says why a recording of that size stays where it is; empty if it does
// not. One whose size is not known (0) is not too large.
func (w *work) stays(size int64) string {
	recordings := w.portal.Settings.Recordings
	switch {
	case recordings.Mode == models.RecordingLink:
		return models.KeptAsLink
	case recordings.MaxMB > 0 && size > int64(recordings.MaxMB)<<20:
		return models.KeptTooLarge
	}
	return ""
}

// address is the first address that the PBX told of a recording of the call, but
// those passed, and when we heard of it; empty without one.
func (w *work) address(passed []string) (string, time.Time, error) {
	if len(passed) >= mostPassed {
		return "", time.Time{}, nil
	}
	for _, e := range w.events {
		address, err := addressIn(e)
		if err != nil {
			return "", time.Time{}, err
		}
		if address != "" && !slices.Contains(passed, address) {
			return address, e.ArrivedAt, nil
		}
	}
	return "", time.Time{}, nil
}

// RecordingURL is where the first recording is that the events of a call tell
// of; empty without one.
func RecordingURL(events []models.Event) (string, error) {
	for _, e := range events {
		if address, err := addressIn(e); err != nil || address != "" {
			return address, err
		}
	}
	return "", nil
}

// addressIn is the address of the recording that an event reports.
func addressIn(e models.Event) (string, error) {
	if e.Source == models.SourceBitrix24 || e.Type != string(call.RecordingReady) {
		return "", nil
	}
	var told call.Event
	if err := json.Unmarshal(e.Payload, &told); err != nil {
		return "", fmt.Errorf("event %d: %w", e.ID, err)
	}
	return told.URL, nil
}

// recordName is the name of a recording's file: Bitrix24 takes mp3 and wav only.
func recordName(address string) string {
	u, err := url.Parse(address)
	if err == nil && strings.HasSuffix(strings.ToLower(u.Path), ".wav") {
		return "recording.wav"
	}
	return "recording.mp3"
}
