package b24

import (
	"context"
	"time"

	"callwise/app/crm"
)

// A Told is what a portal answered to one question, or why it did not.
type Told[T any] struct {
	Value T
	Err   error
}

// A Condition is how a portal stands to us at one moment. Each part is told, or
// not, by itself.
type Condition struct {
	Owner      Told[Profile] // whose token it was asked with
	App        Told[AppState]
	Scopes     Told[[]string]
	Events     Told[[]string] // of those we need, the ones that do not reach us
	Placements Told[[]string] // of ours, those that are not shown, or wrongly
	Lines      Told[[]Line]
	Mode       Told[crm.Mode]
	// Ahead is how far the portal's clock is ahead of ours. It tells whole
	// seconds, and a request takes its time: it is exact to a second or two.
	Ahead Told[time.Duration]
}

// A Setup is what a portal should keep for us.
type Setup struct {
	EventHandler string
	Events       []string
	Placement    string // handler of all placements
	Placements   []string
	Titles       map[string]string // of placements, by language
}

// conditionMethods are asked in one request; the keys name the answers.
var conditionMethods = []Command{
	{Key: "app", Method: "app.info"}, {Key: "scopes", Method: "scope"},
	askEvents, askPlacements,
	{Key: "lines", Method: "telephony.externalLine.get"}, {Key: "mode", Method: "crm.settings.mode.get"},
	{Key: "clock", Method: "server.time"},
}

// What only an administrator is told, or told wholly.
var (
	askEvents     = Command{Key: "events", Method: "event.get"}
	askPlacements = Command{Key: "placements", Method: "placement.get"}
)

// Condition asks a portal, in one request that only reads, how it stands; in one
// more if who is asked first is no administrator. The error is about the first
// request as a whole: then nothing was told.
//
// https://apidocs.bitrix24.com/api-reference/common/system/app-info.html
func (c *Client) Condition(ctx context.Context, want Setup) (Condition, error) {
	asked := c.app.now()
	answers, err := c.asking(ctx, conditionMethods)
	if err != nil {
		return Condition{}, err
	}
	middle := asked.Add(c.app.now().Sub(asked) / 2)
	var got Condition
	got.Owner = read(answers, askOwner.Key, profileOf)
	got.App = read(answers, "app", func(a appAnswer) (AppState, error) { return a.state(), nil })
	got.Scopes = read(answers, "scopes", func(all List[Text]) ([]string, error) { return scopesOf(all), nil })
	got.Lines = read(answers, "lines", func(rows List[lineRow]) ([]Line, error) { return linesOf(rows), nil })
	got.Mode = read(answers, "mode", readMode)
	got.Ahead = read(answers, "clock", func(told Text) (time.Duration, error) {
		at, err := time.Parse(time.RFC3339, string(told))
		if err != nil {
			return 0, &Failure{Method: "server.time", Sent: true, Err: oddAnswer("a time that cannot be read")}
		}
		return at.Sub(middle), nil
	})
	if !got.Owner.Value.Admin {
		answers, err = c.askingAdmin(ctx, askEvents, askPlacements)
	}
	if err != nil {
		got.Events.Err, got.Placements.Err = err, err
		return got, nil
	}
	got.Events = read(answers, askEvents.Key, func(have List[boundEvent]) ([]string, error) {
		return missingEvents(have, want.EventHandler, want.Events), nil
	})
	got.Placements = read(answers, askPlacements.Key, func(have List[boundPlacement]) ([]string, error) {
		return missingPlacements(have, want.Placements, want.Placement, want.Titles), nil
	})
	return got, nil
}

// read is one answer as say puts it.
func read[In, Out any](a Answers, key string, say func(In) (Out, error)) (told Told[Out]) {
	var in In
	if told.Err = a.Decode(key, &in); told.Err == nil {
		told.Value, told.Err = say(in)
	}
	return told
}

func readMode(number ID) (crm.Mode, error) {
	mode, ok := modeOf(number)
	if !ok {
		return "", &Failure{Method: "crm.settings.mode.get", Sent: true, Err: oddAnswer("a mode that is not known")}
	}
	return mode, nil
}
