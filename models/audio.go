package models

import (
	"context"
	"errors"
	"time"

	"gorm.io/gorm"
)

// An AudioState says what may be done with an [Audio].
type AudioState string

// States of an audio.
const (
	AudioReceiving AudioState = "receiving" // not whole; seen by nobody
	AudioReady     AudioState = "ready"
	AudioClosed    AudioState = "closed" // its bytes are gone, and no other is taken for the call
)

// An Audio is a recording that a PBX has uploaded.
type Audio struct {
	ID        int64
	PortalID  int64
	CallKey   string // of the call's events; the call may not be known yet
	State     AudioState
	Kind      string // "mp3" or "wav"
	Size      int64
	Checksum  string
	CreatedAt time.Time  `gorm:"serializer:utc"`
	ReadyAt   *time.Time `gorm:"serializer:utc"`
}

// TableName is GORM's way to be told a table.
func (Audio) TableName() string { return "recordings" }

// audioChunk is a piece of an [Audio].
type audioChunk struct {
	RecordingID int64 `gorm:"primaryKey;autoIncrement:false"`
	PortalID    int64
	Number      int `gorm:"primaryKey;autoIncrement:false"`
	Data        []byte
}

func (audioChunk) TableName() string { return "recording_chunks" }

// AudioChunk is the length of all pieces of a recording but the last.
const AudioChunk = 256 << 10

// Bounds of recordings on their way in.
const (
	// AudioWithin is how long the upload of a recording may take.
	AudioWithin = 10 * time.Minute
	// mostReceiving is how many recordings one portal may upload at a time.
	mostReceiving = 16
	// mostStray is how many bytes of recordings of calls that are not known (yet)
	// one portal may have here: days of a PBX whose uploads overtake its events.
	// What is being uploaded comes on top.
	mostStray = 1 << 30
	// audioMemory is how long a recording is kept that was not received whole.
	audioMemory = time.Hour
)

// ErrFull says that a portal has too much here of what nobody has told us of.
var ErrFull = errors.New("models: too many recordings of calls that are not known")

// BeginAudio makes room for a recording of a portal's call, which may not be
// known yet. ErrBusy means that the portal uploads too many at a time, ErrFull
// that it has uploaded too much for calls that are not known, as this one.
func (s *Store) BeginAudio(ctx context.Context, portalID int64, callKey, kind string) (*Audio, error) {
	a := Audio{PortalID: portalID, CallKey: clean(callKey), State: AudioReceiving, Kind: kind, CreatedAt: s.now()}
	var receiving int64
	err := s.with(ctx).Model(&Audio{}).
		Where("portal_id = ? AND state = 'receiving' AND created_at > ?", portalID, s.now().Add(-AudioWithin)).
		Count(&receiving).Error
	if err != nil {
		return nil, err
	}
	if receiving >= mostReceiving {
		return nil, ErrBusy
	}
	if err := s.hasRoom(ctx, &a); err != nil {
		return nil, err
	}
	return &a, s.with(ctx).Create(&a).Error
}

// knownCall is the call of a recording.
const knownCall = `SELECT 1 FROM calls c WHERE c.portal_id = recordings.portal_id
	AND (c.call_key = recordings.call_key OR c.pbx_call_id = substr(recordings.call_key, 5))`

// hasRoom is nil for a recording of a known call, and for another one as long as
// the portal has not too much of those. What is taken for a call counts until
// the call is known.
func (s *Store) hasRoom(ctx context.Context, a *Audio) error {
	var known int64
	err := s.with(ctx).Raw("SELECT count(*) FROM calls WHERE portal_id = ? AND (call_key = ? OR pbx_call_id = substr(?, 5))",
		a.PortalID, a.CallKey, a.CallKey).Scan(&known).Error
	if err != nil || known > 0 {
		return err
	}
	var stray int64
	err = s.with(ctx).Raw("SELECT COALESCE(SUM(size), 0) FROM recordings WHERE portal_id = ? AND state = 'ready' AND NOT EXISTS ("+knownCall+")",
		a.PortalID).Scan(&stray).Error
	if err == nil && stray >= mostStray {
		return ErrFull
	}
	return err
}

// AddAudio stores the next piece of a recording that is being received. Every
// piece is a transaction of its own: a slow sender holds up nobody.
func (s *Store) AddAudio(ctx context.Context, a *Audio, number int, data []byte) error {
	added := s.with(ctx).Exec(`
		INSERT INTO recording_chunks (recording_id, portal_id, number, data)
		SELECT id, portal_id, ?, ? FROM recordings WHERE portal_id = ? AND id = ? AND state = ?`,
		number, data, a.PortalID, a.ID, AudioReceiving)
	return changed(added)
}

// DiscardAudio removes a recording that was not received whole.
func (s *Store) DiscardAudio(ctx context.Context, a *Audio) error {
	return s.with(ctx).Where("portal_id = ? AND id = ? AND state = ?", a.PortalID, a.ID, AudioReceiving).Delete(&Audio{}).Error
}

