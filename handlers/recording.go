package handlers

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"time"

	"callwise/app/callflow"
	"callwise/models"

	"github.com/labstack/echo/v4"
)

// recordingRoute is where a recording is played.
const recordingRoute = "/calls/:id/recording"

// listenWithin is how long one answer with a recording may take: players read
// as slowly as they play.
const listenWithin = 30 * time.Minute

// maxRange bounds the Range header that is passed on.
const maxRange = 100

// recording plays the recording of a call to whoever holds a key for it: what
// the PBX uploaded while it is here, else from where the PBX keeps it.
func (h *Handlers) recording(c echo.Context) error {
	portalID, callID, err := h.listener(c)
	if err != nil {
		return err
	}
	part := c.Request().Header.Get("Range")
	if len(part) > maxRange {
		part = ""
	}
	ctx, cancel := context.WithTimeout(c.Request().Context(), listenWithin)
	defer cancel()
	uploaded, content, err := h.Flow.Uploaded(ctx, portalID, callID)
	if err == nil {
		return playUploaded(c, uploaded, content)
	}
	if !errors.Is(err, models.ErrNotFound) {
		return err
	}
	audio, err := h.Flow.Listen(ctx, portalID, callID, part)
	if err != nil {
		return err
	}
	return errors.Join(play(c, audio), audio.Body.Close())
}

// playUploaded answers with what was asked for of an uploaded recording.
func playUploaded(c echo.Context, audio *models.Audio, content io.ReadSeeker) error {
	header := c.Response().Header()
	header.Set(echo.HeaderContentType, callflow.MediaType(audio))
	header.Set("Cache-Control", "private, no-store")
	if err := http.NewResponseController(c.Response().Writer).SetWriteDeadline(time.Now().Add(listenWithin)); err != nil {
		return err
	}
	http.ServeContent(c.Response(), c.Request(), "", time.Time{}, content)
	return nil
}

// listener is the portal and the call that the key of a request opens.
func (h *Handlers) listener(c echo.Context) (portalID, callID int64, err error) {
	callID, err = strconv.ParseInt(c.Param("id"), 10, 64)
	if err != nil {
		return 0, 0, errSession
	}
	portalID, removals, err := h.Sessions.ReadListen(c.QueryParam("key"), callID)
	if err == nil {
		err = h.limited("pages", h.Limits.pages.take(strconv.FormatInt(portalID, 10), h.Now()))
	}
	if err != nil {
		return 0, 0, err
	}
	_, err = h.portalOf(c, portalID, removals)
	return portalID, callID, err
}

// play passes a recording on. When it breaks off, the one who listens has gone,
// or hears it: the status is sent by then.
func play(c echo.Context, audio *callflow.Audio) error {
	header := c.Response().Header()
	header.Set(echo.HeaderContentType, audio.Type)
	header.Set("Cache-Control", "private, no-store")
	if audio.Length >= 0 {
		header.Set(echo.HeaderContentLength, strconv.FormatInt(audio.Length, 10))
	}
	for name, value := range map[string]string{"Content-Range": audio.Range, "Accept-Ranges": audio.Ranges} {
		if value != "" {
			header.Set(name, value)
		}
	}
	c.Response().WriteHeader(audio.Status)
	patience := http.NewResponseController(c.Response().Writer).SetWriteDeadline(time.Now().Add(listenWithin))
	_, err := io.Copy(c.Response(), audio.Body)
	return errors.Join(patience, err)
}
