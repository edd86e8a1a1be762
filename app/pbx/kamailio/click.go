package kamailio

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"regexp"
	"time"

	"github.com/jellydator/ttlcache/v3"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

const (
	maxCommand  = 64 << 10         // bytes
	commandTime = 10 * time.Second // to read and answer one
	remembered  = 10 * time.Minute // how long a command's id is known; Callwise repeats one for less
	maxKnown    = 10_000
)

// A command is what Callwise asks a PBX for, as far as it is needed here.
type command struct {
	Type      string `json:"type"`
	B24CallID string `json:"bitrix24_call_id"`
	Phone     string `json:"phone"`
	Extension string `json:"extension"`
	Line      string `json:"line"`
}

// userPart is what may be put into an address of SIP.
var userPart = regexp.MustCompile(`^\+?[0-9A-Za-z*#._-]{1,64}$`)

// taker takes Callwise's commands.
type taker struct {
	*carrier
	hook  *standardwebhooks.Webhook
	known *ttlcache.Cache[string, bool] // ids of commands that were passed on
}

// CheckSecret reports whether a text is a secret of commands.
func CheckSecret(text string) error {
	_, err := standardwebhooks.NewWebhook(text)
	if text == "" || err != nil {
		return errors.New("the secret is not one of the settings page (whsec_...)")
	}
	return nil
}

// takeCommands serves until ctx ends.
func (w *carrier) takeCommands(ctx context.Context, listener net.Listener) {
	hook, err := standardwebhooks.NewWebhook(w.Secret)
	if err != nil {
		w.Log.Error("no commands are taken: the secret is malformed")
		listener.Close()
		return
	}
	t := &taker{carrier: w, hook: hook, known: ttlcache.New(
		ttlcache.WithTTL[string, bool](remembered), ttlcache.WithCapacity[string, bool](maxKnown), ttlcache.WithDisableTouchOnHit[string, bool]())}
	server := &http.Server{Handler: t, ReadTimeout: commandTime, WriteTimeout: commandTime, MaxHeaderBytes: maxCommand}
	stop := context.AfterFunc(ctx, func() { server.Close() })
	defer stop()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		w.Log.Error("commands are no longer taken", "error", err)
	}
}

// ServeHTTP passes a click on to Kamailio, once for each webhook-id. Until that
// is done it is refused, and Callwise sends it again.
func (t *taker) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxCommand))
	if err != nil {
		http.Error(w, "the command cannot be read", http.StatusBadRequest)
		return
	}
	if t.hook.Verify(body, r.Header) != nil {
		http.Error(w, "the signature is not Callwise's", http.StatusUnauthorized)
		return
	}
	var c command
	switch {
	case json.Unmarshal(body, &c) != nil:
		http.Error(w, "the command is malformed", http.StatusBadRequest)
	case c.Type != "call.originate":
		http.Error(w, "of the commands only call.originate is known", http.StatusNotImplemented)
	case c.B24CallID == "" || !userPart.MatchString(c.Extension) || !userPart.MatchString(c.Phone):
		http.Error(w, "the extension or the phone cannot be dialled", http.StatusUnprocessableEntity)
	case t.pass(r.Header.Get(standardwebhooks.HeaderWebhookID), c) != nil:
		http.Error(w, "there is no connection to Kamailio", http.StatusServiceUnavailable)
	default:
		w.WriteHeader(http.StatusAccepted)
	}
}

// pass tells Kamailio of a click that is not known yet.
func (t *taker) pass(id string, c command) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.known.Has(id) {
		return nil
	}
	if err := t.tell(map[string]string{"click": c.B24CallID, "extension": c.Extension, "phone": c.Phone, "line": c.Line}); err != nil {
		t.Log.Warn("a click was not passed on to Kamailio", "error", err)
		return err
	}
	t.known.Set(id, true, ttlcache.DefaultTTL)
	return nil
}
