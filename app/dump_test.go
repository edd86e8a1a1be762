package main

import (
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"callwise/app/b24/b24sim"
)

// encodings are the ways in which a secret may stand in a dump.
func encodings(secret string) []string {
	raw := []byte(secret)
	return []string{secret, hex.EncodeToString(raw), base64.StdEncoding.EncodeToString(raw), base64.RawURLEncoding.EncodeToString(raw)}
}

// A stolen database is one without ENCRYPTION_KEYS.
func TestADatabaseWithoutItsKeysGivesNoSecret(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		secrets := map[string]string{
			"a session": r.session, "a PBX key": r.key, "a command secret": r.pbx.secret,
			"the address for commands": r.pbx.url, "the encryption key": strings.SplitN(r.config.EncryptionKeys, ":", 2)[1],
			"an application token": r.portal.ApplicationToken(),
		}
		fresh := r.replaceSecret()
		secrets["the next command secret"] = fresh
		frame := r.frame(admin, "DEFAULT")
		r.open(frame)
		for _, name := range []string{"AUTH_ID", "REFRESH_ID"} {
			secrets[name] = frame.Form.Get(name)
		}
		r.switches("corb")
		r.tell(started("c1", "incoming", "+4930901821"), ended("c1", "answered", 5))
		r.finished(1)
		r.portal.Click(b24sim.Click{UserID: omar, Phone: "+4930901822"})
		r.eventually("a command", func() bool { return len(r.pbx.taken()) == 1 })
		r.with(signed(t, time.Now().Add(-30*time.Minute), visitorOf(r), r.config.EncryptionKeys), http.MethodGet, "/settings")
		for _, token := range r.tokens() {
			secrets["the access token "+string(token.Kind)] = token.AccessToken
			secrets["the refresh token "+string(token.Kind)] = token.RefreshToken
		}
		all := r.dump()
		if len(holds(all, "30901821")) == 0 || len(all["rest_log"]) == 0 || len(all["tokens"]) == 0 {
			t.Fatal("the dump does not hold what happened")
		}
		for what, secret := range secrets {
			if len(secret) < 6 {
				t.Errorf("%s is %q: too short to look for", what, secret)
			}
			if found := holds(all, encodings(secret)...); len(found) > 0 {
				t.Errorf("%s stands in the database: %v", what, found)
			}
		}
		path, isFile := strings.CutPrefix(address, "sqlite:")
		if !isFile {
			return
		}
		for _, file := range []string{path, path + "-wal"} {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for what, secret := range secrets {
				if strings.Contains(string(text), secret) {
					t.Errorf("%s stands in %s", what, file)
				}
			}
		}
	})
}
