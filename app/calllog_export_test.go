package main

import (
	"log/slog"
	"net/http"
	"net/url"
	"runtime"
	"strings"
	"testing"
	"time"

	"callwise/models/modelstest"
)

// heap is what is really in use.
func heap() uint64 {
	runtime.GC()
	runtime.GC() // what a sync.Pool holds outlives the first
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}

func (r *rig) startDownload(form url.Values) *http.Response {
	r.t.Helper()
	form.Set("session", r.session)
	answer, err := http.DefaultClient.Do(r.request(http.MethodPost, "/calls.csv", formType, form.Encode()))
	if err != nil {
		r.t.Fatal(err)
	}
	if answer.StatusCode != http.StatusOK {
		r.t.Fatalf("export: %d", answer.StatusCode)
	}
	return answer
}

func TestAnExportThatNobodyReadsToItsEndIsLoggedOnce(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := bareRig(t, address, classic)
		var logged buffer
		r.log = slog.NewTextHandler(&logged, nil)
		r.start()
		r.install()
		modelstest.Fill(t, r.house.store, modelstest.Log{PortalID: r.stored().ID, Calls: 50_000, To: time.Now(), Days: 300})
		answer := r.startDownload(url.Values{"period": {"all"}})
		if _, err := answer.Body.Read(make([]byte, 100)); err != nil {
			t.Fatal(err)
		}
		if err := answer.Body.Close(); err != nil {
			t.Fatal(err)
		}
		early := func() (n int) {
			for line := range strings.Lines(logged.String()) {
				if strings.Contains(line, "route=/calls.csv") && strings.Contains(line, "error=") {
					n++
				}
			}
			return n
		}
		r.eventually("the end is logged", func() bool { return early() > 0 })
		if whole := r.download(url.Values{"text": {"rarely"}}); strings.Count(whole.body, "\r\n") != 11 {
			t.Errorf("the next export: %d\n%s", whole.status, whole.body)
		}
		if n := early(); n != 1 {
			t.Errorf("logged %d times", n)
		}
		if strings.Contains(logged.String(), "+4930") {
			t.Error("the log tells numbers")
		}
	})
}
