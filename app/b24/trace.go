package b24

import (
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
)

// tracer records nothing until the program has set a provider. Spans hold the
// method and how it ended: addresses and parameters are left out, for they hold
// secrets and numbers.
var tracer = otel.Tracer("callwise/app/b24")

// endSpan ends the span of a request.
func endSpan(span trace.Span, r Request, err error) {
	span.SetAttributes(attribute.Int("http.response.status_code", r.Status))
	if err != nil {
		span.SetStatus(codes.Error, string(r.Code))
	}
	span.End()
}
