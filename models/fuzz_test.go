package models

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// FuzzSettingsFile reads a file that somebody wants to import.
func FuzzSettingsFile(f *testing.F) {
	f.Add(DefaultSettings().File("https://callwise.example.com/settings/schema.json"))
	f.Add([]byte(`{"version":1,"settings":{"lines":{"4930":{"name":"<b>","responsible":"17"}},"extensions":{"104":"17"},"missed":{"days":["mon"]},"card":{"employees":{"17":"ring"}}}}`))
	f.Add([]byte(`{"version":1,"settings":{"exclusions":{"numbers":["+49*"]},"default_country":"DE","callbacks":{"duty":["17","18"]}}}`))
	f.Add([]byte(`{"version":1,"version":2}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		if len(text) > 64<<10 {
			return // refused before
		}
		next, wrong := DefaultSettings().ReadFile(text)
		if len(wrong) > 0 {
			return
		}
		if mistakes := next.Check(); len(mistakes) > 0 {
			t.Fatalf("taken with %+v", mistakes)
		}
		again, wrong := DefaultSettings().ReadFile(next.File(""))
		if diff := cmp.Diff(next, again); diff != "" || len(wrong) > 0 {
			t.Fatalf("%+v; written and read (-want +got):\n%s", wrong, diff)
		}
	})
}

// FuzzSettingsForm sets one value by its path, as the form does.
func FuzzSettingsForm(f *testing.F) {
	for path, value := range DefaultSettings().Values() {
		f.Add(path, value)
	}
	f.Add("lines/4930/name", "<script>")
	f.Add("extensions/104", "17")
	f.Add("card/employees/17", "ring")
	f.Add("lines/a~1b/name", "x")
	f.Fuzz(func(t *testing.T, path, value string) {
		next, wrong := DefaultSettings().With(map[string]string{path: value})
		if len(wrong) > 0 {
			return
		}
		if !KnownSetting(path) {
			t.Fatalf("%q is taken", path)
		}
		if mistakes := next.Check(); len(mistakes) > 0 {
			t.Fatalf("taken with %+v", mistakes)
		}
		again, wrong := next.With(map[string]string{path: value})
		if diff := cmp.Diff(next, again); diff != "" || len(wrong) > 0 {
			t.Fatalf("%+v; set twice (-once +twice):\n%s", wrong, diff)
		}
	})
}

// FuzzSealed opens what stands where a sealed secret should: a database that
// somebody has tampered with.
func FuzzSealed(f *testing.F) {
	ring, err := ParseKeyring("a:" + strings.Repeat("A", 43) + "=")
	if err != nil {
		f.Fatal(err)
	}
	genuine, err := ring.seal("secret", "portal:m:command_secret")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(genuine)
	f.Add(genuine[:5])
	f.Add([]byte{1, 255, 'a'})
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, sealed []byte) {
		text, err := ring.open(sealed, "portal:m:command_secret")
		if err == nil && text != "" && text != "secret" {
			t.Fatalf("%q was opened, which nobody sealed", text)
		}
		ring.stale(sealed)
	})
}
