package handlers

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"

	"callwise/app/callflow"
	"callwise/app/pbx"
	"callwise/models"

	"github.com/labstack/echo/v4"
)

// withKey finds the portal whose PBX is calling.
func (h *Handlers) withKey(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		var portal *models.Portal
		err := h.admitKey(c, func(ctx context.Context, key string) (portalID int64, err error) {
			if portal, err = h.Store.PortalOfPBXKey(ctx, key); err != nil {
				return 0, err
			}
			return portal.ID, nil
		})
		if err != nil {
			return err
		}
		c.Set(keyPortal, portal)
		return next(c)
	}
}

// admitKey has find look up the portal that a request's key admits to, and is
// nil if there is one and neither it nor the key asks too often. A key that was
// good lately is looked up whatever its address did: many PBXs may share one.
func (h *Handlers) admitKey(c echo.Context, find func(ctx context.Context, key string) (portalID int64, err error)) error {
	key := pbxKey(c)
	if key == "" {
		return errors.Join(h.failed(c), errKey)
	}
	sum := sha256.Sum256([]byte(key))
	name := string(sum[:])
	if !h.Limits.key.knows(name) {
		if err := h.mayFail(c); err != nil {
			return err
		}
	}
	portalID, err := find(c.Request().Context(), key)
	if errors.Is(err, models.ErrNotFound) {
		h.Limits.key.forget(name)
		return errors.Join(h.failed(c), errKey)
	}
	if err != nil {
		return err
	}
	now := h.Now()
	if err := h.limited("key", h.Limits.key.take(name, now)); err != nil {
		return err
	}
	return h.limited("portal", h.Limits.portal.take(strconv.FormatInt(portalID, 10), now))
}

// pbxKey is the key that a request carries; empty without one.
func pbxKey(c echo.Context) string {
	scheme, key, _ := strings.Cut(c.Request().Header.Get(echo.HeaderAuthorization), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(key)
}

// receivePBXEvents stores what a PBX reports and answers when it is durable.
func (h *Handlers) receivePBXEvents(c echo.Context) error {
	var portalID int64
	err := h.admitKey(c, func(ctx context.Context, key string) (int64, error) {
		err := inTime(ctx, func(ctx context.Context) (err error) {
			portalID, err = h.Store.PortalIDOfPBXKey(ctx, key)
			return err
		})
		return portalID, err
	})
	if err != nil {
		return err
	}
	c.Set(keyPortal, portalID)
	body, err := io.ReadAll(c.Request().Body)
	if tooLarge(err) {
		return echo.ErrStatusRequestEntityTooLarge
	}
	if err != nil {
		return errors.Join(pbx.ErrSyntax, err)
	}
	events, err := pbx.ParseEvents(body)
	if err != nil {
		return err
	}
	stored := make([]models.Event, len(events))
	for i, e := range events {
		if stored[i], err = callflow.PBXEvent(e.ID, e.Event); err != nil {
			return err
		}
	}
	var accepted, duplicates int
	err = inTime(marking(c), func(ctx context.Context) (err error) {
		accepted, duplicates, err = h.Flow.Report(ctx, portalID, stored)
		return err
	})
	if err != nil {
		return err
	}
	return c.JSON(http.StatusAccepted, map[string]int{"accepted": accepted, "duplicates": duplicates})
}

// inTime does a part of storing a PBX's events; [errSlow] if that takes too long.
func inTime(ctx context.Context, do func(ctx context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, pbxEventWithin)
	defer cancel()
	err := do(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		return errors.Join(errSlow, err)
	}
	return err
}

// openAPI describes the PBX API to its developers.
func (h *Handlers) openAPI(c echo.Context) error {
	return c.Blob(http.StatusOK, "application/yaml", pbx.OpenAPI)
}

// A problem is an error of the PBX API (RFC 9457).
type problem struct {
	Type    string `json:"type"`
	Title   string `json:"title"`
	Status  int    `json:"status"`
	Detail  string `json:"detail,omitempty"`
	Pointer string `json:"pointer,omitempty"` // RFC 6901, what in the body is wrong
}

// ofPBX reports a request whose sender reads application/problem+json.
func ofPBX(c echo.Context) bool { return strings.HasPrefix(c.Request().URL.Path, pbxPath+"/") }

func problemOf(err error, status int) problem {
	p := problem{Title: http.StatusText(status), Status: status}
	if invalid, ok := errors.AsType[*pbx.Invalid](err); ok {
		p.Detail, p.Pointer = invalid.Detail, invalid.Pointer
		return p
	}
	if _, ok := errors.AsType[tooMany](err); ok {
		p.Detail = "Too many requests. Try again after the time in Retry-After; nothing of this one was stored."
		return p
	}
	for _, refused := range refusedAudio {
		if errors.Is(err, refused.err) {
			p.Detail = refused.detail
			return p
		}
	}
	if errors.Is(err, errSlow) {
		p.Detail = "The events could not be stored in time. Send them again, with the same ids."
		return p
	}
	if errors.Is(err, echo.ErrNotFound) {
		p.Detail = "There is no such method and path: see " + pbxPath + "/openapi.yaml."
		return p
	}
	switch status {
	case http.StatusUnauthorized:
		p.Detail = "Send a PBX key that is made in the settings page: Authorization: Bearer <key>."
	case http.StatusBadRequest:
		p.Detail = "The body must be one JSON event or an array of up to 100 events."
	case http.StatusRequestEntityTooLarge:
		p.Detail = "The body may have up to 256 KiB."
	case http.StatusBadGateway:
		p.Detail = "Bitrix24 did not give an answer. Go on without it."
	case http.StatusServiceUnavailable:
		p.Detail = "Bitrix24 takes no more requests at the moment. Go on without it."
	case http.StatusGatewayTimeout:
		p.Detail = "Bitrix24 did not answer in time. Go on without it."
	}
	return p
}

func sayProblem(c echo.Context, p problem) error {
	p.Type = "about:blank"
	text, err := json.Marshal(p)
	if err != nil {
		return err
	}
	if p.Status == http.StatusUnauthorized {
		c.Response().Header().Set("WWW-Authenticate", `Bearer realm="callwise"`)
	}
	return c.Blob(p.Status, "application/problem+json", text)
}
