package pbxsim

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestScenariosHaveNamesAndSentencesOfTheirOwn(t *testing.T) {
	seen := map[string]bool{}
	for _, s := range Scenarios {
		if seen[s.Name] || seen[s.Shows] || !strings.HasSuffix(s.Shows, ".") || strings.ContainsAny(s.Name, " ,") {
			t.Errorf("%q: %q", s.Name, s.Shows)
		}
		seen[s.Name], seen[s.Shows] = true, true
		if found, ok := Find(s.Name); !ok || found.Shows != s.Shows {
			t.Errorf("%s is not found", s.Name)
		}
	}
	if _, found := Find("nothing"); found {
		t.Error("what is not there is found")
	}
}

func TestAnEventThatIsSentAgainIsTheSame(t *testing.T) {
	events, requests := map[string]Event{}, 0
	client, _ := answers(t, func(w http.ResponseWriter, r *http.Request) {
		var sent []Event
		if err := json.NewDecoder(r.Body).Decode(&sent); err != nil {
			t.Error(err)
		}
		for _, e := range sent {
			if before, again := events[e.ID]; again && !cmp.Equal(before, e) {
				t.Errorf("%s changed:\n%s", e.ID, cmp.Diff(before, e))
			}
			events[e.ID] = e
		}
		requests++
		says(http.StatusAccepted, "application/json", `{"accepted":1}`)(w, r)
	})
	s, _ := Find("late-shuffled")
	steps := 0
	player := Player{Client: client, Speed: 1e4, Played: func(Played) { steps++ }}
	if err := player.Play(t.Context(), s, Cast{Call: "c1", Phone: "1", Extensions: []string{"1", "2", "3"}}); err != nil {
		t.Fatal(err)
	}
	if len(events) != 4 || requests != 5 || steps != 5 {
		t.Errorf("%d events in %d requests, %d steps", len(events), requests, steps)
	}
}

func TestAScenarioEndsWithItsFirstError(t *testing.T) {
	client, asked := answers(t, says(http.StatusForbidden, "", ""))
	var played []Played
	player := Player{Client: client, Speed: 1e4, Played: func(p Played) { played = append(played, p) }}
	err := player.Play(t.Context(), Scenarios[0], Cast{Call: "c1", Extensions: []string{"1", "2", "3"}})
	if err == nil || len(played) != 1 || played[0].Err != err || asked.Load() != 1 {
		t.Errorf("error %v after %d requests, played %+v", err, asked.Load(), played)
	}
}
