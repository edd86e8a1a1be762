package callflow

import (
	"context"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"

	"callwise/models"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
)

// tracer records nothing until the program has set a provider.
var tracer = otel.Tracer("callwise/app/callflow")

// CallTraces makes the ids of traces. Whatever is done for the events under one
// call key has the same, in whatever process and however much later, without
// anything being kept for it: the id is made of the portal and the key.
type CallTraces struct{}

// traceID is the id of the trace of what is done for the events under a call key.
func traceID(portalID int64, callKey string) trace.TraceID {
	sum := sha256.Sum256(fmt.Appendf(nil, "callwise %d %s", portalID, callKey))
	return trace.TraceID(sum[:16])
}

// mostNamed is how many calls a line of the log names.
const mostNamed = 5

// NamedCalls are the calls that a line of the log is about. It shows the ids of their
// traces, which are made when it is written: a key may hold a number.
type NamedCalls []namedCall

type namedCall struct {
	portalID int64
	key      string
}

// LogValue are the ids, with spaces between them.
func (n NamedCalls) LogValue() slog.Value {
	ids := make([]string, len(n))
	for i, c := range n {
		ids[i] = traceID(c.portalID, c.key).String()
	}
	return slog.StringValue(strings.Join(ids, " "))
}

type traceKey struct{}

// NewIDs are the ids of a span that has no parent.
func (CallTraces) NewIDs(ctx context.Context) (trace.TraceID, trace.SpanID) {
	id, ok := ctx.Value(traceKey{}).(trace.TraceID)
	if !ok {
		fill(id[:])
	}
	return id, spanID()
}

// NewSpanID is the id of a span in a trace.
func (CallTraces) NewSpanID(context.Context, trace.TraceID) trace.SpanID { return spanID() }

func spanID() (id trace.SpanID) {
	fill(id[:])
	return id
}

// fill makes an id, which need not be secret.
func fill(id []byte) {
	for i := range id {
		id[i] = byte(rand.Uint32())
	}
}

// traced begins a span of a call's trace, beside those that ctx has.
func (f *Flow) traced(ctx context.Context, name string, portalID int64, callKey string, options ...trace.SpanStartOption) (context.Context, trace.Span) {
	if !f.Traces {
		return ctx, noop.Span{}
	}
	ctx = context.WithValue(ctx, traceKey{}, traceID(portalID, callKey))
	options = append(options, trace.WithNewRoot(), trace.WithAttributes(attribute.Int64("callwise.portal", portalID)))
	return tracer.Start(ctx, name, options...)
}

// arriving traces the arrival of events in the traces of their calls, each of
// which leads to the request that brought them. The result ends it.
func (f *Flow) arriving(ctx context.Context, portalID int64, events []models.Event) func(error) {
	var spans []trace.Span
	seen := map[string]bool{}
	for _, e := range events {
		if !f.Traces || seen[e.CallKey] {
			continue
		}
		seen[e.CallKey] = true
		_, span := f.traced(ctx, "events arrive", portalID, e.CallKey, trace.WithLinks(trace.LinkFromContext(ctx)))
		spans = append(spans, span)
	}
	return func(err error) {
		for _, span := range spans {
			endSpan(span, ErrorCode(err))
		}
	}
}

// endSpan ends a span; code is what went wrong, if anything.
func endSpan(span trace.Span, code string) {
	if code != "" {
		span.SetStatus(codes.Error, code)
	}
	span.End()
}
