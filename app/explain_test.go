package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"callwise/app/rules"

	"github.com/google/go-cmp/cmp"
)

const exampleCase = `{"call":{"direction":"incoming","internal":false,"hidden":false,"employee":false,"leg":false,"origin":{"type":"deal","id":9,"closed":true}},` +
	`"settings":{"create_entities":true,"outgoing_calls":false,"repeated_leads":true,"repeat_in_bitrix24":"on","crm_mode":"classic"},` +
	`"crm":{"excluded":false,"open_leads":[],"open_deals":[],"contacts":[412],"companies":[],"closed_leads":[{"id":31,"outcome":"deal"}],"closed_deals":[9]}}`

// caseOf is a case of an incoming call with those settings and that CRM.
func caseOf(settings, crm string) string {
	return `{"call":{"direction":"incoming"},"settings":{` + settings + `},"crm":{` + crm + `}}`
}

func resultsOf(t *testing.T, input string) (output string, malformed int) {
	t.Helper()
	var out bytes.Buffer
	malformed, err := explain(t.Context(), strings.NewReader(input), &out)
	if err != nil {
		t.Fatal(err)
	}
	return out.String(), malformed
}

func TestExplainWritesTheLinesOfTheInterface(t *testing.T) {
	on := `"create_entities":true,"repeated_leads":true,"repeat_in_bitrix24":"on"`
	tests := []struct{ name, input, want string }{
		{
			"the example", exampleCase,
			`{"create":"repeated_lead","log_to":[{"type":"lead","new":true},{"type":"deal","id":9},{"type":"contact","id":412}],` +
				`"reason":"REPEAT_LEAD_TO_DEAL","notes":["CLOSED_CARD_CLICK"],"explanation":"The customer's previous lead became a deal that is now closed, so a repeated lead was created.",` +
				`"would_change":null}`,
		},
		{
			"a switch that matters", caseOf(``, ``),
			`{"create":"none","log_to":[],"reason":"NEW_CREATE_OFF","notes":["NO_TARGET"],"explanation":"This number is not in the CRM, and creating CRM entities is switched off.",` +
				`"would_change":{"switch":"create_entities","to":true,"create":"lead"}}`,
		},
		{
			"Bitrix24's switch matters", caseOf(`"create_entities":true,"repeated_leads":true`, `"contacts":[1]`),
			`{"create":"none","log_to":[{"type":"contact","id":1}],"reason":"REPEAT_OFF_B24","notes":[],"explanation":"The customer is known and has nothing open; repeat sales mode is switched off in Bitrix24.",` +
				`"would_change":{"switch":"repeat_in_bitrix24","to":"on","create":"repeated_lead"}}`,
		},
		{
			"a new lead", caseOf(`"create_entities":true`, ``),
			`{"create":"lead","log_to":[{"type":"lead","new":true}],"reason":"NEW_CREATED","notes":[],"explanation":"This number was not in the CRM, so a new lead was created.",` +
				`"would_change":{"switch":"create_entities","to":false,"create":"none"}}`,
		},
		{
			"a new deal", caseOf(`"create_entities":true,"crm_mode":"simple"`, ``),
			`{"create":"deal_contact","log_to":[{"type":"deal","new":true},{"type":"contact","new":true}],"reason":"NEW_CREATED","notes":[],"explanation":"This number was not in the CRM, so a new deal with a contact was created.",` +
				`"would_change":{"switch":"create_entities","to":false,"create":"none"}}`,
		},
		{
			"a repeated deal", caseOf(on+`,"crm_mode":"simple"`, `"contacts":[1]`),
			`{"create":"repeated_deal","log_to":[{"type":"deal","new":true},{"type":"contact","id":1}],"reason":"REPEAT_CONTACT","notes":[],"explanation":"The customer has a contact but no lead or deal, so a repeated deal was created.",` +
				`"would_change":null}`,
		},
		{
			"a repeated deal with a contact", caseOf(on+`,"crm_mode":"simple"`, `"closed_leads":[{"id":1,"outcome":"lost"}]`),
			`{"create":"repeated_deal_contact","log_to":[{"type":"deal","new":true},{"type":"contact","new":true}],"reason":"REPEAT_LEAD_LOST","notes":[],"explanation":"The customer's previous lead was closed without a result, so a repeated deal with a contact was created.",` +
				`"would_change":null}`,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, malformed := resultsOf(t, tt.input+"\n")
			if diff := cmp.Diff(tt.want+"\n", got); diff != "" || malformed != 0 {
				t.Errorf("%d malformed, result (-want +got):\n%s", malformed, diff)
			}
		})
	}
}

