package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"callwise/app/b24/b24sim"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/protobuf/proto"
)

// A tracing is what a collector of traces was sent.
type tracing struct {
	mu    sync.Mutex
	spans map[string][]string // names by trace
	text  strings.Builder     // all of it
	links int
}

func (s *tracing) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	var sent collector.ExportTraceServiceRequest
	if err := proto.Unmarshal(body, &sent); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	fmt.Fprintln(&s.text, r.URL.Path, sent.String())
	for _, of := range sent.ResourceSpans {
		for _, scope := range of.ScopeSpans {
			for _, span := range scope.Spans {
				id := fmt.Sprintf("%x", span.TraceId)
				s.spans[id] = append(s.spans[id], span.Name)
				s.links += len(span.Links)
			}
		}
	}
}

// withAll is a trace that has all of the spans; nil if there is none.
func (s *tracing) withAll(names ...string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, spans := range s.spans {
		all := strings.Join(spans, "\n") // a batch has the names of its methods
		if !slices.ContainsFunc(names, func(name string) bool { return !strings.Contains(all, name) }) {
			return spans
		}
	}
	return nil
}

// random finds times and names of requests, in which any four digits may stand.
var random = regexp.MustCompile(`\d{15,}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`)

func TestWhatIsDoneForACallIsOneTraceWithoutSecretsOrNumbers(t *testing.T) {
	sent := &tracing{spans: map[string][]string{}}
	server := httptest.NewServer(sent)
	t.Cleanup(server.Close)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", server.URL)
	t.Setenv("OTEL_BSP_SCHEDULE_DELAY", "50")
	r := bareRig(t, postgreSQL(t), b24sim.PortalConfig{})
	r.spawn()
	r.install()
	r.switches("c")
	r.tell(started("c1", "incoming", "+4930901821"))
	r.registered(1)
	r.tell(ended("c1", "answered", 5))
	r.finished(1)
	r.asksWho("+4930901829")
	r.page("/calls?phone=4930901828")
	r.eventually("the call's trace is whole", func() bool {
		spans := sent.withAll("events arrive", "call", "telephony.externalCall.register")
		arrivals, jobs := 0, 0
		for _, name := range spans {
			arrivals += strings.Count(name, "events arrive")
			if name == "call" {
				jobs++
			}
		}
		return arrivals == 2 && jobs >= 2
	})
	r.eventually("requests are traced", func() bool {
		return sent.withAll("POST /pbx/v1/events") != nil && sent.withAll("GET /calls") != nil
	})
	sent.mu.Lock()
	defer sent.mu.Unlock()
	if sent.links < 2 {
		t.Errorf("%d arrivals lead to their requests", sent.links)
	}
	text := sent.text.String()
	if strings.Contains(random.ReplaceAllString(text, ""), "9018") {
		t.Error("a number is sent")
	}
	for _, word := range []string{r.key, r.session, r.pbx.secret, "client_secret", "Brandt"} {
		if strings.Contains(text, word) {
			t.Errorf("%q is sent", word)
		}
	}
	if !strings.Contains(text, "/v1/traces") || !strings.Contains(text, `string_value:"callwise"`) {
		t.Errorf("neither the address nor the name:\n%.500s", text)
	}
}
