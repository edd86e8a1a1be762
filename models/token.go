package models

import (
	"context"
	"slices"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// A TokenKind says whose tokens a pair is.
type TokenKind string

// Kinds of tokens, the preferred first.
const (
	TokenInstaller TokenKind = "installer"
	TokenSystem    TokenKind = "system"
	TokenAdmin     TokenKind = "admin"
)

var tokenOrder = []TokenKind{TokenInstaller, TokenSystem, TokenAdmin}

// A Token is an OAuth pair of one user of a portal.
type Token struct {
	ID           int64
	PortalID     int64
	UserID       int64
	Kind         TokenKind
	AccessToken  string `gorm:"-"`
	RefreshToken string `gorm:"-"`
	AuthHost     string
	ExpiresAt    time.Time `gorm:"serializer:utc"`
	DeadCode     string    // "" = live
	RenewedAt    time.Time `gorm:"serializer:utc"`
}

// tokenRow is a pair with its secrets sealed.
type tokenRow struct {
	Token
	SealedAccessToken  []byte `gorm:"column:access_token"`
	SealedRefreshToken []byte `gorm:"column:refresh_token"`
	Generation         int64  // counts changes of the pair
}

func (tokenRow) TableName() string { return "tokens" }

func (s *Store) sealToken(t Token, memberID string) (*tokenRow, error) {
	access, err := s.keys.seal(t.AccessToken, place(memberID, "access_token"))
	if err != nil {
		return nil, err
	}
	refresh, err := s.keys.seal(t.RefreshToken, place(memberID, "refresh_token"))
	if err != nil {
		return nil, err
	}
	row := &tokenRow{Token: t, SealedAccessToken: access, SealedRefreshToken: refresh, Generation: 1}
	if refresh == nil {
		row.SealedRefreshToken = []byte{}
	}
	return row, nil
}

func (r *tokenRow) open(keys Keyring, memberID string) (Token, error) {
	t := r.Token
	var err error
	if t.AccessToken, err = keys.open(r.SealedAccessToken, place(memberID, "access_token")); err != nil {
		return Token{}, err
	}
	t.RefreshToken, err = keys.open(r.SealedRefreshToken, place(memberID, "refresh_token"))
	return t, err
}

// AddToken stores a fresh pair of a user. It replaces the user's former pair,
// dead or alive, and heals a portal that waited for one. An installer who comes
// back as an administrator stays the installer.
func (s *Store) AddToken(ctx context.Context, portalID int64, t Token) error {
	return s.Transaction(ctx, func(tx *gorm.DB) error {
		var row portalRow
		if err := tx.Where("id = ?", portalID).Take(&row).Error; err != nil {
			return found(err)
		}
		return s.addToken(tx, &row.Portal, t)
	})
}

func (s *Store) addToken(tx *gorm.DB, p *Portal, t Token) error {
	t.ID, t.PortalID, t.DeadCode, t.RenewedAt = 0, p.ID, "", s.now()
	row, err := s.sealToken(t, p.MemberID)
	if err != nil {
		return err
	}
	if err := tx.Clauses(freshPair).Create(row).Error; err != nil {
		return err
	}
	return s.heal(tx, p.ID)
}

// heal ends a portal's waiting for a live pair.
func (s *Store) heal(tx *gorm.DB, portalID int64) error {
	return tx.Table("portals").Where("id = ? AND status = ?", portalID, PortalReauth).
		Updates(map[string]any{"status": PortalActive, "status_code": "", "updated_at": s.now()}).Error
}

var freshPair = clause.OnConflict{
	Columns: []clause.Column{{Name: "portal_id"}, {Name: "user_id"}},
	DoUpdates: clause.Set{
		raw("kind", "CASE WHEN excluded.kind = 'admin' THEN tokens.kind ELSE excluded.kind END"),
		raw("access_token", "excluded.access_token"),
		raw("refresh_token", "excluded.refresh_token"),
		raw("auth_host", "excluded.auth_host"),
		raw("expires_at", "excluded.expires_at"),
		raw("dead_code", "''"),
		raw("generation", "tokens.generation + 1"),
		raw("renewed_at", "excluded.renewed_at"),
	},
}

// LiveTokens returns the pairs of a portal that are not known to be dead, the
// preferred first: the installer's, the system user's, then those of other
// administrators, the newest first.
func (s *Store) LiveTokens(ctx context.Context, portalID int64) ([]Token, error) {
	_, tokens, err := s.Access(ctx, portalID)
	return tokens, err
}

// Access returns where a portal's REST API is, and its [Store.LiveTokens].
func (s *Store) Access(ctx context.Context, portalID int64) (endpoint string, tokens []Token, err error) {
	a := SealedAccess{keys: s.keys}
	if err := a.rows.look(s.with(ctx), portalID).Error; err != nil {
		return "", nil, err
	}
	return a.Open()
}

// ToAsk is [Store.Access] before a request, and [Store.TakePlace] for it.
func (s *Store) ToAsk(ctx context.Context, p Pace, most time.Duration) (SealedAccess, error) {
	return s.ToAskFor(ctx, &Call{}, p, most)
}

// ToAskFor is [Store.ToAsk] before a request for a call. If another holds it than c
// says, opening what is returned is ErrNotFound.
func (s *Store) ToAskFor(ctx context.Context, c *Call, p Pace, most time.Duration) (SealedAccess, error) {
	a, next := SealedAccess{keys: s.keys}, s.turn(p, most)
	looking := read(func(tx *gorm.DB) *gorm.DB { return a.rows.look(c.held(tx), p.PortalID) })
	_, err := together(s.soon(ctx), s.soonPool, looking, returning(next.take))
	if err == nil {
		a.Wait, err = s.wait(ctx, next)
	}
	return a, err
}

// SealedAccess is what [Store.Access] returns, as the database keeps it.
type SealedAccess struct {
	Wait time.Duration // what [Store.TakePlace] returned; 0 if it was not asked
	rows access
	keys Keyring
}

// Open decrypts the tokens.
func (a SealedAccess) Open() (endpoint string, tokens []Token, err error) { return a.rows.open(a.keys) }

// access is a portal with each of its live pairs of tokens, or with none.
type access []struct {
	Pair               tokenRow `gorm:"embedded"`
	Endpoint, MemberID string
}

func (a *access) look(tx *gorm.DB, portalID int64) *gorm.DB {
	return tx.Table("portals p").Select("p.endpoint, p.member_id, "+fields(tx, &tokenRow{}, "t")).
		Joins("LEFT JOIN tokens t ON t.portal_id = p.id AND t.dead_code = ''").
		Where("p.id = ?", portalID).Order("t.renewed_at DESC, t.id DESC").Find(a)
}

func (a access) open(keys Keyring) (endpoint string, tokens []Token, err error) {
	if len(a) == 0 {
		return "", nil, ErrNotFound
	}
	for _, row := range a {
		if row.Pair.ID == 0 {
			break // no pair is alive
		}
		token, err := row.Pair.open(keys, row.MemberID)
		if err != nil {
			return "", nil, err
		}
		tokens = append(tokens, token)
	}
	slices.SortStableFunc(tokens, func(a, b Token) int {
		return slices.Index(tokenOrder, a.Kind) - slices.Index(tokenOrder, b.Kind)
	})
	return a[0].Endpoint, tokens, nil
}

// RejectToken marks a user's pair as dead if its access token is still the
// stored one; a pair that came meanwhile stays, and one that its renewal brings
// later still replaces it. An active portal without any live pair must be
// authorised anew: it becomes PortalReauth. ErrNotFound means that the user has
// no pair.
func (s *Store) RejectToken(ctx context.Context, portalID, userID int64, accessToken, code string) error {
	if code == "" {
		code = "REJECTED"
	}
	portal, err := s.PortalByID(ctx, portalID)
	if err != nil {
		return err
	}
	var row tokenRow
	if err := s.with(ctx).Where("portal_id = ? AND user_id = ?", portalID, userID).Take(&row).Error; err != nil {
		return found(err)
	}
	pair, err := row.open(s.keys, portal.MemberID)
	if err != nil || pair.AccessToken != accessToken {
		return err
	}
	return s.Transaction(ctx, func(tx *gorm.DB) error {
		dead := tx.Table("tokens").Where("portal_id = ? AND id = ? AND generation = ?", portalID, row.ID, row.Generation).
			Update("dead_code", code)
		if dead.Error != nil || dead.RowsAffected == 0 {
			return dead.Error // replaced since it was read
		}
		return tx.Table("portals").
			Where("id = ? AND status = ?", portalID, PortalActive).
			Where("NOT EXISTS (SELECT 1 FROM tokens WHERE portal_id = portals.id AND dead_code = '')").
			Updates(map[string]any{"status": PortalReauth, "status_code": code, "updated_at": s.now()}).Error
	})
}

// Installer is the user who installed the app on a portal.
func (s *Store) Installer(ctx context.Context, portalID int64) (int64, error) {
	var userID int64
	err := s.with(ctx).Table("tokens").Select("user_id").
		Where("portal_id = ? AND kind = ?", portalID, TokenInstaller).
		Order("renewed_at DESC, id DESC").Take(&userID).Error
	return userID, found(err)
}
