package main

import (
	"bytes"
	"log/slog"
	"maps"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// testKey is 32 bytes of nothing in base64.
const testKey = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="

// leastEnvironment is the least environment that `serve` starts with.
var leastEnvironment = map[string]string{
	"PUBLIC_URL":        "https://callwise.example.com",
	"B24_CLIENT_ID":     "app.1",
	"B24_CLIENT_SECRET": "hush",
	"ENCRYPTION_KEYS":   "k1:" + testKey,
}

func TestReadConfig(t *testing.T) {
	tests := []struct {
		name string
		env  map[string]string // besides what is required
		want func(*config)     // besides the defaults
	}{
		{"what is not set has its default", nil, func(*config) {}},
		{"an empty variable is not set", map[string]string{"LISTEN_ADDR": "", "LOG_LEVEL": " "}, func(*config) {}},
		{
			"everything can be set",
			map[string]string{
				"LISTEN_ADDR":        "127.0.0.1:9000",
				"PUBLIC_URL":         "http://127.0.0.1:9000",
				"DATABASE_URL":       "postgres://callwise:hush@db/callwise?sslmode=require",
				"B24_OAUTH_HOSTS":    "http://localhost:8081, https://oauth.bitrix.info",
				"B24_JS_URL":         "http://127.0.0.1:8081/api/v1/",
				"B24_ALLOW_LOOPBACK": "true",
				"ENCRYPTION_KEYS":    "2026:" + testKey + ", 2025:" + testKey,
				"LOG_LEVEL":          "debug",
				"LOG_FORMAT":         "text",
				"RETENTION_DAYS":     "30",
				"TRUSTED_PROXIES":    "192.0.2.7/24, 2001:db8::/32",

				"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318",
			},
			func(c *config) {
				c.ListenAddr = "127.0.0.1:9000"
				c.PublicURL = "http://127.0.0.1:9000"
				c.DatabaseURL = "postgres://callwise:hush@db/callwise?sslmode=require"
				c.OAuthHosts = []string{"http://localhost:8081", "https://oauth.bitrix.info"}
				c.JSURL = "http://127.0.0.1:8081/api/v1/"
				c.AllowLoopback = true
				c.EncryptionKeys = "2026:" + testKey + ", 2025:" + testKey
				c.LogLevel = slog.LevelDebug
				c.LogFormat = logText
				c.Retention = 30 * 24 * time.Hour
				c.Traces = "http://collector:4318"
				c.Proxies = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("2001:db8::/32")}
			},
		},
		{"there may be no proxy", map[string]string{"TRUSTED_PROXIES": "none"}, func(c *config) { c.Proxies = nil }},
		{
			"an address is brought to one form",
			map[string]string{"PUBLIC_URL": "HTTPS://Callwise.Example.com/", "B24_OAUTH_HOSTS": "https://OAuth.bitrix.info/"},
			func(c *config) { c.OAuthHosts = []string{"https://oauth.bitrix.info"} },
		},
		{
			"http is good enough for IPv6 loopback",
			map[string]string{"PUBLIC_URL": "http://[::1]:8080"},
			func(c *config) { c.PublicURL = "http://[::1]:8080" },
		},
		{
			"PostgreSQL has two names",
			map[string]string{"DATABASE_URL": "postgresql:///callwise?host=/run/postgresql"},
			func(c *config) { c.DatabaseURL = "postgresql:///callwise?host=/run/postgresql" },
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			want := config{
				ListenAddr:     ":8080",
				PublicURL:      "https://callwise.example.com",
				DatabaseURL:    "sqlite:callwise.db",
				ClientID:       "app.1",
				ClientSecret:   "hush",
				OAuthHosts:     []string{"https://oauth.bitrix.info", "https://oauth.bitrix24.tech"},
				JSURL:          "https://api.bitrix24.com/api/v1/",
				EncryptionKeys: "k1:" + testKey,
				LogLevel:       slog.LevelInfo,
				LogFormat:      logJSON,
				Retention:      365 * 24 * time.Hour,
				Proxies:        proxies(t),
			}
			tt.want(&want)
			got, err := readConfig(environmentWith(tt.env))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })); diff != "" {
				t.Errorf("config (-want +got):\n%s", diff)
			}
		})
	}
}

