package main

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"callwise/app/b24"
	"callwise/models"
)

// A config is what the operator sets, all of it in the environment. Each part
// of the program is given the values it needs, never the whole.
type config struct {
	ListenAddr     string
	PublicURL      string // origin: no path, no slash at the end
	DatabaseURL    string // postgres://…, postgresql://… or sqlite:PATH
	ClientID       string
	ClientSecret   string
	OAuthHosts     []string // origins; the first is the default
	JSURL          string
	AllowLoopback  bool
	EncryptionKeys string // well-formed
	LogLevel       slog.Level
	LogFormat      logFormat
	Retention      time.Duration  // whole days
	Traces         string         // where OpenTelemetry traces go; empty = nowhere
	Proxies        []netip.Prefix // whose X-Forwarded-For counts
}

// The defaults that `help` names too.
const (
	defaultListenAddr  = ":8080"
	defaultDatabaseURL = "sqlite:callwise.db"
	defaultOAuthHosts  = b24.WorldAuthHost + "," + b24.RussiaAuthHost
	defaultJSURL       = "https://api.bitrix24.com/api/v1/"
	// What can only be a proxy in front of us: no browser, PBX or portal on the
	// internet has such an address.
	defaultProxies = "127.0.0.0/8,::1/128,10.0.0.0/8,172.16.0.0/12,192.168.0.0/16,fc00::/7"
)

// readConfig reads the environment of `serve` through getenv and reports
// everything that is wrong with it at once: one line for each variable, which
// begins with the variable's name and never quotes its value.
func readConfig(getenv func(string) string) (config, error) {
	e := environment{getenv: getenv}
	c := config{
		ListenAddr:     e.listenAddr(),
		PublicURL:      readVariable(&e, "PUBLIC_URL", "", parseOrigin),
		DatabaseURL:    e.databaseURL(),
		ClientID:       readVariable(&e, "B24_CLIENT_ID", "", anyText),
		ClientSecret:   readVariable(&e, "B24_CLIENT_SECRET", "", anyText),
		OAuthHosts:     readVariable(&e, "B24_OAUTH_HOSTS", defaultOAuthHosts, parseOrigins),
		JSURL:          readVariable(&e, "B24_JS_URL", defaultJSURL, parseScript),
		AllowLoopback:  readVariable(&e, "B24_ALLOW_LOOPBACK", "false", parseBool),
		EncryptionKeys: e.encryptionKeys(),
		LogLevel:       readVariable(&e, "LOG_LEVEL", "info", parseLevel),
		LogFormat:      readVariable(&e, "LOG_FORMAT", string(logJSON), parseFormat),
		Retention:      readVariable(&e, "RETENTION_DAYS", "365", parseDays),
		Traces:         readVariable(&e, "OTEL_EXPORTER_OTLP_ENDPOINT", "off", parseCollector),
		Proxies:        readVariable(&e, "TRUSTED_PROXIES", defaultProxies, parseProxies),
	}
	return c, e.err()
}

// An environment reads variables and remembers what is wrong with them.
type environment struct {
	getenv func(string) string
	wrong  []error
}

// err is everything that was wrong so far, a line for each variable.
func (e *environment) err() error { return errors.Join(e.wrong...) }

// Variables that commands besides `serve` read too.

func (e *environment) listenAddr() string {
	return readVariable(e, "LISTEN_ADDR", defaultListenAddr, parseListenAddr)
}

func (e *environment) databaseURL() string {
	return readVariable(e, "DATABASE_URL", defaultDatabaseURL, parseDatabaseURL)
}

func (e *environment) encryptionKeys() string {
	return readVariable(e, "ENCRYPTION_KEYS", "", parseKeys)
}

// readVariable reads a variable that has a default, or is required if that is empty. An
// empty variable counts as none, as operators and their tools have it.
func readVariable[T any](e *environment, name, fallback string, parse func(string) (T, error)) T {
	text := strings.TrimSpace(e.getenv(name))
	if text == "" {
		text = fallback
	}
	var value T
	if text == "" {
		e.wrong = append(e.wrong, errors.New(name+" is missing"))
		return value
	}
	value, err := parse(text)
	if err != nil {
		e.wrong = append(e.wrong, fmt.Errorf("%s: %w", name, err))
	}
	return value
}

// The parsers say what a value must be and never what it was: it may be a
// secret, or one in the wrong variable.

func anyText(text string) (string, error) { return text, nil }

func parseListenAddr(text string) (string, error) {
	_, port, err := net.SplitHostPort(text)
	if err != nil {
		return "", errors.New("must be an address such as :8080 or 127.0.0.1:8080")
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return "", errors.New("must end in a port from 0 to 65535")
	}
	return text, nil
}

