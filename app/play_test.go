package main

import (
	"context"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"

	"callwise/app/b24/b24sim"
	"callwise/app/pbx/pbxsim"

	"github.com/google/go-cmp/cmp"
)

// An end is what a call leaves behind: in the log of Callwise, and in the
// portal.
type end struct {
	State, Result, Reason string
	Code                  string // status code of the statistics
	User                  int64  // of the statistics
	Owner                 int64  // responsible for what was created
	Registered            int
	Statistics            int
	Activities            int
	Bound                 int // cards of the CRM that the activity stands in
	Requests              int // without those that only move call cards
	Moves                 int // these: the call card follows who rings and who talks
}

// Ends of a call from or to a new number.
var (
	talkedAnna = end{"finished", "created", "NEW_CREATED", "200", anna, anna, 1, 1, 1, 1, 3, 0}
	talkedOmar = end{"finished", "created", "NEW_CREATED", "200", omar, omar, 1, 1, 1, 1, 3, 0}
	movedOmar  = end{"finished", "created", "NEW_CREATED", "200", omar, omar, 1, 1, 1, 1, 3, 2}
	attached   = end{"finished", "created", "NEW_CREATED", "200", anna, anna, 1, 1, 1, 1, 4, 0} // one request more: a file, the texts, a question
)

// ends are what the scenarios come to with a new number each and the first two
// switches on; 104 is Anna's, 105 is Omar's, 101 is Vera's.
var ends = map[string]end{
	"incoming-answered": talkedAnna,
	"incoming-missed":   {"finished", "created", "NEW_CREATED", "304", anna, anna, 1, 1, 1, 1, 3, 0},
	"menu-hangup":       {"finished", "created", "NEW_CREATED", "304", admin, admin, 1, 1, 1, 1, 3, 0}, // who is responsible for missed calls
	"ring-group":        movedOmar,
	"queue":             {"finished", "created", "NEW_CREATED", "200", omar, omar, 1, 1, 1, 1, 3, 3},
	"blind-transfer":    movedOmar,
	"attended-transfer": movedOmar,
	"outgoing-answered": talkedAnna,
	"outgoing-busy":     {"finished", "created", "NEW_CREATED", "486", anna, anna, 1, 1, 1, 1, 3, 0},
	"ended-alone":       talkedAnna,
	"late-shuffled":     talkedOmar,
	"late-leg":          {"finished", "created", "NEW_CREATED", "200", anna, anna, 1, 1, 1, 1, 3, 2},
	"internal":          {State: "finished", Result: "nothing", Reason: "INTERNAL_CALL"},
	"hidden":            {State: "finished", Result: "nothing", Reason: "HIDDEN_NUMBER"},
	"sip-uri":           talkedAnna,
	"recording":         attached,
	"early-recording":   attached,
	"transcript":        attached,
	"who-calls":         attached,
}

func TestEveryScenarioOfThePlayerEndsAsItShould(t *testing.T) {
	eachDatabase(t, func(t *testing.T, _ string) {
		t.Parallel() // most of it is waiting for the portal's limit of requests
		sound := httptest.NewServer(&tape{size: 1000})
		t.Cleanup(sound.Close)
		for _, test := range []struct {
			name    string
			prepare func(r *rig, phone string)
			want    map[string]end
		}{
			{"a new number", func(*rig, string) {}, ends},
			{"a customer with an open deal", (*rig).addCustomer, knownEnds()},
		} {
			t.Run(test.name, func(t *testing.T) {
				r := newRig(t, freshDatabase(t), classic)
				r.switches("co")
				got := map[string]end{}
				for i, s := range pbxsim.Scenarios {
					phone := fmt.Sprintf("+4930901%d", 840+i)
					test.prepare(r, phone)
					got[s.Name] = r.played(s, pbxsim.Cast{
						Call: s.Name, Phone: phone, Line: "4930901820",
						Extensions: []string{"104", "105", "101"}, Recording: sound.URL + "/a.mp3",
					})
				}
				t.Log(tableOf(got))
				if diff := cmp.Diff(test.want, got); diff != "" {
					t.Errorf("the scenarios end otherwise (-want +got):\n%s", diff)
				}
			})
		}
	})
}

