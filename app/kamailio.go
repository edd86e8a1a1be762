package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"strings"

	"callwise/app/pbx/kamailio"
	"callwise/app/pbx/pbxsim"
)

// kamailioOptions are the flags of kamailio.
type kamailioOptions struct {
	url        string
	keyFile    string
	address    string
	recordings string
	commands   string
	script     bool
}

func (o *kamailioOptions) flags(f *flag.FlagSet) {
	f.StringVar(&o.url, "url", "http://127.0.0.1:8080", "`ADDRESS` of a running Callwise")
	f.StringVar(&o.keyFile, "key-file", "", "`FILE` with a PBX key of its settings page; otherwise the key is in "+keyVariable)
	f.StringVar(&o.address, "kamailio", "127.0.0.1:8448", "`ADDRESS` where Kamailio tells of its calls")
	f.StringVar(&o.recordings, "recordings", "", "`DIR` where RTPengine records (pcap); otherwise no recordings are uploaded")
	f.StringVar(&o.commands, "commands", "", "`ADDRESS` to take clicks at, as HOST:PORT; Callwise reaches it by its command URL, and its secret is in "+secretVariable)
	f.BoolVar(&o.script, "script", false, "print the part of Kamailio's script that it needs, and exit")
}

// secretVariable holds the secret that Callwise signs its commands with.
const secretVariable = "CALLWISE_PBX_SECRET"

// run carries calls until ctx ends.
func (o *kamailioOptions) run(ctx context.Context, t terminal) int {
	if o.script {
		if _, err := t.out.Write(kamailio.Script); err != nil {
			return t.complain(err, exitFailed)
		}
		return exitOK
	}
	key, err := readKey(t.getenv, o.keyFile)
	secret := t.getenv(secretVariable)
	if err := errors.Join(o.check(secret), err); err != nil {
		return t.complain(err, exitUsage)
	}
	var commands net.Listener
	if o.commands != "" {
		if commands, err = net.Listen("tcp", o.commands); err != nil {
			return t.complain(fmt.Errorf("-commands: %w", err), exitFailed)
		}
	}
	kamailio.Connector{
		Address: o.address, Recordings: o.recordings, Secret: secret,
		Callwise: pbxsim.Client{URL: strings.TrimSuffix(o.url, "/"), Key: key},
		Log:      slog.New(slog.NewTextHandler(t.err, nil)),
	}.Run(ctx, commands)
	return exitOK
}

func (o *kamailioOptions) check(secret string) error {
	var wrong []error
	if !isAddress(o.url) {
		wrong = append(wrong, errors.New("-url: must be an http or https address without a user, query or fragment"))
	}
	if _, _, err := net.SplitHostPort(o.address); err != nil {
		wrong = append(wrong, errors.New("-kamailio: must be HOST:PORT"))
	}
	if o.commands != "" {
		if err := kamailio.CheckSecret(secret); err != nil {
			wrong = append(wrong, fmt.Errorf("%s: %w", secretVariable, err))
		}
	}
	return errors.Join(wrong...)
}
