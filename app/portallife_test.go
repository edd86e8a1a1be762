package main

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"callwise/app/b24/b24sim"
	"callwise/handlers"
	"callwise/models"

	"github.com/google/go-cmp/cmp"
	"gorm.io/gorm"
)

// A trial of a portal's life: what happens to it, what it is then, what people
// read, and the way back.
type lifeTrial struct {
	name     string
	happens  func(r *rig) (back func())
	status   models.PortalStatus
	code     string
	en, ru   string // the banner's title
	wayBack  string // in the administrator's advice
	noEvents bool   // the portal sends none meanwhile
}

func refusedBy(status int, code, text string) func(*rig) func() {
	return func(r *rig) func() {
		return r.sim.Inject(b24sim.Fault{Portal: "acme", Times: -1, Act: b24sim.Refuse, Status: status, Code: code, Text: text}).Remove
	}
}

var lives = []lifeTrial{
	{
		name: "the plan has no REST", happens: refusedBy(403, "ACCESS_DENIED", "REST API is available only on commercial plans"),
		status: models.PortalSuspended, code: "NO_REST", en: "The Bitrix24 plan does not include applications", ru: "На тарифе Битрикс24 нет приложений", wayBack: "Choose a plan",
	},
	{
		name: "the paid period is over",
		happens: func(r *rig) func() {
			r.portal.EndPayment()
			return r.portal.Pay
		},
		status: models.PortalSuspended, code: "PAYMENT_REQUIRED", en: "The paid period of the application is over", ru: "Оплаченный период приложения закончился", wayBack: "Renew the application", noEvents: true,
	},
	{
		name: "the portal is closed", happens: refusedBy(500, "PORTAL_DELETED", "Portal deleted"),
		status: models.PortalSuspended, code: "PORTAL_DELETED", en: "This Bitrix24 is closed", ru: "Этот Битрикс24 закрыт", wayBack: "ask Bitrix24’s support",
	},
	{
		name: "Bitrix24 blocked the requests", happens: refusedBy(401, "OVERLOAD_LIMIT", "REST API is blocked due to overload."),
		status: models.PortalSuspended, code: "OVERLOAD_LIMIT", en: "Bitrix24 has blocked our requests", ru: "Битрикс24 заблокировал наши запросы", wayBack: "lift the block",
	},
	{
		name: "the app is gone, and no event told", happens: refusedBy(401, "APPLICATION_NOT_FOUND", "Application not found"),
		status: models.PortalSuspended, code: "UNINSTALLED", en: "Bitrix24 does not know the application any more", ru: "Битрикс24 больше не знает это приложение", wayBack: "Install the application again",
	},
	{
		name: "access was restricted", happens: refusedBy(401, "user_access_error", "The user does not have access to the application."),
		status: models.PortalReauth, code: "USER_ACCESS_ERROR", en: "Bitrix24 does not let the application act", ru: "Битрикс24 не даёт приложению работать", wayBack: "give yourself and whoever connected it access",
	},
	{
		name: "Bitrix24 calls the access wrong", happens: refusedBy(401, "WRONG_TOKEN", "Wrong token"),
		status: models.PortalReauth, code: "WRONG_TOKEN", en: "Bitrix24 no longer accepts our access", ru: "Доступ к Битрикс24 больше не действует", wayBack: "open it again",
	},
}

func TestEachStateOfAPortalIsSaidAndHasAWayBackOnWhichNoCallIsLost(t *testing.T) {
	eachDatabase(t, func(t *testing.T, _ string) {
		for _, tt := range lives {
			t.Run(tt.name, func(t *testing.T) {
				t.Parallel()
				r := newRig(t, freshDatabase(t), classic)
				r.switches("c")
				back := tt.happens(r)
				r.tell(started("c1", "incoming", "+4930901820"), ended("c1", "answered", 5))
				r.eventually("the state is known", func() bool { return r.stored().Status == tt.status })
				r.eventually("the call waits", func() bool { return strings.Contains(r.page("/calls"), "result-retrying") })
				if code := r.stored().StatusCode; code != tt.code {
					t.Errorf("code %q, want %q", code, tt.code)
				}
				if page := r.page("/calls"); !strings.Contains(page, tt.en) || !strings.Contains(page, tt.wayBack) {
					t.Errorf("the page does not say %q and %q", tt.en, tt.wayBack)
				}
				if page := r.inRussian("/calls"); !strings.Contains(page, tt.ru) {
					t.Errorf("the page does not say %q", tt.ru)
				}
				if state := r.health()["access"]; state != "broken" {
					t.Errorf("access is %s on the health page", state)
				}
				back()
				if tt.noEvents {
					r.deliver() // ONAPPPAYMENT
				} else {
					r.anHourLater()
					r.probe()
				}
				r.eventually("the call is logged", func() bool { return len(r.portal.Statistics()) == 1 && len(r.portal.Leads()) == 1 })
				r.eventually("the portal works again", func() bool { return r.stored().Status == models.PortalActive && r.stored().StatusCode == "" })
				if page := r.page("/calls"); strings.Contains(page, tt.en) {
					t.Errorf("the page still says %q", tt.en)
				}
			})
		}
	})
}

