package handlers

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
	"time"

	"callwise/models"

	"github.com/labstack/echo/v4"
)

// FuzzSession reads what somebody sends for a session.
func FuzzSession(f *testing.F) {
	now := time.Date(2026, 8, 21, 10, 0, 0, 0, time.UTC)
	s := &Sessions{Keys: []SessionKey{{ID: "a", Bytes: []byte("0123456789abcdef0123456789abcdef")}}, Now: func() time.Time { return now }}
	genuine, err := s.Issue(Visitor{PortalID: 3, UserID: 17})
	if err != nil {
		f.Fatal(err)
	}
	heard, err := s.IssueListen(Visitor{PortalID: 3, UserID: 17}, 5)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(genuine)
	f.Add(heard)
	f.Add("eyJhbGciOiJub25lIiwia2lkIjoiYSJ9.eyJwb3J0YWwiOjN9.")
	f.Add("..")
	f.Fuzz(func(t *testing.T, text string) {
		if _, _, err := s.Read(text); err == nil && text != genuine {
			t.Fatal("a session that nobody issued is taken")
		}
		if _, _, err := s.ReadListen(text, 5); err == nil && text != heard {
			t.Fatal("a key that nobody issued is taken")
		}
	})
}

// FuzzAddress finds out on whose behalf a proxy asks.
func FuzzAddress(f *testing.F) {
	proxies := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fc00::/7")}
	limits := NewLimits(proxies)
	find := limits.extractor()
	f.Add("203.0.113.7", "10.0.0.1:4000")
	f.Add("10.0.0.9, 203.0.113.7 , 10.0.0.2", "10.0.0.1:4000")
	f.Add("2001:db8::1%eth0", "[fd00::1]:4000")
	f.Add("[2001:db8::1]:80, unknown", "203.0.113.9:4000")
	f.Fuzz(func(t *testing.T, forwarded, peer string) {
		request := httptest.NewRequest(http.MethodGet, "/", nil)
		request.Header["X-Forwarded-For"] = []string{forwarded}
		request.RemoteAddr = peer
		e := echo.New()
		e.IPExtractor = find
		c := e.NewContext(request, httptest.NewRecorder())
		got := limits.address(c)
		if len(got) > 45 {
			t.Fatalf("address %q", got)
		}
		direct, err := netip.ParseAddrPort(peer)
		if err != nil || direct.Addr().Zone() != "" {
			return
		}
		trusted := false
		for _, p := range proxies {
			trusted = trusted || p.Contains(direct.Addr().Unmap())
		}
		request.Header.Del("X-Forwarded-For")
		if own := limits.address(c); !trusted && got != own {
			t.Fatalf("%s is believed to ask for %q", peer, got)
		}
	})
}

// FuzzCursor reads a place in the call log.
func FuzzCursor(f *testing.F) {
	text, err := cursorText(&models.Cursor{ID: 7, At: time.Date(2026, 8, 21, 10, 0, 0, 0, time.UTC)})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add("!")
	f.Add("bnVsbA")
	f.Fuzz(func(t *testing.T, text string) {
		at, err := readCursor(text)
		if err != nil {
			return
		}
		again, err := cursorText(&at)
		if err != nil {
			t.Fatalf("%+v: %v", at, err)
		}
		if back, err := readCursor(again); err != nil || !back.At.Equal(at.At) || back.ID != at.ID {
			t.Fatalf("%+v becomes %+v: %v", at, back, err)
		}
	})
}
