package main

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"callwise/app/b24/b24sim"
	"callwise/models"

	"github.com/google/go-cmp/cmp"
)

// A tape is a recording at a PBX, and how it was asked for.
type tape struct {
	size   int
	refuse string // method that is not allowed
	hidden bool   // the size is not told

	mu    sync.Mutex
	asked []string
}

func (p *tape) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	p.asked = append(p.asked, r.Method)
	p.mu.Unlock()
	if r.Method == p.refuse {
		http.Error(w, "not allowed", http.StatusMethodNotAllowed)
		return
	}
	if p.hidden {
		w.(http.Flusher).Flush() // the length is not known before the end
	} else {
		w.Header().Set("Content-Length", strconv.Itoa(p.size))
	}
	if _, err := w.Write(make([]byte, p.size)); err != nil && p.size < 1<<20 {
		panic(err)
	}
}

func (p *tape) methods() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.asked)
}

func TestARecordingIsAttachedOrStaysALink(t *testing.T) {
	const small, large = 1000, 1<<20 + 1
	for _, test := range []struct {
		name     string
		settings []string
		tape     *tape
		attached bool
		kept     string
		asked    []string // by us and then by Bitrix24
	}{
		{"attached", nil, &tape{size: large}, true, "", []string{"HEAD", "GET"}},
		{"as a link", []string{"recordings/mode", "link", "recordings/max_mb", "1"}, &tape{size: small}, false, models.KeptAsLink, nil},
		{"under the limit", []string{"recordings/max_mb", "1"}, &tape{size: small}, true, "", []string{"HEAD", "GET"}},
		{"at the limit", []string{"recordings/max_mb", "1"}, &tape{size: 1 << 20}, true, "", []string{"HEAD", "GET"}},
		{"over the limit", []string{"recordings/max_mb", "1"}, &tape{size: large, refuse: "HEAD"}, false, models.KeptTooLarge, []string{"HEAD", "GET"}},
		{"of a size that is not told", []string{"recordings/max_mb", "1"}, &tape{size: large, hidden: true}, true, "", []string{"HEAD", "GET", "GET"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			eachDatabase(t, func(t *testing.T, address string) {
				played := &tape{size: test.tape.size, refuse: test.tape.refuse, hidden: test.tape.hidden}
				server := httptest.NewServer(played)
				t.Cleanup(server.Close)
				r := newRig(t, address, classic)
				r.switches("c")
				if test.settings != nil {
					r.set(test.settings...)
				}
				r.tell(started("c1", "incoming", "+4930901820"), answered("c1", "104"), ended("c1", "answered", 5), recording("c1", server.URL+"/a.mp3"))
				r.finished(1)
				r.eventually("recording seen", func() bool { return r.call("pbx:c1").Progress.Recording.URL != "" })
				got := r.call("pbx:c1").Progress.Recording
				if got.Kept != test.kept || got.URL != server.URL+"/a.mp3" || got.Code != "" {
					t.Errorf("recording = %+v, want %q", got, test.kept)
				}
				if file := r.portal.Activities()[0].Recording; (file != "") != test.attached {
					t.Errorf("attached = %q, want %t", file, test.attached)
				}
				if diff := cmp.Diff(strings.Join(test.asked, " "), strings.Join(played.methods(), " ")); diff != "" {
					t.Errorf("asked for (-want +got):\n%s", diff)
				}
			})
		})
	}
}

// Bitrix24 may be fetching it still; what it has fetched twice takes its own place.
func TestARecordingThatBitrix24DoesNotAnswerForIsAskedForAgainAfterAWhile(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		const attach = "telephony.externalCall.attachRecord"
		server := httptest.NewServer(&tape{size: 1000})
		t.Cleanup(server.Close)
		r := newRig(t, address, classic)
		b := r.neighbour("other")
		lost := r.sim.Inject(b24sim.Fault{Portal: "acme", Method: attach, Act: b24sim.Drop, After: true, Times: -1})
		for _, rig := range []*rig{r, b} {
			rig.switches("c")
			rig.tell(started("c1", "incoming", "+4930901820"), answered("c1", "104"), ended("c1", "answered", 5))
			rig.worked("c1") // one round has the recording
			rig.tell(recording("c1", server.URL+"/a.mp3"))
		}
		r.retrying("c1")
		b.worked("c1")
		row := r.row("c1")
		if wait := time.Until(*row.RetryAt); r.sim.Count("acme", attach) != 1 || row.ErrorCode != "PORTAL_UNREACHABLE" || wait < 5*time.Second {
			t.Errorf("asked %d times, the next in %v for %q", r.sim.Count("acme", attach), wait, row.ErrorCode)
		}
		lost.Remove()
		r.again("c1")
		r.worked("c1")
		for _, rig := range []*rig{r, b} {
			got := rig.row("c1")
			if file := rig.portal.Recording(*got.B24CallID); len(file) != 1000 || !got.Progress.Recording.Attached() || len(rig.portal.Activities()) != 1 {
				t.Errorf("%s: %d bytes, %+v", rig.portal.Name(), len(file), got.Progress.Recording)
			}
		}
		if n := r.sim.Count("acme", attach); n != 2 {
			t.Errorf("asked %d times", n)
		}
	})
}

