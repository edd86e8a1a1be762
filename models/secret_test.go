package models_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"os"
	"strings"
	"testing"

	"callwise/models"
	"callwise/models/modelstest"

	"github.com/google/go-cmp/cmp"
	"gorm.io/gorm"
)

func key(id string, fill byte) string {
	return id + ":" + base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{fill}, 32))
}

func TestAKeyringThatIsWrongIsToldWithoutTheKey(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"empty", "", "key 1: not of the form id:base64"},
		{"no id", "QUJD", "key 1: not of the form id:base64"},
		{"an empty id", ":QUJD", "key 1: an id has 1 to 64 characters"},
		{"a long id", strings.Repeat("x", 65) + ":QUJD", "key 1: an id has 1 to 64 characters"},
		{"no base64", key("a", 1) + ",b:SECRET!", "key 2: not base64"},
		{"a short key", "a:U0VDUkVU", "key 1: 6 bytes instead of 32"},
		{"an id twice", key("a", 1) + "," + key("a", 2), "key 2: its id is used twice"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := models.ParseKeyring(tt.text)
			if err == nil || err.Error() != tt.want {
				t.Errorf("error %v, want %q", err, tt.want)
			}
		})
	}
	ring := must[models.Keyring](t)(models.ParseKeyring(key("a", 'S') + ", " + key("b", 2)))
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		if text := fmt.Sprintf(verb, ring); text != "keyring" {
			t.Errorf("%s prints %s", verb, text)
		}
	}
}

func open(t *testing.T, address, keys string) *models.Store {
	t.Helper()
	ring := must[models.Keyring](t)(models.ParseKeyring(keys))
	s := must[*models.Store](t)(models.Open(context.Background(), address, ring))
	t.Cleanup(func() { s.Close() })
	return s
}

var secrets = []string{"application-token-of-one", "access-1-one", "refresh-1-one", "https://pbx.example/commands", "whsec_of_one", "+49305550199"}

func TestSecretsAreNotInTheDatabaseFile(t *testing.T) {
	address := modelstest.SQLite(t)
	s := modelstest.Migrated(t, address)
	furnish(t, s, "one")
	plain, _, err := s.AddPBXKey(t.Context(), 1, "Main", 1)
	check(t, err)
	for _, suffix := range []string{"", "-wal"} {
		file := strings.TrimPrefix(address, "sqlite:") + suffix
		content := must[[]byte](t)(os.ReadFile(file))
		if suffix == "-wal" && !bytes.Contains(content, []byte("+49301234567")) {
			t.Error("the test looks into the wrong file")
		}
		for _, secret := range append(secrets, plain) {
			if bytes.Contains(content, []byte(secret)) {
				t.Errorf("%s… stands in the database%s", secret[:9], suffix)
			}
		}
		if mode := must[os.FileInfo](t)(os.Stat(file)).Mode().Perm(); mode != 0o600 {
			t.Errorf("mode of the database%s is %v", suffix, mode)
		}
	}
}

// sealed are all encrypted columns of a database.
func sealed(t *testing.T, s *models.Store) [][]byte {
	t.Helper()
	var all [][]byte
	check(t, s.Transaction(t.Context(), func(tx *gorm.DB) error {
		for _, column := range []string{"portals.application_token", "portals.command_url", "portals.command_secret", "tokens.access_token", "tokens.refresh_token", "privacy_requests.number"} {
			table, name, _ := strings.Cut(column, ".")
			var cells [][]byte
			if err := tx.Table(table).Pluck(name, &cells).Error; err != nil {
				return err
			}
			all = append(all, cells...)
		}
		return nil
	}))
	return all
}

func TestNoSecretIsStoredAsItIs(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		furnish(t, s, "one")
		cells := sealed(t, s)
		if len(cells) != len(secrets) {
			t.Fatalf("%d secrets", len(cells))
		}
		for _, cell := range cells {
			for _, secret := range secrets {
				if len(cell) == 0 || bytes.Contains(cell, []byte(secret)) {
					t.Errorf("%s… stands in the database", secret[:9])
				}
			}
		}
	})
}

func TestASecretOpensOnlyInItsPlace(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		p, twin := furnish(t, s, "one"), furnish(t, s, "two")
		steal := func(to string) {
			check(t, s.Transaction(t.Context(), func(tx *gorm.DB) error {
				return tx.Exec("UPDATE portals SET "+to+" = (SELECT command_secret FROM portals WHERE id = ?) WHERE id = ?", twin.ID, p.ID).Error
			}))
		}
		for _, column := range []string{"command_secret", "command_url"} {
			steal(column)
			if _, err := s.PortalByID(t.Context(), p.ID); err == nil {
				t.Errorf("another portal's secret opens as %s", column)
			}
			check(t, s.SetCommandSecret(t.Context(), p.ID, "x"))
		}
	})
}

func TestRotatedSecretsNeedTheOldKeyNoMore(t *testing.T) {
	modelstest.EachAddress(t, func(t *testing.T, address string) {
		old := open(t, address, key("old", 1))
		check(t, old.Migrate(t.Context()))
		want := furnish(t, old, "one")
		check(t, old.SaveLine(t.Context(), models.Line{PortalID: want.ID, Number: "1"}))
		want = must[*models.Portal](t)(old.PortalByID(t.Context(), want.ID))
		install(t, old, "two")
		check(t, old.Close())

		both := open(t, address, key("new", 2)+","+key("old", 1))
		if n := must[int](t)(both.RotateKeys(t.Context())); n != len(secrets)+3 {
			t.Errorf("%d secrets rotated", n)
		}
		if n := must[int](t)(both.RotateKeys(t.Context())); n != 0 {
			t.Errorf("%d secrets rotated again", n)
		}
		check(t, both.Close())

		fresh := open(t, address, key("new", 2))
		if diff := cmp.Diff(want, must[*models.Portal](t)(fresh.PortalByID(t.Context(), want.ID))); diff != "" {
			t.Errorf("portal (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]string{"installer access-1-one"}, live(t, fresh, want.ID)); diff != "" {
			t.Errorf("tokens (-want +got):\n%s", diff)
		}
	})
}

func TestWithoutItsKeyASecretIsNeitherReadNorWritten(t *testing.T) {
	modelstest.EachAddress(t, func(t *testing.T, address string) {
		s := open(t, address, key("a", 1))
		check(t, s.Migrate(t.Context()))
		p := install(t, s, "one")
		check(t, s.Close())
		for _, keys := range []string{key("a", 2), key("b", 1)} {
			if _, err := open(t, address, keys).PortalByID(t.Context(), p.ID); err == nil || strings.Contains(err.Error(), "one") {
				t.Errorf("error %v", err)
			}
		}
		bare := must[*models.Store](t)(models.Open(t.Context(), address, models.Keyring{}))
		defer bare.Close()
		if err := bare.SetCommandSecret(t.Context(), p.ID, "x"); err == nil {
			t.Error("a secret was stored without a key")
		}
	})
}
