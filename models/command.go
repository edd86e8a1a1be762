package models

import (
	"context"
	"strconv"
	"time"
)

const commandLease = "command:"

// CommandLease names the lease of whoever tells a PBX to place a call.
func CommandLease(callID int64) string { return commandLease + strconv.FormatInt(callID, 10) }

// FreeCommands has commands to PBXs worked again that a process took and left behind
// when it died: they were taken longer than lease ago, and nobody holds their
// [CommandLease]. River frees them too, but only after rescueAfter.
//
// A command may be freed although its process lives, if that has stood still. So
// whoever tells one takes its lease first, and looks then whether it is told already.
func (s *Store) FreeCommands(ctx context.Context, lease time.Duration) error {
	taken, before := s.takenBefore(lease)
	held, longest := s.leased("'" + commandLease + "' || " + s.jobArgument("call_id"))
	return s.with(ctx).Exec(`UPDATE river_job SET state = 'available'
		WHERE state = 'running' AND kind = ? AND attempt < max_attempts AND `+taken+` AND NOT `+held,
		TellArgs{}.Kind(), before, longest).Error
}

// takenBefore is SQL that holds for a row of river_job that was taken longer than age
// ago, and its value. As with leases, the clock is the database's, or ours with SQLite.
func (s *Store) takenBefore(age time.Duration) (string, any) {
	if s.pool == nil {
		return "attempted_at < ?", s.now().Add(-age).UTC().Format(riverTime)
	}
	return "attempted_at < now() - ? * interval '1 microsecond'", age.Microseconds()
}

// riverTime is how River writes times into SQLite.
const riverTime = "2006-01-02 15:04:05.000"