// inRussian is a page as an administrator with that language sees it.
func (r *rig) inRussian(path string) string {
	r.t.Helper()
	visitor := handlers.Visitor{PortalID: r.stored().ID, UserID: admin, Admin: true, Lang: "ru"}
	got := r.with(signed(r.t, time.Now(), visitor, r.config.EncryptionKeys), http.MethodGet, path)
	if got.status != http.StatusOK {
		r.t.Fatalf("%s: %d", path, got.status)
	}
	return got.body
}

// anHourLater has the program look again whether the portal answers, and begin what
// waits for that: it has looked by itself as well.
func (r *rig) anHourLater() {
	r.t.Helper()
	r.forgetLook()
	r.eventually("nothing asks any more", func() bool { return r.reconciles("running") == 0 })
	err := r.house.store.Transaction(r.t.Context(), func(tx *gorm.DB) error {
		return tx.Exec("UPDATE river_job SET state = 'available', scheduled_at = ? WHERE kind = ? AND state = 'scheduled'",
			time.Now().UTC().Add(-time.Minute), models.ReconcileArgs{}.Kind()).Error
	})
	if err != nil {
		r.t.Fatal(err)
	}
}

// forgetLook forgets that the program has looked whether the portal answers again.
func (r *rig) forgetLook() {
	r.t.Helper()
	if err := r.house.store.Release(r.t.Context(), fmt.Sprintf("probe:%d", r.stored().ID), r.house.flow.Owner); err != nil {
		r.t.Fatal(err)
	}
}

// reconciles are the jobs in some states that reconcile a portal.
func (r *rig) reconciles(states ...string) int {
	r.t.Helper()
	var n int64
	err := r.house.store.Transaction(r.t.Context(), func(tx *gorm.DB) error {
		return tx.Table("river_job").Where("kind = ? AND state IN ?", models.ReconcileArgs{}.Kind(), states).Count(&n).Error
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return int(n)
}

// probe has the program look at its portals now, and at those that do not answer
// once an hour.
func (r *rig) probe() {
	r.t.Helper()
	if r.stored().Status == models.PortalReauth {
		r.post("/health/cure/retry", nil) // a call's own repetition comes in five minutes
		return
	}
	if err := r.house.flow.Watch(r.t.Context()); err != nil {
		r.t.Fatal(err)
	}
}

func TestAPortalThatDoesNotAnswerIsAskedOnceAnHourByOneProcess(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		fault := r.sim.Inject(b24sim.Fault{Portal: "acme", Times: -1, Act: b24sim.Refuse, Status: 403, Code: "PAYMENT_REQUIRED"})
		defer fault.Remove()
		if err := r.house.store.SetStatus(t.Context(), r.stored().ID, models.PortalSuspended, "PAYMENT_REQUIRED"); err != nil {
			t.Fatal(err)
		}
		for range 5 {
			r.probe()
		}
		r.eventually("asked", func() bool { return fault.Hits() > 0 })
		jobs := 0
		for _, row := range r.dump()["river_job"] {
			if strings.Contains(row, "kind:reconcile") {
				jobs++
			}
		}
		if jobs > 1 {
			t.Errorf("%d jobs ask the portal", jobs)
		}
	})
}

func TestAPortalThatDoesNotAnswerForHoursIsAskedByOneJob(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		fault := r.sim.Inject(b24sim.Fault{Portal: "acme", Times: -1, Act: b24sim.Drop})
		defer fault.Remove()
		if err := r.house.store.SetStatus(t.Context(), r.stored().ID, models.PortalSuspended, "PAYMENT_REQUIRED"); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			r.forgetLook()
			r.probe()
			r.eventually("it is asked again later", func() bool { return r.reconciles("scheduled") > 0 })
		}
		if n := r.reconciles("available", "running", "scheduled", "retryable"); n != 1 {
			t.Errorf("%d jobs ask the portal", n)
		}
		fault.Remove()
		r.anHourLater()
		r.eventually("the portal works again", func() bool { return r.stored().Status == models.PortalActive })
	})
}

func TestAPaymentIsAHintThatNobodyNeedsToBelieve(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		payment := r.lifecycle("ONAPPPAYMENT", 0, map[string]string{"STATUS": "P"})
		bare := cloneForm(payment)
		bare.Del("auth[application_token]")
		wrong := cloneForm(payment)
		wrong.Set("auth[application_token]", "another")
		asked := r.sim.Count("acme", "scope")
		r.sends("/b24/events", wrong, http.StatusForbidden)
		r.sends("/b24/events", bare, http.StatusOK)
		if n := r.sim.Count("acme", "scope"); n != asked {
			t.Error("a portal that works is asked again")
		}
		if err := r.house.store.SetStatus(t.Context(), r.stored().ID, models.PortalSuspended, "PAYMENT_REQUIRED"); err != nil {
			t.Fatal(err)
		}
		r.sends("/b24/events", bare, http.StatusOK)
		r.eventually("the portal works again", func() bool { return r.stored().Status == models.PortalActive })
	})
}

