package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"callwise/app/call"
	"callwise/app/callflow"
	"callwise/models"
	"callwise/models/modelstest"

	"gorm.io/gorm"
)

// A wire is the way to a database that can be cut.
type wire struct {
	t    testing.TB
	to   string
	cut  atomic.Bool
	mu   sync.Mutex
	open map[net.Conn]*atomic.Bool // and whether nothing passes any more
}

// wireTo returns a wire to the database at address, and the address at this end.
func wireTo(t testing.TB, address string) (*wire, string) {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{t: t, to: u.Host, open: map[net.Conn]*atomic.Bool{}}
	listener := listen(t, "127.0.0.1:0")
	t.Cleanup(func() {
		if err := listener.Close(); err != nil {
			t.Error(err)
		}
		w.hangUp()
	})
	go w.serve(listener)
	u.Host = listener.Addr().String()
	return w, u.String()
}

func (w *wire) serve(listener net.Listener) {
	for {
		near, err := listener.Accept()
		if err != nil {
			return
		}
		far, err := net.Dial("tcp", w.to)
		if err != nil {
			near.Close() //nolint:errcheck // the database is down
			continue
		}
		silent := w.keep(near, far)
		go w.carry(near, far, silent)
		go w.carry(far, near, silent)
		if w.cut.Load() {
			w.hangUp()
		}
	}
}

func (w *wire) keep(ends ...net.Conn) *atomic.Bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	silent := &atomic.Bool{}
	for _, end := range ends {
		w.open[end] = silent
	}
	return silent
}

// carry copies until either end is closed; how it ends is the programs' affair.
func (w *wire) carry(to io.WriteCloser, from io.ReadCloser, silent *atomic.Bool) {
	io.Copy(mute{to, silent}, from) //nolint:errcheck
	to.Close()                      //nolint:errcheck
	from.Close()                    //nolint:errcheck
}

// A mute end takes what it is given, and passes nothing on while it is silent.
type mute struct {
	io.Writer
	silent *atomic.Bool
}

func (m mute) Write(p []byte) (int, error) {
	if m.silent.Load() {
		return len(p), nil
	}
	return m.Writer.Write(p)
}

// silence has nothing pass any more on the connections that there are, and nobody
// notice, as when the database's machine loses its power or a firewall its memory.
func (w *wire) silence() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, silent := range w.open {
		silent.Store(true)
	}
}

// hangUp ends all connections at once.
func (w *wire) hangUp() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for end := range w.open {
		end.Close() //nolint:errcheck
		delete(w.open, end)
	}
}

// A fleet is several processes with one database.
type fleet struct {
	t        testing.TB
	how      string // its processes run
	rigs     []*rig // one for each process
	children []*child
	refused  atomic.Int32
}

func fleetOf(t testing.TB, n int, address, how string) *fleet {
	t.Helper()
	first := bareRig(t, address, classic)
	f := &fleet{t: t, how: how, rigs: []*rig{first}}
	for range n - 1 {
		f.rigs = append(f.rigs, first.beside())
	}
	for _, r := range f.rigs {
		f.children = append(f.children, r.spawnAs(how))
	}
	return f
}

// beside is the rig of another process on the same database.
func (r *rig) beside() *rig {
	other := *r
	other.config.ListenAddr = freeAddress(r.t)
	other.url = "http://" + other.config.ListenAddr
	return &other
}

// restart kills a process as a power cut does, and starts it again.
func (f *fleet) restart(i int) {
	f.t.Helper()
	f.children[i].kill()
	f.children[i] = f.rigs[i].spawnAs(f.how)
}

// send reports an event to one process after the other until one has taken it,
// as a PBX does.
func (f *fleet) send(key string, first int, event map[string]any) {
	body, err := json.Marshal(event)
	if err != nil {
		f.t.Error(err)
		return
	}
	for try := first; ; try++ {
		if f.taken(f.rigs[try%len(f.rigs)].url, key, body) {
			return
		}
		if f.refused.Add(1); f.t.Context().Err() != nil {
			return
		}
	}
}

func (f *fleet) taken(address, key string, body []byte) bool {
	request, err := http.NewRequestWithContext(f.t.Context(), http.MethodPost, address+"/pbx/v1/events", bytes.NewReader(body))
	if err != nil {
		f.t.Error(err)
		return true
	}
	request.Header.Set("Authorization", "Bearer "+key)
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return false
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusAccepted && answer.StatusCode < http.StatusInternalServerError {
		f.t.Errorf("an event is answered with %d", answer.StatusCode)
		return true
	}
	if _, err := io.Copy(io.Discard, answer.Body); err != nil { // or the connection is not used again
		return false
	}
	return answer.StatusCode == http.StatusAccepted
}

