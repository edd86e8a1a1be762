package b24

import (
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// withPairs are a desk and its script with the pairs of the installer, the system
// user and another administrator.
func withPairs(t *testing.T, answers ...string) (*desk, *script) {
	d, s := scripted(t, answers...)
	d.keeper.tokens = append(d.keeper.tokens, pair(512, "access-512", SystemToken), pair(30, "access-30", AdminToken))
	return d, s
}

// without takes pairs away.
func (d *desk) without(users ...int64) {
	d.keeper.tokens = slices.DeleteFunc(d.keeper.tokens, func(t Token) bool { return slices.Contains(users, t.UserID) })
}

func (s *script) auths() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var auths []string
	for _, a := range s.asked {
		auths = append(auths, a.Auth)
	}
	return auths
}

const (
	denied = `403 {"error":"ACCESS_DENIED","error_description":"Access denied!"}`
	noPlan = `401 {"error":"ACCESS_DENIED","error_description":"REST (API) is available only on commercial plans"}`
)

func TestOnlyPeopleAskWhatOnlyAdministratorsMay(t *testing.T) {
	tests := []struct {
		name    string
		gone    []int64
		answers []string
		auths   []string
		is      error
	}{
		{"the installer is asked first", nil, []string{`{"result":[]}`}, []string{"access-1"}, nil},
		{"the system user is passed over", []int64{1}, []string{`{"result":[]}`}, []string{"access-30"}, nil},
		{"a refusal of rights has the next person asked", nil, []string{denied, `{"result":[]}`}, []string{"access-1", "access-30"}, nil},
		{"everybody's refusal is one", nil, []string{denied}, []string{"access-1", "access-30"}, AccessDenied},
		{"also where nobody else has access", []int64{512}, []string{denied}, []string{"access-1", "access-30"}, AccessDenied},
		{"the system user alone is not asked", []int64{1, 30}, []string{`{"result":[]}`}, nil, AccessDenied},
		{"the plan's refusal is everybody's", nil, []string{noPlan}, []string{"access-1"}, ErrNoREST},
		{"nobody at all is a matter of access", []int64{1, 512, 30}, []string{denied}, nil, ErrNeedsAuth},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d, s := withPairs(t, tt.answers...)
			d.without(tt.gone...)
			_, err := d.Statistics(t.Context(), 0)
			if !errors.Is(err, tt.is) || tt.is == nil && err != nil || tt.is == AccessDenied && errors.Is(err, ErrNeedsAuth) {
				t.Error(err)
			}
			if diff := cmp.Diff(tt.auths, s.auths()); diff != "" {
				t.Errorf("asked (-want +got):\n%s", diff)
			}
			if len(d.keeper.rejected) > 0 {
				t.Errorf("rejected: %v", d.keeper.rejected)
			}
		})
	}
}

func TestTheSystemUserIsAskedForNothingThatOnlyAdministratorsMay(t *testing.T) {
	titles := map[string]string{"en": "Calls"}
	calls := map[string]func(*desk) error{
		"statistics":         func(d *desk) error { _, err := d.Statistics(t.Context(), 0); return err },
		"the newest of them": func(d *desk) error { _, err := d.NewestStatistic(t.Context()); return err },
		"one of them":        func(d *desk) error { _, _, err := d.Statistic(t.Context(), "c1"); return err },
		"events": func(d *desk) error {
			_, err := d.EnsureEvents(t.Context(), handler, []string{ExternalCallStart})
			return err
		},
		"a placement": func(d *desk) error { return d.EnsurePlacement(t.Context(), "CALL_CARD", handler, titles) },
		"placements": func(d *desk) error {
			_, err := d.MissingPlacements(t.Context(), []string{"CALL_CARD"}, handler, titles)
			return err
		},
	}
	for name, call := range calls {
		t.Run(name, func(t *testing.T) {
			d, s := withPairs(t, `{"result":[]}`)
			d.without(1, 30)
			if err := call(d); !errors.Is(err, AccessDenied) || errors.Is(err, ErrNeedsAuth) || len(s.auths()) > 0 {
				t.Errorf("%v, asked as %v", err, s.auths())
			}
		})
	}
}

