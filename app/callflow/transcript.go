package callflow

import (
	"context"
	"errors"

	"callwise/app/b24"
	"callwise/models"
)

// transcribe gives Bitrix24 what was said, once: a repetition would add it
// again, so an attempt whose answer was lost counts as done.
func (w *work) transcribe(ctx context.Context) error {
	progress := &w.row.Progress
	if len(w.call.Transcript) == 0 || progress.Transcript.Done {
		return nil
	}
	if progress.Transcript.Tried {
		progress.Transcript.Done = true
		return w.save(ctx)
	}
	progress.Transcript.Tried = true // written down before it is asked for
	id, err := w.client.AttachTranscript(ctx, *w.row.B24CallID, w.call.Transcript)
	w.did("transcript", ErrorCode(err))
	if err != nil && (!isPortals(err) || passes(err) && !b24.Unsure(err)) {
		return errors.Join(err, w.notTranscribed(ctx, b24.Unsure(err)))
	}
	progress.Transcript = models.Transcript{Tried: true, Done: true, ID: id, Code: ErrorCode(err)}
	return w.save(ctx)
}

// notTranscribed takes back that the transcript was asked for, unless it perhaps was: also
// if the round was broken off, or it would count as done.
func (w *work) notTranscribed(ctx context.Context, perhaps bool) error {
	w.row.Progress.Transcript.Tried = perhaps
	saving, cancel := context.WithTimeout(context.WithoutCancel(ctx), faltered)
	defer cancel()
	return w.save(saving)
}
