package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/licensecheck"
)

// allowed are the licences under which we may use other people's work in a
// program that is sold: they ask for their text to be kept, or, MPL, for changes
// to their own files.
var allowed = []string{"0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MIT", "MPL-2.0"}

// vendored is what stands in the repository and is somebody else's, by folder.
var vendored = map[string]string{
	"static/vendor/htmx":      "program",
	"static/vendor/lucide":    "program",
	"views/testdata/axe-core": "tests",
}

// mostlyKnown is how much of a licence's file, in percent, must be words of
// known licences: the rest names authors.
const mostlyKnown = 50

const licencesFile = "market/licences.md"

// Every module that is linked, and every file that is vendored, has a licence
// we know and may use. UPDATE=1 writes the list anew.
func TestEveryLicenceIsKnownAndListed(t *testing.T) {
	linked, tested := modules(t, "./app"), modules(t, "-test", "./...")
	var rows []string
	for name, folder := range tested {
		use := "tests"
		if _, there := linked[name]; there {
			use = "program"
		}
		rows = append(rows, licenceRow(name, licenceIn(t, name, folder), use))
	}
	for _, folder := range vendoredFolders(t) {
		use, known := vendored[folder]
		if !known {
			t.Errorf("%s holds somebody else's work: list it", folder)
		}
		version, err := os.ReadFile(filepath.Join("..", folder, "VERSION"))
		if err != nil {
			t.Fatal(err)
		}
		first, _, _ := strings.Cut(string(version), "\n")
		name := strings.Join(strings.Fields(first)[:2], " ")
		rows = append(rows, licenceRow(name, licenceIn(t, name, filepath.Join("..", folder)), use))
	}
	slices.Sort(rows)
	want := "# Licences\n\nWhat Callwise is built of that others wrote, generated and checked by `TestEveryLicenceIsKnownAndListed`\n" +
		"(`UPDATE=1 go test ./app -run Licence` writes it). The image holds the texts of those in the program in `/licences`.\n\n" +
		"| what | licence | in |\n|---|---|---|\n" + strings.Join(rows, "\n") + "\n"
	if os.Getenv("UPDATE") == "1" {
		if err := os.WriteFile(licencesFile, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(licencesFile)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(got), want); diff != "" {
		t.Errorf("%s is not true any more; UPDATE=1 go test ./app -run Licence writes it anew (-is +should be):\n%s", licencesFile, diff)
	}
}

func licenceRow(name, licence, use string) string {
	return fmt.Sprintf("| %s | %s | %s |", name, licence, use)
}

// modules are the modules of packages, each with its folder.
func modules(t *testing.T, packages ...string) map[string]string {
	t.Helper()
	args := append([]string{"list", "-deps", "-json=Module"}, packages...)
	list := exec.Command("go", args...)
	list.Dir, list.Env = "..", append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH=amd64")
	out, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for read := json.NewDecoder(bytes.NewReader(out)); read.More(); {
		var p struct {
			Module *struct {
				Path, Version, Dir string
				Main               bool
			}
		}
		if err := read.Decode(&p); err != nil {
			t.Fatal(err)
		}
		if p.Module != nil && !p.Module.Main {
			found[p.Module.Path+" "+p.Module.Version] = p.Module.Dir
		}
	}
	if len(found) < 10 {
		t.Fatalf("only %v", found)
	}
	return found
}

// licenceIn is the licence of what stands in a folder, as its text says. Some
// say two, or leave a part to another.
func licenceIn(t *testing.T, name, folder string) string {
	t.Helper()
	files, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, file := range files {
		base, _, _ := strings.Cut(strings.ToUpper(file.Name()), ".")
		if file.IsDir() || strings.HasSuffix(file.Name(), ".go") || !slices.Contains([]string{"LICENSE", "LICENCE", "COPYING", "LICENSE-MIT", "LICENSE-APACHE"}, base) {
			continue
		}
		text, err := os.ReadFile(filepath.Join(folder, file.Name()))
		if err != nil {
			t.Fatal(err)
		}
		scan := licensecheck.Scan(text)
		if scan.Percent < mostlyKnown {
			t.Errorf("%s: only %.0f %% of %s are words of a licence that we know", name, scan.Percent, file.Name())
		}
		for _, m := range scan.Match {
			if !m.IsURL && !slices.Contains(found, m.ID) {
				found = append(found, m.ID)
			}
		}
	}
	if len(found) == 0 {
		t.Errorf("%s: no licence that we know", name)
	}
	for _, id := range found {
		if !slices.Contains(allowed, id) {
			t.Errorf("%s: licence %s is not one we may use", name, id)
		}
	}
	slices.Sort(found)
	return strings.Join(found, ", ")
}

// vendoredFolders are the folders of the repository with other people's work:
// those that say which version it is.
func vendoredFolders(t *testing.T) []string {
	t.Helper()
	var folders []string
	for _, pattern := range []string{"../static/vendor/*", "../*/testdata/*/VERSION", "../*/*/testdata/*/VERSION"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range found {
			folders = append(folders, strings.TrimPrefix(strings.TrimSuffix(filepath.ToSlash(path), "/VERSION"), "../"))
		}
	}
	if len(folders) < 3 {
		t.Fatalf("only %v", folders)
	}
	return folders
}
