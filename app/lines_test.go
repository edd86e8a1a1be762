package main

import (
	"net/http"
	"net/url"
	"testing"

	"callwise/app/b24/b24sim"

	"github.com/google/go-cmp/cmp"
)

const berlinLine = "4930901820" // that of started

func TestALineHasItsOwnNameSourceAndSwitches(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		r.switches("corb")
		r.set("lines/"+berlinLine+"/name", "Berlin office", "lines/"+berlinLine+"/source", "ADVERTISING",
			"lines/4989/name", "Munich", "lines/4989/create_entities", "off", "lines/callwise/name", "All others")
		r.tell(started("c1", "incoming", "+4930901820"), ended("c1", "answered", 5))
		r.tell(started("c2", "incoming", "+4930901821", map[string]any{"line": "4989"}), ended("c2", "answered", 5))
		r.finished(2)
		leads := r.portal.Leads()
		if len(leads) != 1 || leads[0].SourceID != "ADVERTISING" {
			t.Errorf("leads = %+v, want one, of the line that creates, from its source", leads)
		}
		want := map[string]b24sim.Line{
			"callwise": {Number: "callwise", Name: "All others", AutoCreate: true},
			berlinLine: {Number: berlinLine, Name: "Berlin office", AutoCreate: true},
			"4989":     {Number: "4989", Name: "Munich"},
		}
		if diff := cmp.Diff(want, r.lines()); diff != "" {
			t.Errorf("lines (-want +got):\n%s", diff)
		}
		r.set("lines/4989/name", "", "lines/4989/create_entities", "", "lines/"+berlinLine+"/outgoing_calls", "off")
		want["4989"] = b24sim.Line{Number: "4989", Name: "4989", AutoCreate: true}
		want[berlinLine] = b24sim.Line{Number: berlinLine, Name: "Berlin office"}
		r.eventually("lines follow", func() bool { return cmp.Equal(want, r.lines()) })
	})
}

func TestWhatTheAppCreatesHasTheLinesSource(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		r.switches("corb")
		r.set("lines/"+berlinLine+"/source", "PARTNER")
		r.portal.AddContact(b24sim.Contact{Name: "Mia", Phones: []string{"+4930901821"}})
		r.tell(started("c1", "outgoing", "+4930901821"), ended("c1", "answered", 5))
		r.finished(1)
		if leads := r.portal.Leads(); len(leads) != 1 || leads[0].SourceID != "PARTNER" || leads[0].OriginatorID != "callwise" {
			t.Errorf("leads = %+v, want one of ours from the line's source", leads)
		}
	})
}

// The hourly refresh works on portals that it read before, page by page.
func TestARefreshWritesNoSwitchToALineThatWasTurnedOffMeanwhile(t *testing.T) {
	for _, tt := range []struct{ name, during string }{
		{"before the lines are read", "telephony.externalLine.get"},
		{"while one is written", "telephony.externalLine.update"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			eachDatabase(t, func(t *testing.T, address string) {
				r := newRig(t, address, classic)
				r.switches("corb")
				r.turnLineOff()
				held := r.sim.Inject(b24sim.Fault{Method: tt.during, Act: b24sim.Hold})
				refreshed := make(chan error, 1)
				go func() { refreshed <- r.house.flow.Refresh(t.Context(), 0) }()
				<-held.Reached()
				r.set("create_entities", "off")
				held.Release()
				if err := <-refreshed; err != nil {
					t.Fatal(err)
				}
				want := map[string]b24sim.Line{"callwise": {Number: "callwise", Name: "Callwise"}}
				if diff := cmp.Diff(want, r.lines()); diff != "" {
					t.Errorf("lines (-want +got):\n%s", diff)
				}
			})
		})
	}
}

// turnLineOff is what somebody does in Bitrix24 behind our back.
func (r *rig) turnLineOff() {
	r.t.Helper()
	access, _ := r.portal.Token(admin)
	form := url.Values{"auth": {access}, "NUMBER": {"callwise"}, "CRM_AUTO_CREATE": {"N"}}
	if status, body := r.do(http.MethodPost, r.portal.Endpoint()+"telephony.externalLine.update", form, ""); status != http.StatusOK {
		r.t.Fatalf("telephony.externalLine.update: %d %s", status, body)
	}
}

func (r *rig) lines() map[string]b24sim.Line {
	all := map[string]b24sim.Line{}
	for _, line := range r.portal.Lines() {
		all[line.Number] = line
	}
	return all
}
