package b24

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// boundEvent is a handler of an event, ours as all that are shown.
type boundEvent struct {
	Event   Text `json:"event"`
	Handler Text `json:"handler"`
	Owner   Text `json:"auth_type"` // the user with whose rights it is sent; "0" for who acts
	Offline YN   `json:"offline"`
}

// EnsureEvents makes handler the receiver of events, of each once: it binds what is
// missing, and unbinds other addresses of ours for the same events, and bindings in
// the name of a user, by which an event would come once more. It returns what it
// bound and may be repeated. Two requests when something is missing, one when
// nothing is. Only an administrator sees all bindings: an employee, and the system
// user, would be shown none, and what they bind is bound in their own name.
//
// https://apidocs.bitrix24.com/api-reference/events/event-bind.html
// https://apidocs.bitrix24.com/api-reference/events/event-get.html
func (c *Client) EnsureEvents(ctx context.Context, handler string, events []string) (bound []string, err error) {
	have, err := c.boundEvents(ctx)
	if err != nil {
		return nil, err
	}
	if bound, err = c.bindEvents(ctx, have, handler, events); err != nil {
		return bound, err
	}
	return bound, c.unbindUsers(ctx, userHandlers(have, handler, events))
}

// boundEvents are the portal's bindings to us, as an administrator sees them.
func (c *Client) boundEvents(ctx context.Context) ([]boundEvent, error) {
	answers, err := c.askingAdmin(ctx, askEvents)
	if err != nil {
		return nil, err
	}
	var have List[boundEvent]
	err = answers.Decode(askEvents.Key, &have)
	return have, err
}

// bindEvents binds what is missing of the events, for whoever acts, and unbinds other
// addresses.
func (c *Client) bindEvents(ctx context.Context, have []boundEvent, handler string, events []string) (bound []string, err error) {
	batch, missing := Batch{}, missingEvents(ofNobody(have), handler, events)
	for i, event := range missing {
		batch.Add(fmt.Sprintf("bind%d", i), "event.bind", Params{"event": event, "handler": handler})
	}
	for i, old := range otherHandlers(have, handler, events) {
		batch.Add(fmt.Sprintf("unbind%d", i), "event.unbind", Params{"event": string(old.Event), "handler": string(old.Handler)})
	}
	if len(batch.Commands) == 0 {
		return nil, nil
	}
	answers, err := c.Batch(ctx, batch, AsAdmin())
	if err != nil {
		return nil, err
	}
	var refused error
	for i, event := range missing {
		if err := answers.Decode(fmt.Sprintf("bind%d", i), nil); err != nil {
			refused = errors.Join(refused, err)
			continue
		}
		bound = append(bound, event)
	}
	if refused == nil {
		return bound, nil
	}
	return c.recheckEvents(ctx, handler, events, bound, refused)
}

// recheckEvents decides after refusals: binding what is bound is one, and
// another worker may have been faster.
func (c *Client) recheckEvents(ctx context.Context, handler string, events, bound []string, refused error) ([]string, error) {
	have, err := c.boundEvents(ctx)
	if err != nil {
		return bound, err
	}
	if len(missingEvents(ofNobody(have), handler, events)) == 0 {
		return bound, nil
	}
	return bound, refused
}

// unbindUsers ends bindings in the name of a user.
//
// https://apidocs.bitrix24.com/api-reference/events/event-unbind.html
func (c *Client) unbindUsers(ctx context.Context, surplus []boundEvent) error {
	for some := range slices.Chunk(surplus, maxCommands) {
		var batch Batch
		for i, b := range some {
			batch.Add(fmt.Sprintf("unbind%d", i), "event.unbind",
				Params{"event": string(b.Event), "handler": string(b.Handler), "auth_type": string(b.Owner)})
		}
		answers, err := c.Batch(ctx, batch, AsAdmin(), Repeatable())
		if err != nil {
			return err
		}
		for _, command := range batch.Commands {
			if err := answers.Decode(command.Key, nil); err != nil {
				return err
			}
		}
	}
	return nil
}

func missingEvents(have []boundEvent, handler string, events []string) []string {
	var missing []string
	for _, event := range events {
		if !slices.ContainsFunc(have, func(b boundEvent) bool { return b.receives(event) && string(b.Handler) == handler }) {
			missing = append(missing, strings.ToUpper(event))
		}
	}
	return missing
}

func (b boundEvent) receives(event string) bool {
	return strings.EqualFold(string(b.Event), event) && !bool(b.Offline)
}

// otherHandlers are bindings of the events to old addresses. The portal itself
// binds the events of installation to the installer's address.
func otherHandlers(have []boundEvent, handler string, events []string) []boundEvent {
	return slices.DeleteFunc(slices.Clone(have), func(b boundEvent) bool {
		return b.ofPortal() || string(b.Handler) == handler || !slices.ContainsFunc(events, b.receives)
	})
}

// userHandlers are bindings of the events to handler in the name of a user.
func userHandlers(have []boundEvent, handler string, events []string) []boundEvent {
	return slices.DeleteFunc(slices.Clone(have), func(b boundEvent) bool {
		return b.ofPortal() || !b.ofUser() || string(b.Handler) != handler || !slices.ContainsFunc(events, b.receives)
	})
}