func TestExplainNamesMalformedLinesAndDecidesTheOthers(t *testing.T) {
	good := `{"call":{"direction":"info"}}`
	decided := `{"create":"none","log_to":[],"reason":"INFO_CALL","notes":["NO_TARGET"],"explanation":"Automatic information call; no entity is created.","would_change":null}` + "\n"
	wrong := func(text string, line int) string { return fmt.Sprintf(`{"error":"%s","line":%d}`, text, line) + "\n" }
	long := strings.Repeat(" ", maxLine-len(good)) + good
	tooLong := "the line is longer than 1 MiB"
	tests := []struct {
		name, input, want string
		malformed         int
	}{
		{"nothing", "", "", 0},
		{"empty lines are skipped and counted", "\n\r\n" + good + "\n\nx\n", decided + wrong("not valid JSON after byte 0", 5), 1},
		{"a carriage return ends a line too", good + "\r\n" + good + "\r\n", decided + decided, 0},
		{"the last line needs no end", good + "\n" + good, decided + decided, 0},
		{"malformed between good ones", good + "\n{}\n" + good + "\n[]\n", decided + wrong("/call/direction is missing", 2) + decided + wrong("must be an object", 4), 2},
		{"1 MiB is not too long", long + "\n" + good + "\n", decided + decided, 0},
		{"1 MiB and a carriage return are not too long", long + "\r\n" + good + "\n", decided + decided, 0},
		{"1 MiB at the end is not too long", long, decided, 0},
		{"one byte more is", " " + long + "\n" + good + "\n", wrong(tooLong, 1) + decided, 1},
		{"one byte more at the end is", good + "\n " + long, decided + wrong(tooLong, 2), 1},
		{"a line without end is not kept", good + "\n" + strings.Repeat("x", 5*maxLine) + "\n\n" + good + "\nx\n", decided + wrong(tooLong, 2) + decided + wrong("not valid JSON after byte 0", 5), 2},
		{"a last line without end is not kept", good + "\n" + strings.Repeat("[", 3*maxLine), decided + wrong(tooLong, 2), 1},
		{"two long lines", strings.Repeat("x", 2*maxLine) + "\n" + strings.Repeat("y", 2*maxLine) + "\n" + good, wrong(tooLong, 1) + wrong(tooLong, 2) + decided, 2},
	}
	readers := map[string]func(io.Reader) io.Reader{
		"at once": func(r io.Reader) io.Reader { return r }, "with its end": iotest.DataErrReader, "in halves": iotest.HalfReader,
	}
	for _, tt := range tests {
		for how, reader := range readers {
			t.Run(tt.name+" "+how, func(t *testing.T) {
				var out bytes.Buffer
				malformed, err := explain(t.Context(), reader(strings.NewReader(tt.input)), &out)
				if err != nil || malformed != tt.malformed {
					t.Errorf("%d malformed, %v", malformed, err)
				}
				if diff := cmp.Diff(tt.want, out.String()); diff != "" {
					t.Errorf("results (-want +got):\n%s", diff)
				}
			})
		}
	}
}

func TestExplainKeepsTheOrder(t *testing.T) {
	var input, want strings.Builder
	for i := range 50_000 {
		line := caseOf(``, fmt.Sprintf(`"contacts":[%d]`, i))
		if i%7 == 0 {
			line = strings.Repeat("x", i%5000)
		}
		input.WriteString(line + "\n")
		switch {
		case i%7 != 0:
			fmt.Fprintf(&want, "id %d\n", i)
		case i%5000 != 0:
			fmt.Fprintf(&want, "line %d\n", i+1)
		}
	}
	output, _ := resultsOf(t, input.String())
	var got strings.Builder
	for line := range strings.Lines(output) {
		var result struct {
			Line  int
			LogTo []rules.Target `json:"log_to"`
		}
		if err := json.Unmarshal([]byte(line), &result); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		if len(result.LogTo) == 0 {
			fmt.Fprintf(&got, "line %d\n", result.Line)
			continue
		}
		fmt.Fprintf(&got, "id %d\n", result.LogTo[0].ID)
	}
	if got.String() != want.String() {
		t.Error("the results are not in the order of the lines")
	}
}

