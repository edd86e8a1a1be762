package models_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"callwise/models"
	"callwise/models/modelstest"

	"github.com/google/go-cmp/cmp"
	"gorm.io/gorm"
)

// written is what a portal's writer stored last.
type written struct {
	Application, URL, Secret, Access string
	Olds                             int
}

// rewrite changes every secret of a portal again and again, as a busy portal
// does, until done; a write that a rotation got ahead of is repeated.
func rewrite(ctx context.Context, s *models.Store, p *models.Portal, done <-chan struct{}) (last written, err error) {
	last.Access = "access-1-" + p.MemberID
	for n := 0; ; n++ {
		select {
		case <-done:
			return last, nil
		default:
		}
		word := func(what string) string { return fmt.Sprintf("%s-%s-%d", what, p.MemberID, n) }
		stale, fresh := last.Access, models.Token{AccessToken: word("access"), RefreshToken: word("refresh"), ExpiresAt: noon}
		_, err := s.RenewToken(ctx, p.ID, 1, stale, func(context.Context, models.Token) (models.Token, error) { return fresh, nil })
		if err := errors.Join(err,
			s.SetApplicationToken(ctx, p.ID, word("application")),
			s.SetCommandURL(ctx, p.ID, word("https://pbx")),
			again(func() error { return s.RotateCommandSecret(ctx, p.ID, markOf(last.Secret), word("secret")) }),
		); err != nil {
			return last, err
		}
		last = written{word("application"), word("https://pbx"), word("secret"), word("access"), min(n, 3)}
	}
}

func markOf(secret string) string { return (&models.Portal{CommandSecret: secret}).SecretMark() }

// again repeats what a rotation got ahead of, which happens once in a rotation.
func again(do func() error) error {
	for range 100 {
		if err := do(); !errors.Is(err, models.ErrConflict) {
			return err
		}
	}
	return models.ErrConflict
}

func TestKeysAreRotatedWhileEverythingIsWritten(t *testing.T) {
	modelstest.EachAddress(t, func(t *testing.T, address string) {
		const portals = 4
		before := open(t, address, key("old", 1))
		check(t, before.Migrate(t.Context()))
		idle := install(t, before, "idle")
		var busy []*models.Portal
		for i := range portals {
			busy = append(busy, install(t, before, fmt.Sprint("p", i)))
		}
		// Every process was restarted with the new key before: two of them.
		first, second := open(t, address, key("new", 2)+","+key("old", 1)), open(t, address, key("new", 2)+","+key("old", 1))
		done := make(chan struct{})
		var writers sync.WaitGroup
		lasts, wrong := make([]written, portals), make([]error, portals)
		for i, p := range busy {
			writers.Go(func() { lasts[i], wrong[i] = rewrite(t.Context(), []*models.Store{first, second}[i%2], p, done) })
		}
		var rotators sync.WaitGroup
		rotated := make([]int, 2)
		for i, s := range []*models.Store{first, second} {
			rotators.Go(func() {
				for range 3 {
					n, err := s.RotateKeys(t.Context())
					rotated[i] += n
					if err != nil {
						t.Error(err)
					}
				}
			})
		}
		rotators.Wait()
		close(done)
		writers.Wait()
		check(t, errors.Join(wrong...))
		if rotated[0]+rotated[1] < 3 { // those of the idle portal at least
			t.Errorf("%v secrets rotated", rotated)
		}

		after := open(t, address, key("new", 2))
		if n := must[int](t)(after.RotateKeys(t.Context())); n != 0 {
			t.Errorf("%d secrets still had the old key", n)
		}
		for i, p := range append(busy, idle) {
			stored := must[*models.Portal](t)(after.PortalByID(t.Context(), p.ID))
			tokens := must[[]models.Token](t)(after.LiveTokens(t.Context(), p.ID))
			got := written{stored.ApplicationToken, stored.CommandURL, stored.CommandSecret, tokens[0].AccessToken, len(stored.OldSecrets)}
			want := written{"application-token-of-idle", "", "", "access-1-idle", 0}
			if i < portals {
				want = lasts[i]
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s (-written last +read):\n%s", p.MemberID, diff)
			}
		}
	})
}

