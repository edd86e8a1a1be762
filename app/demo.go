package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"callwise/app/demo"
	"callwise/app/pbx"
	"callwise/models"

	"golang.org/x/sync/errgroup"
)

// demoOptions are the flags of demo.
type demoOptions struct {
	data       string
	appAddr    string
	portalAddr string
	lang       string
}

func (o *demoOptions) flags(f *flag.FlagSet) {
	f.StringVar(&o.data, "data", "", "keep the program's data in the folder `DIR` instead of a temporary one; the portal's customers begin anew each time")
	f.StringVar(&o.appAddr, "app-addr", "127.0.0.1:8080", "`ADDRESS` of Callwise")
	f.StringVar(&o.portalAddr, "portal-addr", "127.0.0.1:8081", "`ADDRESS` of the simulated portal")
	f.StringVar(&o.lang, "lang", "en", "`LANGUAGE` that the portal opens Callwise in, en or ru, another is shown in English; the portal's own pages are English")
}

// run starts the program and a simulated portal, and serves both until ctx
// ends. It prints the one address to open.
func (o *demoOptions) run(ctx context.Context, t terminal) int {
	folder, remove, err := o.folder()
	if err != nil {
		return t.complain(err, exitFailed)
	}
	err = errors.Join(o.serve(ctx, t, folder), remove())
	if err != nil {
		return t.complain(err, exitFailed)
	}
	return exitOK
}

// folder is where data lives, and what takes it away afterwards.
func (o *demoOptions) folder() (path string, remove func() error, err error) {
	if o.data != "" {
		return o.data, func() error { return nil }, os.MkdirAll(o.data, 0o700)
	}
	path, err = os.MkdirTemp("", "callwise-demo-")
	if err != nil {
		err = fmt.Errorf("no folder for the demo's data: %w; name one with -data", err)
	}
	return path, func() error { return os.RemoveAll(path) }, err
}

func (o *demoOptions) serve(ctx context.Context, t terminal, folder string) error {
	apps, err := listenDemo("-app-addr", o.appAddr)
	if err != nil {
		return err
	}
	portals, err := listenDemo("-portal-addr", o.portalAddr)
	if err != nil {
		return errors.Join(err, apps.Close())
	}
	log := newLogger(t.err, slog.LevelWarn, logText)
	c, err := demoConfig(folder, address(apps), address(portals))
	if err != nil {
		return errors.Join(err, apps.Close(), portals.Close())
	}
	h, err := openHouse(ctx, c, log)
	if err != nil {
		err = errors.Join(err, apps.Close(), portals.Close())
		if ctx.Err() != nil {
			return nil // told to end before it served anybody
		}
		return err
	}
	d := demo.New(demo.Config{
		AppURL: c.PublicURL, PortalURL: address(portals), ClientID: c.ClientID, ClientSecret: c.ClientSecret,
		Language: o.lang, Access: h.connectTelephone, Log: log,
	})
	fmt.Fprintf(t.out, "Open %s/ in a browser. Ctrl-C stops.\n", address(portals))
	return serveDemo(ctx, h, d, apps, portals)
}

// serveDemo serves both addresses until ctx ends. The portal stays until the
// program has ended, whose last jobs may still ask it something.
func serveDemo(ctx context.Context, h *house, d *demo.Demo, apps, portals net.Listener) error {
	portal := &http.Server{Handler: d, ReadHeaderTimeout: 10 * time.Second}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var group errgroup.Group
	group.Go(func() error {
		defer stop() // the one does not stay without the other
		if err := portal.Serve(portals); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
	group.Go(func() error {
		d.Run(ctx)
		return nil
	})
	group.Go(func() error {
		defer stop()
		return errors.Join(h.serve(ctx, apps), portal.Close())
	})
	return group.Wait()
}

// listenDemo opens an address of the demo. Everything in it reaches the rest
// by 127.0.0.1: Bitrix24 takes no event handler at a name such as localhost.
func listenDemo(name, addr string) (net.Listener, error) {
	var config net.ListenConfig
	listener, err := config.Listen(context.Background(), "tcp4", addr)
	if err != nil {
		return nil, fmt.Errorf("%s: %w; choose another one, such as 127.0.0.1:0", name, err)
	}
	ip := listener.Addr().(*net.TCPAddr).IP
	if !ip.IsLoopback() && !ip.IsUnspecified() {
		return nil, errors.Join(fmt.Errorf("%s: the demo has no secrets to keep and works on this machine only; use 127.0.0.1", name), listener.Close())
	}
	return listener, nil
}

// address is how browsers on this machine reach a listener.
func address(l net.Listener) string {
	at := l.Addr().(*net.TCPAddr)
	if at.IP.IsUnspecified() {
		return fmt.Sprintf("http://127.0.0.1:%d", at.Port)
	}
	return "http://" + at.String()
}

// demoConfig is the configuration of serve, with nothing to set up.
func demoConfig(folder, appURL, portalURL string) (config, error) {
	key, err := demoKey(filepath.Join(folder, "keys"))
	if err != nil {
		return config{}, err
	}
	return config{
		PublicURL: appURL, DatabaseURL: "sqlite:" + filepath.Join(folder, "callwise.db"),
		ClientID: "callwise.demo", ClientSecret: rand.Text(),
		OAuthHosts: []string{portalURL}, JSURL: portalURL + "/bx24.js", AllowLoopback: true,
		EncryptionKeys: key, Retention: 365 * 24 * time.Hour,
	}, nil
}

// demoKey reads the key that the database's secrets are encrypted with; the
// first time, it makes one.
func demoKey(path string) (string, error) {
	kept, err := os.ReadFile(path)
	if err == nil {
		return strings.TrimSpace(string(kept)), nil
	}
	if !errors.Is(err, os.ErrNotExist) {
		return "", err
	}
	secret := make([]byte, 32)
	rand.Read(secret)
	key := "demo:" + base64.StdEncoding.EncodeToString(secret)
	return key, os.WriteFile(path, []byte(key+"\n"), 0o600)
}

// demoKeyName is the name of the telephone's PBX key in the settings.
const demoKeyName = "Demo telephone"

// connectTelephone makes the demo's telephone the PBX of a portal: a new key in
// place of the one before, and where it takes commands.
func (h *house) connectTelephone(ctx context.Context, memberID, commandURL string) (demo.Access, error) {
	portal, err := h.store.Portal(ctx, memberID)
	if err != nil {
		return demo.Access{}, err
	}
	if err := h.revokeTelephone(ctx, portal.ID); err != nil {
		return demo.Access{}, err
	}
	key, _, err := h.store.AddPBXKey(ctx, portal.ID, demoKeyName, 0)
	if err != nil {
		return demo.Access{}, err
	}
	access := demo.Access{Key: key, Secret: portal.CommandSecret}
	if portal.CommandURL != commandURL {
		err = h.store.SetCommandURL(ctx, portal.ID, commandURL)
	}
	if err == nil && access.Secret == "" {
		access.Secret = pbx.NewSecret()
		err = h.store.SetCommandSecret(ctx, portal.ID, access.Secret)
	}
	return access, err
}

func (h *house) revokeTelephone(ctx context.Context, portalID int64) error {
	keys, err := h.store.PBXKeys(ctx, portalID)
	if err != nil {
		return err
	}
	for _, k := range keys {
		if k.Name != demoKeyName {
			continue
		}
		if err := h.store.RevokePBXKey(ctx, portalID, k.ID); err != nil && !errors.Is(err, models.ErrNotFound) {
			return err
		}
	}
	return nil
}
