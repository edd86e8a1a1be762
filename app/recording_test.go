package main

import (
	"context"
	"html"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"callwise/handlers"

	"github.com/google/go-cmp/cmp"
)

// recordings is where a PBX keeps its recordings.
func recordings(t *testing.T) string {
	t.Helper()
	const audio = "RIFF: a conversation"
	mux := http.NewServeMux()
	serve := func(path, kind string) {
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", kind)
			http.ServeContent(w, r, "", time.Time{}, strings.NewReader(audio))
		})
	}
	serve("/call.mp3", "audio/mpeg")
	serve("/bytes.wav", "application/octet-stream")
	serve("/bytes", "application/octet-stream")
	serve("/page.mp3", "text/html")
	mux.Handle("GET /moved.mp3", http.RedirectHandler("/call.mp3", http.StatusFound))
	mux.Handle("GET /inside.mp3", http.RedirectHandler("http://169.254.169.254/call.mp3", http.StatusFound))
	mux.Handle("GET /round.mp3", http.RedirectHandler("/round.mp3", http.StatusFound))
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server.URL
}

var player = regexp.MustCompile(`<audio [^>]*src="([^"]+)"`)

// hear asks for a recording as a player does: with no session.
func (r *rig) hear(address, part string) reply {
	r.t.Helper()
	request := r.request(http.MethodGet, address, "", "")
	if part != "" {
		request.Header.Set("Range", part)
	}
	return r.send(request)
}

// recorded is a call with a recording, and the page about it.
func (r *rig) recorded(id, address string) string {
	r.t.Helper()
	r.tell(started(id, "incoming", "+4930901821"), ended(id, "answered", 5), map[string]any{
		"id": id + "-recording", "type": "recording.ready", "call": id, "at": time.Now().Format(time.RFC3339Nano), "url": address,
	})
	r.worked(id)
	return r.dialog(id, r.session)
}

func TestARecordingIsPlayedFromThePBXToWhoeverMaySeeTheCall(t *testing.T) {
	type heard struct {
		Status            int
		Type, Range, Body string
	}
	server := recordings(t)
	r := newRig(t, "sqlite:"+t.TempDir()+"/callwise.db", classic)
	whole := "RIFF: a conversation"
	for _, tt := range []struct {
		name, path, part string
		want             heard
	}{
		{"whole", "/call.mp3", "", heard{200, "audio/mpeg", "", whole}},
		{"a part", "/call.mp3", "bytes=6-8", heard{206, "audio/mpeg", "bytes 6-8/20", "a c"}},
		{"a part that is not there", "/call.mp3", "bytes=900-", heard{Status: 416}},
		{"from where it was moved to", "/moved.mp3", "", heard{200, "audio/mpeg", "", whole}},
		{"bytes with the name of audio", "/bytes.wav", "", heard{200, "audio/wav", "", whole}},
		{"bytes without a name", "/bytes", "", heard{Status: 404}},
		{"a page", "/page.mp3", "", heard{Status: 404}},
		{"sent on into the operator's network", "/inside.mp3", "", heard{Status: 404}},
		{"sent round in circles", "/round.mp3", "", heard{Status: 404}},
		{"gone", "/gone.mp3", "", heard{Status: 404}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			page := r.recorded(strings.ReplaceAll(tt.name, " ", "-"), server+tt.path)
			if strings.Contains(page, server) {
				t.Error("the page tells where the PBX keeps the recording")
			}
			got := r.hear(html.UnescapeString(match(t, "player", player, page)), tt.part)
			shown := heard{Status: got.status}
			if got.status < 400 {
				shown = heard{got.status, got.header.Get("Content-Type"), got.header.Get("Content-Range"), got.body}
			}
			if diff := cmp.Diff(tt.want, shown); diff != "" {
				t.Errorf("heard (-want +got):\n%s", diff)
			}
		})
	}
}

