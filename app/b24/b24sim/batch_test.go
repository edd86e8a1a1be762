package b24sim

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// batch posts commands in their order; each is "key=method?query".
func (w *world) batch(halt any, commands ...string) map[string]any {
	w.t.Helper()
	var lines []string
	for _, c := range commands {
		key, line, _ := strings.Cut(c, "=")
		lines = append(lines, fmt.Sprintf("%q:%q", key, line))
	}
	return w.object("batch", map[string]any{"halt": halt, "cmd": rawJSON("{" + strings.Join(lines, ",") + "}")})
}

type rawJSON string

func (r rawJSON) MarshalJSON() ([]byte, error) { return []byte(r), nil }

// outcome are the results, and the codes of the commands that failed.
func outcome(answer map[string]any) map[string]any {
	all := map[string]any{}
	results, _ := answer["result"].(map[string]any)
	for k, v := range results {
		all[k] = v
	}
	failed, _ := answer["result_error"].(map[string]any)
	for k, v := range failed {
		all[k] = v.(map[string]any)["error"]
	}
	return all
}

func TestBatch(t *testing.T) {
	tests := []struct {
		name     string
		halt     any
		commands []string
		want     map[string]any
	}{
		{name: "hands results on", commands: []string{"z=crm.contact.add?fields[NAME]=Anna", "a=crm.item.add?entityTypeId=2&fields[contactIds][0]=$result[z]",
			"b=crm.deal.list?filter[CONTACT_ID]=$result[z]&select[0]=ID"},
			want: map[string]any{"z": 10.0, "a": nil, "b": []any{map[string]any{"ID": "1"}}}},
		{name: "takes a list as a whole parameter", commands: []string{"find=crm.duplicate.findbycomm?type=PHONE&values[0]=%2B4930111222&entity_type=LEAD",
			"leads=crm.lead.list?filter[@ID]=%24result%5Bfind%5D%5BLEAD%5D&select[0]=ID"},
			want: map[string]any{"find": map[string]any{"LEAD": []any{2.0, 3.0}}, "leads": []any{map[string]any{"ID": "2"}, map[string]any{"ID": "3"}}}},
		{name: "takes the container when the path ends early, so an empty search lists everything", commands: []string{
			"find=crm.duplicate.findbycomm?type=PHONE&values[0]=1&entity_type=LEAD", "leads=crm.lead.list?filter[@ID]=$result[find][LEAD]&select[0]=ID"},
			want: map[string]any{"find": []any{}, "leads": []any{map[string]any{"ID": "1"}, map[string]any{"ID": "2"}, map[string]any{"ID": "3"}}}},
		{name: "halts where a search is for what another did not find", halt: 1, commands: []string{
			"find=crm.duplicate.findbycomm?type=PHONE&values[0]=1", "found=crm.duplicate.findbycomm?type=PHONE&values=$result[find]", "mode=crm.settings.mode.get"},
			want: map[string]any{"find": []any{}, "found": ""}},
		{name: "goes on where a search is for what another found, which is no text", halt: 1, commands: []string{
			"find=crm.duplicate.findbycomm?type=PHONE&values[0]=%2B4930111222", "found=crm.duplicate.findbycomm?type=PHONE&values=$result[find]", "mode=crm.settings.mode.get"},
			want: map[string]any{"find": map[string]any{"LEAD": []any{2.0, 3.0}}, "found": []any{}, "mode": 1.0}},
		{name: "leaves a reference to what failed as text", commands: []string{"bad=crm.lead.get?id=99", "note=crm.lead.add?fields[TITLE]=$result[bad]",
			"got=crm.lead.list?filter[%3DTITLE]=$result[bad]&select[0]=ID"},
			want: map[string]any{"bad": "", "note": 4.0, "got": []any{map[string]any{"ID": "4"}}}},
		{name: "puts scalars into longer texts", commands: []string{"mode=crm.settings.mode.get", "t=crm.lead.add?fields[TITLE]=mode+$result[mode]!",
			"got=crm.lead.list?filter[%3DTITLE]=mode+1!&select[0]=ID"},
			want: map[string]any{"mode": 1.0, "t": 4.0, "got": []any{map[string]any{"ID": "4"}}}},
		{name: "goes on after a failure without halt", halt: false, commands: []string{"a=crm.lead.get?id=99", "b=crm.settings.mode.get"},
			want: map[string]any{"a": "", "b": 1.0}},
		{name: "stops after a failure with halt", halt: 1, commands: []string{"a=crm.lead.get?id=99", "b=crm.settings.mode.get"},
			want: map[string]any{"a": ""}},
		{name: "takes the text false for true", halt: "false", commands: []string{"a=crm.lead.get?id=99", "b=crm.settings.mode.get"},
			want: map[string]any{"a": ""}},
		{name: "refuses batches and bindings of placements inside", commands: []string{"a=batch?cmd[x]=profile", "b=placement.bind?PLACEMENT=CALL_CARD&HANDLER=https://a.b/c"},
			want: map[string]any{"a": "ERROR_BATCH_METHOD_NOT_ALLOWED", "b": "ERROR_BATCH_METHOD_NOT_ALLOWED"}},
		{name: "reads a plus as a space", commands: []string{"a=telephony.externalCall.register?USER_ID=1&TYPE=2&PHONE_NUMBER=79031112233&CALL_START_DATE=2026-08-21T10:20:30+03:00"},
			want: map[string]any{"a": "ERROR_CORE"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newInstalled(t, PortalConfig{})
			w.AddContact(Contact{ID: 9, Name: "Before"})
			w.AddLead(Lead{ID: 1})
			w.AddLead(Lead{ID: 2, Phones: []string{"+4930111222"}})
			w.AddLead(Lead{ID: 3, Phones: []string{"004930111222"}})
			got := outcome(w.batch(tt.halt, tt.commands...))
			if _, ok := got["a"].(map[string]any); ok && tt.want["a"] == nil {
				got["a"] = nil // the whole item of crm.item.add
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestABatchOfMoreThan50FailsForTheSurplusOnlyAndCountsOnce(t *testing.T) {
	w := newInstalled(t, PortalConfig{})
	w.sim.ClearRequests()
	var commands []string
	for i := range 52 {
		commands = append(commands, fmt.Sprintf("c%02d=crm.settings.mode.get", i))
	}
	answer := w.batch(0, commands...)
	if got := len(answer["result"].(map[string]any)); got != 50 {
		t.Errorf("%d commands ran, want 50", got)
	}
	if got := outcome(answer)["c51"]; got != "ERROR_BATCH_LENGTH_EXCEEDED" {
		t.Errorf("the last one answers %v", got)
	}
	if got := w.sim.Count("acme", ""); got != 1 {
		t.Errorf("%d requests, want 1", got)
	}
	if got := w.sim.Count("", "crm.settings.MODE.get"); got != 52 {
		t.Errorf("%d commands were counted, want 52", got)
	}
}

func TestEmptyMapsOfABatchAreLists(t *testing.T) {
	w := newInstalled(t, PortalConfig{})
	want := map[string]any{"result": []any{}, "result_error": []any{}, "result_total": []any{}, "result_next": []any{}, "result_time": []any{}}
	if diff := cmp.Diff(want, w.batch(0)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
