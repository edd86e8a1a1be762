package main

import (
	"slices"
	"strings"
	"testing"
	"time"

	"callwise/app/b24/b24sim"
	"callwise/models"

	"github.com/google/go-cmp/cmp"
	"gorm.io/gorm"
)

const day = 24 * time.Hour

// Administrators besides the one who has installed the app.
var (
	boris = b24sim.User{ID: 30, Name: "Boris", LastName: "Quist", Admin: true}
	clara = b24sim.User{ID: 31, Name: "Clara", LastName: "Hahn", Admin: true}
)

// agingRig is a rig whose program and portals have one clock that can be turned,
// and which Boris has opened.
func agingRig(t *testing.T, address string) *rig {
	t.Helper()
	config := classic
	config.Users = append(employees(), boris, clara)
	r := bareRig(t, address, config)
	r.tune = func(h *house) { h.flow.Now, h.store.Now, h.flow.Bitrix24.Now = r.now, r.now, r.now }
	r.start()
	r.install()
	r.open(r.frame(boris.ID, "DEFAULT"))
	return r
}

// later turns the clock.
func (r *rig) later(d time.Duration) { r.ahead.Add(int64(d)) }

// upkeep runs the periodic job that reads the employees, and waits for it.
func (r *rig) upkeep() {
	r.t.Helper()
	err := r.house.store.Transaction(r.t.Context(), func(tx *gorm.DB) error {
		return tx.Exec("INSERT INTO river_job (kind, args, max_attempts) VALUES ('employees', '{}', 1)").Error
	})
	if err != nil {
		r.t.Fatal(err)
	}
	r.eventually("the job is done", func() bool { return r.upkeeps() == 0 })
}

// upkeeps are those jobs that have not ended.
func (r *rig) upkeeps() int64 {
	r.t.Helper()
	var n int64
	err := r.house.store.Transaction(r.t.Context(), func(tx *gorm.DB) error {
		return tx.Table("river_job").Where("kind = 'employees' AND finalized_at IS NULL").Count(&n).Error
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return n
}

// pairOf is the live pair of a user; the zero Token without one.
func (r *rig) pairOf(user int64) models.Token {
	r.t.Helper()
	tokens := r.tokens()
	i := slices.IndexFunc(tokens, func(t models.Token) bool { return t.UserID == user })
	if i < 0 {
		return models.Token{}
	}
	return tokens[i]
}

// renewals is how often the authorization server has renewed a pair of a user.
func (r *rig) renewals(user int64) int {
	n := 0
	for _, request := range r.sim.Requests() {
		if request.Method == "oauth/token" && request.UserID == user {
			n++
		}
	}
	return n
}

func TestASparePairIsRenewedInTimeAndWorksWhenTheInstallerIsDismissed(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := agingRig(t, address)
		r.later(166 * day)
		r.upkeep()
		r.later(34 * day) // more than 180 since Boris was here
		r.portal.Dismiss(admin)
		if page := r.asksHealth(); !strings.Contains(page, "Requests are made as Boris Quist. The access of Vera Stein has ended.") {
			t.Errorf("page:\n%s", page)
		}
		if got := r.stored(); got.Status != models.PortalActive {
			t.Errorf("the portal is %s %s", got.Status, got.StatusCode)
		}
	})
}

func TestOnlyAPairThatIsOldIsRenewedAndOnce(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := agingRig(t, address)
		r.later(17 * day)
		r.open(r.frame(clara.ID, "DEFAULT"))
		other := r.neighbour("other", boris)
		other.open(other.frame(boris.ID, "DEFAULT"))
		old, young, others := r.pairOf(boris.ID), r.pairOf(clara.ID), other.pairOf(boris.ID)
		r.later(149 * day)
		r.upkeep()
		fresh := r.pairOf(boris.ID)
		if fresh.AccessToken == old.AccessToken || fresh.RefreshToken == old.RefreshToken || fresh.RenewedAt.Sub(old.RenewedAt) < 166*day {
			t.Errorf("not renewed: %v, after %v", fresh.RenewedAt, old.RenewedAt)
		}
		r.upkeep()
		if diff := cmp.Diff([]models.Token{fresh, young, others}, []models.Token{r.pairOf(boris.ID), r.pairOf(clara.ID), other.pairOf(boris.ID)}); diff != "" {
			t.Errorf("renewed again, or too early (-want +got):\n%s", diff)
		}
		if n := r.renewals(boris.ID); n != 1 {
			t.Errorf("renewed %d times", n)
		}
	})
}