func TestReadConfigRefuses(t *testing.T) {
	tests := []struct{ name, variable, value string }{
		{"no public address", "PUBLIC_URL", ""},
		{"no application id", "B24_CLIENT_ID", ""},
		{"no application secret", "B24_CLIENT_SECRET", " "},
		{"no keys", "ENCRYPTION_KEYS", ""},
		{"a public address without encryption", "PUBLIC_URL", "http://callwise.example.com"},
		{"a host that only looks like loopback", "PUBLIC_URL", "http://127.0.0.1.example.com"},
		{"a host that only begins like loopback", "PUBLIC_URL", "http://localhost.example.com"},
		{"a public address with a path", "PUBLIC_URL", "https://example.com/callwise"},
		{"a public address with a query", "PUBLIC_URL", "https://example.com/?a=b"},
		{"a public address with a fragment", "PUBLIC_URL", "https://example.com/#top"},
		{"a public address with a password", "PUBLIC_URL", "https://me:secret@example.com"},
		{"a public address without a scheme", "PUBLIC_URL", "example.com"},
		{"a public address without a host", "PUBLIC_URL", "https://:443"},
		{"a public address of another kind", "PUBLIC_URL", "ftp://example.com"},
		{"an address that is none", "PUBLIC_URL", "https://exa mple.com:port"},
		{"an authorization server without encryption", "B24_OAUTH_HOSTS", "https://oauth.bitrix.info,http://oauth.bitrix24.tech"},
		{"an empty place in the list of servers", "B24_OAUTH_HOSTS", "https://oauth.bitrix.info,"},
		{"a server with a path", "B24_OAUTH_HOSTS", "https://oauth.bitrix.info/oauth"},
		{"a library without encryption", "B24_JS_URL", "http://api.bitrix24.com/api/v1/"},
		{"a library without a host", "B24_JS_URL", "/api/v1/"},
		{"a database of another kind", "DATABASE_URL", "mysql://root@localhost/callwise"},
		{"a database without a kind", "DATABASE_URL", "callwise.db"},
		{"SQLite without a path", "DATABASE_URL", "sqlite:"},
		{"SQLite without a file", "DATABASE_URL", "sqlite::memory:"},
		{"a port that is none", "DATABASE_URL", "postgres://me@db:99999/callwise"},
		{"a parameter with a value that is none", "DATABASE_URL", "postgres://me@db/callwise?sslmode=requires"},
		{"a pool that is none", "DATABASE_URL", "postgres://me@db/callwise?pool_max_conns=many"},
		{"PostgreSQL without slashes", "DATABASE_URL", "postgres:callwise"},
		{"a database password that is not encoded", "DATABASE_URL", "postgres://me:se%cret@db/callwise"},
		{"a port without a colon", "LISTEN_ADDR", "8080"},
		{"a port that is none", "LISTEN_ADDR", ":65536"},
		{"a port by name", "LISTEN_ADDR", ":http"},
		{"a word that is not yes or no", "B24_ALLOW_LOOPBACK", "maybe"},
		{"a level that is none", "LOG_LEVEL", "verbose"},
		{"a format that is none", "LOG_FORMAT", "xml"},
		{"a collector without a host", "OTEL_EXPORTER_OTLP_ENDPOINT", "http://"},
		{"a collector of another kind", "OTEL_EXPORTER_OTLP_ENDPOINT", "grpc://collector:4317"},
		{"no days", "RETENTION_DAYS", "0"},
		{"days before today", "RETENTION_DAYS", "-1"},
		{"part of a day", "RETENTION_DAYS", "1.5"},
		{"more days than time has", "RETENTION_DAYS", "99999999"},
		{"a proxy that is no network", "TRUSTED_PROXIES", "10.0.0.1"},
		{"an empty place in the list of proxies", "TRUSTED_PROXIES", "10.0.0.0/8,"},
		{"a key without an id", "ENCRYPTION_KEYS", testKey},
		{"a key with an empty id", "ENCRYPTION_KEYS", ":" + testKey},
		{"a key that is too short", "ENCRYPTION_KEYS", "k1:c2VjcmV0"},
		{"a key that is not base64", "ENCRYPTION_KEYS", "k1:secret secret secret secret secret secret!"},
		{"an empty place in the list of keys", "ENCRYPTION_KEYS", "k1:" + testKey + ","},
		{"two keys of one id", "ENCRYPTION_KEYS", "k1:" + testKey + ",k1:" + testKey},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := readConfig(environmentWith(map[string]string{tt.variable: tt.value}))
			if err == nil {
				t.Fatal("accepted")
			}
			text := err.Error()
			if !strings.HasPrefix(text, tt.variable) || strings.Contains(text, "\n") {
				t.Errorf("%q is not one line that begins with %s", text, tt.variable)
			}
			for _, secret := range []string{"secret", "c2Vj", "AAAA", "hush"} {
				if strings.Contains(text, secret) {
					t.Errorf("%q quotes a secret", text)
				}
			}
		})
	}
}