// addCustomer is somebody with an open deal of Omar's, and somebody at home
// there.
func (r *rig) addCustomer(phone string) {
	first := r.portal.AddContact(b24sim.Contact{Name: "Mia", LastName: "Vogt", Phones: []string{phone}, ResponsibleID: omar})
	r.portal.AddContact(b24sim.Contact{Name: "Jan", LastName: "Vogt", Phones: []string{"0" + strings.TrimPrefix(phone, "+49")}})
	r.portal.AddDeal(b24sim.Deal{Title: "Roof", ContactIDs: []int64{first}, ResponsibleID: omar})
}

// knownEnds are the ends of the same calls from or to a customer with an open
// deal: nothing is created, and they are logged to the deal and both contacts.
// Who hung up in the menu is called back by whose customer it is.
func knownEnds() map[string]end {
	known := map[string]end{}
	for name, e := range ends {
		if e.Statistics > 0 {
			e.Result, e.Reason, e.Owner, e.Bound = "added", "OPEN_ENTITY", 0, 3
		}
		if name == "menu-hangup" {
			e.User = omar
		}
		known[name] = e
	}
	return known
}

// played plays a scenario; each step begins when the one before is worked on.
func (r *rig) played(s pbxsim.Scenario, c pbxsim.Cast) end {
	r.t.Helper()
	before := r.portal.Snapshot()
	r.sim.ClearRequests()
	key := "pbx:" + c.Call
	player := pbxsim.Player{
		Client: pbxsim.Client{URL: r.url, Key: r.key}, Speed: maxSpeed,
		Played: func(p pbxsim.Played) {
			if p.Err != nil || p.Asks {
				return
			}
			r.done(key)
			r.deliver()
		},
	}
	if err := player.Play(r.t.Context(), s, c); err != nil {
		r.t.Fatalf("%s: %v", s.Name, err)
	}
	r.eventually(s.Name+" finished", func() bool { return r.call(key).State == "finished" && r.idle(key) })
	moves := r.moves()
	after, call := r.portal.Snapshot(), r.call(key)
	e := end{
		State: string(call.State), Result: string(call.Result), Reason: string(call.Reason),
		Registered: r.sim.Count("acme", "telephony.externalCall.register"), Requests: r.sim.Count("acme", "") - moves, Moves: moves,
		Statistics: len(after.Statistics) - len(before.Statistics), Activities: len(after.Activities) - len(before.Activities),
	}
	if e.Statistics > 0 {
		row := after.Statistics[len(after.Statistics)-1]
		e.Code, e.User = row.Status, row.UserID
	}
	if e.Activities > 0 {
		e.Bound = len(after.Activities[len(after.Activities)-1].Bindings)
	}
	if made := after.Leads[len(before.Leads):]; len(made) == 1 {
		e.Owner = made[0].ResponsibleID
	}
	if len(r.portal.Cards()) > 0 {
		r.t.Errorf("%s: a call card stays open", s.Name)
	}
	return e
}

// moves counts the requests of the portal that only show or hide call cards.
func (r *rig) moves() int {
	n := 0
	for _, request := range r.sim.Requests() {
		other := slices.ContainsFunc(append([]string{request.Method}, request.Commands...), func(method string) bool {
			return method != "batch" && !strings.HasSuffix(method, ".show") && !strings.HasSuffix(method, ".hide")
		})
		if !other {
			n++
		}
	}
	return n
}

func tableOf(got map[string]end) string {
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "\nscenario\tstate\tresult\treason\tstatus\tresponsible\towner\tregistered\tstatistics\tactivities\tbound\trequests\tmoves")
	for _, s := range pbxsim.Scenarios {
		e := got[s.Name]
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\n", s.Name,
			e.State, e.Result, e.Reason, e.Code, e.User, e.Owner, e.Registered, e.Statistics, e.Activities, e.Bound, e.Requests, e.Moves)
	}
	if err := w.Flush(); err != nil {
		return err.Error()
	}
	return text.String()
}

// plays runs `callwise play` and returns its exit code and what it wrote.
func plays(ctx context.Context, key string, args ...string) (code int, out, errs string) {
	var said, complained strings.Builder
	term := terminal{out: &said, err: &complained, getenv: func(name string) string {
		return map[string]string{"CALLWISE_PBX_KEY": key}[name]
	}}
	code = term.run(ctx, append([]string{"play"}, args...))
	return code, said.String(), complained.String()
}

