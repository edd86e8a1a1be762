package handlers

import (
	"errors"
	"net/http"
	"strconv"
	"strings"

	"callwise/app/b24"
	"callwise/app/callflow"
	"callwise/app/crm"
	"callwise/models"
	"callwise/views"

	"github.com/labstack/echo/v4"
)

// retriesAtOnce bounds what one press of "Retry all failed" wakes.
const retriesAtOnce = 500

// mendRoutes are what administrators may do about calls.
func (h *Handlers) mendRoutes(a *echo.Group) {
	a.POST("/calls/retry", h.retryFailed)
	a.POST("/calls/recover", h.recoverCalls)
	for path, do := range map[string]func(echo.Context, view, int64) (string, error){
		"retry": h.retryCall, "missed": h.endMissed, "replay": h.replayCall, "settle": h.settleCall,
		"extension": h.mapExtension, "card": h.chooseCard,
	} {
		a.POST("/calls/:id/"+path, h.mending(do))
	}
}

// mending does something about a call, and shows the call with what came of it.
func (h *Handlers) mending(do func(echo.Context, view, int64) (said string, err error)) echo.HandlerFunc {
	return func(c echo.Context) error {
		v := viewFrom(c)
		id, err := callID(c)
		if err != nil {
			return err
		}
		said, err := do(c, v, id)
		if err == nil {
			return h.renderCall(c, v, id, http.StatusOK, &views.Notice{Text: said})
		}
		status, said := refusal(v.l, err)
		if said == "" {
			return err
		}
		return h.renderCall(c, v, id, status, &views.Notice{Text: said, Failed: status != http.StatusOK})
	}
}

// refusal says why something was not mended; empty for an error that is no
// answer. What is mended already is none: a form may be sent twice.
func refusal(l views.Localizer, err error) (int, string) {
	switch {
	case errors.Is(err, callflow.ErrNothingToMend):
		return http.StatusOK, l.T("mended.nothing")
	case errors.Is(err, callflow.ErrBusy):
		return http.StatusConflict, l.T("mended.busy")
	case errors.Is(err, callflow.ErrNoChoice):
		return http.StatusUnprocessableEntity, l.T("mended.no_choice")
	case b24.IsPortal(err):
		return http.StatusUnprocessableEntity, l.T("mended.refused", "Code", callflow.ErrorCode(err))
	}
	return 0, ""
}

func (h *Handlers) retryCall(c echo.Context, v view, id int64) (string, error) {
	return v.l.T("mended.retry"), h.Flow.Retry(c.Request().Context(), v.portal.ID, id)
}

func (h *Handlers) endMissed(c echo.Context, v view, id int64) (string, error) {
	return v.l.T("mended.missed"), h.Flow.EndMissed(c.Request().Context(), v.portal.ID, id)
}

func (h *Handlers) replayCall(c echo.Context, v view, id int64) (string, error) {
	return v.l.T("mended.replay"), h.Flow.Replay(c.Request().Context(), v.portal.ID, id)
}

func (h *Handlers) settleCall(c echo.Context, v view, id int64) (string, error) {
	what := models.Attention(c.FormValue("attention"))
	return v.l.T("mended.settle"), h.Flow.Settle(c.Request().Context(), v.portal.ID, id, what)
}

func (h *Handlers) mapExtension(c echo.Context, v view, id int64) (string, error) {
	user, err := strconv.ParseInt(c.FormValue("user"), 10, 64)
	if err != nil {
		return "", h.noChoice(c, v, id)
	}
	calls, err := h.Flow.MapExtension(c.Request().Context(), v.portal.ID, id, user, v.visitor.UserID)
	return v.l.N("mended.extension", calls), err
}

func (h *Handlers) chooseCard(c echo.Context, v view, id int64) (string, error) {
	kind, number, _ := strings.Cut(c.FormValue("card"), ":")
	card := crm.Ref{}
	wrong := card.Type.UnmarshalText([]byte(kind))
	cardID, err := strconv.ParseInt(number, 10, 64)
	if wrong != nil || err != nil {
		return "", h.noChoice(c, v, id)
	}
	card.ID = cardID
	return v.l.T("mended.card"), h.Flow.ChooseCard(c.Request().Context(), v.portal.ID, id, card)
}

// noChoice is the answer to a choice that is none, if the call is there.
func (h *Handlers) noChoice(c echo.Context, v view, id int64) error {
	if _, err := h.Store.CallByID(c.Request().Context(), v.portal.ID, id); err != nil {
		return err
	}
	return callflow.ErrNoChoice
}

// retryFailed has the calls of a portal that were given up tried again.
func (h *Handlers) retryFailed(c echo.Context) error {
	v := viewFrom(c)
	retried, left, err := h.Store.RetryFailed(c.Request().Context(), v.portal.ID, retriesAtOnce)
	if err != nil {
		return err
	}
	said := v.l.N("mended.all", retried)
	if left > 0 {
		said += " " + v.l.N("mended.left", int(left))
	}
	v.notice = &views.Notice{Text: said}
	return h.renderCalls(c, v)
}
