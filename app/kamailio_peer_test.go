package main

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"callwise/app/pbx"
)

func TestTheConnectorComplainsOfWhatItCannotUse(t *testing.T) {
	key := func(string) string { return "key" }
	for _, test := range []struct {
		args   string
		getenv func(string) string
		code   int
		out    string
		errs   string
	}{
		{"", func(string) string { return "" }, exitUsage, "", "put one PBX key"},
		{"-url ftp://x", key, exitUsage, "", "-url: must be"},
		{"-kamailio localhost", key, exitUsage, "", "-kamailio: must be HOST:PORT"},
		{"-key-file /nonexistent/key", key, exitUsage, "", "-key-file: "},
		{"-commands 127.0.0.1:0", key, exitUsage, "", "CALLWISE_PBX_SECRET: the secret is not one"},
		{"-script", func(string) string { return "" }, exitOK, "event_route[dialog:failed]", ""},
	} {
		var out, errs buffer
		term := terminal{out: &out, err: &errs, getenv: test.getenv}
		if code := term.run(t.Context(), append([]string{"kamailio"}, strings.Fields(test.args)...)); code != test.code {
			t.Errorf("%s: exit code %d", test.args, code)
		}
		if !strings.Contains(out.String(), test.out) || !strings.Contains(errs.String(), test.errs) {
			t.Errorf("%s: said %q, complained %q", test.args, out.String(), errs.String())
		}
	}
}

func TestAnEventThatIsRefusedHoldsNothingUp(t *testing.T) {
	r := newRig(t, freshDatabase(t), classic)
	peer := listen(t, freeAddress(t))
	c := &office{rig: r, sipServer: &sipServer{told: peer.Addr().String(), recordings: t.TempDir()}}
	said, _ := c.connect()
	link, err := peer.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer errorless(t, link.Close)
	for _, event := range []string{
		`no JSON`, `{"type":"started"}`,
		`{"id":"malformed","type":"started","at":"today"}`,
		`{"id":"refused","type":"started","at":"1795741748.8","call":"c1","direction":"sideways"}`,
		`{"id":"good","type":"ended","at":"1795741748.8","call":"c1","direction":"internal","phone":"105","extensions":"104","extension":"104","code":200,"seconds":1}`,
	} {
		if _, err := fmt.Fprintf(link, "%d:%s,", len(event), event); err != nil {
			t.Fatal(err)
		}
	}
	r.finished(1)
	const want = `21:{"taken":"malformed"},19:{"taken":"refused"},`
	got := make([]byte, len(want))
	if _, err := io.ReadFull(link, got); err != nil || string(got) != want {
		t.Errorf("%q, %v, want %q", got, err, want)
	}
	if text := said.String(); !strings.Contains(text, "Callwise answered 422") || strings.Contains(text, "sideways") {
		t.Errorf("it said:\n%s", text)
	}
}

func TestAClickIsPassedOnOnceAndNothingElseIs(t *testing.T) {
	r := newRig(t, freshDatabase(t), classic)
	peer := listen(t, freeAddress(t))
	c := &office{rig: r, sipServer: &sipServer{told: peer.Addr().String(), recordings: t.TempDir()}}
	said, _ := c.connect()
	r.eventually("connected", func() bool { return strings.Contains(said.String(), "connected to Kamailio") })
	click := pbx.Originate{Bitrix24CallID: "externalCall.1", Phone: customer, Extension: "104", Line: ourLine}
	change := func(change func(*pbx.Originate)) pbx.Originate {
		other := click
		change(&other)
		return other
	}
	send := func(id, secret string, at time.Time, command any) int {
		t.Helper()
		err := pbx.Send(t.Context(), http.DefaultClient, c.commands, []string{secret}, id, at, command)
		if refused, ok := errors.AsType[*pbx.Undelivered](err); ok {
			return refused.Status
		}
		if err != nil {
			t.Fatal(err)
		}
		return http.StatusAccepted
	}
	right := r.pbx.secret
	for _, test := range []struct {
		name, id, secret string
		at               time.Time
		command          any
		want             int
	}{
		{"signed by another", "m1", pbx.NewSecret(), time.Now(), click, 401},
		{"of yesterday", "m1", right, time.Now().Add(-24 * time.Hour), click, 401},
		{"a callback", "m1", right, time.Now(), pbx.Callback{CommandID: "c1", Phone: customer, Extension: "104"}, 501},
		{"no list of fields", "m1", right, time.Now(), "call.originate", 400},
		{"too large", "m1", right, time.Now(), strings.Repeat("x", 65<<10), 400},
		{"without a phone", "m1", right, time.Now(), change(func(o *pbx.Originate) { o.Phone = "" }), 422},
		{"a phone that is more", "m1", right, time.Now(), change(func(o *pbx.Originate) { o.Phone = "1@evil;x=1" }), 422},
		{"an extension that is more", "m1", right, time.Now(), change(func(o *pbx.Originate) { o.Extension = "104 105" }), 422},
		{"a click", "m1", right, time.Now(), click, 202},
		{"the same again", "m1", right, time.Now(), click, 202},
		{"another", "m2", right, time.Now(), change(func(o *pbx.Originate) { o.Bitrix24CallID = "externalCall.2" }), 202},
	} {
		if got := send(test.id, test.secret, test.at, test.command); got != test.want {
			t.Errorf("%s: %d, want %d", test.name, got, test.want)
		}
	}
	link, err := peer.Accept()
	if err != nil {
		t.Fatal(err)
	}
	const want = `86:{"click":"externalCall.1","extension":"104","line":"4930901800","phone":"+4930901820"},` +
		`86:{"click":"externalCall.2","extension":"104","line":"4930901800","phone":"+4930901820"},`
	got := make([]byte, len(want))
	if _, err := io.ReadFull(link, got); err != nil || string(got) != want {
		t.Errorf("%q, %v, want %q", got, err, want)
	}
	errorless(t, peer.Close)
	errorless(t, link.Close)
	r.eventually("the connection is lost", func() bool { return strings.Contains(said.String(), "no connection to Kamailio") })
	if got := send("m3", right, time.Now(), click); got != http.StatusServiceUnavailable {
		t.Errorf("without Kamailio: %d", got)
	}
}

func errorless(t *testing.T, close func() error) {
	t.Helper()
	if err := close(); err != nil {
		t.Error(err)
	}
}
