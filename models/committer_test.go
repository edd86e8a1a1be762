package models

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"sync"
	"testing"
)

func TestWhatQueuesUpDuringACommitSharesTheNext(t *testing.T) {
	begun, goOn := make(chan int, 10), make(chan struct{})
	c := newCommitter(64, func(batch []*int) error {
		begun <- len(batch)
		<-goOn
		return nil
	})
	var group sync.WaitGroup
	put := func() {
		if err := c.put(context.Background(), new(int)); err != nil {
			t.Error(err)
		}
	}
	group.Go(put)
	if n := <-begun; n != 1 {
		t.Errorf("%d in the first commit", n)
	}
	queued := make(chan struct{}, 5)
	for range 5 {
		group.Go(func() {
			r := request[int]{new(int), make(chan error, 1)}
			if err := c.queue(context.Background(), r); err != nil {
				t.Error(err)
			}
			queued <- struct{}{}
			<-r.done
		})
	}
	for range 5 {
		<-queued
	}
	goOn <- struct{}{}
	if n := <-begun; n != 5 {
		t.Errorf("%d in the second commit", n)
	}
	close(goOn)
	group.Wait()
	c.close()
	c.close()
	if err := c.put(context.Background(), new(int)); !errors.Is(err, errClosed) {
		t.Errorf("error %v after the end", err)
	}
}

// On one processor whoever was about to put something would otherwise wait behind
// the commit of the first. The scheduler may now and then choose otherwise.
func TestWhoIsReadyToPutSharesTheCommitOfTheFirst(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	commits := 0
	c := newCommitter(64, func([]*int) error {
		commits++
		return nil
	})
	const rounds = 100
	for range rounds {
		var group sync.WaitGroup
		for range 5 {
			group.Go(func() {
				if err := c.put(context.Background(), new(int)); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
	}
	c.close()
	if commits > rounds*5/4 {
		t.Errorf("%d commits in %d rounds", commits, rounds)
	}
}

func TestAPanicFailsTheRequestAndNotTheProgram(t *testing.T) {
	c := newCommitter(64, func([]*int) error { panic("+4930901820") })
	defer c.close()
	err := c.put(context.Background(), new(int))
	if err == nil || strings.Contains(err.Error(), "4930901820") || !strings.Contains(err.Error(), "committer_test.go") {
		t.Errorf("error %v, want one that says where and not what", err)
	}
}

func TestWhoCannotQueueInTimeIsTold(t *testing.T) {
	begun, goOn := make(chan struct{}, 10), make(chan struct{})
	c := newCommitter(1, func([]*int) error {
		begun <- struct{}{}
		<-goOn
		return nil
	})
	one := func() request[int] { return request[int]{new(int), make(chan error, 1)} }
	if err := c.queue(context.Background(), one()); err != nil {
		t.Fatal(err)
	}
	<-begun // it is being written; the next one fills the queue
	if err := c.queue(context.Background(), one()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := c.queue(ctx, one()); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	close(goOn)
	c.close()
}