// A late tape is a recording that the PBX has only after a while; until then it
// answers with a status, or with an empty file.
type lateTape struct {
	mu     sync.Mutex
	answer int // 0 when it is there
}

func (p *lateTape) set(answer int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.answer = answer
}

func (p *lateTape) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	w.Header().Set("Content-Type", "audio/mpeg")
	switch {
	case p.answer == 0:
		w.Header().Set("Content-Length", "5")
		if _, err := w.Write([]byte("audio")); err != nil {
			return // HEAD
		}
	case p.answer != http.StatusOK:
		w.WriteHeader(p.answer)
	}
}

// again has a worker look at a call now.
func (r *rig) wakeNow(key string) {
	r.t.Helper()
	if err := r.house.store.Wake(r.t.Context(), []models.CallArgs{{PortalID: r.stored().ID, CallKey: key}}); err != nil {
		r.t.Fatal(err)
	}
}

func TestARecordingIsWaitedForForADay(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		var ahead atomic.Int64
		r := tuned(t, address, classic, func(h *house) {
			h.flow.Now = clockAhead(&ahead)
		})
		r.switches("c")
		tape := &lateTape{answer: http.StatusNotFound}
		server := httptest.NewServer(tape)
		t.Cleanup(server.Close)
		for _, id := range []string{"c1", "c2"} {
			r.tell(started(id, "incoming", "+4930901820"), answered(id, "104"), ended(id, "answered", 5), recording(id, server.URL+"/"+id+".mp3"))
			r.worked(id)
		}
		recorded := func(id string) models.Recording { return r.call("pbx:" + id).Progress.Recording }
		if got := r.call("pbx:c1"); got.State != models.CallFinished || got.Progress.Recording.Waiting != "HTTP_404" || r.portal.Activities()[0].Recording != "" {
			t.Errorf("call %s, recording %+v", got.State, got.Progress.Recording)
		}
		if page := r.dialog("c1", r.session); !strings.Contains(page, "Waiting for the file") {
			t.Error("the page does not tell that the file is waited for")
		}
		for i, answer := range []int{http.StatusOK, http.StatusServiceUnavailable, http.StatusTooEarly} {
			tape.set(answer)
			ahead.Store(int64(time.Duration(i+1) * time.Hour))
			r.wakeNow("pbx:c1")
			r.eventually("looked for again", func() bool { return recorded("c1").Tries == i+2 })
		}
		tape.set(0)
		ahead.Store(int64(20 * time.Hour))
		r.wakeNow("pbx:c1")
		r.eventually("attached", func() bool { return recorded("c1").FileID != 0 })
		if got := recorded("c1"); got.Waiting != "" || got.Code != "" || !got.Attached() {
			t.Errorf("recording = %+v", got)
		}
		tape.set(http.StatusNotFound)
		ahead.Store(int64(25 * time.Hour))
		r.wakeNow("pbx:c2")
		r.eventually("given up", func() bool { return recorded("c2").Code == "HTTP_404" })
		if page := r.dialog("c2", r.session); !strings.Contains(page, "did not appear within a day") {
			t.Error("the page does not tell that the file never came")
		}
	})
}

// A guarded tape is there for us, and answers Bitrix24 with a status; 0 breaks the
// connection.
type guardedTape struct {
	body   string
	answer atomic.Int64
}

func (p *guardedTape) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	answer := int(p.answer.Load())
	switch {
	case r.Method == http.MethodHead || answer == http.StatusOK:
		w.Header().Set("Content-Length", strconv.Itoa(len(p.body)))
		if _, err := w.Write([]byte(p.body)); err != nil {
			return // HEAD
		}
	case answer == 0:
		panic(http.ErrAbortHandler)
	default:
		w.WriteHeader(answer)
	}
}