func parseDatabaseURL(text string) (string, error) {
	scheme, rest, _ := strings.Cut(text, ":")
	fits := models.CheckAddress(text) == nil
	switch scheme {
	case "sqlite":
		if !fits {
			return "", errors.New("after sqlite: the path of a file is needed")
		}
		return text, nil
	case "postgres", "postgresql":
		if !fits || !strings.HasPrefix(rest, "//") {
			return "", errors.New("must be postgres://USER:PASSWORD@HOST/DATABASE, special characters percent-encoded, with parameters that PostgreSQL knows if any")
		}
		return text, nil
	}
	return "", errors.New("must be postgres://… or sqlite:PATH")
}

// parseOrigin reads an address that is a scheme and a host only.
func parseOrigin(text string) (string, error) {
	u, err := parseTrusted(text)
	if err != nil {
		return "", err
	}
	if (u.Path != "" && u.Path != "/") || u.RawQuery != "" || u.ForceQuery {
		return "", errors.New("must end after the host, without a path or a query")
	}
	return u.Scheme + "://" + strings.ToLower(u.Host), nil
}

func parseOrigins(text string) ([]string, error) {
	var origins []string
	for i, part := range strings.Split(text, ",") {
		origin, err := parseOrigin(strings.TrimSpace(part))
		if err != nil {
			return nil, fmt.Errorf("address %d: %w", i+1, err)
		}
		origins = append(origins, origin)
	}
	return origins, nil
}

func parseScript(text string) (string, error) {
	u, err := parseTrusted(text)
	if err != nil {
		return "", err
	}
	return u.String(), nil
}

// parseTrusted reads an address at which nobody on the way can take another's
// place: https, or http that never leaves the machine.
func parseTrusted(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" || u.User != nil || u.Fragment != "" {
		return nil, errors.New("must be an address such as https://www.example.com/")
	}
	if u.Scheme == "https" || u.Scheme == "http" && isLoopback(u.Hostname()) {
		return u, nil
	}
	return nil, errors.New("must begin with https:// (http:// is for a loopback host only)")
}

func isLoopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	if err != nil {
		return strings.EqualFold(host, "localhost")
	}
	return ip.Unmap().IsLoopback()
}

// parseCollector reads the address of a collector of traces, which mostly is in
// the same network: http will do.
func parseCollector(text string) (string, error) {
	if text == "off" {
		return "", nil
	}
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" || u.Scheme != "http" && u.Scheme != "https" {
		return "", errors.New("must be an address such as http://collector:4318")
	}
	return text, nil
}

func parseBool(text string) (bool, error) {
	value, err := strconv.ParseBool(text)
	if err != nil {
		return false, errors.New("must be true or false")
	}
	return value, nil
}

// parseKeys accepts what models.ParseKeyring does.
func parseKeys(text string) (string, error) {
	seen := map[string]bool{}
	for i, part := range strings.Split(text, ",") {
		id, encoded, _ := strings.Cut(strings.TrimSpace(part), ":")
		key, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(encoded, "="))
		if err != nil || len(key) != 32 || id == "" || len(id) > 64 {
			return "", fmt.Errorf("key %d must be an id, a colon and 32 bytes in base64", i+1)
		}
		if seen[id] {
			return "", fmt.Errorf("key %d has the id of another", i+1)
		}
		seen[id] = true
	}
	return text, nil
}

func parseLevel(text string) (slog.Level, error) {
	levels := map[string]slog.Level{
		"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError,
	}
	level, known := levels[text]
	if !known {
		return 0, errors.New("must be debug, info, warn or error")
	}
	return level, nil
}

// A logFormat is how a log line is written.
type logFormat string

const (
	logJSON logFormat = "json"
	logText logFormat = "text"
)

func parseFormat(text string) (logFormat, error) {
	switch format := logFormat(text); format {
	case logJSON, logText:
		return format, nil
	}
	return "", errors.New("must be json or text")
}

// maxRetentionDays is a hundred years: no limit for a call log, and far from
// the end of time.Duration.
const maxRetentionDays = 36500

func parseDays(text string) (time.Duration, error) {
	days, err := strconv.Atoi(text)
	if err != nil || days < 1 || days > maxRetentionDays {
		return 0, fmt.Errorf("must be a whole number of days from 1 to %d", maxRetentionDays)
	}
	return time.Duration(days) * 24 * time.Hour, nil
}

// parseProxies reads networks, or "none".
func parseProxies(text string) ([]netip.Prefix, error) {
	if text == "none" {
		return nil, nil
	}
	var networks []netip.Prefix
	for i, part := range strings.Split(text, ",") {
		network, err := netip.ParsePrefix(strings.TrimSpace(part))
		if err != nil {
			return nil, fmt.Errorf("network %d must be one such as 10.0.0.0/8, or all of it the word none", i+1)
		}
		networks = append(networks, network.Masked())
	}
	return networks, nil
}

// newLogger makes the program's logger. What is less than level is left out.
func newLogger(w io.Writer, level slog.Level, format logFormat) *slog.Logger {
	options := &slog.HandlerOptions{Level: level}
	if format == logText {
		return slog.New(slog.NewTextHandler(w, options))
	}
	return slog.New(slog.NewJSONHandler(w, options))
}
