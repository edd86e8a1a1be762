package demo

import (
	"context"
	"errors"
	"net/http"

	"callwise/app/pbx/pbxsim"

	"github.com/google/uuid"
)

// scenarioSpeed is how much faster than life scenarios go on: one waits for them.
const scenarioSpeed = 15

var errNoScenario = errors.New("choose a scenario")

// playScenario plays a scenario of package pbxsim with the customer, the line
// and the first employees.
func (d *Demo) playScenario(r *http.Request) error {
	s, found := pbxsim.Find(r.PostForm.Get("scenario"))
	if !found {
		return errNoScenario
	}
	number, err := d.number(r)
	if err != nil {
		return err
	}
	cast := pbxsim.Cast{Call: "demo-" + uuid.NewString(), Phone: number, Line: lineOf(r)}
	for _, u := range d.portal.Users()[:pbxsim.Extensions] {
		cast.Extensions = append(cast.Extensions, u.Extension)
	}
	cast.Recording = d.config.PortalURL + recordingPath + cast.Call + ".wav"
	return d.phone.play(r.Context(), s, cast)
}

func (t *telephone) play(ctx context.Context, s pbxsim.Scenario, c pbxsim.Cast) error {
	if err := t.connect(ctx); err != nil {
		return err
	}
	return t.keyed(ctx, func() error {
		player := pbxsim.Player{Client: t.client(), Speed: scenarioSpeed, Played: t.notePlayed}
		return player.Play(ctx, s, c)
	})
}

func (t *telephone) notePlayed(p pbxsim.Played) {
	status := http.StatusAccepted
	if p.Asks {
		status = http.StatusOK
	}
	t.noteAnswer(p.Says, status, p.Answer, p.Err)
}
