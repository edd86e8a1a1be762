package models_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"callwise/models"
	"callwise/models/modelstest"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// The tests here are about workers that have a call in hand while somebody else
// removes its portal.

func TestAWorkerBringsNothingBackOfARemovedPortal(t *testing.T) {
	for _, clean := range []bool{true, false} {
		t.Run(fmt.Sprintf("CLEAN=%v", clean), func(t *testing.T) {
			modelstest.Each(t, func(t *testing.T, s *models.Store) {
				ctx := t.Context()
				p := active(t, s, "one")
				add(t, s, p.ID, event("1", "pbx:nobody", 0))
				inHand := map[string]*models.Call{"mapped": ensure(t, s, p.ID, "pbx:mapped"), "nobody's extension": ensure(t, s, p.ID, "pbx:nobody")}
				inHand["mapped"].UserID, inHand["mapped"].Extension = 17, "104"
				inHand["nobody's extension"].Extension = "109"
				ids := []int64{must[[]models.Event](t)(s.EventsOf(ctx, p.ID, "pbx:nobody"))[0].ID}
				uninstall(t, s, p.ID, clean)
				for name, c := range inHand {
					asked := models.RESTRequest{PortalID: p.ID, CallID: &c.ID, At: noon, Method: "m"}
					if err := s.AddRESTRequests(ctx, asked); err != nil && !errors.Is(err, models.ErrNotFound) {
						t.Error(err)
					}
					for how, err := range map[string]error{"saved": s.SaveCall(ctx, c), "saved and given back": savedAndDone(s, c, models.Round{Asked: []models.RESTRequest{asked}, Done: ids})} {
						if !errors.Is(err, models.ErrNotFound) {
							t.Errorf("%s, %s: %v", name, how, err)
						}
					}
				}
				if n := rows(t, s, p.ID)["rest_log"]; n != 0 {
					t.Errorf("%d requests are logged", n)
				}
			})
		})
	}
}

// byHand is a transaction of PostgreSQL that a test steers statement by
// statement.
type byHand struct {
	t    *testing.T
	conn *pgx.Conn
}

func begin(t *testing.T, address string) byHand {
	t.Helper()
	conn := must[*pgx.Conn](t)(pgx.Connect(t.Context(), address))
	t.Cleanup(func() { check(t, conn.Close(context.Background())) })
	h := byHand{t, conn}
	check(t, h.exec("BEGIN"))
	return h
}

func (h byHand) exec(statement string, args ...any) error {
	_, err := h.conn.Exec(h.t.Context(), statement, args...)
	return err
}

// blocks waits until another transaction waits for this one.
func (h byHand) blocks() {
	h.t.Helper()
	h.until(func(waiting int) bool { return waiting > 0 }, "nobody waits")
}

// blocksNobody waits until no other transaction waits for this one.
func (h byHand) blocksNobody() {
	h.t.Helper()
	h.until(func(waiting int) bool { return waiting == 0 }, "somebody waits")
}

// until waits for a number of other transactions that wait for this one.
func (h byHand) until(holds func(waiting int) bool, otherwise string) {
	h.t.Helper()
	deadline, tick := time.After(20*time.Second), time.NewTicker(5*time.Millisecond)
	defer tick.Stop()
	for {
		var waiting int
		// Not pg_stat_activity: a transaction sees there who was connected when it first looked.
		// A virtualxid is waited for by CREATE INDEX CONCURRENTLY: by any migration of any test.
		query := "SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype <> 'virtualxid' AND pg_backend_pid() = ANY (pg_blocking_pids(pid))"
		check(h.t, h.conn.QueryRow(h.t.Context(), query).Scan(&waiting))
		if holds(waiting) {
			return
		}
		select {
		case <-deadline:
			h.t.Fatal(otherwise)
		case <-tick.C:
		}
	}
}

// later does something while the test goes on; its error is to be received.
func later(do func() error) <-chan error {
	ended := make(chan error, 1)
	go func() { ended <- do() }()
	return ended
}

func TestARoundHoldsItsCallBeforeItsEvents(t *testing.T) {
	address := modelstest.PostgreSQL(t)
	s := modelstest.Migrated(t, address)
	p := active(t, s, "one")
	add(t, s, p.ID, event("1", "pbx:1", 0))
	c := ensure(t, s, p.ID, "pbx:1")
	id := must[[]models.Event](t)(s.EventsOf(t.Context(), p.ID, "pbx:1"))[0].ID

	other := begin(t, address)
	check(t, other.exec("SELECT 1 FROM events WHERE id = $1 FOR UPDATE", id))
	round := later(func() error { return savedAndDone(s, c, models.Round{Done: []int64{id}}) })
	other.blocks()
	err := begin(t, address).exec("SELECT 1 FROM calls WHERE id = $1 FOR UPDATE NOWAIT", c.ID)
	if held, ok := errors.AsType[*pgconn.PgError](err); !ok || held.Code != "55P03" {
		t.Errorf("a round that waits for its events does not hold its call: %v", err)
	}
	check(t, other.exec("COMMIT"))
	check(t, receive(t, round))
}

