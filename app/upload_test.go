package main

import (
	"bytes"
	"encoding/json"
	"html"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"callwise/app/b24/b24sim"
	"callwise/app/callflow"
	"callwise/models"

	"github.com/google/go-cmp/cmp"
	"gorm.io/gorm"
)

// mp3 and wav are recordings of a length: their beginnings tell what they are.
func mp3(size int) []byte { return sized("\xFF\xFB\x90\x64", size) }
func wav(size int) []byte { return sized("RIFF\x00\x00\x00\x00WAVEfmt ", size) }

// sized repeats nothing at the length of a piece: pieces in a wrong order differ.
func sized(begin string, size int) []byte {
	file := make([]byte, size)
	for i := range file {
		file[i] = byte(i % 251)
	}
	copy(file, begin)
	return file
}

// put uploads the recording of a call as a PBX does.
func (r *rig) put(id string, body io.Reader) reply {
	r.t.Helper()
	request, err := http.NewRequest(http.MethodPut, r.url+"/pbx/v1/calls/"+url.PathEscape(id)+"/recording", body)
	if err != nil {
		r.t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+r.key)
	request.Header.Set("Content-Type", "application/octet-stream")
	return r.send(request)
}

func (r *rig) putStatus(id string, file []byte, want int) {
	r.t.Helper()
	if got := r.put(id, bytes.NewReader(file)); got.status != want {
		r.t.Fatalf("PUT: %d, want %d\n%s", got.status, want, got.body)
	}
}

// audioBytes is how much of recordings the database holds.
func (r *rig) audioBytes() (n int64) {
	r.t.Helper()
	err := r.house.store.Transaction(r.t.Context(), func(tx *gorm.DB) error {
		return tx.Raw("SELECT COALESCE(SUM(LENGTH(data)), 0) FROM recording_chunks").Scan(&n).Error
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return n
}

// inPortal is the recording that the portal has of the last call, its name first.
func (r *rig) inPortal(id string) (string, []byte) {
	r.t.Helper()
	row := r.row(id)
	if row == nil || row.B24CallID == nil {
		return "", nil
	}
	return r.portal.Activities()[0].Recording, r.portal.Recording(*row.B24CallID)
}

func TestAnUploadedRecordingGoesToBitrix24AndLeavesUs(t *testing.T) {
	for _, test := range []struct {
		name    string
		file    []byte
		want    string
		uploads int
	}{
		{"small", mp3(1000), "recording.mp3", 0},
		{"of just a megabyte", wav(1 << 20), "recording.wav", 0},
		{"large", wav(3<<20 + 17), "recording.wav", 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			eachDatabase(t, func(t *testing.T, address string) {
				r := newRig(t, address, classic)
				r.switches("c")
				r.putStatus("c/1", test.file, http.StatusCreated) // before anything else is known of the call
				r.tell(started("c/1", "incoming", "+4930901820"), answered("c/1", "104"), ended("c/1", "answered", 5))
				r.finished(1)
				r.worked("c/1")
				name, file := r.inPortal("c/1")
				if name != test.want || !bytes.Equal(file, test.file) {
					t.Errorf("%q of %d bytes, want %q of %d", name, len(file), test.want, len(test.file))
				}
				if n := r.sim.Count("acme", "upload.json"); n != test.uploads {
					t.Errorf("%d uploads, want %d", n, test.uploads)
				}
				if n := r.audioBytes(); n != 0 {
					t.Errorf("%d bytes are kept", n)
				}
				if page := r.dialog("c/1", r.session); !strings.Contains(page, "attached to the call in Bitrix24") || strings.Contains(page, "<audio") {
					t.Error("the page does not say that it is in Bitrix24")
				}
				r.putStatus("c/1", test.file, http.StatusOK)
				r.putStatus("c/1", mp3(2000), http.StatusConflict)
				r.worked("c/1")
				if n := r.sim.Count("acme", "telephony.externalCall.attachRecord"); n != 1 || r.audioBytes() != 0 {
					t.Errorf("attached %d times, %d bytes are kept", n, r.audioBytes())
				}
			})
		})
	}
}

func TestAnUploadWhoseAnswerIsLostIsSentAgain(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		for _, method := range []string{"upload.json", "telephony.externalCall.attachrecord"} {
			r := newRig(t, address, b24sim.PortalConfig{Name: strings.ReplaceAll(method, ".", "-"), Users: employees()})
			r.switches("c")
			lost := r.sim.Inject(b24sim.Fault{Method: method, Act: b24sim.Drop, After: true})
			file := wav(2 << 20)
			r.tell(started("c1", "incoming", "+4930901820"), answered("c1", "104"), ended("c1", "answered", 5))
			r.putStatus("c1", file, http.StatusCreated)
			r.eventually("the answer is lost", func() bool { return lost.Hits() == 1 })
			r.eventually("attached", func() bool { return r.call("pbx:c1").Progress.Recording.FileID != 0 })
			if _, got := r.inPortal("c1"); !bytes.Equal(got, file) || r.audioBytes() != 0 {
				t.Errorf("%s: %d bytes in the portal, %d here", method, len(got), r.audioBytes())
			}
			r.stop()
		}
	})
}

