package main

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"callwise/app/b24/b24sim"
)

func TestTheOldSecretOfTheCommandsCountsForADayAfterItWasReplaced(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		old := r.pbx.secret
		fresh := r.replaceSecret()
		if fresh == old {
			t.Fatal("the secret was not replaced")
		}
		// The PBX checks with the old one, then with the new one.
		for i, secret := range []string{old, fresh} {
			r.pbx.setSecret(secret)
			r.portal.Click(b24sim.Click{UserID: omar, Phone: "+493090182" + string(rune('1'+i))})
			r.eventually("command", func() bool { return len(r.pbx.taken()) == i+1 })
		}
		portal, err := r.house.store.PortalByID(t.Context(), 1)
		if err != nil {
			t.Fatal(err)
		}
		for after, want := range map[time.Duration]int{0: 2, 23 * time.Hour: 2, 25 * time.Hour: 1} {
			if got := portal.SigningSecrets(time.Now().Add(after)); len(got) != want || got[0] != fresh {
				t.Errorf("after %v %d secrets sign, want %d", after, len(got), want)
			}
		}
		// Pressed again and again, the first still counts, and not all for ever.
		for range 2 {
			r.replaceSecret()
		}
		r.pbx.setSecret(old)
		r.portal.Click(b24sim.Click{UserID: omar, Phone: "+4930901829"})
		r.eventually("command", func() bool { return len(r.pbx.taken()) == 3 })
		for range 3 {
			r.replaceSecret()
		}
		if portal, err = r.house.store.PortalByID(t.Context(), 1); err != nil || len(portal.OldSecrets) != 3 {
			t.Errorf("%d old secrets, %v", len(portal.OldSecrets), err)
		}
	})
}

// TestASecretIsReplacedOnceAlthoughItsButtonIsClickedTwice has two clicks of one
// page posted, as browsers do without scripts: what the second one is answered
// with is what the visitor sees.
func TestASecretIsReplacedOnceAlthoughItsButtonIsClickedTwice(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		seen := url.Values{"seen": {seenIn(t, r.page("/settings"))}}
		fresh := secretIn(t, r.post("/settings/secret/rotate", seen))
		for _, late := range []url.Values{seen, nil} { // nil: from a page of the version before
			status, page := r.do(http.MethodPost, r.url+"/settings/secret/rotate", late, r.session)
			if status != http.StatusConflict || !strings.Contains(page, "Nothing was replaced now") {
				t.Errorf("%v: %d", late, status)
			}
			if got := secretIn(t, page); got != fresh {
				t.Error("another secret is shown than the first click made")
			}
		}
		if p := r.stored(); p.CommandSecret != fresh || len(p.OldSecrets) != 1 || p.OldSecrets[0].Secret != r.pbx.secret {
			t.Errorf("%d old secrets, the shown one signs: %v", len(p.OldSecrets), p.CommandSecret == fresh)
		}
		if page := r.page("/settings"); strings.Contains(page, "Nothing was replaced now") {
			t.Error("the next page still speaks of it")
		}
	})
}