// In another order the two would wait for each other, and PostgreSQL would end
// one of them.
func TestAnUninstallationThatWaitsForARoundHoldsNoneOfItsEventsOrJobs(t *testing.T) {
	for _, clean := range []bool{true, false} {
		t.Run(fmt.Sprintf("CLEAN=%v", clean), func(t *testing.T) {
			address := modelstest.PostgreSQL(t)
			s := modelstest.Migrated(t, address)
			p := active(t, s, "one")
			add(t, s, p.ID, event("1", "pbx:1", 0))
			c := ensure(t, s, p.ID, "pbx:1")
			check(t, s.EnqueueHandlers(t.Context(), p.ID))

			round := begin(t, address)
			check(t, round.exec("UPDATE calls SET updated_at = now() WHERE id = $1", c.ID))
			removal := later(func() error {
				rest, err := s.Uninstall(context.Background(), p.ID, clean)
				if err == nil {
					_, err = s.Forget(context.Background(), rest, s.Now().Add(time.Minute))
				}
				return err
			})
			round.blocks()
			if err := round.exec("UPDATE events SET done_at = now() WHERE portal_id = $1", p.ID); err != nil {
				t.Errorf("the round's events: %v", err)
			}
			if err := round.exec("DELETE FROM river_job"); err != nil {
				t.Errorf("the round's jobs: %v", err)
			}
			if err := round.exec("COMMIT"); err != nil {
				t.Errorf("the round: %v", err)
			}
			if err := receive(t, removal); err != nil {
				t.Errorf("the removal: %v", err)
			}
			if events := must[[]models.Event](t)(s.EventsOf(t.Context(), p.ID, "pbx:1")); len(events) > 0 {
				t.Errorf("%d events are left", len(events))
			}
		})
	}
}

// Each of the two sees nothing of what the other has not committed yet.
func TestNothingIsLoggedOfACallThatIsBeingErased(t *testing.T) {
	address := modelstest.PostgreSQL(t)
	s := modelstest.Migrated(t, address)
	ctx, p := t.Context(), active(t, s, "one")
	for name, log := range map[string]func(*models.Call, models.RESTRequest) error{
		"a request": func(_ *models.Call, r models.RESTRequest) error { return s.AddRESTRequests(ctx, r) },
		"a round's": func(c *models.Call, r models.RESTRequest) error {
			return savedAndDone(s, c, models.Round{Asked: []models.RESTRequest{r}})
		},
		"a round's, unheld": func(c *models.Call, r models.RESTRequest) error {
			c.HeldBy = "late"
			return s.SaveCallAsked(ctx, c, []models.RESTRequest{r})
		},
	} {
		t.Run(name+" after the erasure", func(t *testing.T) {
			c := ensure(t, s, p.ID, "pbx:"+name)
			erasure := begin(t, address)
			check(t, erasure.exec("DELETE FROM rest_log WHERE call_id = $1", c.ID))
			check(t, erasure.exec("DELETE FROM calls WHERE id = $1", c.ID))
			logging := later(func() error { return log(c, models.RESTRequest{PortalID: p.ID, CallID: &c.ID, At: noon, Method: "m"}) })
			erasure.blocks()
			check(t, erasure.exec("COMMIT"))
			if err := receive(t, logging); err != nil && !errors.Is(err, models.ErrNotFound) {
				t.Error(err)
			}
			if logged := rows(t, s, p.ID)["rest_log"]; logged > 0 {
				t.Errorf("%d requests are logged", logged)
			}
		})
	}
	t.Run("a request before the erasure", func(t *testing.T) {
		c := ofNumber(t, s, p.ID, "a", "+4930901820")
		logging := begin(t, address)
		check(t, logging.exec("SELECT 1 FROM calls WHERE id = $1 FOR KEY SHARE", c.ID))
		check(t, logging.exec("INSERT INTO rest_log (portal_id, call_id, at, method) VALUES ($1, $2, now(), 'm')", p.ID, c.ID))
		e := erasing(t, s, p, "+4930901820")
		erasure := later(func() error { return s.EraseCall(ctx, e, c.ID) })
		logging.blocks()
		check(t, logging.exec("COMMIT"))
		check(t, receive(t, erasure))
		if logged := rows(t, s, p.ID)["rest_log"]; logged > 0 {
			t.Errorf("%d requests are logged", logged)
		}
	})
}

func TestPostgreSQLEndsTheTransactionOfAProcessThatStandsStill(t *testing.T) {
	s := modelstest.Migrated(t, modelstest.PostgreSQL(t))
	for _, pool := range models.Pools(s) {
		var limit string
		check(t, pool.QueryRow(t.Context(), "SHOW idle_in_transaction_session_timeout").Scan(&limit))
		if limit != "30s" {
			t.Errorf("after %s", limit)
		}
	}
}
