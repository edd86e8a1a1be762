package rules

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"callwise/app/call"
	"callwise/app/crm"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestParseCase(t *testing.T) {
	tests := []struct {
		name, line string
		want       Case
	}{
		{"the example of the specification", string(benchLine), Case{
			Call:     Call{Direction: call.Incoming, Origin: &Origin{crm.TypeDeal, 9, true}},
			Settings: Settings{CreateEntities: true, RepeatedLeads: true, RepeatInBitrix24: RepeatOn, CRMMode: crm.Classic},
			CRM:      crm.Snapshot{Contacts: ids(412, 412), ClosedLeads: []crm.ClosedLead{{ID: 31, Outcome: "deal"}}, ClosedDeals: ids(9, 9)},
		}},
		{"what is missing is false, empty or null", `{"call":{"direction":"info"}}`, Case{
			Call: Call{Direction: call.Info}, Settings: DefaultSettings(),
		}},
		{"empty parts are like missing ones", `{"settings":{},"crm":{},"call":{"direction":"callback","origin":null}}`, Case{
			Call: Call{Direction: call.Callback}, Settings: DefaultSettings(),
		}},
		{"names may be escaped, space does not matter", "{ \"\\u0063all\" :\t{\"direction\":\"redirected\"} }\r", Case{
			Call: Call{Direction: call.Redirected}, Settings: DefaultSettings(),
		}},
		{"everything at once", `{"call":{"direction":"outgoing","internal":true,"hidden":true,"employee":true,"leg":true,"origin":{"type":"company","id":-9223372036854775808}},
			"settings":{"create_entities":true,"outgoing_calls":true,"repeated_leads":true,"repeat_in_bitrix24":"off","crm_mode":"simple"},
			"crm":{"excluded":true,"open_leads":[1],"open_deals":[2],"contacts":[3],"companies":[9223372036854775807],"closed_leads":[{"outcome":"lost","id":5},{"id":6,"outcome":"contact"}],"closed_deals":[0]}}`, Case{
			Call:     Call{call.Outgoing, true, true, true, true, &Origin{crm.TypeCompany, -1 << 63, false}},
			Settings: Settings{true, true, true, RepeatOff, crm.Simple},
			CRM: crm.Snapshot{
				Excluded: true, OpenLeads: ids(1, 1), OpenDeals: ids(2, 2), Contacts: ids(3, 3), Companies: []int64{1<<63 - 1},
				ClosedLeads: []crm.ClosedLead{{ID: 5, Outcome: "lost"}, {ID: 6, Outcome: "contact"}}, ClosedDeals: []int64{0},
			},
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ParseCase([]byte(tt.line))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("ParseCase (-want +got):\n%s", diff)
			}
		})
	}
}

