package main

import (
	"net/http"
	"strings"
	"testing"

	"callwise/app/b24/b24sim"
	"callwise/app/rules"
	"callwise/models"

	"github.com/google/go-cmp/cmp"
)

func TestANumberInTheExceptionsListIsLeftAlone(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		r.switches("corb")
		r.portal.AddContact(b24sim.Contact{Name: "Mia", Phones: []string{"+4930901821"}})
		r.portal.Exclude("+4930901821")
		r.tell(started("c1", "outgoing", "+4930901821"), ended("c1", "answered", 5))
		r.finished(1)
		if leads := r.portal.Leads(); len(leads) != 0 {
			t.Errorf("leads = %+v, want none", leads)
		}
		r.logSays("The number is in the Bitrix24 exceptions list")
	})
}

func TestACustomerWhoseNumberIsStoredAsItIsWrittenAtHomeIsNoException(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		r.switches("crb")
		id := r.portal.AddContact(b24sim.Contact{Name: "Mia", Phones: []string{"030 901821"}})
		r.tell(started("c1", "incoming", "+4930901821"), ended("c1", "answered", 5))
		r.finished(1)
		leads := r.portal.Leads()
		if len(leads) != 1 || leads[0].ContactID != id {
			t.Fatalf("leads = %+v, want a repeated lead of the contact", leads)
		}
		r.logged(lead(leads[0].ID), contact(id))
	})
}

func TestTwoCallsOfOneNewNumberMakeOneLead(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		r.switches("c")
		r.tell(started("c1", "incoming", "+4930901820"), started("c2", "incoming", "030 901820", map[string]any{"extensions": []string{"105"}}))
		r.registered(2)
		r.tell(ended("c1", "answered", 5), ended("c2", "missed", 0))
		r.finished(2)
		leads := r.portal.Leads()
		if len(leads) != 1 {
			t.Fatalf("leads = %+v, want one", leads)
		}
		if n := len(r.portal.ActivitiesOf(lead(leads[0].ID))); n != 2 {
			t.Errorf("%d calls are logged to the lead, want both", n)
		}
	})
}

func TestCallsThatAreNotTheCRMsBusinessStayInOurLog(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		r.switches("corb")
		r.sim.ClearRequests()
		r.tell(started("c1", "incoming", "anonymous"), ended("c1", "answered", 9), recording("c1", "https://pbx.example.com/c1.mp3"))
		r.tell(started("c2", "internal", "105"), ended("c2", "answered", 9))
		r.finished(2)
		r.atMost(0)
		r.logSays("The caller&#39;s number is hidden", "Call between employees")
		says(t, r.dialog("c1", r.session), "Bitrix24 does not know this call: it stands in this log only.", "The recording stays at the PBX: this call is not sent to Bitrix24.")
	})
}

func TestACallBetweenEmployeesIsNotRegisteredWhileAnotherOfTheNumberIsDecided(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := tuned(t, address, classic, impatient)
		held := r.holding("crm.duplicate.findbycomm")
		r.tell(started("c1", "incoming", "+4930901820"))
		<-held.Reached()
		r.tell(started("c2", "internal", "+4930901820"), ended("c2", "answered", 9))
		r.worked("c2")
		r.leaves(trace{Calls: map[string]outcome{"c2": {State: models.CallFinished, Reason: rules.InternalCall}}}, "c2")
		held.Release()
		r.tell(ended("c1", "answered", 5))
		r.worked("c1")
		r.leaves(trace{
			Calls: map[string]outcome{
				"c1": {State: models.CallFinished, Reason: rules.NewCreateOff},
				"c2": {State: models.CallFinished, Reason: rules.InternalCall},
			},
			Statistics: []ending{{anna, "+4930901820", "200", 5}},
		}, "c1", "c2")
	})
}

