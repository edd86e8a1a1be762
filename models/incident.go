package models

import (
	"context"
	"time"

	"gorm.io/gorm/clause"
)

// An IncidentKind says what went wrong with a portal as a whole.
type IncidentKind string

// Kinds of incidents.
const (
	IncidentAccess         IncidentKind = "access"          // Bitrix24 answers nothing: Code says why
	IncidentAdministrator  IncidentKind = "administrator"   // no pair of tokens of a person is left, only the app's own
	IncidentSilentPBX      IncidentKind = "silent_pbx"      // the PBX reports no calls, as it usually does
	IncidentSilentBitrix24 IncidentKind = "silent_bitrix24" // Bitrix24 reports none
	IncidentFailures       IncidentKind = "failures"        // many calls fail
)

// An Incident is a time in which something was wrong with a portal. There is
// one open incident of a kind at most.
type Incident struct {
	ID       int64
	PortalID int64
	Kind     IncidentKind
	Code     string
	Seen     int        // failures: calls that failed
	Usual    int        // silence: calls that usually come; failures: all calls
	BeganAt  time.Time  `gorm:"serializer:utc"`
	EndedAt  *time.Time `gorm:"serializer:utc"`
}

// An Alert says that a user was told of an incident, or of its end.
type Alert struct {
	IncidentID int64 `gorm:"primaryKey;autoIncrement:false"`
	PortalID   int64
	UserID     int64 `gorm:"primaryKey;autoIncrement:false"`
	Clear      bool  `gorm:"primaryKey"`
	Reached    bool
	At         time.Time `gorm:"serializer:utc"`
}

// BeginIncident notes that something is wrong since now. While an incident of
// the kind is open it changes nothing and reports false.
func (s *Store) BeginIncident(ctx context.Context, i Incident) (bool, error) {
	i.ID, i.BeganAt, i.EndedAt, i.Code = 0, s.now(), nil, clean(i.Code)
	begun := s.with(ctx).Clauses(clause.OnConflict{
		Columns:     []clause.Column{{Name: "portal_id"}, {Name: "kind"}},
		TargetWhere: clause.Where{Exprs: []clause.Expression{clause.Expr{SQL: "ended_at IS NULL"}}},
		DoNothing:   true,
	}).Create(&i)
	return begun.RowsAffected > 0, begun.Error
}

// EndIncident notes that it is over, and reports whether it was going on.
func (s *Store) EndIncident(ctx context.Context, portalID int64, kind IncidentKind) (bool, error) {
	ended := s.with(ctx).Table("incidents").Where("portal_id = ? AND kind = ? AND ended_at IS NULL", portalID, kind).
		Updates(map[string]any{"ended_at": s.now()})
	return ended.RowsAffected > 0, ended.Error
}

// Incidents returns what is wrong with a portal, the oldest first.
func (s *Store) Incidents(ctx context.Context, portalID int64) ([]Incident, error) {
	var open []Incident
	err := s.with(ctx).Where("portal_id = ? AND ended_at IS NULL", portalID).Order("began_at, id").Find(&open).Error
	return open, err
}

// OpenSince returns when the open incidents of portals began.
func (s *Store) OpenSince(ctx context.Context, portalIDs []int64) (map[int64]map[IncidentKind]time.Time, error) {
	var open []Incident
	err := s.with(ctx).Where("portal_id IN ? AND ended_at IS NULL", portalIDs).Find(&open).Error
	since := map[int64]map[IncidentKind]time.Time{}
	for _, i := range open {
		if since[i.PortalID] == nil {
			since[i.PortalID] = map[IncidentKind]time.Time{}
		}
		since[i.PortalID][i.Kind] = i.BeganAt
	}
	return since, err
}

// News returns the incidents after an id that people may still have to be told
// of, or of whose end: the open ones, and those that ended after since. Those of
// portals that do not answer wait until they do. None means that there are no
// more.
func (s *Store) News(ctx context.Context, after int64, since time.Time) ([]Incident, error) {
	var news []Incident
	err := s.with(ctx).Where("id > ? AND (ended_at IS NULL OR ended_at >= ?)", after, Stored(since)).
		Where("EXISTS (SELECT 1 FROM portals p WHERE p.id = incidents.portal_id AND p.status = ?)", PortalActive).
		Order("id").Limit(vitalsPage).Find(&news).Error
	return news, err
}

// Alerts returns who was told of an incident.
func (s *Store) Alerts(ctx context.Context, portalID, incidentID int64) ([]Alert, error) {
	var told []Alert
	err := s.with(ctx).Where("portal_id = ? AND incident_id = ?", portalID, incidentID).Order("at, user_id").Find(&told).Error
	return told, err
}

// AddAlert notes that a user was told. It may be repeated.
func (s *Store) AddAlert(ctx context.Context, a Alert) error {
	a.At = s.now()
	return s.with(ctx).Clauses(clause.OnConflict{DoNothing: true}).Create(&a).Error
}
