package models_test

import (
	"context"
	"testing"
	"time"

	"callwise/app/crm"
	"callwise/models"
	"callwise/models/modelstest"

	"github.com/google/go-cmp/cmp"
)

func TestEmployeesAreFoundByUserExtensionAndPhone(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		s.Now = func() time.Time { return noon }
		ctx := t.Context()
		p, twin := active(t, s, "one"), active(t, s, "two")
		ada := models.Employee{PortalID: p.ID, UserID: 17, Name: "Ada", Extension: "104", Phones: []string{"+49301", "+49302"}, Active: true}
		bob := models.Employee{PortalID: p.ID, UserID: 18, Name: "Bob", Extension: "104", Phones: []string{}, Active: true}
		gone := models.Employee{PortalID: p.ID, UserID: 19, Name: "Gone", Extension: "105", Phones: []string{"+49303"}}
		check(t, s.ReplaceEmployees(ctx, p.ID, []models.Employee{{UserID: 1, Name: "Former", Active: true}}))
		check(t, s.ReplaceEmployees(ctx, p.ID, []models.Employee{bob, ada, gone}))
		if diff := cmp.Diff([]models.Employee{ada, bob, gone}, must[[]models.Employee](t)(s.Employees(ctx, p.ID))); diff != "" {
			t.Errorf("employees (-want +got):\n%s", diff)
		}
		if at := must[*models.Portal](t)(s.PortalByID(ctx, p.ID)).EmployeesAt; at == nil || !at.Equal(noon) {
			t.Errorf("read at %v", at)
		}
		type look func(context.Context, int64, string) (*models.Employee, error)
		byUser := func(ctx context.Context, portalID int64, _ string) (*models.Employee, error) {
			return s.EmployeeByUser(ctx, portalID, 17)
		}
		for name, tt := range map[string]struct {
			look look
			key  string
			want *models.Employee
		}{
			"by user":                        {byUser, "", &ada},
			"by extension, the first of two": {s.EmployeeByExtension, "104", &ada},
			"by the extension of one gone":   {s.EmployeeByExtension, "105", nil},
			"by no extension":                {s.EmployeeByExtension, "", nil},
		} {
			got, err := tt.look(ctx, p.ID, tt.key)
			if tt.want == nil {
				wantErr(t, err, models.ErrNotFound)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", name, diff)
			}
			if _, err := tt.look(ctx, twin.ID, tt.key); err == nil {
				t.Errorf("%s: the other portal finds the employee", name)
			}
		}
		check(t, s.ReplaceEmployees(ctx, twin.ID, nil))
		if n := len(must[[]models.Employee](t)(s.Employees(ctx, p.ID))); n != 3 {
			t.Errorf("%d employees after the other portal's were replaced", n)
		}
		wantErr(t, s.ReplaceEmployees(ctx, 999, nil), models.ErrNotFound)
	})
}

func TestWhoCallsIsOneOfTheStaff(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		ctx := t.Context()
		p, twin := active(t, s, "one"), active(t, s, "two")
		check(t, s.ReplaceEmployees(ctx, p.ID, []models.Employee{
			{UserID: 17, Extension: "104", Phones: []string{"+49301", "+49302"}, Active: true},
			{UserID: 18, Phones: []string{""}, Active: true},
			{UserID: 19, Extension: "105", Phones: []string{"+49303"}},
		}))
		p.Settings.Extensions = map[string]int64{"7": 18, "8": 19, "104": 19}
		for _, tt := range []struct {
			extension, phone string
			there, owns      bool
		}{
			{"104", "+49302", true, true}, // the administrator gave it to one who has gone
			{"104", "", true, false},
			{"7", "+4930", true, false},
			{"8", "+49303", false, false},
			{"105", "+49301", false, true},
			{"", "", false, false},
		} {
			there, owns, err := s.IsStaff(ctx, p, tt.extension, tt.phone)
			check(t, err)
			if there != tt.there || owns != tt.owns {
				t.Errorf("%q, %q: at the extension %t, of the number %t", tt.extension, tt.phone, there, owns)
			}
			if there, owns, err := s.IsStaff(ctx, twin, tt.extension, tt.phone); err != nil || there || owns {
				t.Errorf("%q, %q: the other portal's, %v", tt.extension, tt.phone, err)
			}
		}
	})
}