func TestWhatIsBoundIsBoundByPeople(t *testing.T) {
	ofUser := `{"event":"ONEXTERNALCALLSTART","handler":"` + handler + `","auth_type":"512"}`
	d, s := withPairs(t, toldAdmin(ofUser), `{"result":{"result":{"bind0":true}}}`, `{"result":{"result":{"unbind0":{"count":1}}}}`,
		`{"result":[{"placement":"CALL_CARD","handler":"https://old.example"}]}`, `{"result":{"count":1}}`, `{"result":true}`)
	d.without(1)
	if _, err := d.EnsureEvents(t.Context(), handler, []string{ExternalCallStart}); err != nil {
		t.Error(err)
	}
	if err := d.EnsurePlacement(t.Context(), "CALL_CARD", handler, nil); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff([]string{"batch", "batch", "batch", "placement.get", "placement.unbind", "placement.bind"}, s.methods()); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(slices.Repeat([]string{"access-30"}, 6), s.auths()); diff != "" {
		t.Errorf("asked as (-want +got):\n%s", diff)
	}
}

func TestAWholeBatchGoesToTheNextPersonWhenItIsRefused(t *testing.T) {
	d, s := withPairs(t, denied, `{"result":{"result":{"a":[],"b":[]}}}`)
	batch := Batch{Commands: []Command{{"a", "event.get", nil}, {"b", "placement.get", nil}}}
	if _, err := d.Batch(t.Context(), batch, AsAdmin()); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff([]string{"access-1", "access-30"}, s.auths()); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
}

func TestOtherRequestsStayWithThePairThatMayNot(t *testing.T) {
	d, s := withPairs(t, denied)
	if err := d.Call(t.Context(), "crm.lead.add", nil, nil); !errors.Is(err, AccessDenied) || len(s.auths()) != 1 {
		t.Errorf("%v, asked as %v", err, s.auths())
	}
}

func TestThePairOfWhoIsNoAdministratorAnyMoreIsRejected(t *testing.T) {
	owner := func(profile string) string { return `{"result":{"result":{"owner":` + profile + `}}}` }
	admin := owner(`{"ID":"30","ADMIN":true}`)
	only := []Code{AccessDenied}
	tests := []struct {
		name     string
		gone     []int64
		answers  []string
		auths    []string
		rejected []Code
		is       error
	}{
		{"an administrator keeps it", nil, []string{owner(`{"ID":"1","ADMIN":true}`)}, []string{"access-1"}, nil, nil},
		{"an employee loses it, and the next is asked", nil, []string{owner(`{"ID":"1","ADMIN":false}`), admin}, []string{"access-1", "access-30"}, only, nil},
		{"an employee as other portals say it", nil, []string{owner(`{"ID":1,"ADMIN":"N"}`), admin}, []string{"access-1", "access-30"}, only, nil},
		{"who is not active loses it", nil, []string{owner(`{}`), admin}, []string{"access-1", "access-30"}, only, nil},
		{"and as PHP writes that", nil, []string{owner(`[]`), admin}, []string{"access-1", "access-30"}, only, nil},
		{"until the system user alone is left", []int64{30}, []string{owner(`{"ID":"1","ADMIN":false}`)}, []string{"access-1"}, only, nil},
		{"or nobody is", []int64{30, 512}, []string{owner(`{"ID":"1","ADMIN":false}`)}, []string{"access-1"}, only, ErrNeedsAuth},
		{"the system user is not asked", []int64{1, 30}, []string{owner(`{"ID":"512","ADMIN":false}`)}, nil, nil, nil},
		{"what is not said is not believed", nil, []string{owner(`{"ID":"1"}`)}, []string{"access-1"}, nil, nil},
		{"nor what is nothing", nil, []string{owner(`null`)}, []string{"access-1"}, nil, nil},
		{"nor an answer without it", nil, []string{`{"result":{"result":[]}}`}, []string{"access-1"}, nil, ErrNotExecuted},
		{"a refusal of the question rejects nobody", nil, []string{`{"result":{"result":[],"result_error":{"owner":{"error":"OPERATION_TIME_LIMIT"}}}}`},
			[]string{"access-1"}, nil, OperationTimeLimit},
		{"a refusal in passing rejects nobody", nil, []string{`401 {"error":"user_access_error"}`, admin}, []string{"access-1", "access-30"}, nil, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d, s := withPairs(t, tt.answers...)
			d.without(tt.gone...)
			err := d.RejectEmployees(t.Context())
			if !errors.Is(err, tt.is) || tt.is == nil && err != nil {
				t.Error(err)
			}
			if diff := cmp.Diff(tt.auths, s.auths()); diff != "" {
				t.Errorf("asked (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.rejected, d.keeper.rejected); diff != "" {
				t.Errorf("rejected (-want +got):\n%s", diff)
			}
		})
	}
}
