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

// PortalStatuses are all of them.
var PortalStatuses = []PortalStatus{PortalInstalling, PortalActive, PortalReauth, PortalUninstalled, PortalSuspended}

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
	AppCode          string   // the app's name in addresses of the portal
	Scopes           string   // granted, separated by commas
	MissingScopes    string   // needed and not granted
	Settings         Settings `gorm:"serializer:json"`
	SettingsVersion  int
	CommandURL       string `gorm:"-"`
	CommandSecret    string `gorm:"-"`
	// OldSecrets sign commands beside CommandSecret until their time is over.
	OldSecrets []OldSecret `gorm:"-"`
	// Removals is how often the app was removed and may have come back.
	Removals      int
	EmployeesAt   *time.Time `gorm:"serializer:utc"`
	InstalledAt   *time.Time `gorm:"serializer:utc"`
	UninstalledAt *time.Time `gorm:"serializer:utc"`
	CreatedAt     time.Time  `gorm:"serializer:utc"`
	UpdatedAt     time.Time  `gorm:"serializer:utc"`
}

// Country is where numbers without a country code are from: the
// administrator's choice, else the portal's own country.
func (p *Portal) Country() string {
	if p.Settings.DefaultCountry != "" {
		return p.Settings.DefaultCountry
	}
	return p.PortalCountry
}

// EmployeesReadWithin reports whether the employees were read less than age before
// now. A clock that was ahead may have written a time after now: one further off than
// age is none.
func (p *Portal) EmployeesReadWithin(age time.Duration, now time.Time) bool {
	return p.EmployeesAt != nil && now.Sub(*p.EmployeesAt).Abs() < age
}

// Zone is the portal's time zone; UTC if it has told none that we know.
func (p *Portal) Zone() *time.Location {
	zone, err := time.LoadLocation(p.TimeZone)
	if err != nil {
		return time.UTC
	}
	return zone
}

// Mode is the CRM mode as last read; before that, what portals have at first.
func (p *Portal) Mode() crm.Mode {
	if p.CRMMode == "" {
		return crm.Classic
	}
	return p.CRMMode
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
	var err error
	p.CommandSecret, p.OldSecrets, err = splitSecrets(p.CommandSecret)
	return &p, err
}

// An Install is what a verified installation, or a later visit of an
// administrator, tells about a portal. Empty fields leave what is stored. Language,
// country and time zone are a visitor's, who may be from anywhere: they are taken as the
// portal's only as long as it has none, and anew when it was uninstalled.
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
	var saved portalRow
	err = s.Transaction(ctx, func(tx *gorm.DB) error {
		if err := tx.Clauses(installAgain).Create(row).Error; err != nil {
			return err
		}
		if err := s.addTokenOf(tx, in); err != nil {
			return err
		}
		// Only now: the upsert returns the id of new rows alone, and tokens heal.
		return tx.Where("member_id = ?", in.MemberID).Take(&saved).Error
	})
	if err != nil {
		return nil, found(err)
	}
	return saved.open(s.keys)
}

// addTokenOf stores the tokens that an installation brought, if it did.
func (s *Store) addTokenOf(tx *gorm.DB, in Install) error {
	if in.Token == nil {
		return nil
	}
	var row portalRow
	if err := tx.Where("member_id = ?", in.MemberID).Take(&row).Error; err != nil {
		return err
	}
	return s.addToken(tx, &row.Portal, *in.Token)
}

var installAgain = clause.OnConflict{
	Columns: []clause.Column{{Name: "member_id"}},
	DoUpdates: clause.Set{
		unlessEmpty("endpoint"), unlessEmpty("auth_host"), ifNone("lang"), ifNone("country"), ifNone("time_zone"),
		raw("application_token", "CASE WHEN length(excluded.application_token) > 0 THEN excluded.application_token ELSE portals.application_token END"),
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

// ifNone keeps what is stored, but of a portal that was uninstalled.
func ifNone(column string) clause.Assignment {
	return raw(column, "CASE WHEN portals."+column+" = '' OR portals.status = 'uninstalled' AND excluded."+column+" <> '' THEN excluded."+column+" ELSE portals."+column+" END")
}

// Portal returns the portal that Bitrix24 calls memberID.
func (s *Store) Portal(ctx context.Context, memberID string) (*Portal, error) {
	return s.portal(s.with(ctx).Where("member_id = ?", clean(memberID)))
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

// A SealedPortal is a portal as the database keeps it.
type SealedPortal struct {
	ID   int64
	row  *portalRow
	keys Keyring
}

// Open decrypts the portal's secrets.
func (p SealedPortal) Open() (*Portal, error) { return p.row.open(p.keys) }

// Portals returns the next portals after an id, whatever their status; none
// means that there are no more. One that cannot be opened keeps nobody from the
// others.
func (s *Store) Portals(ctx context.Context, after int64) ([]SealedPortal, error) {
	var rows []portalRow
	err := s.with(ctx).Where("id > ?", after).Order("id").Limit(portalsPage).Find(&rows).Error
	if err != nil {
		return nil, err
	}
	portals := make([]SealedPortal, len(rows))
	for i := range rows {
		portals[i] = SealedPortal{rows[i].ID, &rows[i], s.keys}
	}
	return portals, nil
}
