package handlers

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"callwise/app/callflow"
	"callwise/app/pbx"
	"callwise/models"

	"github.com/labstack/echo/v4"
)

// uploadRoute is where a PBX puts the recording of a call.
const uploadRoute = pbxPath + "/calls/:call/recording"

// longestCallID is the length of the PBX's name of a call, in characters.
const longestCallID = 128

// takeRecording stores a recording as it comes and answers when it is durable.
// A refusal ends the connection: what is left of the body is not waited for.
func (h *Handlers) takeRecording(c echo.Context) error {
	err := h.storeRecording(c)
	if err != nil {
		c.Response().Header().Set("Connection", "close")
	}
	return err
}

func (h *Handlers) storeRecording(c echo.Context) error {
	portal := c.Get(keyPortal).(*models.Portal)
	callID, err := uploadedCall(c)
	if err != nil {
		return err
	}
	if c.Request().Header.Get("Content-Range") != "" {
		return errPart
	}
	if c.Request().ContentLength > callflow.MaxUpload {
		return callflow.ErrAudioSize
	}
	leave, ok := h.Limits.uploads.enter(portal.ID)
	if !ok {
		return models.ErrBusy
	}
	defer leave()
	// A recording takes longer than a server waits for other requests.
	until := time.Now().Add(models.AudioWithin)
	connection := http.NewResponseController(c.Response().Writer)
	if err := errors.Join(connection.SetReadDeadline(until), connection.SetWriteDeadline(until.Add(time.Minute))); err != nil {
		return err
	}
	ctx, cancel := context.WithDeadline(marking(c), until)
	defer cancel()
	audio, fresh, err := h.Flow.TakeRecording(ctx, portal.ID, callID, c.Request().Body)
	if err != nil {
		return err
	}
	status := http.StatusCreated
	if !fresh {
		status = http.StatusOK
	}
	return c.JSON(status, map[string]any{"type": callflow.MediaType(audio), "size": audio.Size})
}

// uploadedCall is the PBX's name of the call in the address.
func uploadedCall(c echo.Context) (string, error) {
	id, err := c.Param("call"), error(nil)
	if c.Request().URL.RawPath != "" {
		id, err = url.PathUnescape(id) // the router matched the address as it was sent
	}
	n := utf8.RuneCountInString(id)
	if err != nil || n < 1 || n > longestCallID || !utf8.ValidString(id) || strings.ContainsFunc(id, unicode.IsControl) {
		return "", &pbx.Invalid{Detail: "The call's id must have 1 to 128 characters and no control characters."}
	}
	return id, nil
}

// errPart: a part of a recording must not take the place of the whole.
var errPart = errors.New("handlers: part of a recording")

// refusedAudio are the errors about a recording, and what the PBX is told.
var refusedAudio = []struct {
	err    error
	status int
	detail string
}{
	{errPart, http.StatusBadRequest, "A recording is sent whole, without Content-Range."},
	{callflow.ErrAudioEmpty, http.StatusUnprocessableEntity, "The recording is empty."},
	{callflow.ErrAudioKind, http.StatusUnsupportedMediaType, "The body must be an MP3 or a WAV file as it is; its content decides, not its type."},
	{callflow.ErrAudioSize, http.StatusRequestEntityTooLarge, "The recording may have up to 100 MiB."},
	{callflow.ErrAudioKnown, http.StatusConflict, "The call has another recording, and Bitrix24 has it already."},
	{models.ErrFull, http.StatusTooManyRequests, "There is 1 GiB of recordings of calls that no event tells of. Report their calls, or wait for five days; recordings of reported calls are taken."},
	{models.ErrBusy, http.StatusTooManyRequests, "Up to 16 recordings may be uploaded at a time. Try again later."},
	// The last: what broke off may have been one of those above.
	{callflow.ErrAudioBroken, http.StatusBadRequest, "The body broke off, or took longer than 10 minutes. Send it again."},
}
