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
