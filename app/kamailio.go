package main

import (
	"context"
	"errors"
	"flag"
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
	script     bool
}

func (o *kamailioOptions) flags(f *flag.FlagSet) {
	f.StringVar(&o.url, "url", "http://127.0.0.1:8080", "`ADDRESS` of a running Callwise")
	f.StringVar(&o.keyFile, "key-file", "", "`FILE` with a PBX key of its settings page; otherwise the key is in "+keyVariable)
	f.StringVar(&o.address, "kamailio", "127.0.0.1:8448", "`ADDRESS` where Kamailio tells of its calls")
	f.StringVar(&o.recordings, "recordings", "", "`DIR` where RTPengine records (pcap); otherwise no recordings are uploaded")
	f.BoolVar(&o.script, "script", false, "print the part of Kamailio's script that it needs, and exit")
}

// run carries calls until ctx ends.
func (o *kamailioOptions) run(ctx context.Context, t terminal) int {
	if o.script {
		if _, err := t.out.Write(kamailio.Script); err != nil {
			return t.complain(err, exitFailed)
		}
		return exitOK
	}
	key, err := readKey(t.getenv, o.keyFile)
	if err := errors.Join(o.check(), err); err != nil {
		return t.complain(err, exitUsage)
	}
	kamailio.Connector{
		Address: o.address, Recordings: o.recordings,
		Callwise: pbxsim.Client{URL: strings.TrimSuffix(o.url, "/"), Key: key},
		Log:      slog.New(slog.NewTextHandler(t.err, nil)),
	}.Run(ctx)
	return exitOK
}

func (o *kamailioOptions) check() error {
	var wrong []error
	if !isAddress(o.url) {
		wrong = append(wrong, errors.New("-url: must be an http or https address without a user, query or fragment"))
	}
	if _, _, err := net.SplitHostPort(o.address); err != nil {
		wrong = append(wrong, errors.New("-kamailio: must be HOST:PORT"))
	}
	return errors.Join(wrong...)
}
