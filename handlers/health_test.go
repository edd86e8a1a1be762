package handlers

import (
	"testing"
	"time"

	"callwise/models"

	"github.com/google/go-cmp/cmp"
)

func TestWhatRequestsUsedOfAPortalsLimits(t *testing.T) {
	at := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	request := func(after time.Duration, operating float64, code string) models.RESTRequest {
		return models.RESTRequest{At: at.Add(after), Operating: operating, Code: code}
	}
	for _, tt := range []struct {
		name     string
		requests []models.RESTRequest
		want     usage
	}{
		{"none", nil, usage{}},
		{"three in one second, two in another", []models.RESTRequest{
			request(0, 1, ""), request(500*time.Millisecond, 2, ""), request(999*time.Millisecond, 0, ""), request(time.Second, 1, ""), request(1500*time.Millisecond, 1, ""),
		}, usage{peak: 3, operating: 2}},
		{"refused for the rate", []models.RESTRequest{request(0, 0, "query_limit_exceeded")}, usage{peak: 1, limited: true}},
		{"refused for the work", []models.RESTRequest{request(0, 470, ""), request(0, 0, "OPERATION_TIME_LIMIT")}, usage{peak: 2, operating: 470, paused: true}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, spent(tt.requests), cmp.AllowUnexported(usage{})); diff != "" {
				t.Errorf("usage (-want +got):\n%s", diff)
			}
		})
	}
}
