package main

import (
	"context"
	"log/slog"
	"strings"
	"time"

	"callwise/app/callflow"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// tracesWithin is how long the last traces may take to be sent at the end.
const tracesWithin = 3 * time.Second

// startTracing has traces sent to a collector, as the OTEL_* variables say
// besides, and returns what sends the rest and ends it. Without a collector it
// does nothing, and tracing costs nothing.
func startTracing(ctx context.Context, collector string, log *slog.Logger) (end func(), err error) {
	if collector == "" {
		return func() {}, nil
	}
	exporter, err := otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(strings.TrimRight(collector, "/")+"/v1/traces"))
	if err != nil {
		return nil, err
	}
	// What OTEL_SERVICE_NAME says comes after, and counts.
	who, err := resource.New(ctx, resource.WithAttributes(attribute.String("service.name", "callwise")), resource.WithTelemetrySDK(), resource.WithFromEnv())
	if err != nil {
		return nil, err
	}
	provider := sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter), sdktrace.WithIDGenerator(callflow.CallTraces{}), sdktrace.WithResource(who))
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { log.Warn("traces not sent", "error", err) }))
	otel.SetTracerProvider(provider)
	return func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), tracesWithin)
		defer cancel()
		if err := provider.Shutdown(ctx); err != nil {
			log.WarnContext(ctx, "the last traces are not sent", "error", err)
		}
	}, nil
}
