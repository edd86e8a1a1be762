package callflow

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"callwise/app/reach"

	"golang.org/x/net/dns/dnsmessage"
)

// A trap is a server inside, which nobody outside may reach.
func trap(t *testing.T) (address string, hits *atomic.Int32) {
	t.Helper()
	hits = new(atomic.Int32)
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { hits.Add(1) }))
	t.Cleanup(server.Close)
	return server.URL, hits
}

// clients are those that go where a PBX or an administrator says.
func clients(allowLoopback bool) map[string]*http.Client {
	return map[string]*http.Client{"commands": PBXClient(allowLoopback), "recordings": RecordingClient(allowLoopback)}
}

func TestNothingInsideIsReachedByNameOrNumber(t *testing.T) {
	address, hits := trap(t)
	port := address[strings.LastIndexByte(address, ':'):]
	for name, client := range clients(false) {
		for _, host := range []string{"127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "127.1", "0", "0x7f000001", "2130706433", "[::1]"} {
			_, err := client.Get("http://" + host + port)
			if err == nil {
				t.Errorf("%s: %s is reached", name, host)
			}
			if host == "localhost" && !errors.Is(err, reach.ErrAddress) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	if n := hits.Load(); n != 0 {
		t.Errorf("%d requests came in", n)
	}
}

// nameserver answers each question for an address with the next of these, and
// is the machine's until the test ends.
func nameserver(t *testing.T, addresses ...[4]byte) {
	t.Helper()
	socket, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	before := net.DefaultResolver
	net.DefaultResolver = &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", socket.LocalAddr().String())
	}}
	t.Cleanup(func() {
		net.DefaultResolver = before
		if err := socket.Close(); err != nil {
			t.Error(err)
		}
	})
	go func() {
		buffer := make([]byte, 512)
		for asked := 0; ; {
			n, from, err := socket.ReadFrom(buffer)
			if err != nil {
				return // closed
			}
			var m dnsmessage.Message
			if m.Unpack(buffer[:n]) != nil || len(m.Questions) != 1 {
				continue
			}
			q := m.Questions[0]
			answer := dnsmessage.Message{Header: dnsmessage.Header{ID: m.ID, Response: true}, Questions: m.Questions}
			if q.Type == dnsmessage.TypeA {
				answer.Answers = []dnsmessage.Resource{{
					Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class},
					Body:   &dnsmessage.AResource{A: addresses[min(asked, len(addresses)-1)]},
				}}
				asked++
			}
			packed, err := answer.Pack()
			if err != nil {
				return
			}
			_, _ = socket.WriteTo(packed, from) // a lost answer is asked for again
		}
	}()
}

func TestANameThatChangesItsAddressIsCheckedEachTime(t *testing.T) {
	address, hits := trap(t)
	port := address[strings.LastIndexByte(address, ':'):]
	for name, client := range clients(true) {
		t.Run(name, func(t *testing.T) {
			hits.Store(0)
			nameserver(t, [4]byte{127, 0, 0, 1}, [4]byte{169, 254, 169, 254})
			answer, err := client.Get("http://pbx.example.com" + port)
			if err != nil {
				t.Fatal(err)
			}
			if err := answer.Body.Close(); err != nil {
				t.Fatal(err)
			}
			client.CloseIdleConnections()
			if _, err := client.Get("http://pbx.example.com" + port); !errors.Is(err, reach.ErrAddress) {
				t.Errorf("the second time: %v", err)
			}
			if n := hits.Load(); n != 1 {
				t.Errorf("%d requests came in, want the first", n)
			}
		})
	}
}

func TestARedirectIsCheckedLikeTheFirstAddress(t *testing.T) {
	inside, hits := trap(t)
	// What is allowed here is loopback by number; the name leads elsewhere.
	for _, target := range []string{"http://169.254.169.254/latest/meta-data/", "http://10.0.0.1/", "http://[fd00:ec2::254]/", "http://inside.example.com/"} {
		nameserver(t, [4]byte{192, 168, 0, 1})
		outside := httptest.NewServer(http.RedirectHandler(target, http.StatusFound))
		t.Cleanup(outside.Close)
		if _, err := RecordingClient(true).Get(outside.URL); !errors.Is(err, reach.ErrAddress) {
			t.Errorf("a recording at %s: %v", target, err)
		}
	}
	outside := httptest.NewServer(http.RedirectHandler(inside, http.StatusTemporaryRedirect))
	t.Cleanup(outside.Close)
	answer, err := PBXClient(true).Post(outside.URL, "application/json", strings.NewReader("{}"))
	if err != nil || answer.StatusCode != http.StatusTemporaryRedirect || hits.Load() != 0 {
		t.Errorf("a command was sent on: %v", err)
	}
}

func TestARecordingsAddressIsNotToldToWhereItSendsUs(t *testing.T) {
	var told atomic.Value
	store := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { told.Store(r.Referer()) }))
	t.Cleanup(store.Close)
	pbx := httptest.NewServer(http.RedirectHandler(store.URL, http.StatusFound))
	t.Cleanup(pbx.Close)
	answer, err := RecordingClient(true).Get(pbx.URL + "/?token=secret")
	if err != nil {
		t.Fatal(err)
	}
	if err := answer.Body.Close(); err != nil || told.Load() != "" {
		t.Errorf("told %v, %v", told.Load(), err)
	}
}

func TestACertificateThatNobodyVouchesForIsRefused(t *testing.T) {
	server := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(server.Close)
	u, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	for name, client := range clients(true) {
		if _, err := client.Get(u.String()); err == nil || !strings.Contains(err.Error(), "certificate") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