func TestACallThatTurnsOutToBeBetweenEmployeesIsDecidedAsIfThatHadBeenKnown(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		unread := r.refusing("crm.duplicate.findbycomm", http.StatusForbidden, "ACCESS_DENIED")
		refused := r.refusing("telephony.externalCall.register", http.StatusForbidden, "ACCESS_DENIED")
		r.tell(started("c1", "outgoing", "199"))
		r.eventually("it is given up", func() bool { c := r.row("c1"); return c != nil && c.State == models.CallFailed })
		unread.Remove()
		refused.Remove()
		r.portal.SetExtension(omar, "199")
		r.post("/health/cure/employees", nil)
		r.again("c1")
		r.eventually("it is decided", func() bool { return r.row("c1").DecidedAt != nil })
		r.tell(ended("c1", "answered", 9))
		r.worked("c1")
		r.leaves(trace{Calls: map[string]outcome{"c1": {State: models.CallFinished, Reason: rules.InternalCall}}}, "c1")
	})
}

func TestAnEmployeesOwnPhoneCreatesNothing(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		r.switches("corb")
		r.tell(started("c1", "incoming", "+4915100000018"), ended("c1", "answered", 9))
		r.finished(1)
		if leads := r.portal.Leads(); len(leads) != 0 {
			t.Errorf("leads = %+v, want none", leads)
		}
		r.logSays("The number belongs to an employee")
	})
}

func TestWhatThePBXRepeatsHasNoFurtherEffect(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		r.switches("c")
		begin, end := started("c1", "incoming", "+4930901820"), ended("c1", "answered", 5)
		r.tell(begin, end)
		r.finished(1)
		before := r.portal.Snapshot()
		status, body := r.report(begin, end)
		if status != http.StatusAccepted || strings.TrimSpace(body) != `{"accepted":0,"duplicates":2}` {
			t.Errorf("answer = %d %s", status, body)
		}
		r.tell(started("c2", "internal", "105"), ended("c2", "answered", 1))
		r.finished(2)
		if diff := cmp.Diff(before, r.portal.Snapshot()); diff != "" {
			t.Errorf("the CRM changed (-before +after):\n%s", diff)
		}
	})
}

func TestACRMThatCannotBeReadIsDecidedBeforeTheEnd(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		r.switches("c")
		fault := r.sim.Inject(b24sim.Fault{Portal: "acme", Method: "crm.duplicate.findbycomm", Times: -1, Act: b24sim.Refuse, Status: 403, Code: "ACCESS_DENIED"})
		r.tell(started("c1", "incoming", "+4930901820"))
		r.registered(1)
		if leads := r.portal.Leads(); len(leads) != 0 {
			t.Fatalf("leads = %+v: a lead was guessed", leads)
		}
		fault.Remove()
		r.tell(ended("c1", "answered", 5))
		r.finished(1)
		leads := r.portal.Leads()
		if len(leads) != 1 {
			t.Fatalf("leads = %+v, want the late one", leads)
		}
		r.logged(lead(leads[0].ID))
	})
}

func TestAPortalThatIsDownGetsItsCallsWhenItIsBack(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		r.switches("c")
		for _, act := range []b24sim.Act{b24sim.ServerError, b24sim.Garbage, b24sim.Empty, b24sim.Drop} {
			r.sim.Inject(b24sim.Fault{Portal: "acme", Act: act})
		}
		r.tell(started("c1", "incoming", "+4930901820"), ended("c1", "missed", 0))
		r.finished(1)
		if n := len(r.portal.Leads()); n != 1 {
			t.Errorf("%d leads, want one", n)
		}
	})
}

func TestAnExpiredTokenIsRenewedOnceAndTheCallGoesOn(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		r.switches("c")
		r.portal.ExpireTokens()
		r.sim.ClearRequests()
		r.tell(started("c1", "incoming", "+4930901820"), ended("c1", "missed", 0), started("c2", "incoming", "+4930901831"), ended("c2", "missed", 0))
		r.finished(2)
		if n := r.sim.Count("", "oauth/token"); n != 1 {
			t.Errorf("%d renewals, want one: %v", n, methods(r.sim))
		}
		for _, request := range r.sim.Requests() {
			if request.TokenInURL {
				t.Errorf("%s carried a token in its address", request.Method)
			}
		}
	})
}

func TestSwitchesAreFollowedByTheLinesInBitrix24(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		autoCreate := func() bool {
			lines := r.portal.Lines()
			return len(lines) == 1 && lines[0].AutoCreate
		}
		if autoCreate() {
			t.Error("a line creates although everything is off")
		}
		r.switches("co")
		r.eventually("line creates", autoCreate)
		r.switches("c")
		r.eventually("line does not create", func() bool { return !autoCreate() })
	})
}