// In a rolling restart one process has the new key first already, and another not
// yet: each writes what the other reads.
func TestProcessesWithTheSameKeysInAnotherOrderReadWhatTheOthersWrite(t *testing.T) {
	modelstest.EachAddress(t, func(t *testing.T, address string) {
		one := open(t, address, key("old", 1)+","+key("new", 2))
		check(t, one.Migrate(t.Context()))
		two := open(t, address, key("new", 2)+","+key("old", 1))
		for _, tt := range []struct {
			name           string
			writer, reader *models.Store
		}{{"old", one, two}, {"new", two, one}} {
			p := furnish(t, tt.writer, tt.name)
			if sealed := cellsWith(t, tt.reader, "\x01\x03"+tt.name); len(sealed) == 0 {
				t.Errorf("nothing is sealed with the %s key", tt.name)
			}
			sender := must[models.Sender](t)(tt.reader.NewSender(t.Context(), p.MemberID))
			if want := must[models.Sender](t)(tt.writer.NewSender(t.Context(), p.MemberID)); !cmp.Equal(want, sender) || sender.ApplicationToken == "" {
				t.Errorf("sender %+v, want %+v", sender, want)
			}
			if diff := cmp.Diff(must[*models.Portal](t)(tt.writer.PortalByID(t.Context(), p.ID)), must[*models.Portal](t)(tt.reader.PortalByID(t.Context(), p.ID))); diff != "" {
				t.Errorf("portal (-written +read):\n%s", diff)
			}
			written, read := must[[]models.Token](t)(tt.writer.LiveTokens(t.Context(), p.ID)), must[[]models.Token](t)(tt.reader.LiveTokens(t.Context(), p.ID))
			if diff := cmp.Diff(written, read); diff != "" || len(read) == 0 {
				t.Errorf("tokens (-written +read):\n%s", diff)
			}
		}
	})
}

// A column that is sealed and not rotated would be unreadable once the old key
// is gone.
func TestEverySealedColumnIsRotated(t *testing.T) {
	modelstest.EachAddress(t, func(t *testing.T, address string) {
		old := open(t, address, key("old", 1))
		check(t, old.Migrate(t.Context()))
		p := furnish(t, old, "one")
		check(t, old.RotateCommandSecret(t.Context(), p.ID, markOf("whsec_of_one"), "whsec_two"))
		both := open(t, address, key("new", 2)+","+key("old", 1))
		must[int](t)(both.RotateKeys(t.Context()))
		sealed := cellsWith(t, both, "\x01\x03old")
		if len(sealed) > 0 {
			t.Errorf("sealed with the old key: %v", sealed)
		}
		if got := cellsWith(t, both, "\x01\x03new"); !slices.Equal(got, []string{
			"portals.application_token", "portals.command_secret", "portals.command_url", "privacy_requests.number", "tokens.access_token", "tokens.refresh_token",
		}) {
			t.Errorf("sealed with the new key: %v", got)
		}
	})
}