// The address holds the access token that it was asked for with.
func TestARecordingWhoseAddressHasExpiredIsSentToANewOne(t *testing.T) {
	for _, test := range []struct {
		name, code string
		expires    bool // the token, while the file is sent
		asked      int  // for an address
		renewals   int
	}{
		{"its token expires meanwhile", "EXPIRED_TOKEN", true, 3, 1},
		{"its token is not known", "INVALID_TOKEN", false, 2, 0},
		{"the address authorizes nobody", "NO_AUTH_FOUND", false, 2, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			eachDatabase(t, func(t *testing.T, address string) {
				r := newRig(t, address, classic)
				b := r.neighbour("other")
				fault := b24sim.Fault{Portal: "acme", Method: "upload.json", Act: b24sim.Refuse, Status: 401, Code: test.code}
				if test.expires {
					fault = b24sim.Fault{Portal: "acme", Method: "upload.json", Act: b24sim.Hold}
				}
				met := r.sim.Inject(fault)
				file, foreign := wav(2<<20), wav(3<<20)
				for rig, sent := range map[*rig][]byte{r: file, b: foreign} {
					rig.switches("c")
					rig.tell(started("c1", "incoming", "+4930901820"), answered("c1", "104"), ended("c1", "answered", 5))
					rig.worked("c1") // one round has the recording
					rig.putStatus("c1", sent, http.StatusCreated)
				}
				<-met.Reached()
				if test.expires {
					r.portal.ExpireTokens()
				}
				met.Release()
				r.retrying("c1")
				if got := r.row("c1"); got.ErrorCode != test.code || got.Progress.Recording.Code != "" {
					t.Errorf("the call waits for %q, recording %+v", got.ErrorCode, got.Progress.Recording)
				}
				r.again("c1")
				b.worked("c1")
				r.worked("c1")
				if _, got := r.inPortal("c1"); !bytes.Equal(got, file) || r.audioBytes() != 0 {
					t.Errorf("%d bytes in the portal, %d here", len(got), r.audioBytes())
				}
				if _, got := b.inPortal("c1"); !bytes.Equal(got, foreign) {
					t.Errorf("%d bytes in the other portal", len(got))
				}
				asked, sent := r.sim.Count("acme", "telephony.externalCall.attachRecord"), r.sim.Count("acme", "upload.json")
				if asked != test.asked || sent != 2 || r.renewals(admin) != test.renewals {
					t.Errorf("asked %d times for an address, sent %d times, renewed %d times", asked, sent, r.renewals(admin))
				}
			})
		})
	}
}

func TestARecordingIsSentAgainForAsLongAsACallMayFail(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		var ahead atomic.Int64
		r := tuned(t, address, classic, func(h *house) {
			h.flow.Now = clockAhead(&ahead)
		})
		r.switches("c")
		refused := func(id string) *b24sim.Injected {
			fault := r.refusing("upload.json", 401, "NO_AUTH_FOUND")
			r.tell(started(id, "incoming", "+4930901820"), answered(id, "104"), ended(id, "answered", 5))
			r.worked(id)
			r.putStatus(id, wav(2<<20), http.StatusCreated)
			r.retrying(id)
			return fault
		}
		fault := refused("c1")
		ahead.Store(int64(30 * time.Hour))
		r.again("c1")
		r.eventually("sent again", func() bool { return fault.Hits() == 2 })
		fault.Remove()
		r.again("c1")
		r.worked("c1")
		if _, file := r.inPortal("c1"); len(file) != 2<<20 {
			t.Errorf("%d bytes in the portal after 30 hours", len(file))
		}
		refused("c2")
		ahead.Store(int64(30*time.Hour + callflow.GiveUpAfter + time.Minute))
		r.again("c2")
		r.eventually("given up", func() bool { return r.row("c2").State == models.CallFailed })
		if got := r.row("c2"); got.ErrorCode != "NO_AUTH_FOUND" || got.RetryAt != nil || got.Attention != models.AttentionFailed {
			t.Errorf("error %q, again at %v, attention %q", got.ErrorCode, got.RetryAt, got.Attention)
		}
	})
}

