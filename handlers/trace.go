package handlers

import (
	"net/http"

	"github.com/labstack/echo/v4"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
)

// tracer records nothing until the program has set a provider.
var tracer = otel.Tracer("callwise/handlers")

// traced makes a span of each request. The library's own middleware would note
// the address, which may hold a number, and believe the traces of strangers.
func traced(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		request := c.Request()
		ctx, span := tracer.Start(request.Context(), methodOf(c)+" "+c.Path(), trace.WithSpanKind(trace.SpanKindServer))
		defer span.End()
		c.SetRequest(request.WithContext(ctx))
		err := next(c)
		status := c.Response().Status
		if err != nil {
			status = statusOf(err)
		}
		span.SetAttributes(
			attribute.String("http.request.method", methodOf(c)), attribute.String("http.route", c.Path()),
			attribute.Int("http.response.status_code", status), attribute.String("callwise.request", requestID(c)),
		)
		if status >= http.StatusInternalServerError {
			span.SetStatus(codes.Error, "")
		}
		return err
	}
}
