package handlers

import (
	"errors"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

func TestVisitorsHaveALimitOfTheirOwnAndOneOfTheirPortal(t *testing.T) {
	now := time.Date(2026, 11, 27, 10, 0, 0, 0, time.UTC)
	h := &Handlers{Limits: NewLimits(nil), Now: func() time.Time { return now }}
	h.refused = prometheus.NewCounterVec(prometheus.CounterOpts{Name: "refused"}, []string{"limit"})
	looks := func(v Visitor) (n int, limit string) {
		for {
			err := h.mayLook(v)
			if refusal, ok := errors.AsType[tooMany](err); ok {
				return n, refusal.limit
			}
			n++
		}
	}
	expect := func(v Visitor, n int, limit string) {
		t.Helper()
		if got, by := looks(v); got != n || by != limit {
			t.Errorf("visitor %d of portal %d: %d looks, refused by %s; want %d, %s", v.UserID, v.PortalID, got, by, n, limit)
		}
	}
	for user := range int64(5) {
		expect(Visitor{PortalID: 1, UserID: user}, 1200, "visitor")
	}
	expect(Visitor{PortalID: 1, UserID: 9}, 0, "pages")
	expect(Visitor{PortalID: 2, UserID: 1}, 1200, "visitor")
	now = now.Add(5 * time.Second) // one look of a page at work, and far more
	expect(Visitor{PortalID: 1, UserID: 1}, 100, "visitor")
}

func TestAGateLetsSoManyOfEachPortalThroughAtATime(t *testing.T) {
	g := newGate[int64](2)
	one, ok1 := g.enter(1)
	two, ok2 := g.enter(1)
	if _, ok := g.enter(1); !ok1 || !ok2 || ok {
		t.Errorf("%t %t %t, want the third refused", ok1, ok2, ok)
	}
	if _, ok := g.enter(2); !ok {
		t.Error("another portal is refused")
	}
	one()
	if _, ok := g.enter(1); !ok {
		t.Error("nobody may take the place of one who left")
	}
	two()
}
