package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// There is no container engine where tests run. What the Dockerfile does to build
// the image is done here in a folder: with nothing but the files that
// .dockerignore lets through.
func TestTheDockerfileBuildsTheImageFromWhatItIsGiven(t *testing.T) {
	t.Parallel()
	if os.Getenv("CALLWISE_REQUIRE") != "all" {
		t.Skip("the tool that lists what the program is made of may have to be fetched; CALLWISE_REQUIRE=all does it")
	}
	source, out := givenToDocker(t), filepath.Join(t.TempDir(), "out")
	if err := os.Mkdir(out, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, step := range buildSteps(t) {
		command := exec.Command("sh", "-ec", strings.ReplaceAll(step, "/out", out))
		command.Dir = source
		command.Env = append(os.Environ(), "VERSION=v1.2.3", "GIT_CEILING_DIRECTORIES="+filepath.Dir(source))
		if text, err := command.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", step, err, text)
		}
	}
	var parts struct {
		Metadata   struct{ Component struct{ Version string } }
		Components []struct{ Name, Version string }
	}
	text, err := os.ReadFile(filepath.Join(out, "callwise.cdx.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &parts); err != nil {
		t.Fatal(err)
	}
	if parts.Metadata.Component.Version != "v1.2.3" || len(parts.Components) < 50 {
		t.Errorf("version %q, %d components", parts.Metadata.Component.Version, len(parts.Components))
	}
	for _, part := range parts.Components {
		if texts, err := os.ReadDir(filepath.Join(out, "licences", part.Name+"@"+part.Version)); part.Name != "std" && (err != nil || len(texts) == 0) {
			t.Errorf("no licence of %s: %v", part.Name, err)
		}
	}
	if text, err := exec.Command(filepath.Join(out, "callwise"), "help").CombinedOutput(); err != nil {
		t.Errorf("the program does not run: %v\n%s", err, text)
	}
}

// buildSteps are the RUN lines of the Dockerfile.
func buildSteps(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile("../Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	var steps []string
	for _, found := range regexp.MustCompile(`(?m)^RUN ((?:.*\\\n)*.*)$`).FindAllStringSubmatch(string(text), -1) {
		steps = append(steps, found[1])
	}
	if len(steps) < 4 {
		t.Fatalf("%d steps", len(steps))
	}
	return steps
}

// givenToDocker is a copy of what .dockerignore lets through.
func givenToDocker(t *testing.T) string {
	t.Helper()
	rules, err := os.ReadFile("../.dockerignore")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, found := range regexp.MustCompile(`(?m)^!(\S+)$`).FindAllStringSubmatch(string(rules), -1) {
		names = append(names, found[1])
	}
	folder := filepath.Join(t.TempDir(), "source")
	if err := os.Mkdir(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	pack := exec.Command("sh", "-ec", `tar -C .. --exclude='*_test.go' --exclude=testdata --exclude='*.db*' -cf - `+strings.Join(names, " ")+` | tar -C "$1" -xf -`, "sh", folder)
	if text, err := pack.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return folder
}
