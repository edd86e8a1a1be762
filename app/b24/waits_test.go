package b24

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"
)

// What it is kept waiting for afterwards is not the portal's time.
func TestAClientTellsWhenItWaits(t *testing.T) {
	var told []string
	s := &script{answers: []string{`503 {"error":"QUERY_LIMIT_EXCEEDED"}`, yes}}
	d := serve(t, func(w http.ResponseWriter, r *http.Request) {
		told = append(told, "answers")
		s.ServeHTTP(w, r)
	})
	d.app.Waits = func(context.Context) func(bool) {
		told = append(told, "waits")
		return func(due bool) {
			told = append(told, fmt.Sprintf("goes on, due %t, %d logged", due, len(d.keeper.logged())))
		}
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
		"waits", "answers", "goes on, due false, 1 logged", // refused
		"waits", "sleeps", "goes on, due true, 1 logged", // before it is sent again
		"waits", "answers", "goes on, due false, 2 logged",
	}
	if !slices.Equal(told, want) {
		t.Errorf("%q, want %q", told, want)
	}
}

// A renewal is shared, and goes on without who gives it up.
func TestWhoGivesARenewalUpWaitsNoLonger(t *testing.T) {
	reached, release, ended := make(chan struct{}), make(chan struct{}), make(chan struct{})
	once := sync.OnceFunc(func() { close(reached) })
	p := &portalWithTokens{renewed: renewedPair}
	d := serve(t, func(w http.ResponseWriter, r *http.Request) {
		once()
		<-release
		p.ServeHTTP(w, r)
	})
	d.keeper.renewing = func() { close(ended) }
	d.keeper.tokens[0].Expiry = noon.Add(-time.Hour)
	var told []string // by the caller's goroutine alone, or the race detector objects
	d.app.Waits = func(context.Context) func(bool) {
		told = append(told, "waits")
		return func(due bool) { told = append(told, fmt.Sprint("goes on, due ", due)) }
	}
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-reached
		cancel()
	}()
	if err := d.Call(ctx, "m", nil, nil); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	close(release)
	select {
	case <-ended:
	case <-time.After(time.Minute):
		t.Fatal("the renewal does not end")
	}
	if !slices.Equal(told, []string{"waits", "goes on, due false"}) {
		t.Errorf("%q", told)
	}
}

// Who gives it up may be a program that ends.
func TestARenewalThatNobodyWaitsForIsWaitedForAtTheEnd(t *testing.T) {
	reached, release := make(chan struct{}), make(chan struct{})
	once := sync.OnceFunc(func() { close(reached) })
	p := &portalWithTokens{renewed: renewedPair}
	d := serve(t, func(w http.ResponseWriter, r *http.Request) {
		once()
		<-release
		p.ServeHTTP(w, r)
	})
	d.keeper.tokens[0].Expiry = noon.Add(-time.Hour)
	if err := d.app.Wait(t.Context()); err != nil {
		t.Errorf("nothing is renewed: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-reached
		cancel()
	}()
	if err := d.Call(ctx, "m", nil, nil); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	if err := d.app.Wait(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("the renewal is under way: %v", err)
	}
	close(release)
	if err := d.app.Wait(t.Context()); err != nil {
		t.Error(err)
	}
	if got := d.keeper.tokens[0].AccessToken; got != "access-2" {
		t.Errorf("pair %q is stored", got)
	}
}