// ofNobody are the bindings that are in no user's name.
func ofNobody(have []boundEvent) []boundEvent {
	return slices.DeleteFunc(slices.Clone(have), boundEvent.ofUser)
}

func (b boundEvent) ofUser() bool { return b.Owner != "" && b.Owner != "0" }

// ofPortal reports an event that the portal itself binds.
func (b boundEvent) ofPortal() bool {
	return strings.EqualFold(string(b.Event), AppInstall) || strings.EqualFold(string(b.Event), AppUserReady)
}

type boundPlacement struct {
	Placement Text           `json:"placement"`
	Handler   Text           `json:"handler"`
	Titles    Map[Map[Text]] `json:"langAll"`
}

// EnsurePlacement makes handler what the portal opens at a placement, under
// titles by language in Bitrix24's spelling ("en", "ru", "ua"…). It may be
// repeated. One request when nothing is to be done.
//
// https://apidocs.bitrix24.com/api-reference/widgets/placement-bind.html
func (c *Client) EnsurePlacement(ctx context.Context, code, handler string, titles map[string]string) error {
	good, old, err := c.placements(ctx, code, handler, titles)
	if err != nil {
		return err
	}
	for _, p := range old {
		err := c.Call(ctx, "placement.unbind", Params{"PLACEMENT": code, "HANDLER": string(p.Handler)}, nil, AsAdmin(), Repeatable())
		if err != nil {
			return err
		}
	}
	if good {
		return nil
	}
	languages := Params{}
	for language, title := range titles {
		languages[language] = Params{"TITLE": title}
	}
	// Binding is not allowed inside a batch.
	refused := c.Call(ctx, "placement.bind", Params{"PLACEMENT": code, "HANDLER": handler, "LANG_ALL": languages}, nil, AsAdmin(), Repeatable())
	if !errors.Is(refused, ErrorCore) {
		return refused
	}
	if good, _, err = c.placements(ctx, code, handler, titles); err != nil || good {
		return err
	}
	return refused
}

// placements returns whether a placement is bound as it should be, and which
// bindings are in the way; a title is changed by binding anew.
func (c *Client) placements(ctx context.Context, code, handler string, titles map[string]string) (good bool, old []boundPlacement, err error) {
	have, err := invoke[List[boundPlacement]](ctx, c, "placement.get", nil, AsAdmin(), Repeatable())
	for _, p := range have {
		switch {
		case !strings.EqualFold(string(p.Placement), code):
		case string(p.Handler) == handler && p.titled(titles):
			good = true
		default:
			old = append(old, p)
		}
	}
	return good, old, err
}

// titled reports whether a placement has the titles. Older portals do not tell.
func (p boundPlacement) titled(titles map[string]string) bool {
	for language, title := range titles {
		if len(p.Titles) > 0 && string(p.Titles[language]["TITLE"]) != title {
			return false
		}
	}
	return true
}

// A Line is an external line of ours.
type Line struct {
	Number     string
	Name       string
	AutoCreate bool // Bitrix24 creates CRM objects for calls its users start through the line
}

// Lines returns our external lines.
//
// https://apidocs.bitrix24.com/api-reference/telephony/telephony-external-line-get.html
func (c *Client) Lines(ctx context.Context) ([]Line, error) {
	rows, err := invoke[List[lineRow]](ctx, c, "telephony.externalLine.get", nil, Repeatable())
	return linesOf(rows), err
}

type lineRow struct {
	Number     Text `json:"NUMBER"`
	Name       Text `json:"NAME"`
	AutoCreate YN   `json:"CRM_AUTO_CREATE"`
}

func linesOf(rows List[lineRow]) []Line {
	lines := make([]Line, len(rows))
	for i, row := range rows {
		lines[i] = Line{string(row.Number), string(row.Name), bool(row.AutoCreate)}
	}
	return lines
}

// EnsureLine makes an external line exist with this name and setting; without
// a name the number is its name. It may be repeated. One request when nothing
// is to be done.
//
// https://apidocs.bitrix24.com/api-reference/telephony/telephony-external-line-add.html
// https://apidocs.bitrix24.com/api-reference/telephony/telephony-external-line-update.html
func (c *Client) EnsureLine(ctx context.Context, number, name string, autoCreate bool) error {
	want := Line{number, cmp.Or(name, number), autoCreate}
	lines, err := c.Lines(ctx)
	if err != nil || slices.Contains(lines, want) {
		return err
	}
	if slices.ContainsFunc(lines, func(l Line) bool { return l.Number == number }) {
		return c.saveLine(ctx, "telephony.externalLine.update", want)
	}
	err = c.saveLine(ctx, methodAddLine, want)
	if says(err, "line already exists") {
		return c.saveLine(ctx, "telephony.externalLine.update", want)
	}
	return err
}

const methodAddLine = "telephony.externalLine.add"

func (c *Client) saveLine(ctx context.Context, method string, l Line) error {
	return c.Call(ctx, method, l.params(), nil, Repeatable())
}

func (l Line) params() Params {
	autoCreate := "N"
	if l.AutoCreate {
		autoCreate = "Y"
	}
	return Params{"NUMBER": l.Number, "NAME": l.Name, "CRM_AUTO_CREATE": autoCreate}
}
