package main

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

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
