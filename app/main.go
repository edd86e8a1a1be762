// Command callwise is the telephony application for Bitrix24: see `callwise help`.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	_ "time/tzdata" // portals' time zones, on machines without a database of their own

	"callwise/models"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	t := terminal{in: os.Stdin, out: os.Stdout, err: os.Stderr, getenv: os.Getenv}
	code := t.run(ctx, os.Args[1:])
	stop()
	os.Exit(code)
}

// Exit codes.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

// A terminal is what a command speaks with.
type terminal struct {
	in     io.Reader
	out    io.Writer
	err    io.Writer
	getenv func(string) string
}

// A command is one thing the program does. do returns the exit code.
type command struct {
	name, summary string
	flags         func(*flag.FlagSet)
	do            func(ctx context.Context, t terminal) int
}

// commands lists the commands in the order of the help.
func commands() []command {
	var d demoOptions
	var p playOptions
	var k kamailioOptions
	return []command{
		{"serve", "Run the production server; its configuration is in the environment (below). Applies migrations first.", nil, serve},
		{"demo", "Run everything on this machine with nothing to set up: the app and a simulated Bitrix24 portal.", d.flags, d.run},
		{"play", "Play a Cloud PBX: report made-up calls to a running Callwise, and say how each request is answered.", p.flags, p.run},
		{"kamailio", "Join a Kamailio SIP server to a running Callwise: report its calls, upload what RTPengine recorded.", k.flags, k.run},
		{"migrate", "Apply the database migrations and exit.", nil, migrate},
		{"explain", "Read one decision case per line (JSON) from standard input, write one result per line.", nil, explainCommand},
		{"rotate-keys", "Re-encrypt every stored secret with the first key of ENCRYPTION_KEYS.", nil, rotateKeys},
		{"healthcheck", "Ask the server on this machine whether it is alive; for container health checks.", nil, healthcheckCommand},
	}
}

// run carries out one command line and returns the exit code.
func (t terminal) run(ctx context.Context, args []string) int {
	all := commands()
	if len(args) == 0 {
		usage(t.err, all)
		return exitUsage
	}
	switch args[0] {
	case "help", "-h", "-help", "--help":
		usage(t.out, all)
		return exitOK
	}
	for _, c := range all {
		if c.name == args[0] {
			return t.runOne(ctx, c, args[1:])
		}
	}
	fmt.Fprintf(t.err, "callwise: unknown command %q; see callwise help\n", args[0])
	return exitUsage
}