// One that the portal refuses for good is not sent again, and its call is finished.
func TestARecordingThatThePortalRefusesForGoodIsNotSentAgain(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		r.switches("c")
		r.refusing("upload.json", 400, "ERROR_CORE")
		r.tell(started("c1", "incoming", "+4930901820"), answered("c1", "104"), ended("c1", "answered", 5))
		r.worked("c1")
		r.putStatus("c1", wav(2<<20), http.StatusCreated)
		r.eventually("given up", func() bool { return r.row("c1").Progress.Recording.Code == "ERROR_CORE" })
		r.tell(with(started("c1", "incoming", "+4930901820"), "id", "once more"))
		r.worked("c1")
		if got := r.row("c1"); got.State != models.CallFinished || got.ErrorCode != "" || r.sim.Count("acme", "upload.json") != 1 {
			t.Errorf("the call is %s %q, sent %d times", got.State, got.ErrorCode, r.sim.Count("acme", "upload.json"))
		}
	})
}

// A self-hosted portal behind a proxy may not know its own address, whoever asks.
func TestARecordingIsNotSentToAnAddressThatIsNotThePortals(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		portal := classic
		portal.UploadsAt = "https://behind.example/rest/"
		r := newRig(t, address, portal)
		r.switches("c")
		file := wav(2 << 20)
		r.tell(started("c1", "incoming", "+4930901820"), answered("c1", "104"), ended("c1", "answered", 5))
		r.worked("c1") // one round has the recording
		r.putStatus("c1", file, http.StatusCreated)
		r.eventually("tried", func() bool {
			return slices.ContainsFunc(r.row("c1").Progress.Steps, func(s models.Step) bool { return s.Name == "recording" })
		})
		if got := r.row("c1"); got.State != models.CallFinished || got.RetryAt != nil || got.Progress.Recording.Code != "UPLOAD_ELSEWHERE" {
			t.Errorf("the call is %s, again at %v, recording %+v", got.State, got.RetryAt, got.Progress.Recording)
		}
		page := r.dialog("c1", r.session)
		if !strings.Contains(page, "an address to send the recording to that is not its own") {
			t.Error("the page does not say why it is not in Bitrix24")
		}
		if heard := r.hear(html.UnescapeString(match(t, "player", player, page)), ""); heard.body != string(file) {
			t.Errorf("heard %d bytes", len(heard.body))
		}
	})
}

func TestWhatIsNoRecordingIsNotTaken(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		for _, test := range []struct {
			name, id string
			body     io.Reader
			want     int
		}{
			{"empty", "c1", bytes.NewReader(nil), 422},
			{"a page", "c1", strings.NewReader("<html><body>Not found</body></html>"), 415},
			{"RIFF that is no WAVE", "c1", strings.NewReader("RIFF\x00\x00\x00\x00AVI LIST"), 415},
			{"AAC", "c1", strings.NewReader("\xFF\xF1\x50\x80 and so on"), 415},
			{"three bytes", "c1", strings.NewReader("\xFF\xFB\x90"), 415},
			{"too large", "c1", io.LimitReader(endless{}, 100<<20+1), 413},
			{"a long name", strings.Repeat("ж", 129), bytes.NewReader(mp3(10)), 422},
			{"a control character", "c\n1", bytes.NewReader(mp3(10)), 422},
		} {
			got := r.put(test.id, test.body)
			var said struct {
				Status        int
				Title, Detail string
			}
			if err := json.Unmarshal([]byte(got.body), &said); err != nil || got.status != test.want || said.Status != test.want || said.Detail == "" ||
				got.header.Get("Content-Type") != "application/problem+json" {
				t.Errorf("%s: %d, want %d\n%s", test.name, got.status, test.want, got.body)
			}
		}
		if got := r.send(r.request(http.MethodPut, "/pbx/v1/calls/c1/recording", "", string(mp3(10)))); got.status != http.StatusUnauthorized {
			t.Errorf("without a key: %d", got.status)
		}
		r.breakOff()
		r.eventually("nothing is kept", func() bool { return r.audioBytes() == 0 })
		for _, taken := range []string{"ID3\x04\x00\x00\x00\x00\x00\x00", string(mp3(10))} {
			r.putStatus("c2", []byte(taken), http.StatusCreated)
		}
		if n := r.audioBytes(); n != 10 {
			t.Errorf("%d bytes are kept, want the 10 of the second", n)
		}
	})
}