func cloneForm(form url.Values) url.Values {
	clone := url.Values{}
	for name, values := range form {
		clone[name] = values
	}
	return clone
}

func TestADismissedInstallerIsFollowedByAnotherAdministrator(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		config := classic
		config.Users = append(employees(), b24sim.User{ID: 30, Name: "Boris", LastName: "Quist", Admin: true})
		r := newRig(t, address, config)
		r.portal.Dismiss(admin)
		r.tell(started("c1", "incoming", "+4930901820"), ended("c1", "answered", 5))
		r.eventually("nobody's access works", func() bool { return r.stored().Status == models.PortalReauth })
		if page := r.page("/calls"); !strings.Contains(page, "The employee who connected the application has left") {
			t.Error("the page does not say why")
		}
		if page := r.inRussian("/calls"); !strings.Contains(page, "Сотрудник, который подключил приложение, уволен") {
			t.Error("the page does not say why in Russian")
		}
		r.session = sessionIn(t, r.open(r.frame(30, "DEFAULT")))
		r.eventually("the call is logged", func() bool { return len(r.portal.Statistics()) == 1 })
		if got := r.stored(); got.Status != models.PortalActive || got.StatusCode != "" {
			t.Errorf("portal = %s %s", got.Status, got.StatusCode)
		}
		if page := r.asksHealth(); !strings.Contains(page, "Requests are made as Boris Quist") {
			t.Error("the health page does not say whose access is used")
		}
	})
}

func TestARenamedPortalIsFollowedAndItsPagesMayFrameUs(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		r.portal.Rename("acme-new")
		r.tell(started("c1", "incoming", "+4930901820"), ended("c1", "answered", 5))
		r.eventually("the call is logged", func() bool { return len(r.portal.Statistics()) == 1 })
		if got := r.stored(); got.Endpoint != r.portal.Endpoint() || got.Status != models.PortalActive {
			t.Errorf("portal at %s (%s), want %s", got.Endpoint, got.Status, r.portal.Endpoint())
		}
		if got := r.health()["access"]; got != "works" {
			t.Errorf("access is %s", got)
		}
	})
}

func TestAPortalIsInstalledAgainAfterYearsWhateverItWasLeftIn(t *testing.T) {
	eachDatabase(t, func(t *testing.T, _ string) {
		for _, status := range []models.PortalStatus{models.PortalSuspended, models.PortalReauth, models.PortalUninstalled} {
			t.Run(string(status), func(t *testing.T) {
				r := newRig(t, freshDatabase(t), classic)
				r.switches("c")
				settings, id := r.stored().Settings, r.stored().ID
				r.portal.LoseEvents(status != models.PortalUninstalled)
				r.portal.Uninstall(false)
				r.deliver()
				r.portal.LoseEvents(false)
				if status != models.PortalUninstalled { // no event told
					if err := r.house.store.SetStatus(t.Context(), id, status, "UNINSTALLED"); err != nil {
						t.Fatal(err)
					}
				}
				r.setUp()
				got := r.stored()
				if got.Status != models.PortalActive || got.StatusCode != "" || (got.ID == id) != (status != models.PortalUninstalled) {
					t.Errorf("portal %d is %s %s", got.ID, got.Status, got.StatusCode)
				}
				if diff := cmp.Diff(settings, got.Settings); diff != "" {
					t.Errorf("settings (-before +after):\n%s", diff)
				}
				r.session = sessionIn(t, r.open(r.frame(admin, "DEFAULT")))
				r.key = keyIn(t, r.post("/settings/keys", url.Values{"name": {"New"}}))
				r.tell(started("c1", "incoming", "+4930901820"), ended("c1", "missed", 0))
				r.eventually("lead", func() bool { return len(r.portal.Leads()) == 1 })
			})
		}
	})
}

func TestTokensThatExpireUnderManyProcessesAreRenewedOnce(t *testing.T) {
	r := newRig(t, postgreSQL(t), classic)
	r.switches("c")
	second := *r
	second.url = "http://" + freeAddress(t)
	second.config.ListenAddr = strings.TrimPrefix(second.url, "http://")
	second.start()
	r.portal.ExpireTokens()
	renewed := r.sim.Count("", "oauth/token")
	for i := range 12 {
		via := r
		if i%2 == 1 {
			via = &second
		}
		via.key = r.key
		via.tell(started(fmt.Sprint("c", i), "incoming", fmt.Sprintf("+4930901%03d", i)), ended(fmt.Sprint("c", i), "answered", 5))
	}
	r.eventually("all calls are logged", func() bool { return len(r.portal.Statistics()) == 12 })
	if n := r.sim.Count("", "oauth/token") - renewed; n != 1 {
		t.Errorf("renewed %d times", n)
	}
	if got := r.stored(); got.Status != models.PortalActive {
		t.Errorf("the portal is %s", got.Status)
	}
}