func TestASparePairThatIsRefusedIsDeadAndShown(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := agingRig(t, address)
		other := r.neighbour("other", boris)
		other.open(other.frame(boris.ID, "DEFAULT"))
		before := other.pairOf(boris.ID)
		r.portal.RevokeTokens(boris.ID)
		r.later(166 * day)
		r.upkeep()
		if page := r.asksHealth(); !strings.Contains(page, "Requests are made as Vera Stein. The access of Boris Quist has ended.") {
			t.Errorf("page:\n%s", page)
		}
		if got := r.stored(); got.Status != models.PortalActive {
			t.Errorf("the portal is %s %s", got.Status, got.StatusCode)
		}
		if after := other.pairOf(boris.ID); after.ID == 0 || after.RefreshToken == before.RefreshToken {
			t.Errorf("the pair of the same employee of another portal is not renewed, or dead: %v", after.RenewedAt)
		}
		if page := other.asksHealth(); strings.Contains(page, "has ended") {
			t.Errorf("the other's page:\n%s", page)
		}
	})
}

func TestARenewalThatFailsIsTriedAgainInAnHourAndOneThatIsRefusedInADay(t *testing.T) {
	for _, tt := range []struct {
		name   string
		status int
		code   string
		again  time.Duration
	}{
		{"for a moment", 503, "INTERNAL_SERVER_ERROR", time.Hour},
		{"for good", 403, "ACCESS_DENIED", 24 * time.Hour},
	} {
		t.Run(tt.name, func(t *testing.T) {
			eachDatabase(t, func(t *testing.T, address string) {
				r := agingRig(t, address)
				old := r.pairOf(boris.ID)
				fault := r.sim.Inject(b24sim.Fault{Method: "oauth/token", Times: -1, Act: b24sim.Refuse, Status: tt.status, Code: tt.code})
				r.later(166 * day)
				r.upkeep()
				fault.Remove()
				r.leasesAge("idle:", tt.again-time.Minute)
				r.upkeep()
				if diff := cmp.Diff(old, r.pairOf(boris.ID)); diff != "" {
					t.Errorf("tried again too soon, or dead (-want +got):\n%s", diff)
				}
				r.leasesAge("idle:", 2*time.Minute)
				r.upkeep()
				if got := r.pairOf(boris.ID); got.RefreshToken == old.RefreshToken {
					t.Error("not tried again")
				}
			})
		})
	}
}

// leasesAge ages what keeps something, such as a pair, from being tried again:
// PostgreSQL counts that by a clock of its own.
func (r *rig) leasesAge(prefix string, d time.Duration) {
	r.t.Helper()
	err := r.house.store.Transaction(r.t.Context(), func(tx *gorm.DB) error {
		aged := tx.Exec("UPDATE leases SET until = until - ? WHERE name LIKE ?", d.Microseconds(), prefix+"%")
		if aged.Error == nil && aged.RowsAffected == 0 {
			r.t.Errorf("nothing keeps %s from being tried again", prefix)
		}
		return aged.Error
	})
	if err != nil {
		r.t.Fatal(err)
	}
}

// The plan of a portal may have no REST API for months.
func TestAPortalThatIsSuspendedForLongKeepsItsAccess(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := agingRig(t, address)
		refusedBy(403, "ACCESS_DENIED", "REST API is available only on commercial plans")(r)
		if err := r.house.store.SetStatus(t.Context(), r.stored().ID, models.PortalSuspended, "NO_REST"); err != nil {
			t.Fatal(err)
		}
		old := r.pairOf(boris.ID)
		r.later(166 * day)
		r.upkeep()
		if got := r.pairOf(boris.ID); got.RefreshToken == old.RefreshToken {
			t.Error("not renewed")
		}
		if got := r.stored(); got.Status != models.PortalSuspended || got.StatusCode != "NO_REST" {
			t.Errorf("the portal is %s %s", got.Status, got.StatusCode)
		}
	})
}