func TestExplainWritesWhatEncodingJSONWould(t *testing.T) {
	type result struct {
		Create      rules.Create   `json:"create"`
		LogTo       []rules.Target `json:"log_to"`
		Reason      rules.Reason   `json:"reason"`
		Notes       []rules.Note   `json:"notes"`
		Explanation string         `json:"explanation"`
		WouldChange *rules.Change  `json:"would_change"`
	}
	sentences := map[string]bool{}
	for _, direction := range []string{"incoming", "outgoing"} {
		for bits := range 32 {
			for _, crm := range []string{``, `"contacts":[7]`, `"open_deals":[7],"companies":[8]`, `"closed_leads":[{"id":1,"outcome":"contact"}]`} {
				line := fmt.Sprintf(`{"call":{"direction":%q},"settings":{"create_entities":%v,"outgoing_calls":%v,"repeated_leads":%v,"repeat_in_bitrix24":%q,"crm_mode":%q},"crm":{%s}}`,
					direction, bits&1 != 0, bits&2 != 0, bits&4 != 0, []string{"off", "on"}[bits>>3&1], []string{"classic", "simple"}[bits>>4], crm)
				c, err := rules.ParseCase([]byte(line))
				if err != nil {
					t.Fatal(err)
				}
				d := rules.Decide(c)
				got, _ := resultsOf(t, line)
				var sentence result
				if err := json.Unmarshal([]byte(got), &sentence); err != nil {
					t.Fatal(err)
				}
				var want bytes.Buffer
				encoder := json.NewEncoder(&want)
				encoder.SetEscapeHTML(false)
				if err := encoder.Encode(result{d.Create, d.LogTo, d.Reason, d.Notes, sentence.Explanation, rules.WouldChange(c)}); err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(want.String(), got); diff != "" {
					t.Fatalf("%s (-encoding/json +explain):\n%s", line, diff)
				}
				sentences[sentence.Explanation] = true
			}
		}
	}
	for sentence := range sentences {
		if !strings.HasSuffix(sentence, ".") || strings.Contains(sentence, "(or") {
			t.Errorf("explanation %q", sentence)
		}
	}
}

func TestExplainAnswersBeforeItWaitsForMore(t *testing.T) {
	in, typed := io.Pipe()
	read, out := io.Pipe()
	done := make(chan error, 1)
	go func() {
		_, err := explain(t.Context(), in, out)
		out.Close()
		done <- err
	}()
	answers := bufio.NewReader(read)
	for range 3 {
		if _, err := io.WriteString(typed, `{"call":{"direction":"info"}}`+"\n"); err != nil {
			t.Fatal(err)
		}
		if answer, err := answers.ReadString('\n'); err != nil || !strings.Contains(answer, "INFO_CALL") {
			t.Fatalf("answer %q, %v", answer, err)
		}
	}
	typed.Close()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestExplainEndsWhenItIsToldTo(t *testing.T) {
	in, _ := io.Pipe()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		_, err := explain(ctx, in, io.Discard)
		done <- err
	}()
	cancel()
	select {
	case err := <-done:
		if !errors.Is(err, context.Canceled) {
			t.Errorf("error = %v", err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("explain hangs in a read")
	}
}

type brokenPipe struct{}

func (brokenPipe) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

func TestExplainReportsBrokenStreams(t *testing.T) {
	endless := iotest.ErrReader(errors.New("disk on fire"))
	if _, err := explain(t.Context(), io.MultiReader(strings.NewReader(exampleCase+"\n"), endless), io.Discard); err == nil || err.Error() != "disk on fire" {
		t.Errorf("error of a broken input = %v", err)
	}
	if _, err := explain(t.Context(), strings.NewReader(exampleCase), brokenPipe{}); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("error of a broken output = %v", err)
	}
}

// BenchmarkExplain counts cases a second on all cores, reading and writing included.
func BenchmarkExplain(b *testing.B) {
	const lines = 100_000
	input := []byte(strings.Repeat(exampleCase+"\n", lines))
	b.ReportAllocs()
	for b.Loop() {
		if malformed, err := explain(b.Context(), bytes.NewReader(input), io.Discard); malformed != 0 || err != nil {
			b.Fatal(malformed, err)
		}
	}
	b.ReportMetric(float64(lines)*float64(b.N)/b.Elapsed().Seconds(), "cases/s")
}
