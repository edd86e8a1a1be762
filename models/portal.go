package models

import (
	"context"
	"time"

	"callwise/app/crm"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// A PortalStatus says whether a portal can be worked with.
type PortalStatus string

// What a portal can be.
const (
	PortalInstalling  PortalStatus = "installing"
	PortalActive      PortalStatus = "active"
	PortalReauth      PortalStatus = "reauth" // no live tokens: an administrator must open the app
	PortalUninstalled PortalStatus = "uninstalled"
	PortalSuspended   PortalStatus = "suspended"
)

// A Portal is one company's Bitrix24.
type Portal struct {
	ID               int64
	MemberID         string
	Endpoint         string
	AuthHost         string
	ApplicationToken string `gorm:"-"`
	Status           PortalStatus
	StatusCode       string
	Lang             string
	PortalCountry    string `gorm:"column:country"` // ISO 3166 as Bitrix24 reports it; see [Portal.Country]
	TimeZone         string
	CRMMode          crm.Mode   // "" = not read yet
	CRMModeAt        *time.Time `gorm:"serializer:utc"`
	RestAppID        string
	Scopes           string   // granted, separated by commas
	MissingScopes    string   // needed and not granted
	Settings         Settings `gorm:"serializer:json"`
	SettingsVersion  int
	CommandURL       string     `gorm:"-"`
	CommandSecret    string     `gorm:"-"`
	EmployeesAt      *time.Time `gorm:"serializer:utc"`
	InstalledAt      *time.Time `gorm:"serializer:utc"`
	UninstalledAt    *time.Time `gorm:"serializer:utc"`
	CreatedAt        time.Time  `gorm:"serializer:utc"`
	UpdatedAt        time.Time  `gorm:"serializer:utc"`
}

// Country is where numbers without a country code are from: the
// administrator's choice, else the portal's own country.
func (p *Portal) Country() string {
	if p.Settings.DefaultCountry != "" {
		return p.Settings.DefaultCountry
	}
	return p.PortalCountry
}

// portalRow is a portal with its secrets sealed.
type portalRow struct {
	Portal
	SealedApplicationToken []byte `gorm:"column:application_token"`
	SealedCommandURL       []byte `gorm:"column:command_url"`
	SealedCommandSecret    []byte `gorm:"column:command_secret"`
}

func (portalRow) TableName() string { return "portals" }

// open decrypts the secrets of a row.
func (r *portalRow) open(keys Keyring) (*Portal, error) {
	p := r.Portal
	for _, secret := range []struct {
		plain  *string
		sealed []byte
		column string
	}{
		{&p.ApplicationToken, r.SealedApplicationToken, "application_token"},
		{&p.CommandURL, r.SealedCommandURL, "command_url"},
		{&p.CommandSecret, r.SealedCommandSecret, "command_secret"},
	} {
		var err error
		if *secret.plain, err = keys.open(secret.sealed, place(p.MemberID, secret.column)); err != nil {
			return nil, err
		}
	}
	return &p, nil
}

// An Install is what a verified installation, or a later visit of an
// administrator, tells about a portal. Empty fields leave what is stored.
type Install struct {
	MemberID         string
	Endpoint         string
	AuthHost         string
	ApplicationToken string
	Lang             string
	Country          string
	TimeZone         string
	Token            *Token
}

// SaveInstall stores a portal and its tokens, all or none. It may be repeated:
// settings stay. A portal that was uninstalled is installing again.
func (s *Store) SaveInstall(ctx context.Context, in Install) (*Portal, error) {
	sealed, err := s.keys.seal(in.ApplicationToken, place(in.MemberID, "application_token"))
	if err != nil {
		return nil, err
	}
	row := &portalRow{
		Portal: Portal{
			MemberID: in.MemberID, Endpoint: in.Endpoint, AuthHost: in.AuthHost, Lang: in.Lang,
			PortalCountry: in.Country, TimeZone: in.TimeZone, Status: PortalInstalling,
			Settings: DefaultSettings(), SettingsVersion: 1, CreatedAt: s.now(), UpdatedAt: s.now(),
		},
		SealedApplicationToken: sealed,
	}
	err = s.Transaction(ctx, func(tx *gorm.DB) error {
		if err := tx.Clauses(installAgain).Create(row).Error; err != nil {
			return err
		}
		// The id is only returned for a new row.
		if err := tx.Where("member_id = ?", in.MemberID).Take(row.cleared()).Error; err != nil {
			return err
		}
		if in.Token == nil {
			return nil
		}
		if err := s.addToken(tx, &row.Portal, *in.Token); err != nil {
			return err
		}
		return tx.Take(row.cleared(), row.ID).Error
	})
	if err != nil {
		return nil, found(err)
	}
	return row.open(s.keys)
}

// cleared keeps nothing but the id, so that GORM reads all of the row anew.
func (r *portalRow) cleared() *portalRow {
	*r = portalRow{}
	return r
}

var installAgain = clause.OnConflict{
	Columns: []clause.Column{{Name: "member_id"}},
	DoUpdates: clause.Set{
		unlessEmpty("endpoint"), unlessEmpty("auth_host"), unlessEmpty("lang"),
		unlessEmpty("country"), unlessEmpty("time_zone"),
		raw("application_token", "COALESCE(excluded.application_token, portals.application_token)"),
		raw("status", "CASE portals.status WHEN 'uninstalled' THEN 'installing' ELSE portals.status END"),
		raw("status_code", "CASE portals.status WHEN 'uninstalled' THEN '' ELSE portals.status_code END"),
		raw("uninstalled_at", "NULL"),
		raw("updated_at", "excluded.updated_at"),
	},
}

func raw(column, sql string) clause.Assignment {
	return clause.Assignment{Column: clause.Column{Name: column}, Value: gorm.Expr(sql)}
}

func unlessEmpty(column string) clause.Assignment {
	return raw(column, "CASE excluded."+column+" WHEN '' THEN portals."+column+" ELSE excluded."+column+" END")
}

// Portal returns the portal that Bitrix24 calls memberID.
func (s *Store) Portal(ctx context.Context, memberID string) (*Portal, error) {
	return s.portal(s.with(ctx).Where("member_id = ?", memberID))
}

// PortalByID returns a portal.
func (s *Store) PortalByID(ctx context.Context, portalID int64) (*Portal, error) {
	return s.portal(s.with(ctx).Where("id = ?", portalID))
}

func (s *Store) portal(query *gorm.DB) (*Portal, error) {
	var row portalRow
	if err := query.Take(&row).Error; err != nil {
		return nil, found(err)
	}
	return row.open(s.keys)
}

// portalsPage is how many portals [Store.Portals] returns at a time.
const portalsPage = 100

// Portals returns the next portals after an id, whatever their status; none
// means that there are no more.
func (s *Store) Portals(ctx context.Context, after int64) ([]*Portal, error) {
	var rows []portalRow
	err := s.with(ctx).Where("id > ?", after).Order("id").Limit(portalsPage).Find(&rows).Error
	if err != nil {
		return nil, err
	}
	portals := make([]*Portal, len(rows))
	for i := range rows {
		if portals[i], err = rows[i].open(s.keys); err != nil {
			return nil, err
		}
	}
	return portals, nil
}

// change writes columns of a portal.
func (s *Store) change(ctx context.Context, portalID int64, columns map[string]any) error {
	columns["updated_at"] = s.now()
	return changed(s.with(ctx).Table("portals").Where("id = ?", portalID).Updates(columns))
}

// changeSecret seals and writes a secret of a portal; an empty one is removed.
func (s *Store) changeSecret(ctx context.Context, portalID int64, column, secret string) error {
	var memberID string
	query := s.with(ctx).Table("portals").Select("member_id").Where("id = ?", portalID)
	if err := query.Take(&memberID).Error; err != nil {
		return found(err)
	}
	sealed, err := s.keys.seal(secret, place(memberID, column))
	if err != nil {
		return err
	}
	return s.change(ctx, portalID, map[string]any{column: sealed})
}

// SetApplicationToken replaces the secret that proves the portal's events.
func (s *Store) SetApplicationToken(ctx context.Context, portalID int64, token string) error {
	return s.changeSecret(ctx, portalID, "application_token", token)
}

// SetCommandURL sets where the portal's PBX takes commands.
func (s *Store) SetCommandURL(ctx context.Context, portalID int64, url string) error {
	return s.changeSecret(ctx, portalID, "command_url", url)
}

// SetCommandSecret sets what signs commands to the portal's PBX.
func (s *Store) SetCommandSecret(ctx context.Context, portalID int64, secret string) error {
	return s.changeSecret(ctx, portalID, "command_secret", secret)
}

// SetStatus says whether the portal can be worked with, and why not. The first
// PortalActive is the end of the installation.
func (s *Store) SetStatus(ctx context.Context, portalID int64, status PortalStatus, code string) error {
	columns := map[string]any{"status": status, "status_code": code}
	if status == PortalActive {
		columns["installed_at"] = gorm.Expr("COALESCE(installed_at, ?)", s.now())
	}
	return s.change(ctx, portalID, columns)
}

// Moved follows a portal to a new address.
func (s *Store) Moved(ctx context.Context, portalID int64, endpoint string) error {
	return s.change(ctx, portalID, map[string]any{"endpoint": endpoint})
}

// SetMode remembers the CRM mode as read now.
func (s *Store) SetMode(ctx context.Context, portalID int64, mode crm.Mode) error {
	return s.change(ctx, portalID, map[string]any{"crm_mode": mode, "crm_mode_at": s.now()})
}

// SaveInstallState remembers the app's id on the portal and its scopes.
func (s *Store) SaveInstallState(ctx context.Context, portalID int64, restAppID, scopes, missing string) error {
	return s.change(ctx, portalID, map[string]any{"rest_app_id": restAppID, "scopes": scopes, "missing_scopes": missing})
}

// SaveSettings stores settings that were edited when their version was
// version; ErrConflict means that somebody else saved meanwhile.
func (s *Store) SaveSettings(ctx context.Context, portalID int64, version int, settings Settings) error {
	next := portalRow{Portal: Portal{Settings: settings, SettingsVersion: version + 1, UpdatedAt: s.now()}}
	saved := s.with(ctx).Where("id = ? AND settings_version = ?", portalID, version).
		Select("settings", "settings_version", "updated_at").Updates(&next)
	if saved.Error != nil || saved.RowsAffected > 0 {
		return saved.Error
	}
	if _, err := s.PortalByID(ctx, portalID); err != nil {
		return err
	}
	return ErrConflict
}

// SetRestAppID remembers the app's id on the portal.
func (s *Store) SetRestAppID(ctx context.Context, portalID int64, id string) error {
	return s.change(ctx, portalID, map[string]any{"rest_app_id": clean(id)})
}

// Mode is the CRM mode as last read; before that, what portals have at first.
func (p *Portal) Mode() crm.Mode {
	if p.CRMMode == "" {
		return crm.Classic
	}
	return p.CRMMode
}

// EnqueueReconcile enqueues the job that reconciles a portal.
func (s *Store) EnqueueReconcile(ctx context.Context, portalID int64) error {
	return s.Transaction(ctx, func(tx *gorm.DB) error {
		return s.river.insert(ctx, tx, ReconcileArgs{PortalID: portalID})
	})
}
