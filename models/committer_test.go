package models

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
)

func never(error) bool { return false }

func TestWhatQueuesUpDuringACommitSharesTheNext(t *testing.T) {
	begun, goOn := make(chan int, 10), make(chan struct{})
	c := newCommitter(64, func(batch []*int) error {
		begun <- len(batch)
		<-goOn
		return nil
	}, never)
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

func TestAPanicFailsTheRequestAndNotTheProgram(t *testing.T) {
	c := newCommitter(64, func([]*int) error { panic("+4930901820") }, never)
	defer c.close()
	err := c.put(context.Background(), new(int))
	if err == nil || strings.Contains(err.Error(), "4930901820") || !strings.Contains(err.Error(), "committer_test.go") {
		t.Errorf("error %v, want one that says where and not what", err)
	}
}

func TestWhatCannotBeStoredFailsAlone(t *testing.T) {
	wrong, gone, late := errors.New("wrong"), errors.New("gone"), context.DeadlineExceeded
	tests := []struct {
		name   string
		result func(written string) error
		writes []string
		want   []error
	}{
		{"all is well", func(string) error { return nil }, []string{"abcd"}, []error{nil, nil, nil, nil}},
		{
			"one of three cannot be", func(written string) error {
				if strings.Contains(written, "b") {
					return wrong
				}
				return nil
			},
			[]string{"abcd", "ab", "a", "b", "cd"}, []error{nil, wrong, nil, nil},
		},
		{
			"two of four cannot be", func(written string) error {
				if strings.ContainsAny(written, "ad") {
					return wrong
				}
				return nil
			},
			[]string{"abcd", "ab", "a", "b", "cd", "c", "d"}, []error{wrong, nil, nil, wrong},
		},
		{"the database is not there", func(string) error { return gone }, []string{"abcd"}, []error{gone, gone, gone, gone}},
		{
			"it goes", func(written string) error {
				if len(written) > 2 {
					return wrong
				}
				return map[string]error{"ab": gone}[written]
			},
			[]string{"abcd", "ab"}, []error{gone, gone, gone, gone},
		},
		{"the database does not answer", func(string) error { return late }, []string{"abcd"}, []error{late, late, late, late}},
		{
			"it stops to answer", func(written string) error {
				if len(written) > 1 {
					return wrong
				}
				return map[string]error{"b": late}[written]
			},
			[]string{"abcd", "ab", "a", "b"}, []error{nil, late, late, late},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var writes []string
			c := &committer[string]{write: func(batch []*string) error {
				var written strings.Builder
				for _, item := range batch {
					written.WriteString(*item)
				}
				writes = append(writes, written.String())
				return tt.result(written.String())
			}, refused: func(err error) bool { return err == wrong }}
			var batch []request[string]
			for _, item := range []string{"a", "b", "c", "d"} {
				batch = append(batch, request[string]{&item, make(chan error, 1)})
			}
			c.store(batch) //nolint:errcheck // it is what the last of them is answered
			var got []error
			for _, r := range batch {
				err := <-r.done
				if errors.Is(err, ErrRefused) != errors.Is(err, wrong) {
					t.Errorf("refused: %v", err)
				}
				got = append(got, err)
			}
			if !slices.Equal(writes, tt.writes) || !slices.EqualFunc(got, tt.want, errors.Is) {
				t.Errorf("writes %q, answers %v; want %q, %v", writes, got, tt.writes, tt.want)
			}
		})
	}
}

func TestWhoCannotQueueInTimeIsTold(t *testing.T) {
	begun, goOn := make(chan struct{}, 10), make(chan struct{})
	c := newCommitter(1, func([]*int) error {
		begun <- struct{}{}
		<-goOn
		return nil
	}, never)
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
