package handlers

import (
	"context"
	"errors"
	"net/http"
	"time"

	"callwise/app/b24"
	"callwise/models"

	"github.com/labstack/echo/v4"
)

// How long the database may take to say whose events they are, and to store them. A PBX
// sends them again; Bitrix24 does not, so it is waited for although nobody reads the
// answer any more.
const (
	pbxEventWithin = 10 * time.Second
	b24EventWithin = time.Minute
)

// receiveEvent stores an event of a portal and answers. The portal does not
// wait for our work, and promises no second delivery: what it hangs up on is stored
// all the same, and what the database does not take is tried again.
func (h *Handlers) receiveEvent(c echo.Context) error {
	event, err := postedEvent(c)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.Request().Context()), b24EventWithin)
	defer cancel()
	c.SetRequest(c.Request().WithContext(ctx))
	receive := func() error {
		return h.Flow.Receive(marking(c), event, func(portalID int64) error { return h.mayAsk(c, portalID) })
	}
	if err := h.again(ctx, receive(), receive); err != nil {
		return err
	}
	return c.NoContent(http.StatusOK)
}

// again repeats what failed in our house, as when PostgreSQL is started anew, until it is
// done or ctx ends. Of very many that fail at a time, only some are repeated.
func (h *Handlers) again(ctx context.Context, err error, do func() error) error {
	if !ours(err) {
		return err
	}
	leave, ok := h.Limits.waiting.enter(struct{}{})
	if !ok {
		return err
	}
	defer leave()
	for ours(err) {
		select {
		case <-time.After(time.Second):
			err = do()
		case <-ctx.Done():
			return err
		}
	}
	return err
}

// ours reports a failure of our house that may pass.
func ours(err error) bool {
	return err != nil && statusOf(err) == http.StatusInternalServerError && !errors.Is(err, models.ErrRefused)
}

func postedEvent(c echo.Context) (b24.Event, error) {
	form, err := postedForm(c)
	if err != nil {
		return b24.Event{}, err
	}
	return b24.ParseEvent(form)
}