// A player that is paused reads no more, and keeps its connection.
func TestWhoListensKeepsNoOtherPortalsRecordingWaiting(t *testing.T) {
	r := tuned(t, "sqlite:"+t.TempDir()+"/callwise.db", classic, func(h *house) {
		h.flow.Recordings.Transport.(*http.Transport).MaxConnsPerHost = 1
	})
	other := r.neighbour("other")
	paused := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		w.Header().Set("Content-Type", "audio/mpeg")
		w.Header().Set("Content-Length", "5")
		if request.Header.Get("Range") == "" {
			_, _ = w.Write([]byte("audio"))
			return
		}
		close(paused)
		<-request.Context().Done()
	}))
	t.Cleanup(server.Close)
	page := r.recorded("c1", server.URL+"/c1.mp3")
	ctx, stop := context.WithCancel(t.Context())
	var listening sync.WaitGroup
	listening.Go(func() {
		request := r.request(http.MethodGet, html.UnescapeString(match(t, "player", player, page)), "", "").WithContext(ctx)
		request.Header.Set("Range", "bytes=0-")
		if answer, err := http.DefaultClient.Do(request); err == nil {
			t.Errorf("the player is answered: %d", answer.StatusCode)
		}
	})
	<-paused
	other.recorded("c1", server.URL+"/c2.mp3")
	stop()
	listening.Wait()
	if got := other.row("c1").Progress.Recording; !got.Attached() || got.Waiting != "" {
		t.Errorf("the other portal's recording: %+v", got)
	}
}

func TestTheKeyOfARecordingOpensThatRecordingOnly(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		server := recordings(t)
		r := newRig(t, address, classic)
		other := r.neighbour("other")
		visitor := handlers.Visitor{PortalID: r.stored().ID, UserID: admin, Admin: true, Lang: "en"}
		page := r.recorded("c1", server+"/call.mp3")
		second := r.recorded("c2", server+"/call.mp3")
		foreign := other.recorded("c1", server+"/call.mp3")
		path, key, _ := strings.Cut(html.UnescapeString(match(t, "player", player, page)), "?key=")
		_, otherKey, _ := strings.Cut(html.UnescapeString(match(t, "player", player, second)), "?key=")
		_, foreignKey, _ := strings.Cut(html.UnescapeString(match(t, "player", player, foreign)), "?key=")
		for name, wrong := range map[string]string{
			"none": "", "nonsense": "x.y.z", "of another call": otherKey, "of another portal": foreignKey,
			"a session": r.session, "an hour old": listenKey(t, time.Now().Add(-time.Hour), visitor, r.row("c1").ID, r.config.EncryptionKeys),
		} {
			if got := r.hear(path+"?key="+wrong, ""); got.status != http.StatusUnauthorized {
				t.Errorf("a key that is %s: %d", name, got.status)
			}
		}
		if got := r.with(key, http.MethodGet, "/calls"); got.status != http.StatusUnauthorized {
			t.Errorf("the key as a session: %d", got.status)
		}
		if got := r.with(r.session, http.MethodGet, path); got.status != http.StatusUnauthorized {
			t.Errorf("a session without a key: %d", got.status)
		}
		employee := sessionIn(t, r.open(r.frame(anna, "DEFAULT")))
		if got := r.hear(html.UnescapeString(match(t, "player", player, r.dialog("c1", employee))), ""); got.status != http.StatusOK {
			t.Errorf("an employee: %d", got.status)
		}
		r.portal.Uninstall(false)
		r.deliver()
		if got := r.hear(path+"?key="+key, ""); got.status != http.StatusUnauthorized {
			t.Errorf("after the app was removed: %d", got.status)
		}
	})
}

// listenKey signs the key of a recording as the program does, at another time.
func listenKey(t *testing.T, at time.Time, visitor handlers.Visitor, callID int64, keys string) string {
	t.Helper()
	signing, err := sessionKeys(keys)
	if err != nil {
		t.Fatal(err)
	}
	key, err := (&handlers.Sessions{Keys: signing, Now: func() time.Time { return at }}).IssueListen(visitor, callID)
	if err != nil {
		t.Fatal(err)
	}
	return key
}
