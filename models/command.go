package models

import "strconv"

const commandLease = "command:"

// CommandLease names the lease of whoever tells a PBX to place a call.
func CommandLease(callID int64) string { return commandLease + strconv.FormatInt(callID, 10) }
