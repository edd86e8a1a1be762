package handlers

import (
	"net/http"
	"slices"

	"github.com/labstack/echo/v4"
)

// methods are those that requests to us have.
var methods = []string{
	http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions,
	http.MethodConnect, http.MethodTrace,
}

// methodOf is the method of a request for logs, traces and metrics, whose series
// stay for good: what somebody invented has one name.
func methodOf(c echo.Context) string {
	if method := c.Request().Method; slices.Contains(methods, method) {
		return method
	}
	return "other"
}

// lastOfItsConnection has a connection end after a request in chunks. Where a
// proxy in front of us believes a length that contradicts the chunks, what
// follows them is not somebody's next request (RFC 9112, 6.1 and 11.2).
func lastOfItsConnection(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if len(c.Request().TransferEncoding) > 0 {
			c.Response().Header().Set("Connection", "close")
		}
		return next(c)
	}
}