func (t terminal) runOne(ctx context.Context, c command, args []string) int {
	flags := flag.NewFlagSet(c.name, flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	if c.flags != nil {
		c.flags(flags)
	}
	err := flags.Parse(args)
	if errors.Is(err, flag.ErrHelp) {
		describe(t.out, c)
		return exitOK
	}
	if err == nil && flags.NArg() > 0 {
		err = fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	if err != nil {
		fmt.Fprintf(t.err, "callwise %s: %v; see callwise help\n", c.name, err)
		return exitUsage
	}
	return c.do(ctx, t)
}

func usage(out io.Writer, all []command) {
	fmt.Fprint(out, "Callwise joins a Cloud PBX to Bitrix24.\n\nUsage: callwise COMMAND [FLAGS]\n\n")
	for _, c := range all {
		describe(out, c)
	}
	fmt.Fprint(out, environmentHelp)
}

// describe prints a command and its flags.
func describe(out io.Writer, c command) {
	fmt.Fprintf(out, "  %-12s %s\n", c.name, c.summary)
	if c.flags == nil {
		return
	}
	flags := flag.NewFlagSet(c.name, flag.ContinueOnError)
	c.flags(flags)
	flags.VisitAll(func(f *flag.Flag) {
		value, text := flag.UnquoteUsage(f)
		note := ""
		if f.DefValue != "" {
			note = fmt.Sprintf(" (default %s)", f.DefValue)
		}
		fmt.Fprintf(out, "  %-12s   -%s %s: %s%s\n", "", f.Name, value, text, note)
	})
}

const environmentHelp = `
Environment of serve (rotate-keys reads DATABASE_URL and ENCRYPTION_KEYS, migrate DATABASE_URL, healthcheck LISTEN_ADDR):
  PUBLIC_URL          required: the https address under which Bitrix24 and browsers reach the app
  B24_CLIENT_ID       required: application key from the vendor's cabinet
  B24_CLIENT_SECRET   required: its secret
  ENCRYPTION_KEYS     required: id:base64(32 bytes)[,id:base64...]; the first encrypts, all decrypt
  DATABASE_URL        postgres://... or sqlite:PATH (default ` + defaultDatabaseURL + `); to postgres://... belongs
                      ?pool_max_conns=N if a process may have more than twice 16 connections: twice N
  LISTEN_ADDR         address of the HTTP server (default ` + defaultListenAddr + `)
  B24_OAUTH_HOSTS     authorization servers that are trusted (default ` + defaultOAuthHosts + `)
  B24_JS_URL          the BX24 JavaScript library (default ` + defaultJSURL + `)
  B24_ALLOW_LOOPBACK  accept http loopback addresses, for development (default false)
  LOG_LEVEL           debug, info, warn or error (default info)
  LOG_FORMAT          json or text (default json)
  RETENTION_DAYS      how long calls are kept (default 365)
  OTEL_EXPORTER_OTLP_ENDPOINT  where OpenTelemetry traces go, over HTTP (default off); other OTEL_* apply then too
  TRUSTED_PROXIES     networks of the proxies in front, or none; only they may say in X-Forwarded-For on whose behalf
                      they ask (default ` + defaultProxies + `)

Environment of play and kamailio:
  CALLWISE_PBX_KEY    a PBX key of the settings page, unless -key-file names a file with it
  CALLWISE_PBX_SECRET of kamailio -commands: the secret of commands of the settings page
`

// complain prints each line of an error of its own and returns the exit code.
func (t terminal) complain(err error, code int) int {
	for _, line := range strings.Split(err.Error(), "\n") {
		fmt.Fprintf(t.err, "callwise: %s\n", line)
	}
	return code
}

func explainCommand(ctx context.Context, t terminal) int {
	malformed, err := explain(ctx, t.in, t.out)
	if err != nil {
		return t.complain(err, exitFailed)
	}
	if malformed > 0 {
		return exitFailed
	}
	return exitOK
}

func healthcheckCommand(ctx context.Context, t terminal) int {
	e := environment{getenv: t.getenv}
	addr := e.listenAddr()
	if err := e.err(); err != nil {
		return t.complain(err, exitUsage)
	}
	if err := healthcheck(ctx, addr); err != nil {
		return t.complain(err, exitFailed)
	}
	return exitOK
}

// openStore opens the database of commands that need no more of the
// environment.
func (t terminal) openStore(ctx context.Context) (*models.Store, int, error) {
	e := environment{getenv: t.getenv}
	url, text := e.databaseURL(), e.encryptionKeys()
	if err := e.err(); err != nil {
		return nil, exitUsage, err
	}
	keys, err := models.ParseKeyring(text)
	if err != nil {
		return nil, exitUsage, fmt.Errorf("ENCRYPTION_KEYS: %w", err)
	}
	store, err := models.Open(ctx, url, keys)
	return store, exitFailed, err
}

func migrate(ctx context.Context, t terminal) int {
	e := environment{getenv: t.getenv}
	url := e.databaseURL()
	if err := e.err(); err != nil {
		return t.complain(err, exitUsage)
	}
	store, err := models.Open(ctx, url, models.Keyring{})
	if err != nil {
		return t.complain(err, exitFailed)
	}
	if err := errors.Join(store.Migrate(ctx), store.Close()); err != nil {
		return t.complain(err, exitFailed)
	}
	return exitOK
}

func rotateKeys(ctx context.Context, t terminal) int {
	store, code, err := t.openStore(ctx)
	if err != nil {
		return t.complain(err, code)
	}
	n, err := store.RotateKeys(ctx)
	if err := errors.Join(err, store.Close()); err != nil {
		return t.complain(err, exitFailed)
	}
	fmt.Fprintf(t.out, "%d secrets re-encrypted\n", n)
	return exitOK
}
