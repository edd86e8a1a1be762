package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"callwise/app/b24/b24sim"
	"callwise/models"

	"github.com/google/go-cmp/cmp"
	"gorm.io/gorm"
)

// sql changes the program's database behind its back.
func (r *rig) sql(statements ...string) {
	r.t.Helper()
	for _, text := range statements {
		if err := r.house.store.Transaction(r.t.Context(), func(tx *gorm.DB) error { return tx.Exec(text).Error }); err != nil {
			r.t.Fatal(err)
		}
	}
}

// breaks has the database refuse something ("DELETE ON tokens") until that is
// mended.
func (r *rig) breaks(what string) (mend func()) {
	r.t.Helper()
	if strings.HasPrefix(r.config.DatabaseURL, "sqlite:") {
		r.sql("CREATE TRIGGER broken BEFORE " + what + " BEGIN SELECT RAISE(ABORT, 'broken'); END")
		return func() { r.sql("DROP TRIGGER broken") }
	}
	r.sql("CREATE FUNCTION broken() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'broken'; END $$",
		"CREATE TRIGGER broken BEFORE "+what+" EXECUTE FUNCTION broken()")
	return func() { r.sql("DROP FUNCTION broken CASCADE") }
}

// refusedLead has the portal refuse the repeated lead that the app creates for
// an outgoing call to Mia.
func (r *rig) refusedLead(status int, code string) *b24sim.Injected {
	r.switches("corb")
	r.mia("+4930901821")
	return r.refusing("crm.lead.add", status, code)
}

func TestAnErrorOfOurOwnHouseCountsForMoreThanOneOfThePortal(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		refused := r.refusedLead(500, "INTERNAL_SERVER_ERROR")
		r.sql("UPDATE portals SET rest_app_id = ''") // it is learnt at the end of a call
		mend := r.breaks("UPDATE OF rest_app_id ON portals")
		r.tell(started("c1", "outgoing", "+4930901821"), ended("c1", "answered", 5))
		r.eventually("the end is tried", func() bool { return len(r.portal.Statistics()) == 1 })
		r.eventually("the end of a round", func() bool { c := r.row("c1"); return c.RetryAt != nil && c.EndedAt != nil })
		if c := r.row("c1"); c.ErrorCode != "INTERNAL" || c.Result != models.ResultRetrying {
			t.Errorf("%q, %s; want the failure of our own house", c.ErrorCode, c.Result)
		}
		mend()
		r.again("c1")
		r.eventually("the portal's failure is left", func() bool { return r.row("c1").ErrorCode == "INTERNAL_SERVER_ERROR" })
		refused.Remove()
		r.again("c1")
		r.finished(1)
		if leads := r.portal.Leads(); len(leads) != 1 {
			t.Errorf("leads = %+v, want one", leads)
		}
	})
}

func TestALeaseThatIsLostIsNotThePortalsFailure(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := tuned(t, address, classic, func(h *house) { h.flow.Lease, h.sweep = time.Second, time.Second })
		r.switches("c")
		held := r.holding("telephony.externalCall.register")
		r.tell(started("c1", "incoming", "+4930901821"))
		<-held.Reached()
		r.sql("DELETE FROM leases WHERE name LIKE 'number:%'")
		r.registered(1)
		r.tell(ended("c1", "answered", 5))
		r.finished(1)
		c := r.row("c1")
		if len(c.Progress.Notes) != 0 || c.Progress.Deferred || len(r.portal.Leads()) != 1 || r.portal.Leads()[0].OriginatorID != "" {
			t.Errorf("notes %v, deferred %t, leads %+v; want a lead of Bitrix24's", c.Progress.Notes, c.Progress.Deferred, r.portal.Leads())
		}
		if diff := cmp.Diff([]string{"decide NEW_CREATED", "register ", "finish "}, r.steps("c1")); diff != "" {
			t.Errorf("steps (-want +got):\n%s", diff)
		}
	})
}

func TestAStepThatFailsAgainIsOneStepInTheLog(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		r.switches("c")
		r.refusing("telephony.externalCall.register", 500, "INTERNAL_SERVER_ERROR")
		r.tell(started("c1", "incoming", "+4930901821"))
		for n := range 3 {
			r.eventually("another attempt", func() bool { c := r.row("c1"); return c != nil && c.RetryAt != nil && c.Attempts > n })
			r.again("c1")
		}
		if diff := cmp.Diff([]string{"decide NEW_CREATED", "register INTERNAL_SERVER_ERROR"}, r.steps("c1")); diff != "" {
			t.Errorf("steps (-want +got):\n%s", diff)
		}
	})
}

// steps are what was done for a call, with the codes.
func (r *rig) steps(id string) []string {
	r.t.Helper()
	var all []string
	for _, s := range r.row(id).Progress.Steps {
		all = append(all, s.Name+" "+s.Code)
	}
	return all
}

func TestACreationWaitsForTheAccessThatWasLostBeforeIt(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		refused := r.refusedLead(403, "PAYMENT_REQUIRED")
		r.tell(started("c1", "outgoing", "+4930901821"), ended("c1", "answered", 5))
		r.eventually("the portal is suspended", func() bool { return r.stored().Status == models.PortalSuspended })
		refused.Remove()
		r.open(r.frame(admin, "DEFAULT"))
		r.finished(1)
		c := r.row("c1")
		if leads := r.portal.Leads(); len(leads) != 1 || leads[0].OriginatorID != "callwise" || len(c.Progress.Notes) != 0 {
			t.Errorf("leads = %+v, notes %v; want one of ours and no note", leads, c.Progress.Notes)
		}
	})
}

func TestWhomACallbackRingsIsChosenByTheWorkerThatHasTheCall(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		r.set("callbacks/duty", "17", "dry_run", "on")
		slow := r.holding(searchCustomers) // whether the owner works
		made := r.portal.AddLead(b24sim.Lead{Title: "Form", Phones: []string{"+4930901829"}, ResponsibleID: omar})
		r.portal.OrderCallback(b24sim.Callback{Phone: "+4930901829", Entity: lead(made), Line: "4930901820"})
		<-slow.Reached()
		rows := rowIDs(r.page("/calls"))
		if len(rows) != 1 {
			t.Fatalf("calls = %v, want one", rows)
		}
		free, err := r.house.store.Acquire(t.Context(), fmt.Sprintf("call:%s", rows[0]), "somebody else", time.Minute)
		if err != nil || free {
			t.Errorf("the call is free while it is decided whom to ring: %t %v", free, err)
		}
		slow.Release()
		r.eventually("command", func() bool { return len(r.pbx.taken()) == 1 })
		if command := r.pbx.taken()[0]; command["extension"] != "105" {
			t.Errorf("command = %v, want one for Omar", command)
		}
	})
}