func TestKeysThatOpenNothingOfWhatIsStoredAreFound(t *testing.T) {
	modelstest.EachAddress(t, func(t *testing.T, address string) {
		first := open(t, address, key("k1", 1))
		check(t, first.Migrate(t.Context()))
		check(t, open(t, address, key("k9", 9)).CheckKeys(t.Context())) // nothing is stored
		one := install(t, first, "one")
		check(t, first.AddExport(t.Context(), one.ID, 1, 1))
		for _, tt := range []struct {
			name, keys string
			fine       bool
		}{
			{"the same", key("k1", 1), true},
			{"one more", key("k2", 2) + "," + key("k1", 1), true},
			{"another", key("k2", 2), false},
			{"another of that id", key("k1", 2), false},
		} {
			err := open(t, address, tt.keys).CheckKeys(t.Context())
			named := errors.Is(err, models.ErrKeys) && err.Error() == models.ErrKeys.Error()+` (of id "k1")`
			if tt.fine && err != nil || !tt.fine && !named {
				t.Errorf("%s: %v", tt.name, err)
			}
		}
		second := open(t, address, key("k10", 2))
		install(t, second, "two")
		for _, keys := range []string{key("k1", 1), key("k10", 2)} {
			if err := open(t, address, keys).CheckKeys(t.Context()); err != nil {
				t.Errorf("with the key of one of two portals: %v", err)
			}
		}
		for i := range 10 {
			install(t, second, fmt.Sprint("p", i))
		}
		for _, keys := range []string{key("k1", 1), key("k3", 3)} { // the older key alone, and one that nobody had
			if err := open(t, address, keys).CheckKeys(t.Context()); !errors.Is(err, models.ErrKeys) {
				t.Errorf("with a key of the oldest portal alone, or none: %v", err)
			}
		}
		if strings.HasPrefix(address, "postgres") {
			forgetKey1(t, first)
			check(t, open(t, address, key("k10", 2)).CheckKeys(t.Context()))
			if p, err := second.Portal(t.Context(), "two"); err != nil || p.ApplicationToken != "application-token-of-two" {
				t.Errorf("a portal of the key that is left: %+v %v", p, err)
			}
			if p, err := second.Portal(t.Context(), "one"); err != nil || p.ApplicationToken != "" {
				t.Errorf("the portal of the lost key: %+v %v", p, err)
			}
		}
		// What the guide says of lost keys.
		for _, statement := range []string{
			"UPDATE portals SET application_token = NULL, command_url = NULL, command_secret = NULL",
			"DELETE FROM tokens", "DELETE FROM privacy_requests WHERE number IS NOT NULL",
		} {
			check(t, models.SQL(first, t.Context(), statement))
		}
		if kept := must[[]models.PrivacyRequest](t)(first.PrivacyRequests(t.Context(), one.ID, 9)); len(kept) != 1 {
			t.Errorf("of requests that are done are left: %+v", kept)
		}
		anew := open(t, address, key("k9", 9))
		check(t, anew.CheckKeys(t.Context()))
		if p := install(t, anew, "one"); p.ApplicationToken != "application-token-of-one" {
			t.Errorf("installed again: %+v", p)
		}
		check(t, models.SQL(anew, t.Context(), "UPDATE portals SET status = 'uninstalled'"))
		check(t, open(t, address, key("k8", 8)).CheckKeys(t.Context())) // nobody has the app
	})
}

// forgetKey1 is what the guide says of one lost key of several.
func forgetKey1(t *testing.T, s *models.Store) {
	t.Helper()
	for _, statement := range []string{
		"UPDATE portals SET application_token = NULL, command_url = NULL, command_secret = NULL WHERE convert_to(chr(2) || 'k1', 'UTF8') IN (substr(application_token, 2, 3), substr(command_url, 2, 3), substr(command_secret, 2, 3))",
		"DELETE FROM tokens WHERE convert_to(chr(2) || 'k1', 'UTF8') IN (substr(access_token, 2, 3), substr(refresh_token, 2, 3))",
		"DELETE FROM privacy_requests WHERE substr(number, 2, 3) = convert_to(chr(2) || 'k1', 'UTF8')",
	} {
		check(t, models.SQL(s, t.Context(), statement))
	}
}

// cellsWith are the columns of all tables with a value that begins so.
func cellsWith(t *testing.T, s *models.Store, begin string) []string {
	t.Helper()
	found := map[string]bool{}
	check(t, s.Transaction(t.Context(), func(tx *gorm.DB) error {
		tables, err := tx.Migrator().GetTables()
		if err != nil {
			return err
		}
		for _, table := range tables {
			var rows []map[string]any
			if err := tx.Table(table).Find(&rows).Error; err != nil {
				return err
			}
			for _, row := range rows {
				for column, value := range row {
					if bytes, ok := value.([]byte); ok && strings.HasPrefix(string(bytes), begin) {
						found[table+"."+column] = true
					}
				}
			}
		}
		return nil
	}))
	return slices.Sorted(maps.Keys(found))
}
