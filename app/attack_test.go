package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"callwise/app/b24"
	"callwise/handlers"
	"callwise/models"

	"gorm.io/gorm"
)

// connection is a connection of somebody who keeps no rule.
func (r *rig) connection() net.Conn {
	r.t.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(r.url, "http://"))
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { c.Close() })
	return c
}

// writes sends what is no proper request.
func writes(t *testing.T, c net.Conn, text string) {
	t.Helper()
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
}

// Series of metrics stay for good, and lines of the log are kept.
func TestWhoInventsMethodsMakesNoNewSeries(t *testing.T) {
	r := newRig(t, "sqlite:"+t.TempDir()+"/callwise.db", classic)
	for i := range 20 {
		r.with("", fmt.Sprintf("INVENTED%d", i), "/healthz")
	}
	_, metrics := r.do(http.MethodGet, r.url+"/metrics", nil, "")
	if strings.Contains(metrics, "INVENTED") || !strings.Contains(metrics, `method="other"`) {
		t.Error("a method that somebody invented is a label")
	}
}

// A proxy that believes the length would take the answer to what follows the
// chunks for that to somebody's next request.
func TestWhatFollowsChunksIsNobodysRequest(t *testing.T) {
	r := newRig(t, "sqlite:"+t.TempDir()+"/callwise.db", classic)
	c := r.connection()
	writes(t, c, "POST /pbx/v1/events HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"+
		"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
	text, err := io.ReadAll(c) // until the program ends the connection
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(text), "HTTP/1.1 "); n != 1 {
		t.Errorf("%d answers, want the one to what had chunks:\n%.200s", n, text)
	}
}

func TestAPartOfARecordingIsNotTakenForTheWhole(t *testing.T) {
	r := newRig(t, "sqlite:"+t.TempDir()+"/callwise.db", classic)
	r.putStatus("c1", wav(1000), http.StatusCreated)
	request := r.request(http.MethodPut, "/pbx/v1/calls/c1/recording", "audio/wav", string(wav(100)))
	request.Header.Set("Authorization", "Bearer "+r.key)
	request.Header.Set("Content-Range", "bytes 0-99/1000")
	if got := r.send(request); got.status != http.StatusBadRequest || !strings.Contains(got.body, "Content-Range") {
		t.Errorf("%d %s", got.status, got.body)
	}
	if n := r.audioBytes(); n != 1000 {
		t.Errorf("%d bytes are stored", n)
	}
}

// An upload that has hardly begun holds memory as one that comes in full does.
func TestUploadsThatHardlyBeginAreCountedToo(t *testing.T) {
	r := newRig(t, "sqlite:"+t.TempDir()+"/callwise.db", classic)
	b := r.neighbour("other")
	begin := func(r *rig, i int) net.Conn {
		c := r.connection()
		writes(t, c, fmt.Sprintf("PUT /pbx/v1/calls/slow%d/recording HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Length: 100000\r\n\r\nRIFF", i, r.key))
		return c
	}
	refused := make(chan int, 20)
	for i := range 20 {
		c := begin(r, i)
		go func() {
			answer, err := http.ReadResponse(bufio.NewReader(c), nil)
			if err != nil {
				return // it was let through, and ends with the test
			}
			refused <- answer.StatusCode
			answer.Body.Close()
		}()
	}
	for range 4 {
		if status := <-refused; status != http.StatusTooManyRequests {
			t.Errorf("an upload above the limit: %d", status)
		}
	}
	b.putStatus("c1", wav(1000), http.StatusCreated)
}

func TestTheSameFrameOpensSoOftenOnly(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r, pass := limitedRig(t, address)
		frame := r.frame(anna, "DEFAULT")
		open := func() reply {
			return r.send(r.request(http.MethodPost, frame.URL, formType, frame.Form.Encode()))
		}
		others, last := until(t, http.StatusTooManyRequests, 50, open)
		if wait := last.header.Get("Retry-After"); others != 20 || wait != "5" {
			t.Errorf("refused after %d, Retry-After %q", others, wait)
		}
		asked := r.sim.Count("", "oauth/app.info")
		if got := open(); got.status != http.StatusTooManyRequests || r.sim.Count("", "oauth/app.info") != asked {
			t.Errorf("%d, and %d questions", got.status, r.sim.Count("", "oauth/app.info")-asked)
		}
		r.open(r.frame(anna, "DEFAULT")) // opened anew, it has another token
		pass(5 * time.Second)
		if got := open(); got.status != http.StatusOK {
			t.Errorf("later: %d", got.status)
		}
	})
}