// FinishAudio counts a recording as received, with the size and checksum that a
// tells, stores an event about it and wakes a worker for its call, all or none.
// It reports false, and keeps nothing, when the call has that very recording
// already. It takes the place of another one; ErrConflict means that it cannot,
// because Bitrix24 has the call's recording.
func (s *Store) FinishAudio(ctx context.Context, a *Audio, event Event) (fresh bool, err error) {
	if event, err = s.arrived(a.PortalID, event); err != nil {
		return false, err
	}
	var calls []CallArgs
	finish := func(tx *gorm.DB) error {
		calls = nil
		if fresh, err = s.claimAudio(tx, a); err != nil || !fresh {
			return err
		}
		calls, err = s.insertEvents(ctx, tx, []Event{event})
		return err
	}
	err = s.Transaction(ctx, finish)
	for try := 1; try < finishTries && (errors.Is(err, gorm.ErrDuplicatedKey) || errors.Is(err, errReplaced)); try++ {
		err = s.Transaction(ctx, finish) // another one was received at the same moment
	}
	if err == nil {
		s.tell(calls)
	}
	return fresh, conflict(err)
}

// finishTries is how often a recording is set against others of its call that come
// at the same moment: each time one of them has come, and a portal sends fewer.
const finishTries = 20

// errReplaced: the recording that was to be replaced has just been.
var errReplaced = errors.New("models: another recording came at the same moment")

// claimAudio makes a recording the one of its call, unless that is the same
// already. Of two that come at the same time one meets the unique index.
func (s *Store) claimAudio(tx *gorm.DB, a *Audio) (bool, error) {
	var others []Audio
	err := tx.Where("portal_id = ? AND call_key = ? AND state <> ?", a.PortalID, a.CallKey, AudioReceiving).Find(&others).Error
	if err != nil {
		return false, err
	}
	for _, other := range others {
		if other.Checksum == a.Checksum {
			return false, tx.Where("portal_id = ? AND id = ?", a.PortalID, a.ID).Delete(&Audio{}).Error
		}
		if other.State == AudioClosed {
			return false, ErrConflict
		}
		replaced := tx.Where("portal_id = ? AND id = ? AND state = ?", a.PortalID, other.ID, AudioReady).Delete(&Audio{})
		if replaced.Error != nil {
			return false, replaced.Error
		}
		if replaced.RowsAffected == 0 {
			return false, errReplaced
		}
	}
	ready := s.now()
	a.State, a.ReadyAt = AudioReady, &ready
	return true, changed(tx.Model(&Audio{}).Where("portal_id = ? AND id = ? AND state = ?", a.PortalID, a.ID, AudioReceiving).
		Updates(map[string]any{"state": a.State, "size": a.Size, "checksum": a.Checksum, "ready_at": ready}))
}

// AudioOf returns the uploaded recording of a portal's call whose bytes are
// here. ErrNotFound means that there is none.
func (s *Store) AudioOf(ctx context.Context, portalID int64, callKeys ...string) (*Audio, error) {
	cleaned := make([]string, len(callKeys))
	for i, key := range callKeys {
		cleaned[i] = clean(key)
	}
	var a Audio
	// The state is written out: as a parameter no plan that is kept could use the index, which has it.
	err := s.with(ctx).Where("portal_id = ? AND call_key IN ? AND state = 'ready'", portalID, cleaned).
		Order("ready_at, id").Take(&a).Error
	if err != nil {
		return nil, found(err)
	}
	return &a, nil
}

// AudioData returns a piece of a recording.
func (s *Store) AudioData(ctx context.Context, a *Audio, number int) ([]byte, error) {
	var chunk audioChunk
	err := s.with(ctx).Where("portal_id = ? AND recording_id = ? AND number = ?", a.PortalID, a.ID, number).Take(&chunk).Error
	return chunk.Data, found(err)
}

// CloseAudio saves a call and removes the bytes of its recording, both or none:
// Bitrix24 has one. One that was replaced meanwhile is gone already.
func (s *Store) CloseAudio(ctx context.Context, c *Call, a *Audio) error {
	return s.Transaction(ctx, func(tx *gorm.DB) error {
		if err := s.saveCall(tx, c); err != nil {
			return err
		}
		err := tx.Model(&Audio{}).Where("portal_id = ? AND id = ? AND state = ?", a.PortalID, a.ID, AudioReady).
			Updates(map[string]any{"state": AudioClosed}).Error
		if err != nil {
			return err
		}
		return tx.Where("portal_id = ? AND recording_id = ?", a.PortalID, a.ID).Delete(&audioChunk{}).Error
	})
}

// purgeAudios removes recordings that are older than the calls that are kept, but
// not before their call: one that is not finished may still need it.
func (s *Store) purgeAudios(ctx context.Context, before time.Time) error {
	_, err := s.purgeAlong(ctx, walk{
		table: "recordings", along: "created_at", where: "created_at < ? AND NOT EXISTS (" + knownCall + ")", values: []any{Stored(before)},
	})
	return err
}

// purgeStrays removes recordings whose upload broke off, and those whose call has not
// come for as long as events wait for their call.
func (s *Store) purgeStrays(ctx context.Context) error {
	if _, err := s.purge(ctx, "recordings", "id", "created_at < ? AND state = 'receiving'", Stored(s.now().Add(-audioMemory))); err != nil {
		return err
	}
	_, err := s.purge(ctx, "recordings", "id", "created_at < ? AND state = 'ready' AND NOT EXISTS ("+knownCall+")", Stored(s.now().Add(-unfinishedFor)))
	return err
}
