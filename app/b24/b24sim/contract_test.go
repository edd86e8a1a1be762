package b24sim

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"sort"
	"strings"
	"testing"

	"callwise/app/crm"

	"github.com/google/go-cmp/cmp"
)

// An example is a request of the contract with its answer.
type example struct {
	Section string         `json:"section"`
	Method  string         `json:"method"`
	Params  map[string]any `json:"params"`
	Exact   bool           `json:"exact"`
	Answer  map[string]any `json:"answer"`
	Status  int            `json:"status"`
	Code    string         `json:"code"`
	Text    string         `json:"text"`
	Event   string         `json:"event"`
	Data    map[string]any `json:"data"`
	Auth    []string       `json:"auth"`
}

func examples(t *testing.T, file string) []example {
	t.Helper()
	b, err := os.ReadFile("testdata/" + file)
	if err != nil {
		t.Fatal(err)
	}
	var all []example
	if err := json.Unmarshal(b, &all); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return all
}

func contractWorld(t *testing.T) *world {
	w := newInstalled(t, PortalConfig{Language: "de", Plan: Enterprise, SystemUser: true})
	w.knownCustomer()
	return w
}

func TestAnswersHaveTheShapeOfTheContractsExamples(t *testing.T) {
	for _, file := range []string{"platform.json", "crm.json", "telephony.json"} {
		t.Run(file, func(t *testing.T) {
			w := contractWorld(t)
			if file == "platform.json" {
				w.unbindAll()
			}
			kept := map[string]any{}
			for _, e := range examples(t, file) {
				got := w.rest(e.Method, fill(e.Params, kept))
				delete(got.Body, "time")
				if diff := shapeDiff(e.Method, e.Answer, got.Body, e.Exact); len(diff) > 0 {
					t.Errorf("%s, %s:\n%s", e.Section, e.Method, strings.Join(diff, "\n"))
				}
				keep(kept, got.Body["result"])
			}
		})
	}
}

// unbindAll removes the handlers, so that the example of event.bind is the first.
func (w *world) unbindAll() {
	for _, h := range w.Handlers() {
		w.must("event.unbind", map[string]any{"event": h.Event, "handler": h.URL})
	}
}

func TestRefusalsAreThoseOfTheContract(t *testing.T) {
	w := contractWorld(t)
	before := w.Snapshot()
	for _, e := range examples(t, "refusals.json") {
		got := w.rest(e.Method, e.Params)
		if got.Status != e.Status || got.code() != e.Code {
			t.Errorf("%s, %s: got %d %v, want %d %s", e.Section, e.Method, got.Status, got.code(), e.Status, e.Code)
		}
		if said, _ := got.Body["error_description"].(string); !strings.HasPrefix(said, e.Text) {
			t.Errorf("%s, %s: said %q, want %q", e.Section, e.Method, said, e.Text)
		}
	}
	if diff := cmp.Diff(before, w.Snapshot()); diff != "" {
		t.Errorf("a refused request changed the portal (-before +after):\n%s", diff)
	}
}

func TestEventsAreFormsWithTheContractsKeys(t *testing.T) {
	w := contractWorld(t)
	w.must("telephony.externalLine.add", map[string]any{"NUMBER": "74951230000"})
	callID := w.Click(Click{UserID: anton, Phone: client, Entity: ref(crm.TypeContact, 412), Line: "74951230000"})
	w.must("telephony.externalCall.finish", map[string]any{"CALL_ID": callID, "USER_ID": anton, "DURATION": 95})
	w.OrderCallback(Callback{Phone: client, Entity: ref(crm.TypeContact, 412), Line: "74951230000"})
	w.Uninstall(true)
	for _, e := range examples(t, "events.json") {
		sent := w.posted(e.Event)
		if len(sent) != 1 {
			t.Errorf("%s: %s was sent %d times", e.Section, e.Event, len(sent))
			continue
		}
		if diff := cmp.Diff(wantedKeys(e, sent[0]), sortedKeys(sent[0])); diff != "" {
			t.Errorf("%s, %s: keys (-want +got):\n%s", e.Section, e.Event, diff)
		}
	}
}

func wantedKeys(e example, d Delivery) []string {
	keys := []string{"event", "event_handler_id", "ts"}
	for k := range e.Data {
		keys = append(keys, "data["+k+"]")
	}
	for _, k := range e.Auth {
		keys = append(keys, "auth["+k+"]")
	}
	sort.Strings(keys)
	return keys
}

func sortedKeys(d Delivery) []string {
	var keys []string
	for k := range d.Form {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}

var placeholder = regexp.MustCompile(`^\{(\w+)\}$`)

// fill replaces {NAME} in parameters by what earlier answers left.
func fill(params map[string]any, kept map[string]any) map[string]any {
	filled := map[string]any{}
	for k, v := range params {
		if s, isText := v.(string); isText && placeholder.MatchString(s) {
			v = kept[strings.Trim(s, "{}")]
		}
		filled[k] = v
	}
	return filled
}

func keep(kept map[string]any, result any) {
	m, _ := result.(map[string]any)
	for _, name := range []string{"CALL_ID", "CRM_ACTIVITY_ID", "uploadUrl"} {
		if v, ok := m[name]; ok {
			kept[name] = v
		}
	}
}

// shapeDiff lists where got differs from the example: a missing key, another
// kind of value and, when exact, a key too many. null is of any kind.
func shapeDiff(path string, want, got any, exact bool) []string {
	if want == nil || got == nil {
		return nil
	}
	if kindOf(want) != kindOf(got) {
		return []string{fmt.Sprintf("%s is %s, want %s", path, kindOf(got), kindOf(want))}
	}
	switch want := want.(type) {
	case map[string]any:
		return objectDiff(path, want, got.(map[string]any), exact)
	case []any:
		have := got.([]any)
		if (len(want) == 0) != (len(have) == 0) {
			return []string{fmt.Sprintf("%s has %d items, want %d", path, len(have), len(want))}
		}
		if len(want) > 0 {
			return shapeDiff(path+"[0]", want[0], have[0], exact)
		}
	}
	return nil
}

func objectDiff(path string, want, got map[string]any, exact bool) (diff []string) {
	for k, v := range want {
		have, ok := got[k]
		if !ok {
			diff = append(diff, path+"."+k+" is missing")
			continue
		}
		diff = append(diff, shapeDiff(path+"."+k, v, have, exact)...)
	}
	for k := range got {
		if _, wanted := want[k]; exact && !wanted {
			diff = append(diff, path+"."+k+" is one too many")
		}
	}
	return diff
}

func kindOf(v any) string {
	switch v.(type) {
	case map[string]any:
		return "object"
	case []any:
		return "list"
	case string:
		return "string"
	case bool:
		return "bool"
	}
	return "number"
}
