package main

import (
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/url"
	"os"
	"strings"

	"callwise/app/pbx/pbxsim"
)

// playOptions are the flags of play. The key is none of them: arguments can be
// seen by everybody on the machine.
type playOptions struct {
	url        string
	keyFile    string
	scenarios  names
	list       bool
	phone      string
	line       string
	extensions names
	recording  string
	speed      float64
}

// keyVariable holds the PBX key of play and kamailio unless -key-file names a file.
const keyVariable = "CALLWISE_PBX_KEY"

func (o *playOptions) flags(f *flag.FlagSet) {
	f.StringVar(&o.url, "url", "http://127.0.0.1:8080", "`ADDRESS` of a running Callwise")
	f.StringVar(&o.keyFile, "key-file", "", "`FILE` with a PBX key of its settings page; otherwise the key is in "+keyVariable)
	f.Var(&o.scenarios, "scenario", "`NAMES` of scenarios with commas between; may be repeated; otherwise all are played")
	f.BoolVar(&o.list, "list", false, "list the scenarios and exit")
	f.StringVar(&o.phone, "phone", "+4930901820", "the customer's `NUMBER`")
	f.StringVar(&o.line, "line", "4930901800", "the external line's `NUMBER`")
	f.Var(&o.extensions, "extensions", "three `EXTENSIONS` with commas between (101,102,103, as the demo has them)")
	f.StringVar(&o.recording, "recording", "http://127.0.0.1:8081/demo/recordings/play.wav", "`ADDRESS` of a sound file that Bitrix24 can fetch; the demo has one")
	f.Float64Var(&o.speed, "speed", 10, "how many `TIMES` faster than life")
}

// names are words with commas between; a flag of them may be repeated.
type names []string

func (n *names) String() string { return strings.Join(*n, ",") }

func (n *names) Set(text string) error {
	for name := range strings.SplitSeq(text, ",") {
		name = strings.TrimSpace(name)
		if name == "" {
			return errors.New("a name is empty")
		}
		*n = append(*n, name)
	}
	return nil
}

// run plays the scenarios chosen and says how each step was answered. It fails
// unless every request was accepted.
func (o *playOptions) run(ctx context.Context, t terminal) int {
	if o.list {
		listScenarios(t.out)
		return exitOK
	}
	chosen, err := o.chosen()
	err = errors.Join(err, o.check())
	key, keyErr := readKey(t.getenv, o.keyFile)
	if err := errors.Join(err, keyErr); err != nil {
		return t.complain(err, exitUsage)
	}
	if !o.play(ctx, t, chosen, key) {
		return exitFailed
	}
	return exitOK
}

func listScenarios(out io.Writer) {
	for _, s := range pbxsim.Scenarios {
		fmt.Fprintf(out, "%-18s %s\n", s.Name, s.Shows)
	}
}

func (o *playOptions) chosen() ([]pbxsim.Scenario, error) {
	if len(o.scenarios) == 0 {
		return pbxsim.Scenarios, nil
	}
	var chosen []pbxsim.Scenario
	for _, name := range o.scenarios {
		s, found := pbxsim.Find(name)
		if !found {
			return nil, fmt.Errorf("-scenario: there is no %q; see callwise play -list", name)
		}
		chosen = append(chosen, s)
	}
	return chosen, nil
}

// Bounds of -speed.
const (
	minSpeed = 0.1
	maxSpeed = 10_000.0
)

// check reports every flag that makes no sense.
func (o *playOptions) check() error {
	var wrong []error
	if !isAddress(o.url) {
		wrong = append(wrong, errors.New("-url: must be an http or https address without a user, query or fragment"))
	}
	if len(o.extensions) == 0 {
		o.extensions = names{"101", "102", "103"}
	}
	if len(o.extensions) != pbxsim.Extensions {
		wrong = append(wrong, fmt.Errorf("-extensions: must be %d", pbxsim.Extensions))
	}
	if !(o.speed >= minSpeed && o.speed <= maxSpeed) {
		wrong = append(wrong, fmt.Errorf("-speed: must be from %v to %v", minSpeed, maxSpeed))
	}
	return errors.Join(wrong...)
}

func isAddress(text string) bool {
	u, err := url.Parse(text)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && u.User == nil && u.RawQuery == "" && u.Fragment == ""
}

const maxKeyFile = 4 << 10

// readKey reads a PBX key from the file, or from the environment if none is
// named.
func readKey(getenv func(string) string, path string) (string, error) {
	text := getenv(keyVariable)
	if path != "" {
		file, err := os.Open(path)
		if err != nil {
			return "", fmt.Errorf("-key-file: %w", err)
		}
		defer file.Close()
		read, err := io.ReadAll(io.LimitReader(file, maxKeyFile))
		if err != nil {
			return "", fmt.Errorf("-key-file: %w", err)
		}
		text = string(read)
	}
	key := strings.TrimSpace(text)
	if key == "" || strings.ContainsAny(key, " \t\r\n") {
		return "", fmt.Errorf("put one PBX key, made on the settings page, into %s or a file named by -key-file", keyVariable)
	}
	return key, nil
}

// play reports whether every request was accepted. The next scenario is played
// even if one fails, unless ctx has ended.
func (o *playOptions) play(ctx context.Context, t terminal, chosen []pbxsim.Scenario, key string) bool {
	steps, failed := 0, 0
	player := pbxsim.Player{
		Client: pbxsim.Client{URL: strings.TrimSuffix(o.url, "/"), Key: key}, Speed: o.speed,
		Played: func(p pbxsim.Played) {
			steps++
			fmt.Fprintln(t.out, lineOf(p))
		},
	}
	run := strings.ToLower(rand.Text()[:8])
	for _, s := range chosen {
		fmt.Fprintf(t.out, "%s: %s\n", s.Name, s.Shows)
		cast := pbxsim.Cast{
			Call: "play-" + run + "-" + s.Name, Phone: o.phone, Line: o.line, Extensions: o.extensions, Recording: o.recording,
		}
		if player.Play(ctx, s, cast) != nil {
			failed++
		}
		if ctx.Err() != nil {
			fmt.Fprintln(t.out, "stopped")
			return false
		}
	}
	fmt.Fprintf(t.out, "scenarios: %d, steps: %d, failed: %d\n", len(chosen), steps, failed)
	return failed == 0
}

func lineOf(p pbxsim.Played) string {
	answer := p.Answer
	if p.Err != nil {
		answer = "FAILED: " + p.Err.Error()
	}
	return fmt.Sprintf("  %s  %-36s %s", p.At.Format("15:04:05.000"), p.Says, answer)
}
