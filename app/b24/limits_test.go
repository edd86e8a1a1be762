package b24

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"
)

func TestTheRateOfAPortalIsKept(t *testing.T) {
	d, s := scripted(t, yes)
	for range burst + 10 {
		if err := d.app.Client(acme, d.keeper).Call(t.Context(), "m", nil, nil); err != nil {
			t.Fatal(err)
		}
	}
	var waited time.Duration
	for _, slept := range d.clock.slept {
		waited += slept
	}
	if waited != 5*time.Second || len(s.asked) != burst+10 {
		t.Errorf("waited %v for %d requests", waited, len(s.asked))
	}
}

func TestAFullBucketOfThePortalEmptiesOurs(t *testing.T) {
	d, _ := scripted(t, `503 {"error":"QUERY_LIMIT_EXCEEDED"}`, yes)
	for range 11 {
		if err := d.Call(t.Context(), "m", nil, nil); err != nil {
			t.Fatal(err)
		}
	}
	if took := d.clock.Now().Sub(noon); took < 5*time.Second || took > 6*time.Second {
		t.Errorf("12 requests took %v", took)
	}
}

func TestNobodyWaitsForEver(t *testing.T) {
	d, s := scripted(t, yes)
	d.app.Sleep = func(context.Context, time.Duration) error { return nil } // all at the same moment
	for range burst + perSecond*30 {
		if err := d.Call(t.Context(), "m", nil, nil); err != nil {
			t.Fatal(err)
		}
	}
	err := d.Call(t.Context(), "m", nil, nil)
	if wait, passes := Retry(err); !errors.Is(err, QueryLimitExceeded) || !passes || wait <= longest || len(s.asked) != burst+perSecond*30 {
		t.Errorf("%v, wait %v", err, wait)
	}
}

func TestAMethodWithoutBudgetPausesAlone(t *testing.T) {
	reset := noon.Add(7 * time.Minute).Unix()
	d, s := scripted(t,
		fmt.Sprintf(`{"result":1,"time":{"operating":479,"operating_reset_at":%d}}`, reset),
		`429 {"error":"OPERATION_TIME_LIMIT"}`, yes)
	_ = d.Call(t.Context(), "slow", nil, nil)
	err := d.Call(t.Context(), "slow", nil, nil)
	wait, passes := Retry(err)
	if !errors.Is(err, OperationTimeLimit) || !passes || wait != 7*time.Minute-busyDelay {
		t.Errorf("%v, %v, %v", err, wait, passes)
	}
	if err := d.Call(t.Context(), "slow", nil, nil); !errors.Is(err, OperationTimeLimit) || len(s.asked) != 2 {
		t.Errorf("%v, asked %d times", err, len(s.asked))
	}
	if err := d.Call(t.Context(), "other", nil, nil); err != nil {
		t.Error(err)
	}
	_ = d.clock.Sleep(t.Context(), 7*time.Minute)
	if err := d.Call(t.Context(), "slow", nil, nil); err != nil {
		t.Error(err)
	}
}

func TestAMethodPausesForOneWindowHoweverFarThePortalsClockIsAhead(t *testing.T) {
	d, s := scripted(t,
		fmt.Sprintf(`{"result":1,"time":{"operating":479,"operating_reset_at":%d}}`, noon.AddDate(1, 0, 0).Unix()),
		`429 {"error":"OPERATION_TIME_LIMIT"}`, yes)
	_ = d.Call(t.Context(), "slow", nil, nil)
	err := d.Call(t.Context(), "slow", nil, nil)
	if wait, passes := Retry(err); !errors.Is(err, OperationTimeLimit) || !passes || wait != 10*time.Minute {
		t.Errorf("%v, %v, %v", err, wait, passes)
	}
	_ = d.clock.Sleep(t.Context(), 10*time.Minute)
	if err := d.Call(t.Context(), "slow", nil, nil); err != nil || len(s.asked) != 3 {
		t.Errorf("%v, asked %d times", err, len(s.asked))
	}
}

func TestWhatSomebodyWaitsForOvertakesTheOthersAndKeepsTheLastingRate(t *testing.T) {
	d, s := scripted(t, yes)
	d.app.Sleep = func(context.Context, time.Duration) error { return nil } // all at the same moment
	for range burst + perSecond*10 {
		if err := d.Call(t.Context(), "m", nil, nil); err != nil {
			t.Fatal(err)
		}
	}
	waits := func() time.Duration { return d.portal.limiter.ReserveN(d.app.now(), 1).DelayFrom(d.app.now()) }
	before := waits()
	var slept time.Duration
	d.app.Sleep = func(_ context.Context, wait time.Duration) error {
		slept += wait
		return nil
	}
	for range spareBurst {
		if err := d.Call(t.Context(), "m", nil, nil, Prompt()); err != nil {
			t.Fatal(err)
		}
	}
	if slept != 0 {
		t.Errorf("prompt requests waited %v", slept)
	}
	if later := waits() - before; later != (spareBurst+1)*time.Second/perSecond {
		t.Errorf("the others wait %v longer", later)
	}
	sent := len(s.asked)
	err := d.Call(t.Context(), "m", nil, nil, Prompt())
	if !errors.Is(err, QueryLimitExceeded) || len(s.asked) != sent {
		t.Errorf("%v, want a refusal at once", err)
	}
}

func TestAFullBucketIsHeardOfFromACommandOfABatchToo(t *testing.T) {
	d, _ := scripted(t, `{"result":{"result":[],"result_error":{"a":{"error":"QUERY_LIMIT_EXCEEDED"}}}}`)
	got, err := d.Batch(t.Context(), Batch{Commands: []Command{{Key: "a", Method: "m"}}})
	if err != nil || !errors.Is(got.Decode("a", nil), QueryLimitExceeded) {
		t.Fatal(err, got)
	}
	if left := d.portal.limiter.TokensAt(d.app.now()); left >= 1 {
		t.Errorf("%v requests are left", left)
	}
}

func TestWhatSomebodyWaitsForWaitsBrieflyWhenNothingIsSpare(t *testing.T) {
	d, _ := scripted(t, yes)
	d.portal.drain(d.app.now())
	if err := d.Call(t.Context(), "m", nil, nil, Prompt()); err != nil {
		t.Fatal(err)
	}
	if waited := d.clock.Now().Sub(noon); waited != time.Second/perSecond {
		t.Errorf("the request waited %v", waited)
	}
}
