package handlers

import (
	"net/http"

	"callwise/app/b24"

	"github.com/labstack/echo/v4"
)

// receiveEvent stores an event of a portal and answers. The portal does not
// wait for our work, and promises no second delivery.
func (h *Handlers) receiveEvent(c echo.Context) error {
	event, err := postedEvent(c)
	if err != nil {
		return err
	}
	err = h.Flow.Receive(marking(c), event, func(portalID int64) error { return h.mayAsk(c, portalID) })
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