func TestAVisitorWhoAsksWithoutEndIsSlowedDownAlone(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := bareRig(t, address, classic)
		pass := r.limitsStandStill()
		stand := r.tune
		r.tune = func(h *house) {
			stand(h)
			h.pages.Limits = handlers.NewLimits(r.config.Proxies)
		}
		r.start()
		r.install()
		employee := sessionIn(t, r.open(r.frame(anna, "DEFAULT")))
		_, last := until(t, http.StatusTooManyRequests, 1300, func() reply { return r.with(employee, http.MethodGet, "/settings") })
		if wait := last.header.Get("Retry-After"); wait != "1" || !strings.Contains(last.body, "Too many attempts") {
			t.Errorf("Retry-After %q\n%s", wait, last.body)
		}
		colleague := sessionIn(t, r.open(r.frame(omar, "DEFAULT")))
		if got := r.with(colleague, http.MethodGet, "/calls"); got.status != http.StatusOK {
			t.Errorf("a colleague: %d", got.status)
		}
		if got := r.neighbour("other").page("/calls"); got == "" {
			t.Error("the other portal has no page")
		}
		pass(time.Second)
		if got := r.with(employee, http.MethodGet, "/calls"); got.status != http.StatusOK {
			t.Errorf("a second later: %d", got.status)
		}
	})
}

func TestAKeyDoesNotFillTheDiskWithRecordingsOfNoCall(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		b := r.neighbour("other")
		r.tell(started("told", "internal", "105"))
		r.eventually("the call is known", func() bool { return r.rows("calls")["calls"] == 1 })
		r.putStatus("stray", wav(1000), http.StatusCreated)
		err := r.house.store.Transaction(t.Context(), func(tx *gorm.DB) error {
			return tx.Exec("UPDATE recordings SET size = ? WHERE call_key = 'pbx:stray'", 1<<30).Error
		})
		if err != nil {
			t.Fatal(err)
		}
		got := r.put("another", bytes.NewReader(wav(1000)))
		if got.status != http.StatusTooManyRequests || got.header.Get("Retry-After") != "600" || !strings.Contains(got.body, "no event tells of") {
			t.Errorf("%d, Retry-After %q\n%s", got.status, got.header.Get("Retry-After"), got.body)
		}
		r.putStatus("told", wav(1000), http.StatusCreated)
		b.putStatus("another", wav(1000), http.StatusCreated)
		r.tell(started("stray", "internal", "105"))
		r.eventually("there is room again", func() bool { return r.put("another", bytes.NewReader(wav(1000))).status == http.StatusCreated })
	})
}

// Of a stranger's request as of an administrator's nothing was done, and the answer
// says so.
func TestABodyThatBreaksOffIsNotAnsweredAsIfItWereDone(t *testing.T) {
	r := newRig(t, "sqlite:"+t.TempDir()+"/callwise.db", classic)
	for _, path := range []string{"/settings/save", "/settings/keys", "/settings/privacy/erase", "/calls", "/b24/app", "/b24/calls", "/b24/install", "/b24/events", "/pbx/v1/events"} {
		for who, authorization := range map[string]string{"nobody": "", "an administrator": "Authorization: Bearer " + r.session + "\r\n", "a PBX": "Authorization: Bearer " + r.key + "\r\n"} {
			c := r.connection()
			writes(t, c, "POST "+path+" HTTP/1.1\r\nHost: x\r\n"+authorization+"Content-Type: "+formType+"\r\nContent-Length: 1000\r\n\r\na=b")
			if err := c.(*net.TCPConn).CloseWrite(); err != nil {
				t.Fatal(err)
			}
			answer, err := http.ReadResponse(bufio.NewReader(c), nil)
			if err != nil {
				t.Fatal(path, err)
			}
			text, err := io.ReadAll(answer.Body)
			if err != nil || answer.StatusCode < 400 || answer.StatusCode >= 500 || len(text) == 0 {
				t.Errorf("%s by %s: %d %q %v", path, who, answer.StatusCode, text, err)
			}
		}
	}
}

func TestACallOfAnotherCenturyEndsNow(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		r.save(url.Values{"builtin_lines": {"on"}})
		for i, started := range []string{"9999-12-31T23:59:59-14:00", "0000-01-01T00:00:00+14:00", "9999-12-31T23:30:00Z", "2514-05-30T01:53:04Z"} {
			id := fmt.Sprint("x", i)
			end := r.lifecycle(b24.VoximplantEnd, 0, map[string]string{
				"CALL_ID": id, "CALL_TYPE": "2", "PHONE_NUMBER": "+4930901821", "PORTAL_USER_ID": "17", "CALL_DURATION": "5", "CALL_START_DATE": started,
			})
			r.sends("/b24/events", end, http.StatusOK)
			r.eventually(started+" is over", func() bool {
				c := r.row(id)
				return c != nil && c.State == models.CallFinished && time.Since(c.StartedAt) < time.Hour
			})
		}
	})
}

func TestAKeysNameHasNoControlCharacters(t *testing.T) {
	r := newRig(t, "sqlite:"+t.TempDir()+"/callwise.db", classic)
	for name, want := range map[string]int{"\x00": 422, "\x01\n": 422, " \x7f ": 422, "Front\x00 desk": 200} {
		if status, page := r.do(http.MethodPost, r.url+"/settings/keys", url.Values{"name": {name}}, r.session); status != want {
			t.Errorf("%q: %d, want %d\n%s", name, status, want, page)
		}
	}
	if !strings.Contains(r.page("/settings"), "Front desk") {
		t.Error("the key is not listed by its name")
	}
}