// Bitrix24 tries once, and says that it met a failure as it says no for good.
func TestARecordingThatBitrix24CouldNotFetchIsToldOfAgainForADay(t *testing.T) {
	for _, test := range []struct {
		name    string
		answer  int
		waiting string // empty: it is refused for good
	}{
		{"the PBX is busy", http.StatusServiceUnavailable, "B24_HTTP_503"},
		{"too many ask", http.StatusTooManyRequests, "B24_HTTP_429"},
		{"the PBX waited too long", http.StatusRequestTimeout, "B24_HTTP_408"},
		{"the connection breaks", 0, "B24_NOT_FETCHED"},
		{"Bitrix24 may not have it", http.StatusForbidden, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			eachDatabase(t, func(t *testing.T, address string) {
				var ahead atomic.Int64
				r := tuned(t, address, classic, func(h *house) {
					h.flow.Now = clockAhead(&ahead)
				})
				r.switches("c")
				tape := &guardedTape{body: "audio"}
				tape.answer.Store(int64(test.answer))
				server := httptest.NewServer(tape)
				t.Cleanup(server.Close)
				for _, id := range []string{"c1", "c2"} {
					r.tell(started(id, "incoming", "+4930901820"), answered(id, "104"), ended(id, "answered", 5), recording(id, server.URL+"/"+id+".mp3"))
					r.worked(id)
				}
				refused := "ERROR_CORE"
				if test.waiting != "" {
					refused = ""
				}
				if got := r.row("c1"); got.State != models.CallFinished || got.Progress.Recording.Waiting != test.waiting || got.Progress.Recording.Code != refused {
					t.Errorf("call %s, recording %+v", got.State, got.Progress.Recording)
				}
				if test.waiting == "" {
					return
				}
				if page := r.dialog("c1", r.session); !strings.Contains(page, "Bitrix24 could not fetch the recording yet ("+test.waiting+")") {
					t.Error("the page does not tell who could not fetch the recording")
				}
				ahead.Store(int64(time.Hour))
				r.wakeNow("pbx:c1")
				r.eventually("told of again", func() bool { return r.row("c1").Progress.Recording.Tries == 2 })
				tape.answer.Store(http.StatusOK)
				ahead.Store(int64(20 * time.Hour))
				r.wakeNow("pbx:c1")
				r.eventually("attached", func() bool { return r.row("c1").Progress.Recording.FileID != 0 })
				if got := r.row("c1"); !got.Progress.Recording.Attached() || string(r.portal.Recording(*got.B24CallID)) != "audio" {
					t.Errorf("recording %+v", got.Progress.Recording)
				}
				tape.answer.Store(int64(test.answer))
				ahead.Store(int64(25 * time.Hour))
				r.wakeNow("pbx:c2")
				r.eventually("given up", func() bool { return r.row("c2").Progress.Recording.Code == "ERROR_CORE" })
			})
		})
	}
}

// The first is not given up for that: another may never come.
func TestOfTwoRecordingsTheOneThatBitrix24CanFetchIsAttached(t *testing.T) {
	const busy, forbidden, ok = http.StatusServiceUnavailable, http.StatusForbidden, http.StatusOK
	for _, test := range []struct {
		name          string
		first, second int // to Bitrix24; the second is not there if 0
		mended        string
		at            time.Duration
		want          string
	}{
		{"at once", busy, ok, "", 0, "/second.mp3"},
		{"the first, as the second is refused", busy, forbidden, "/first.mp3", time.Hour, "/first.mp3"},
		{"the first, as the second is not there", busy, 0, "/first.mp3", time.Hour, "/first.mp3"},
		{"the second, as the first is never fetched", busy, busy, "/second.mp3", time.Hour, "/second.mp3"},
		{"the second, when the first is given up", busy, busy, "/second.mp3", 25 * time.Hour, "/second.mp3"},
	} {
		t.Run(test.name, func(t *testing.T) {
			eachDatabase(t, func(t *testing.T, address string) {
				var ahead atomic.Int64
				r := tuned(t, address, classic, func(h *house) {
					h.flow.Now = clockAhead(&ahead)
				})
				r.switches("c")
				tapes := map[string]*guardedTape{"/first.mp3": {body: "/first.mp3"}, "/second.mp3": {body: "/second.mp3"}}
				tapes["/first.mp3"].answer.Store(int64(test.first))
				tapes["/second.mp3"].answer.Store(int64(test.second))
				mux := http.NewServeMux()
				mux.Handle("/first.mp3", tapes["/first.mp3"])
				if test.second != 0 {
					mux.Handle("/second.mp3", tapes["/second.mp3"])
				}
				server := httptest.NewServer(mux)
				t.Cleanup(server.Close)
				first, second := recording("c1", server.URL+"/first.mp3"), recording("c1", server.URL+"/second.mp3")
				first["at"], second["id"] = ago(time.Second), "second"
				r.tell(started("c1", "incoming", "+4930901820"), answered("c1", "104"), ended("c1", "answered", 5), first, second)
				r.worked("c1")
				if test.mended != "" {
					if got := r.row("c1").Progress.Recording; got.URL != server.URL+"/first.mp3" || got.Waiting != "B24_HTTP_503" || got.Tries != 1 {
						t.Errorf("waits for %+v", got)
					}
					tapes[test.mended].answer.Store(http.StatusOK)
					ahead.Store(int64(test.at))
					r.wakeNow("pbx:c1")
				}
				r.eventually("attached", func() bool { return r.row("c1").Progress.Recording.FileID != 0 })
				got := r.row("c1")
				if file := string(r.portal.Recording(*got.B24CallID)); file != test.want || !got.Progress.Recording.Attached() {
					t.Errorf("attached %q: %+v", file, got.Progress.Recording)
				}
				asked := r.sim.Count("acme", "telephony.externalCall.attachRecord")
				r.tell(transferred("c1", "104", "105"))
				r.worked("c1")
				if n := r.sim.Count("acme", "telephony.externalCall.attachRecord"); n != asked {
					t.Errorf("asked for %d times more", n-asked)
				}
			})
		})
	}
}