// TestNothingIsLostOrDoubleWhenProcessesAndTheDatabaseDieUnderLoad reports new
// customers' calls to three processes while each of them is killed once and the way
// to the database is cut.
func TestNothingIsLostOrDoubleWhenProcessesAndTheDatabaseDieUnderLoad(t *testing.T) {
	t.Parallel()
	const calls = 8 // of each portal: more would wait for its limit of requests
	wire, address := wireTo(t, postgreSQL(t))
	f := fleetOf(t, 3, address, hastyChild)
	f.rigs[0].install()
	portals := []*rig{f.rigs[0], f.rigs[0].neighbour("umbrella"), f.rigs[0].neighbour("initech")}
	var accepted atomic.Int32
	var senders sync.WaitGroup
	for i, p := range portals {
		p.switches("c")
		for n := range calls {
			id := fmt.Sprintf("c%d", n)
			senders.Go(func() {
				for k, event := range []map[string]any{
					started(id, "incoming", fmt.Sprintf("+493090184%d", n)), answered(id, "104"), ended(id, "answered", 5),
				} {
					f.send(p.key, i+n+k, event)
					accepted.Add(1)
				}
			})
		}
	}
	for _, disaster := range []struct {
		after int32 // so many events
		do    func()
	}{
		{10, func() { f.restart(1) }},
		{30, func() {
			before := f.refused.Load()
			wire.cut.Store(true)
			wire.hangUp()
			eventually(t, "refusals", func() bool { return f.refused.Load() > before+3 || accepted.Load() == 3*3*calls })
			wire.cut.Store(false)
		}},
		{45, func() { f.restart(2) }},
		{55, func() { f.restart(0) }},
	} {
		eventually(t, "load", func() bool { return accepted.Load() >= disaster.after })
		disaster.do()
	}
	senders.Wait()
	for _, p := range portals {
		p.finished(calls)
		crm := p.portal.Snapshot()
		phones := map[string]int{}
		for _, lead := range crm.Leads {
			phones[strings.Join(lead.Phones, " ")]++
		}
		if len(phones) != calls || len(crm.Leads) != calls || len(crm.Statistics) != calls || len(crm.Activities) != calls || crm.Unfinished != 0 {
			t.Errorf("%s: %d leads of %d numbers, %d calls, %d activities, %d without an end; want %d of each, and 0",
				p.portal.Name(), len(crm.Leads), len(phones), len(crm.Statistics), len(crm.Activities), crm.Unfinished, calls)
		}
	}
	t.Logf("%d attempts were refused", f.refused.Load())
}

// incoming is an event of a PBX as it is stored.
func incoming(t testing.TB, id, phone string) models.Event {
	t.Helper()
	event, err := callflow.PBXEvent(id, call.Event{
		Type: call.Started, CallID: id, At: time.Now(), Direction: call.Incoming, Phone: phone,
	})
	if err != nil {
		t.Fatal(err)
	}
	return event
}

// TestAnEventIsStoredAlthoughAllConnectionsDiedWithoutAWord: there are more of them
// than could be asked one after the other in the time that an event has.
func TestAnEventIsStoredAlthoughAllConnectionsDiedWithoutAWord(t *testing.T) {
	t.Parallel()
	wire, address := wireTo(t, postgreSQL(t))
	store := modelstest.Migrated(t, address)
	t.Cleanup(wire.hangUp) // or their ends would be waited for
	portal, err := store.SaveInstall(t.Context(), models.Install{MemberID: "acme", ApplicationToken: "token"})
	if err != nil {
		t.Fatal(err)
	}
	var open, used sync.WaitGroup
	for range 14 {
		open.Add(1)
		used.Go(func() {
			err := store.Transaction(t.Context(), func(tx *gorm.DB) error {
				err := tx.Exec("SELECT 1").Error
				open.Done()
				open.Wait()
				return err
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	used.Wait()
	since := time.Now()
	eventually(t, "the connections wait long enough to be asked", func() bool { return time.Since(since) > time.Second })
	wire.silence()
	if _, _, err := store.AddEvents(t.Context(), portal.ID, []models.Event{incoming(t, "c1", "+4930901821")}); err != nil {
		t.Error(err)
	}
}

// Bitrix24 does not send an event again because PostgreSQL was started anew.
func TestAnEventIsStoredAlthoughAllConnectionsBroke(t *testing.T) {
	t.Parallel()
	wire, address := wireTo(t, postgreSQL(t))
	store := modelstest.Migrated(t, address)
	portal, err := store.SaveInstall(t.Context(), models.Install{MemberID: "acme", ApplicationToken: "token"})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		wire.hangUp()
		event := incoming(t, fmt.Sprint("c", i), "+4930901821")
		if accepted, _, err := store.AddEvents(t.Context(), portal.ID, []models.Event{event}); err != nil || accepted != 1 {
			t.Errorf("%d accepted: %v", accepted, err)
		}
	}
}

// A database that says nothing any more does not undo anything either.
func TestATransactionEndsWhoseConnectionDiedWithoutAWord(t *testing.T) {
	t.Parallel()
	wire, address := wireTo(t, postgreSQL(t))
	store := modelstest.Migrated(t, address)
	t.Cleanup(wire.hangUp)
	refused := errors.New("refused")
	if err := store.Transaction(t.Context(), func(tx *gorm.DB) error {
		defer wire.silence()
		return errors.Join(refused, tx.Exec("SET LOCAL idle_in_transaction_session_timeout = 0").Error)
	}); !errors.Is(err, refused) {
		t.Error(err)
	}
}

// TestALostWakeUpIsFoundAlthoughTheConnectionOfALookDied lets it die while the database
// is at it.
func TestALostWakeUpIsFoundAlthoughTheConnectionOfALookDied(t *testing.T) {
	t.Parallel()
	direct := postgreSQL(t)
	wire, address := wireTo(t, direct)
	r := tuned(t, address, classic, func(h *house) { h.sweep = 100 * time.Millisecond })
	t.Cleanup(wire.hangUp)
	r.switches("c")
	portal, other := r.stored(), modelstest.Open(t, direct)
	thaw := freeze(t, direct, "events", "ACCESS EXCLUSIVE")
	r.eventually("a look", func() bool {
		waiting := 0
		err := other.Transaction(t.Context(), func(tx *gorm.DB) error {
			return tx.Raw("SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'events'::regclass").Scan(&waiting).Error
		})
		if err != nil {
			t.Fatal(err)
		}
		return waiting > 0
	})
	wire.silence()
	thaw()
	if _, _, err := other.AddEvents(t.Context(), portal.ID, []models.Event{incoming(t, "c1", "+4930901821")}); err != nil {
		t.Fatal(err)
	}
	r.registered(1)
}