func TestParseCaseRefuses(t *testing.T) {
	inCall := func(field string) string { return `{"call":{"direction":"incoming",` + field + `}}` }
	inCRM := func(field string) string { return `{"call":{"direction":"incoming"},"crm":{` + field + `}}` }
	tests := []struct{ name, line, want string }{
		{"nothing", ``, "JSON ends too early"},
		{"space only", `   `, "JSON ends too early"},
		{"half an object", `{"call":{"direction":"incoming"}`, "JSON ends too early"},
		{"no JSON", `call`, "not valid JSON after byte 0"},
		{"a trailing comma", inCall(`"leg":true,`), "not valid JSON after byte 42"},
		{"bytes that are no UTF-8", "{\"call\":{\"direction\":\"\xff\"}}", "not valid JSON after byte 20"},
		{"an array", `[]`, "must be an object"},
		{"null", `null`, "must be an object"},
		{"a second object", `{"call":{"direction":"incoming"}} {}`, "something follows the object"},
		{"garbage behind the object", `{"call":{"direction":"incoming"}}x`, "something follows the object"},
		{"no direction", `{"call":{}}`, "/call/direction is missing"},
		{"no call", `{}`, "/call/direction is missing"},
		{"a name twice", inCall(`"leg":true,"leg":true`), "a name occurs twice after byte 42"},
		{"an object twice", `{"call":{"direction":"incoming"},"call":{"direction":"incoming"}}`, "a name occurs twice after byte 32"},
		{"an unknown field", inCall(`"+4930123":1`), "unknown field in /call"},
		{"an unknown field at the top", `{"calls":{}}`, "unknown field in the case"},
		{"a field in other letters", `{"Call":{"direction":"incoming"}}`, "unknown field in the case"},
		{"an unknown word", `{"call":{"direction":"internal"}}`, "/call/direction is no known word"},
		{"a word in other letters", `{"call":{"direction":"Incoming"}}`, "/call/direction is no known word"},
		{"an empty direction", `{"call":{"direction":""}}`, "/call/direction is no known word"},
		{"a word that is a number", `{"call":{"direction":2}}`, "/call/direction must be a word"},
		{"a word that is null", `{"call":{"direction":null}}`, "/call/direction must be a word"},
		{"a truth that is a number", inCall(`"leg":1`), "/call/leg must be true or false"},
		{"a truth that is null", inCall(`"leg":null`), "/call/leg must be true or false"},
		{"a truth that is a word", inCall(`"leg":"true"`), "/call/leg must be true or false"},
		{"call is null", `{"call":null}`, "/call must be an object"},
		{"a list that is null", inCRM(`"contacts":null`), "/crm/contacts must be an array"},
		{"a list that is a number", inCRM(`"contacts":1`), "/crm/contacts must be an array"},
		{"a fraction", inCRM(`"contacts":[1,2.5]`), "/crm/contacts/1 must be a whole number of 64 bits"},
		{"a fraction that is whole", inCRM(`"contacts":[1.0]`), "/crm/contacts/0 must be a whole number of 64 bits"},
		{"an exponent", inCRM(`"contacts":[1e3]`), "/crm/contacts/0 must be a whole number of 64 bits"},
		{"an id of more than 64 bits", inCRM(`"contacts":[9223372036854775808]`), "/crm/contacts/0 must be a whole number of 64 bits"},
		{"an id with a leading zero", inCRM(`"contacts":[01]`), "not valid JSON after byte 53"},
		{"an id in quotes", inCRM(`"contacts":["1"]`), "/crm/contacts/0 must be a whole number"},
		{"a null id", inCRM(`"contacts":[null]`), "/crm/contacts/0 must be a whole number"},
		{"a list in a list", inCRM(`"contacts":[[1]]`), "/crm/contacts/0 must be a whole number"},
		{"a closed lead that is an id", inCRM(`"closed_leads":[1]`), "/crm/closed_leads/0 must be an object"},
		{"a closed lead without an outcome", inCRM(`"closed_leads":[{"id":1}]`), "/crm/closed_leads/0 has no outcome"},
		{"a closed lead without an id", inCRM(`"closed_leads":[{"outcome":"deal"}]`), "/crm/closed_leads/0 has no id"},
		{"an origin without a type", inCall(`"origin":{"id":1}`), "/call/origin has no type"},
		{"an origin without an id", inCall(`"origin":{"type":"deal"}`), "/call/origin has no id"},
		{"an origin that is a word", inCall(`"origin":"deal"`), "/call/origin must be an object"},
		{"deep nesting", strings.Repeat(`[`, 1<<20), "must be an object"},
		{"deep nesting in an unknown field", `{"x":` + strings.Repeat(`[`, 1<<20), "unknown field in the case"},
		{"deep nesting in a known field", inCRM(`"contacts":` + strings.Repeat(`[`, 1<<20)), "/crm/contacts/0 must be a whole number"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ParseCase([]byte(tt.line))
			if err == nil {
				t.Fatalf("ParseCase = %+v, want an error", got)
			}
			if err.Error() != tt.want {
				t.Errorf("error = %q, want %q", err, tt.want)
			}
			if diff := cmp.Diff(Case{}, got); diff != "" {
				t.Errorf("a case beside the error (-want +got):\n%s", diff)
			}
		})
	}
}

func TestParseCaseOfHugeLists(t *testing.T) {
	line := `{"call":{"direction":"incoming"},"crm":{"contacts":[1` + strings.Repeat(",1", 500_000) + `]}}`
	c, err := ParseCase([]byte(line))
	if err != nil || len(c.CRM.Contacts) != 500_001 {
		t.Fatalf("%d contacts, %v", len(c.CRM.Contacts), err)
	}
	if d := Decide(c); len(d.LogTo) != 1 {
		t.Errorf("%d targets, want 1", len(d.LogTo))
	}
}

// FuzzParseCase holds ParseCase against encoding/json: what it takes, that one
// takes too, and reads the same.
func FuzzParseCase(f *testing.F) {
	f.Add(benchLine)
	for _, seed := range []string{`{}`, `null`, `[[[[`, `{"call":{"direction":"info"}} x`, `{"call":{"direction":"info","origin":null},"crm":{"contacts":[1e3]}}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		got, err := ParseCase(line)
		if err != nil {
			return
		}
		want := Case{Settings: DefaultSettings()}
		strict := json.NewDecoder(bytes.NewReader(line))
		strict.DisallowUnknownFields()
		if err := strict.Decode(&want); err != nil {
			t.Fatalf("encoding/json refuses %q: %v", line, err)
		}
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("%q (-encoding/json +ParseCase):\n%s", line, diff)
		}
		if d := Decide(got); len(d.LogTo) > MaxTargets || d.Reason == "" {
			t.Fatalf("Decide(%q) = %+v", line, d)
		}
	})
}
