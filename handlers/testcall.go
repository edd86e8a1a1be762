package handlers

import (
	"crypto/rand"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"callwise/app/call"
	"callwise/models"
	"callwise/views"

	"github.com/labstack/echo/v4"
)

// maxTestField is how long a field of a test call may be.
const maxTestField = 40

// A testInput is what an administrator asks of a test call.
type testInput struct {
	number, line, extension string
	direction               call.Direction
}

func testInputOf(form map[string][]string) (testInput, views.FieldError) {
	field := func(name string) string {
		if len(form[name]) == 0 {
			return ""
		}
		return strings.TrimSpace(form[name][0])
	}
	in := testInput{number: field("number"), line: field("line"), extension: field("extension"), direction: call.Direction(field("direction"))}
	if !slices.Contains(callDirections, in.direction) {
		in.direction = call.Incoming
	}
	if in.number == "" {
		return in, views.ErrNumberMissing
	}
	for _, text := range []string{in.number, in.line, in.extension} {
		if utf8.RuneCountInString(text) > maxTestField {
			return in, views.ErrNumberTooLong
		}
	}
	return in, views.NoError
}

// sendTestCall makes a call up and sends it the whole way, without writing
// anything to the CRM.
func (h *Handlers) sendTestCall(c echo.Context) error {
	v := viewFrom(c)
	form, err := postedForm(c)
	if err != nil {
		return err
	}
	in, wrong := testInputOf(form)
	if wrong != views.NoError {
		return h.renderSettings(c, v, http.StatusUnprocessableEntity, settingsForm{trial: trial{test: &in, testError: wrong}})
	}
	key := "test:" + rand.Text()
	id, err := h.Flow.DryCall(c.Request().Context(), v.portal.ID, key, in.events(key, h.Now()))
	if err != nil {
		return err
	}
	return h.showTestCall(c, v, id)
}

// events are what a PBX would report of the call: somebody rang, was answered
// and hung up a moment ago.
func (in testInput) events(key string, now time.Time) []call.Event {
	started := call.Event{Type: call.Started, CallID: key, At: now.Add(-3 * time.Second), Direction: in.direction, Phone: in.number, Line: in.line}
	ended := call.Event{Type: call.Ended, CallID: key, At: now, Status: call.StatusMissed}
	if in.extension == "" {
		return []call.Event{started, ended}
	}
	started.Extensions = []string{in.extension}
	ended.Status, ended.Extension, ended.Duration = call.StatusAnswered, in.extension, 2
	answered := call.Event{Type: call.Answered, CallID: key, At: now.Add(-2 * time.Second), Extension: in.extension}
	return []call.Event{started, answered, ended}
}

// testCall shows how far a test call has come.
func (h *Handlers) testCall(c echo.Context) error {
	id, err := strconv.ParseInt(c.Param("id"), 10, 64)
	if err != nil {
		return models.ErrNotFound
	}
	return h.showTestCall(c, viewFrom(c), id)
}

func (h *Handlers) showTestCall(c echo.Context, v view, id int64) error {
	ctx := c.Request().Context()
	details, err := h.Store.CallDetails(ctx, v.portal.ID, id)
	if err != nil {
		return err
	}
	if !details.Call.IsTest() {
		return models.ErrNotFound
	}
	keys, err := h.Store.PBXKeys(ctx, v.portal.ID)
	if err != nil {
		return err
	}
	tokens, err := h.Store.LiveTokens(ctx, v.portal.ID)
	if err != nil {
		return err
	}
	employees, err := h.Store.Employees(ctx, v.portal.ID)
	if err != nil {
		return err
	}
	way := testWay{
		Handlers: h, v: v, w: h.words(v, employees), details: details, keys: keys, authorised: len(tokens) > 0,
		age: h.Now().Sub(details.Call.CreatedAt),
	}
	return render(c, http.StatusOK, views.TestCallPage(way.page()))
}

// testForm is the form for a test call: what was asked for, or a number of the
// portal's country that rings the visitor.
func testForm(v view, now models.Settings, known staff, asked trial) views.TestCallForm {
	in := testInput{number: call.Example(countryOf(v.portal, now)), direction: call.Incoming}
	for _, e := range known.active {
		if e.UserID == v.visitor.UserID {
			in.extension = e.Extension
		}
	}
	if asked.test != nil {
		in = *asked.test
	}
	form := views.TestCallForm{Number: in.number, Extension: in.extension, Error: asked.testError}
	for _, d := range callDirections {
		form.Directions = append(form.Directions, views.Option{Value: string(d), Label: v.l.Direction(string(d)), Chosen: d == in.direction})
	}
	for _, l := range known.lines {
		form.Lines = append(form.Lines, views.Option{Value: l.Number, Label: lineLabel(v.l, now, l.Number), Chosen: l.Number == in.line})
	}
	return form
}
