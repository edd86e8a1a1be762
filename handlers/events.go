package handlers

import (
	"context"
	"net/http"
	"time"

	"callwise/app/b24"

	"github.com/labstack/echo/v4"
)

// How long storing an event may take. A PBX sends it again; Bitrix24 does not, so its
// events have more time, although nobody reads the answer any more.
const (
	pbxEventWithin = 10 * time.Second
	b24EventWithin = time.Minute
)

// receiveEvent stores an event of a portal and answers. The portal does not
// wait for our work, and promises no second delivery: what it hangs up on is stored
// all the same.
func (h *Handlers) receiveEvent(c echo.Context) error {
	event, err := postedEvent(c)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(marking(c)), b24EventWithin)
	defer cancel()
	err = h.Flow.Receive(ctx, event, func(portalID int64) error { return h.mayAsk(c, portalID) })
	if err != nil {
		return err
	}
	return c.NoContent(http.StatusOK)
}

func postedEvent(c echo.Context) (b24.Event, error) {
	form, err := postedForm(c)
	if err != nil {
		return b24.Event{}, err
	}
	return b24.ParseEvent(form)
}