// A wake-up comes by the database's clock, and is the only one.
func TestARecordingIsLookedForAgainByAClockThatIsBehindTheDatabases(t *testing.T) {
	r := tuned(t, postgreSQL(t), classic, func(h *house) {
		behind := func() time.Time { return time.Now().Add(-time.Minute) }
		h.flow.Now, h.store.Now = behind, behind
	})
	r.switches("c")
	tape := &lateTape{answer: http.StatusNotFound}
	server := httptest.NewServer(tape)
	t.Cleanup(server.Close)
	r.tell(started("c1", "incoming", "+4930901820"), answered("c1", "104"), ended("c1", "answered", 5), recording("c1", server.URL+"/c1.mp3"))
	r.worked("c1")
	r.eventually("looked for again", func() bool { return r.call("pbx:c1").Progress.Recording.Tries > 1 })
}

func TestTheFirstRecordingOfACallIsKeptUnlessItCannotBeAttached(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		r.switches("c")
		mux := http.NewServeMux()
		for _, name := range []string{"/first.mp3", "/second.mp3"} {
			mux.HandleFunc("GET "+name, func(w http.ResponseWriter, _ *http.Request) {
				if _, err := w.Write([]byte(name)); err != nil {
					return // HEAD
				}
			})
		}
		mux.HandleFunc("GET /gone.mp3", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusGone) })
		server := httptest.NewServer(mux)
		t.Cleanup(server.Close)
		leg := func(id, name string) map[string]any {
			e := recording(id, server.URL+name)
			e["id"] = id + name
			return e
		}
		for id, first := range map[string]string{"c1": "/first.mp3", "c2": "/gone.mp3"} {
			r.tell(started(id, "incoming", "+4930901820"), answered(id, "104"), ended(id, "answered", 5), leg(id, first), leg(id, "/second.mp3"))
			r.worked(id)
			r.tell(leg(id, "/first.mp3?again"))
			r.worked(id)
		}
		for id, want := range map[string]string{"c1": "/first.mp3", "c2": "/second.mp3"} {
			if got := string(r.portal.Recording(*r.row(id).B24CallID)); got != want {
				t.Errorf("%s: attached %q, want %q", id, got, want)
			}
		}
		if got := r.put("c1", strings.NewReader(string(mp3(10)))); got.status != http.StatusConflict {
			t.Errorf("an upload afterwards: %d", got.status)
		}
	})
}

// TestTheFirstLegsRecordingIsKeptWhenItIsHeardOfLast: the order of what the PBX
// reports is not the order in which it happened.
func TestTheFirstLegsRecordingIsKeptWhenItIsHeardOfLast(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		r.switches("c")
		mux := http.NewServeMux()
		for _, name := range []string{"/first.mp3", "/second.mp3"} {
			mux.HandleFunc("GET "+name, func(w http.ResponseWriter, _ *http.Request) {
				if _, err := w.Write([]byte(name)); err != nil {
					return // HEAD
				}
			})
		}
		mux.HandleFunc("GET /gone.mp3", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusGone) })
		server := httptest.NewServer(mux)
		t.Cleanup(server.Close)
		leg := func(id, name string, before time.Duration) map[string]any {
			e := recording(id, server.URL+name)
			e["id"], e["at"] = id+name, ago(before)
			return e
		}
		for id, first := range map[string]string{"c1": "/first.mp3", "c2": "/gone.mp3"} {
			r.tell(started(id, "incoming", "+4930901820"), answered(id, "104"), ended(id, "answered", 5), leg(id, "/second.mp3", time.Second))
			r.worked(id)
			for range 2 {
				r.tell(leg(id, first, time.Minute))
				r.worked(id)
			}
		}
		for id, want := range map[string]string{"c1": "/first.mp3", "c2": "/second.mp3"} {
			if got := string(r.portal.Recording(*r.row(id).B24CallID)); got != want {
				t.Errorf("%s: attached %q, want %q", id, got, want)
			}
		}
	})
}