func TestReadConfigReportsEverythingAtOnce(t *testing.T) {
	_, err := readConfig(func(name string) string {
		return map[string]string{"LISTEN_ADDR": "8080", "RETENTION_DAYS": "a year"}[name]
	})
	want := `LISTEN_ADDR: must be an address such as :8080 or 127.0.0.1:8080
PUBLIC_URL is missing
B24_CLIENT_ID is missing
B24_CLIENT_SECRET is missing
ENCRYPTION_KEYS is missing
RETENTION_DAYS: must be a whole number of days from 1 to 36500`
	if err == nil {
		t.Fatal("accepted")
	}
	if diff := cmp.Diff(want, err.Error()); diff != "" {
		t.Errorf("error (-want +got):\n%s", diff)
	}
}

func TestNewLogger(t *testing.T) {
	tests := []struct {
		name   string
		format logFormat
		level  slog.Level
		want   string // how the line begins; empty: nothing is written
	}{
		{"JSON", logJSON, slog.LevelInfo, `{"time":`},
		{"text", logText, slog.LevelInfo, "time="},
		{"what is less than the level is left out", logJSON, slog.LevelWarn, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var out bytes.Buffer
			newLogger(&out, tt.level, tt.format).Info("hello")
			if got := out.String(); !strings.HasPrefix(got, tt.want) || (got == "") != (tt.want == "") {
				t.Errorf("wrote %q, want %q…", got, tt.want)
			}
		})
	}
}

// environmentWith is the least environment, changed by env.
func environmentWith(env map[string]string) func(string) string {
	all := maps.Clone(leastEnvironment)
	maps.Copy(all, env)
	return func(name string) string { return all[name] }
}

// TestKeysMayLackTheirPadding: what reads the configuration and what signs sessions take
// the same for a key.
func TestKeysMayLackTheirPadding(t *testing.T) {
	padded, err := sessionKeys("k1:" + testKey)
	if err != nil {
		t.Fatal(err)
	}
	for _, written := range []string{strings.TrimRight(testKey, "="), testKey + "="} {
		if _, err := parseKeys("k1:" + written); err != nil {
			t.Errorf("%q is no key: %v", written, err)
		}
		got, err := sessionKeys("k1:" + written)
		if diff := cmp.Diff(padded, got); diff != "" || err != nil {
			t.Errorf("%q signs otherwise: %v\n%s", written, err, diff)
		}
	}
}