// endless is an MP3 file without an end.
type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = "\xFF\xFB\x90\x64"[i%4]
	}
	return len(p), nil
}

// breakOff goes away in the middle of a recording.
func (r *rig) breakOff() {
	r.t.Helper()
	connection := r.halfPut(r.t, "c1")
	r.eventually("a piece is stored", func() bool { return r.audioBytes() > 0 })
	if err := connection.Close(); err != nil {
		r.t.Fatal(err)
	}
}

func TestARecordingStaysInThePortalWhoseKeyCameWithIt(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		r.switches("c")
		b := r.neighbour("other")
		b.switches("c")
		for i, rig := range []*rig{r, b} {
			rig.tell(started("c1", "incoming", "+4930901820"), answered("c1", "104"))
			rig.registered(1)
			rig.putStatus("c1", mp3(1000+i), http.StatusCreated)
		}
		// While the calls go on, the recordings are here and can be heard.
		page := r.dialog("c1", r.session)
		heard := r.hear(html.UnescapeString(match(t, "player", player, page)), "bytes=2-5")
		if diff := cmp.Diff(string(mp3(1000)[2:6]), heard.body); diff != "" || heard.status != http.StatusPartialContent || heard.header.Get("Content-Range") != "bytes 2-5/1000" {
			t.Errorf("heard %d %q", heard.status, heard.body)
		}
		keys := []string{"pbx:c1"}
		mine, err := r.house.store.AudioOf(t.Context(), r.stored().ID, keys...)
		if err != nil {
			t.Fatal(err)
		}
		foreign := *mine
		foreign.PortalID = b.stored().ID
		if data, err := r.house.store.AudioData(t.Context(), &foreign, 0); err == nil {
			t.Errorf("the other portal reads %d bytes", len(data))
		}
		for i, rig := range []*rig{r, b} {
			rig.tell(ended("c1", "answered", 5))
			rig.finished(1)
			rig.worked("c1")
			if _, got := rig.inPortal("c1"); !bytes.Equal(got, mp3(1000+i)) {
				t.Errorf("portal %d has %d bytes", i, len(got))
			}
		}
		r.putStatus("c9", mp3(100), http.StatusCreated)
		b.putStatus("c9", mp3(50), http.StatusCreated)
		r.portal.Uninstall(false)
		r.deliver()
		r.eventually("the portal's recording is forgotten", func() bool { return r.audioBytes() == 50 })
	})
}

func TestAnUploadIsKeptHereIfTheSettingsSaySo(t *testing.T) {
	for kept, settings := range map[string][]string{
		models.KeptAsLink:   {"recordings/mode", "link"},
		models.KeptTooLarge: {"recordings/max_mb", "1"},
	} {
		r := newRig(t, "sqlite:"+t.TempDir()+"/callwise.db", classic)
		r.switches("c")
		r.set(settings...)
		file := mp3(1<<20 + 1)
		r.tell(started("c1", "incoming", "+4930901820"), ended("c1", "answered", 5))
		r.putStatus("c1", file, http.StatusCreated)
		r.finished(1)
		r.eventually("kept", func() bool { return r.call("pbx:c1").Progress.Recording.Kept == kept })
		heard := r.hear(html.UnescapeString(match(t, "player", player, r.dialog("c1", r.session))), "")
		if heard.body != string(file) || heard.header.Get("Content-Type") != "audio/mpeg" {
			t.Errorf("%s: heard %d bytes of %s", kept, len(heard.body), heard.header.Get("Content-Type"))
		}
		if got := r.portal.Activities()[0].Recording; got != "" {
			t.Errorf("%s: attached %q", kept, got)
		}
		r.stop()
	}
}
