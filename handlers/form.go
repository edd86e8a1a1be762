package handlers

import (
	"errors"
	"mime"
	"net/http"
	"net/url"

	"callwise/app/b24"

	"github.com/labstack/echo/v4"
)

// postedForm reads the body of a form, and nothing but a form: Bitrix24 posts
// no other type. A body over the limit is 413, anything unreadable 400.
func postedForm(c echo.Context) (url.Values, error) {
	kind, _, err := mime.ParseMediaType(c.Request().Header.Get(echo.HeaderContentType))
	if err != nil || kind != echo.MIMEApplicationForm {
		return nil, errors.Join(b24.ErrMalformed, err)
	}
	if err := c.Request().ParseForm(); err != nil {
		if tooLarge(err) {
			return nil, echo.ErrStatusRequestEntityTooLarge
		}
		return nil, errors.Join(b24.ErrMalformed, err)
	}
	return c.Request().PostForm, nil
}

// tooLarge reports a body over its limit.
func tooLarge(err error) bool {
	if wrong, ok := errors.AsType[*echo.HTTPError](err); ok {
		return wrong.Code == http.StatusRequestEntityTooLarge
	}
	_, ok := errors.AsType[*http.MaxBytesError](err)
	return ok
}
