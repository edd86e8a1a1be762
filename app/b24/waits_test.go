package b24

import (
	"context"
	"net/http"
	"slices"
	"testing"
	"time"
)

func TestAClientTellsWhenItWaits(t *testing.T) {
	var told []string
	s := &script{answers: []string{`503 {"error":"QUERY_LIMIT_EXCEEDED"}`, yes}}
	d := serve(t, func(w http.ResponseWriter, r *http.Request) {
		told = append(told, "answers")
		s.ServeHTTP(w, r)
	})
	d.app.Waits = func(context.Context) func() {
		told = append(told, "waits")
		return func() { told = append(told, "goes on") }
	}
	sleep := d.app.Sleep
	d.app.Sleep = func(ctx context.Context, d time.Duration) error {
		told = append(told, "sleeps")
		return sleep(ctx, d)
	}
	if err := d.Call(t.Context(), "m", nil, nil); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"waits", "answers", "goes on", // refused
		"waits", "sleeps", "goes on", // before it is sent again
		"waits", "answers", "goes on",
	}
	if !slices.Equal(told, want) {
		t.Errorf("%q, want %q", told, want)
	}
}
