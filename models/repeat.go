package models

import (
	"context"
	"slices"
	"time"

	"callwise/app/crm"
	"callwise/app/rules"

	"gorm.io/gorm"
)

// repeatReasons are the reasons that ask for a repeated lead.
var repeatReasons = []rules.Reason{
	rules.RepeatContact, rules.RepeatClosedDeal, rules.RepeatLeadToDeal, rules.RepeatLeadToContact, rules.RepeatLeadLost,
}

// Bounds of [Store.RepeatShown]: how many of the newest calls of each reason, and
// of the next versions of the settings, are looked at.
const (
	repeatCalls    = 50
	repeatVersions = 100
)

// A RepeatShown is what a call showed of repeat sales mode in Bitrix24.
type RepeatShown struct {
	Began   time.Time // the call
	On      bool
	decided time.Time
	version int // of the settings that it was decided by
}

// RepeatShown returns what the call that was decided last shows of a portal's
// repeat sales mode, which cannot be read (decision.md B.5-8), of those that show
// it. ErrNotFound means that none does, or that an administrator has said since
// that the mode is not on.
func (s *Store) RepeatShown(ctx context.Context, portalID int64) (RepeatShown, error) {
	var newest RepeatShown
	for _, reason := range repeatReasons {
		var calls []Call
		if err := repeatAsked(s.with(ctx), portalID, reason).Find(&calls).Error; err != nil {
			return RepeatShown{}, err
		}
		newest = newest.orLater(calls)
	}
	if newest.decided.IsZero() {
		return RepeatShown{}, ErrNotFound
	}
	denied, err := s.repeatDenied(ctx, portalID, newest.version)
	if err == nil && denied {
		err = ErrNotFound
	}
	return newest, err
}

// repeatAsked are the newest calls of a portal with a reason, as far as they are
// looked at.
func repeatAsked(tx *gorm.DB, portalID int64, reason rules.Reason) *gorm.DB {
	return tx.Select("call_key", "started_at", "decided_at", "case", "plan", "progress", "settings_version").
		Where("portal_id = ? AND reason = ?", portalID, reason).Order("started_at DESC, id DESC").Limit(repeatCalls)
}

// orLater is what one of these calls shows, if it was decided later.
func (r RepeatShown) orLater(calls []Call) RepeatShown {
	for _, c := range calls {
		on, shows := c.showsRepeat()
		if shows && c.DecidedAt.After(r.decided) {
			r = RepeatShown{Began: c.StartedAt, On: on, decided: *c.DecidedAt, version: c.SettingsVersion}
		}
	}
	return r
}

// showsRepeat is whether repeat sales mode was on, as far as the call shows it: by
// the flag of a lead that the app made for a client, or by what Bitrix24, asked to,
// created for a known one. That it wanted to and failed shows nothing.
func (c *Call) showsRepeat() (on, shows bool) {
	p := c.Progress
	if c.IsTest() || p.DryRun || c.DecidedAt == nil || c.Case == nil || c.Plan == nil || c.Case.Settings.CRMMode == crm.Simple {
		return false, false
	}
	if p.Repeated != nil {
		return *p.Repeated, true
	}
	if cards := len(c.Case.CRM.Contacts) + len(c.Case.CRM.Companies); cards == 0 || !c.Plan.CRMCreate {
		return false, false
	}
	declined := slices.Contains(p.Notes, rules.PlatformDeclined) && !p.Register.CreateFailed
	return !declined, declined || len(p.Created) > 0
}

// repeatDenied reports whether one of the versions of a portal's settings after this
// one says that repeat sales mode is not on.
func (s *Store) repeatDenied(ctx context.Context, portalID int64, version int) (bool, error) {
	var versions []SettingsVersion
	err := s.with(ctx).Select("settings").Where("portal_id = ? AND version > ?", portalID, version).
		Order("version").Limit(repeatVersions).Find(&versions).Error
	return slices.ContainsFunc(versions, func(v SettingsVersion) bool {
		return v.Settings.RepeatInBitrix24 != rules.RepeatOn
	}), err
}