func TestPlayReportsEveryScenarioToARunningCallwise(t *testing.T) {
	r := newRig(t, freshDatabase(t), b24sim.PortalConfig{RepeatSales: true})
	code, out, errs := plays(t.Context(), r.key, "-url", r.url, "-speed", "10000", "-extensions", "104,105,101")
	if code != exitOK || errs != "" {
		t.Fatalf("exit code %d: %s\n%s", code, errs, out)
	}
	t.Log("\n" + out)
	for _, s := range pbxsim.Scenarios {
		if !strings.Contains(out, s.Name+": "+s.Shows+"\n  ") {
			t.Errorf("%s and its steps are not in the output:\n%s", s.Name, out)
		}
	}
	if !strings.HasSuffix(out, ", failed: 0\n") {
		t.Errorf("the summary is not at the end:\n%s", out)
	}
	if strings.Contains(out, r.key) || strings.Contains(out, "30901820") {
		t.Error("the output tells the key or the number")
	}
	r.eventually("all calls reported", func() bool {
		return strings.Count(r.page("/calls"), `<tr id="call-`) == len(pbxsim.Scenarios)
	})
}

func TestPlayFailsWhenARequestIsRefused(t *testing.T) {
	r := newRig(t, freshDatabase(t), classic)
	code, out, _ := plays(t.Context(), "wrong-key", "-url", r.url, "-scenario", "incoming-missed,hidden", "-speed", "10000")
	if code != exitFailed || strings.Count(out, "FAILED: Callwise answered 401 Unauthorized: Send a PBX key") != 2 {
		t.Errorf("exit code %d:\n%s", code, out)
	}
	if !strings.HasSuffix(out, "scenarios: 2, steps: 2, failed: 2\n") || strings.Contains(out, "wrong-key") {
		t.Errorf("it said:\n%s", out)
	}
}

func TestPlayStopsWhenItIsToldTo(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	stop()
	code, out, _ := plays(ctx, "key", "-speed", "0.1")
	if code != exitFailed || !strings.HasSuffix(out, "stopped\n") || strings.Contains(out, "incoming-missed") {
		t.Errorf("exit code %d:\n%s", code, out)
	}
}

func TestPlayTellsWhatIsWrongWithItsFlags(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "empty")
	if err := os.WriteFile(empty, []byte("\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		args []string
		key  string
		says []string
	}{
		{[]string{"-scenario", "nothing"}, "k", []string{`-scenario: there is no "nothing"`}},
		{[]string{"-scenario", "hidden,,internal"}, "k", []string{"a name is empty"}},
		{[]string{"-speed", "0"}, "k", []string{"-speed: must be from"}},
		{[]string{"-speed", "NaN"}, "k", []string{"-speed: must be from"}},
		{[]string{"-extensions", "104,105"}, "k", []string{"-extensions: must be 3"}},
		{[]string{"-url", "localhost:8080"}, "k", []string{"-url: must be an http or https address"}},
		{[]string{"-url", "http://user:secret@host"}, "k", []string{"-url: must be an http or https address"}},
		{nil, "", []string{"CALLWISE_PBX_KEY", "-key-file"}},
		{[]string{"-key-file", empty}, "k", []string{"put one PBX key"}},
		{[]string{"-key-file", empty + "s"}, "k", []string{"-key-file: open"}},
		{[]string{"-key", "k"}, "k", []string{"flag provided but not defined: -key"}},
		{[]string{"-speed", "-1", "-extensions", "1"}, "", []string{"-speed", "-extensions", "CALLWISE_PBX_KEY"}},
	} {
		code, out, errs := plays(t.Context(), test.key, test.args...)
		if code != exitUsage || out != "" {
			t.Errorf("%v: exit code %d, it wrote %q", test.args, code, out)
		}
		for _, says := range test.says {
			if !strings.Contains(errs, says) || strings.Contains(errs, "secret") {
				t.Errorf("%v: it said %q, want %q", test.args, errs, says)
			}
		}
	}
}

func TestPlayReadsItsKeyFromAFile(t *testing.T) {
	r := newRig(t, freshDatabase(t), classic)
	file := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(file, []byte(r.key+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, out, errs := plays(t.Context(), "", "-url", r.url+"/", "-key-file", file, "-scenario", "hidden", "-speed", "10000"); code != exitOK {
		t.Errorf("exit code %d: %s%s", code, errs, out)
	}
}

func TestPlayListsItsScenarios(t *testing.T) {
	code, out, _ := plays(t.Context(), "", "-list")
	if code != exitOK || strings.Count(out, "\n") != len(pbxsim.Scenarios) || !strings.Contains(out, "ring-group ") {
		t.Errorf("exit code %d:\n%s", code, out)
	}
}