func TestALineIsSavedAsItIsNow(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		ctx := t.Context()
		p, twin := active(t, s, "one"), active(t, s, "two")
		check(t, s.SaveLine(ctx, models.Line{PortalID: p.ID, Number: "4930", Name: "Sales", AutoCreate: true}))
		check(t, s.SaveLine(ctx, models.Line{PortalID: p.ID, Number: "4930", Name: "Sales"}))
		check(t, s.SaveLine(ctx, models.Line{PortalID: p.ID, Number: "4931", Name: "Help", AutoCreate: true}))
		want := []models.Line{{PortalID: p.ID, Number: "4930", Name: "Sales"}, {PortalID: p.ID, Number: "4931", Name: "Help", AutoCreate: true}}
		if diff := cmp.Diff(want, must[[]models.Line](t)(s.Lines(ctx, p.ID))); diff != "" {
			t.Errorf("lines (-want +got):\n%s", diff)
		}
		if !must[bool](t)(s.HasLine(ctx, p.ID, "4930")) || must[bool](t)(s.HasLine(ctx, twin.ID, "4930")) {
			t.Error("a line is not where it belongs")
		}
		if lines := must[[]models.Line](t)(s.Lines(ctx, twin.ID)); len(lines) != 0 {
			t.Errorf("the other portal sees %v", lines)
		}
	})
}

func TestWhatWasCreatedIsRememberedByTheDatabasesClock(t *testing.T) {
	s := modelstest.Migrated(t, modelstest.PostgreSQL(t))
	p := active(t, s, "one")
	process := func(ahead time.Duration) { s.Now = func() time.Time { return time.Now().Add(ahead) } }
	for _, ahead := range []time.Duration{-2 * time.Minute, 0, 2 * time.Minute} {
		process(ahead)
		check(t, s.Remember(t.Context(), models.RecentCreation{
			PortalID: p.ID, PhoneKey: "+49301", CallID: 1, Refs: []crm.Ref{{Type: crm.TypeLead, ID: 1}}, For: time.Minute,
		}))
		process(-ahead)
		if got := must[[]crm.Ref](t)(s.RecentCreations(t.Context(), p.ID, "+49301", 2)); len(got) != 1 {
			t.Errorf("a process that is ahead by %v sees %v", -ahead, got)
		}
		if _, err := s.Purge(t.Context(), noon, noon); err != nil {
			t.Fatal(err)
		}
		process(ahead)
		if got := must[[]crm.Ref](t)(s.RecentCreations(t.Context(), p.ID, "+49301", 2)); len(got) != 1 {
			t.Errorf("a process that is ahead by %v has left %v", -ahead, got)
		}
	}
}

func TestWhatOtherCallsCreatedIsRememberedForAWhile(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		ctx := t.Context()
		p, twin := active(t, s, "one"), active(t, s, "two")
		lead, deal, contact := crm.Ref{Type: crm.TypeLead, ID: 1}, crm.Ref{Type: crm.TypeDeal, ID: 2}, crm.Ref{Type: crm.TypeContact, ID: 3}
		remember := func(callID int64, key string, refs ...crm.Ref) {
			check(t, s.Remember(ctx, models.RecentCreation{PortalID: p.ID, PhoneKey: key, CallID: callID, Refs: refs, For: time.Minute}))
		}
		remember(1, "+49301", contact)
		remember(1, "+49301", lead)
		remember(2, "+49301", deal)
		remember(3, "+49302", contact)
		recent := func(portalID, except int64) []crm.Ref {
			return must[[]crm.Ref](t)(s.RecentCreations(ctx, portalID, "+49301", except))
		}
		for name, tt := range map[string]struct{ got, want []crm.Ref }{
			"of all calls":        {recent(p.ID, 0), []crm.Ref{lead, deal}},
			"of other calls":      {recent(p.ID, 1), []crm.Ref{deal}},
			"of the other portal": {recent(twin.ID, 0), nil},
		} {
			if diff := cmp.Diff(tt.want, tt.got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", name, diff)
			}
		}
		pass(t, s, time.Minute)
		if got := recent(p.ID, 0); got != nil {
			t.Errorf("after a minute: %v", got)
		}
	})
}
