package models

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
)

var (
	errClosed = errors.New("models: the store is closed")
	errPanic  = errors.New("models: panic")

	// ErrRefused is what cannot be stored as it is, however often it is tried.
	ErrRefused = errors.New("models: it cannot be stored")
)

// A committer has concurrent requests share a commit: whatever queues up while
// one commit runs goes into the next. It waits for nobody to come: who was answered
// is served while the database is at work.
type committer[T any] struct {
	write   func([]*T) error
	refused func(error) bool // an item may be at fault
	max     int
	in      chan request[T]
	ended   chan struct{}

	mu     sync.RWMutex
	closed bool
}

type request[T any] struct {
	item *T
	done chan error
}

func newCommitter[T any](max int, write func([]*T) error, refused func(error) bool) *committer[T] {
	c := &committer[T]{write: write, refused: refused, max: max, in: make(chan request[T], max), ended: make(chan struct{})}
	go c.run()
	return c
}

// put returns when item is durable. Once it is queued ctx does not matter: a
// sender that hung up must not make the outcome unknown.
func (c *committer[T]) put(ctx context.Context, item *T) error {
	r := request[T]{item, make(chan error, 1)}
	if err := c.queue(ctx, r); err != nil {
		return err
	}
	return <-r.done
}

func (c *committer[T]) queue(ctx context.Context, r request[T]) error {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if c.closed {
		return errClosed
	}
	select {
	case c.in <- r:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// close writes what is queued and takes no more.
func (c *committer[T]) close() {
	c.mu.Lock()
	if !c.closed {
		c.closed = true
		close(c.in)
	}
	c.mu.Unlock()
	<-c.ended
}

func (c *committer[T]) run() {
	defer close(c.ended)
	for first := range c.in {
		c.store(c.drain(first))
	}
}

// store writes a batch and answers it. One that is refused is halved, until what
// cannot be stored fails alone. A database that is not there, or does not answer in
// time, would not take a part of it either: to try would keep all others waiting.
func (c *committer[T]) store(batch []request[T]) error {
	err := c.safely(batch)
	switch {
	case err == nil || !c.mayFault(err):
		answer(batch, err)
		return err
	case len(batch) == 1:
		answer(batch, errors.Join(ErrRefused, err))
		return err
	}
	first, rest := batch[:len(batch)/2], batch[len(batch)/2:]
	if err := c.store(first); err != nil && !c.mayFault(err) {
		answer(rest, err)
		return err
	}
	return c.store(rest)
}

func (c *committer[T]) mayFault(err error) bool { return errors.Is(err, errPanic) || c.refused(err) }

func (c *committer[T]) drain(first request[T]) []request[T] {
	batch := []request[T]{first}
	for len(batch) < c.max {
		select {
		case r, ok := <-c.in:
			if !ok {
				return batch
			}
			batch = append(batch, r)
		default:
			return batch
		}
	}
	return batch
}

// safely writes a batch; a panic fails it and not the program.
func (c *committer[T]) safely(batch []request[T]) (err error) {
	defer func() {
		if r := recover(); r != nil {
			// Neither the value nor the arguments: they could quote a number.
			err = fmt.Errorf("%w of type %T while storing\n%s", errPanic, r, debug.Stack())
		}
	}()
	items := make([]*T, len(batch))
	for i, r := range batch {
		items[i] = r.item
	}
	return c.write(items)
}

func answer[T any](batch []request[T], err error) {
	for _, r := range batch {
		r.done <- err
	}
}
