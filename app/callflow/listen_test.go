package callflow

import (
	"net/http"
	"net/url"
	"testing"
)

func TestARecordingIsFollowedAFewTimesAndNeverOutOfHTTPS(t *testing.T) {
	tests := []struct {
		name     string
		from, to string
		hops     int
		refused  bool
	}{
		{"once", "https://pbx.example/1", "https://store.example/1", 1, false},
		{"from HTTP on", "http://pbx.example/1", "https://store.example/1", 1, false},
		{"within HTTP", "http://pbx.example/1", "http://store.example/1", 3, false},
		{"too often", "https://pbx.example/1", "https://store.example/1", 4, true},
		{"out of HTTPS", "https://pbx.example/1", "http://store.example/1", 1, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			via := make([]*http.Request, tt.hops)
			for i := range via {
				via[i] = request(t, tt.from)
			}
			err := RecordingClient(false).CheckRedirect(request(t, tt.to), via)
			if (err != nil) != tt.refused {
				t.Errorf("followed: %v", err)
			}
		})
	}
}

func request(t *testing.T, address string) *http.Request {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return &http.Request{URL: u}
}
