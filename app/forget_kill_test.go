package main

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"callwise/models"
	"callwise/models/modelstest"

	"github.com/google/go-cmp/cmp"
	"gorm.io/gorm"
)

// TestAPortalWhoseForgettingIsKilledIsForgottenByTheNextProcess kills the process when
// some of the portal's calls are gone.
func TestAPortalWhoseForgettingIsKilledIsForgottenByTheNextProcess(t *testing.T) {
	const calls = 20_000
	eachDatabase(t, func(t *testing.T, _ string) {
		r := bareRig(t, freshDatabase(t), classic)
		child := r.spawn()
		r.install()
		b := r.neighbour("other")
		store := r.store()
		id := func(rig *rig) int64 {
			t.Helper()
			portal, err := store.Portal(t.Context(), rig.portal.MemberID())
			if err != nil {
				t.Fatal(err)
			}
			return portal.ID
		}
		count := func(portalID int64) map[string]int {
			t.Helper()
			counts := map[string]int{}
			err := store.Transaction(t.Context(), func(tx *gorm.DB) error {
				for _, table := range []string{"calls", "tokens", "pbx_keys", "employees", "rest_log"} {
					var n int
					if err := tx.Raw("SELECT count(*) FROM "+table+" WHERE portal_id = ?", portalID).Scan(&n).Error; err != nil {
						return err
					}
					counts[table] = n
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			return counts
		}
		portal, twin := id(r), id(b)
		modelstest.Fill(t, store, modelstest.Log{PortalID: portal, Calls: calls, To: time.Now(), Days: 30})
		modelstest.Fill(t, store, modelstest.Log{PortalID: twin, Calls: 100, To: time.Now(), Days: 30})
		others := count(twin)

		var first string // along which the walk goes
		err := store.Transaction(t.Context(), func(tx *gorm.DB) error {
			return tx.Raw("SELECT min(call_key) FROM calls WHERE portal_id = ?", portal).Scan(&first).Error
		})
		if err != nil {
			t.Fatal(err)
		}
		r.portal.Uninstall(false)
		eventually(t, "the moment to kill", func() bool { // a transaction would wait for the walk on SQLite
			_, err := store.CallByKey(t.Context(), portal, first)
			return errors.Is(err, models.ErrNotFound)
		})
		child.kill()
		if got := count(portal); got["calls"] == 0 || got["tokens"]+got["pbx_keys"]+got["employees"] != 0 {
			t.Fatalf("when it is killed: %v", got)
		}
		r.spawn()
		r.forgotten()
		kept := id(r)
		eventually(t, "the portal is forgotten", func() bool {
			_, err := store.PortalByID(t.Context(), portal)
			return errors.Is(err, models.ErrNotFound)
		})
		if got := count(portal); got["calls"] != 0 || count(kept)["calls"] != calls {
			t.Errorf("left: %v, kept: %v", got, count(kept))
		}
		others["rest_log"] = count(twin)["rest_log"] // it goes on being asked
		if diff := cmp.Diff(others, count(twin)); diff != "" {
			t.Errorf("the other portal (-want +got):\n%s", diff)
		}
		if got := b.with(b.session, http.MethodGet, "/settings"); got.status != http.StatusOK {
			t.Errorf("the other portal: %d", got.status)
		}
	})
}
