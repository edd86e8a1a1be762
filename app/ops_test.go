package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"callwise/app/callflow"
	"callwise/models"
	"callwise/models/modelstest"

	"github.com/google/go-cmp/cmp"
	"github.com/pb33f/go-yaml"
	"gorm.io/gorm"
)

// opsFile reads a file of app/ops, as YAML unless into is nil.
func opsFile(t testing.TB, name string, into any) string {
	t.Helper()
	text, err := os.ReadFile("ops/" + name)
	if err != nil {
		t.Fatal(err)
	}
	if into == nil {
		return string(text)
	}
	if err := yaml.Unmarshal(text, into); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return string(text)
}

type composed struct {
	Services map[string]struct {
		Image       string
		Build       struct{ Args map[string]string }
		Environment map[string]string
		StopGrace   string                                `yaml:"stop_grace_period"`
		Ports       []string                              `yaml:"ports"`
		DependsOn   map[string]struct{ Condition string } `yaml:"depends_on"`
	}
}

func TestComposeRunsTwoProcessesWithExactlyOurVariables(t *testing.T) {
	var file composed
	text := opsFile(t, "compose.yaml", &file)
	var ours []string
	// What serve reads is what is asked for here.
	_, _ = readConfig(func(name string) string { ours = append(ours, name); return "" })
	slices.Sort(ours)
	stop := match(t, "time to end", regexp.MustCompile(`--stop-timeout (\d+) `), opsFile(t, "../../Dockerfile", nil))
	for _, name := range []string{"app1", "app2"} {
		app := file.Services[name]
		if app.StopGrace != stop+"s" {
			t.Errorf("%s is killed after %s, and after %s s by itself", name, app.StopGrace, stop)
		}
		var given []string
		for variable := range app.Environment {
			given = append(given, variable)
		}
		slices.Sort(given)
		if diff := cmp.Diff(slices.Compact(ours), given); diff != "" {
			t.Errorf("variables of %s (-config +compose):\n%s", name, diff)
		}
		if grace, err := time.ParseDuration(app.StopGrace); err != nil || grace <= endWithin {
			t.Errorf("%s is killed after %s, and may take %v to end", name, app.StopGrace, endWithin)
		}
		// An image that the next build overwrites cannot be brought back.
		if version := app.Build.Args["VERSION"]; version != "${CALLWISE_VERSION:?}" || app.Image != "callwise:"+version {
			t.Errorf("%s runs %q, built as %q", name, app.Image, version)
		}
		if app.DependsOn["db"].Condition != "service_healthy" || len(app.Ports) > 0 {
			t.Errorf("%s: %+v", name, app)
		}
		if !strings.Contains(opsFile(t, "Caddyfile", nil), name+defaultListenAddr) || !strings.Contains(opsFile(t, "prometheus.yml", nil), name+defaultListenAddr) {
			t.Errorf("the proxy or Prometheus does not know %s", name)
		}
	}
	required := regexp.MustCompile(`\$\{([A-Z0-9_]+):\?\}`)
	example := opsFile(t, "env.example", nil)
	for _, variable := range required.FindAllStringSubmatch(text, -1) {
		if !regexp.MustCompile(`(?m)^` + variable[1] + `=`).MatchString(example) {
			t.Errorf("env.example lacks %s", variable[1])
		}
	}
	for name, service := range file.Services {
		if service.Image == "" || strings.HasSuffix(service.Image, ":latest") {
			t.Errorf("%s runs %q, whatever that is today", name, service.Image)
		}
	}
}

// A process that ends takes the events with it that it has not answered, unless the
// proxy still has them whole and sends them to another.
func TestTheProxySendsAnEventAgainThatAProcessDidNotAnswer(t *testing.T) {
	text := opsFile(t, "Caddyfile", nil)
	events := match(t, "matcher of events", regexp.MustCompile(`(?s)\n\t@events \{\n(.*?)\n\t\}`), text)
	if diff := cmp.Diff("\t\tmethod POST\n\t\tpath /b24/events /pbx/v1/events", events); diff != "" {
		t.Errorf("what may be sent again (-want +got):\n%s", diff)
	}
	sent := match(t, "proxy of events", regexp.MustCompile(`(?s)reverse_proxy @events app1:8080 app2:8080 \{\n(.*?)\n\t\}`), text)
	if !strings.Contains(sent, "\t\tlb_retry_match method POST\n") {
		t.Errorf("an event is not sent again:\n%s", sent)
	}
	kept, err := strconv.Atoi(match(t, "size of what is kept", regexp.MustCompile(`request_buffers (\d+)KB`), sent))
	if err != nil || kept*1000 <= 256<<10 {
		t.Errorf("of a report of 256 KiB %d KB are kept: %v", kept, err)
	}
	if n := strings.Count(text, "lb_retry_match"); n != 1 {
		t.Errorf("%d kinds of requests are sent again", n)
	}
	if update := "docker compose up -d --no-deps --force-recreate proxy"; !strings.Contains(opsFile(t, "guide.md", nil), update) {
		t.Error("an update leaves the old proxy running")
	}
	var file composed
	opsFile(t, "compose.yaml", &file)
	var minor int
	if _, err := fmt.Sscanf(file.Services["proxy"].Image, "caddy:2.%d", &minor); err != nil || minor < 11 {
		t.Errorf("%s cannot send it again", file.Services["proxy"].Image)
	}
}

// The image has no shell and no PATH, a restart does not read .env again, and a container
// of its own may have other keys than the processes.
func TestTheCommandsOfTheGuideDoWhatItSays(t *testing.T) {
	guide := opsFile(t, "guide.md", nil)
	entry := match(t, "program of the image", regexp.MustCompile(`ENTRYPOINT \["(.+)"\]`), opsFile(t, "../../Dockerfile", nil))
	if want := "`docker compose exec app1 " + entry + " rotate-keys`"; !strings.Contains(guide, want) {
		t.Errorf("the guide does not say %s", want)
	}
	for _, run := range regexp.MustCompile(`docker compose (?:exec|run) (?:\S+ )*?app\d \S+`).FindAllString(guide, -1) {
		if !strings.HasSuffix(run, " "+entry) {
			t.Errorf("%s: there is no such program", run)
		}
	}
	if update := "docker compose --profile monitoring up -d --no-deps --force-recreate prometheus grafana"; !strings.Contains(guide, update) {
		t.Error("an update leaves the old alerts")
	}
	for name, after := range map[string]string{"keys": "**Keys.**", "the client's secret": "### ClientSecretRefused\n"} {
		_, text, _ := strings.Cut(guide, after)
		text, _, _ = strings.Cut(text, "\n#")
		if !strings.Contains(text, "docker compose up -d --no-deps app1") {
			t.Errorf("nothing makes the processes anew with other %s", name)
		}
	}
}

// sqlOf is what the guide has run by psql: a statement by itself, and blocks of them.
func sqlOf(guide string) []string {
	var all []string
	for _, block := range regexp.MustCompile("(?s)```sql\n(.*?)```").FindAllStringSubmatch(guide, -1) {
		all = append(all, strings.Split(strings.TrimSpace(block[1]), ";")...)
	}
	for _, statement := range regexp.MustCompile("(?s)`((?:SELECT|UPDATE|DELETE|INSERT) [^`]+)`").FindAllStringSubmatch(guide, -1) {
		all = append(all, strings.Split(statement[1], ";")...)
	}
	return slices.DeleteFunc(all, func(statement string) bool { return strings.TrimSpace(statement) == "" })
}

func TestTheDatabaseTakesTheStatementsOfTheGuide(t *testing.T) {
	store := modelstest.Migrated(t, postgreSQL(t))
	all := sqlOf(opsFile(t, "guide.md", nil))
	if len(all) < 15 {
		t.Errorf("%d statements", len(all))
	}
	errUndone := errors.New("undone")
	for _, statement := range all {
		err := store.Transaction(t.Context(), func(tx *gorm.DB) error {
			if err := tx.Exec(statement).Error; err != nil {
				return err
			}
			return errUndone
		})
		if !errors.Is(err, errUndone) {
			t.Errorf("%s: %v", statement, err)
		}
	}
}

// asTheGuideSays runs what it says of portal 12, for this one.
func (r *rig) asTheGuideSays(begin string) {
	r.t.Helper()
	for _, statement := range sqlOf(opsFile(r.t, "guide.md", nil)) {
		if !strings.HasPrefix(statement, begin) {
			continue
		}
		statement = strings.Replace(statement, "id = 12", fmt.Sprint("id = ", r.stored().ID), 1)
		if err := r.house.store.Transaction(r.t.Context(), func(tx *gorm.DB) error { return tx.Exec(statement).Error }); err != nil {
			r.t.Fatal(err)
		}
		return
	}
	r.t.Fatalf("the guide does not say %s", begin)
}

func TestAPBXIsShutOutAsTheGuideSays(t *testing.T) {
	r := newRig(t, postgreSQL(t), classic)
	r.tell(started("c1", "incoming", "+4930901821"))
	r.asTheGuideSays("UPDATE pbx_keys")
	r.eventually("the key is good no more", func() bool {
		status, _ := r.report(started("c2", "incoming", "+4930901822"))
		return status == http.StatusUnauthorized
	})
}

func TestAPortalThatLeftWithoutAWordIsForgottenAsTheGuideSays(t *testing.T) {
	r := newRig(t, postgreSQL(t), classic)
	suspended := func() {
		if err := r.house.store.SetStatus(t.Context(), r.stored().ID, models.PortalSuspended, callflow.CodeUninstalled); err != nil {
			t.Fatal(err)
		}
	}
	suspended()
	r.asTheGuideSays("INSERT INTO river_job")
	if n := r.removals(); n != 0 {
		t.Error("where no portal works the client secret may be wrong, and one is to be forgotten all the same")
	}
	r.neighbour("other")
	asked := r.sim.Count("acme", "app.info")
	r.asTheGuideSays("INSERT INTO river_job")
	r.eventually("it is asked", func() bool { return r.sim.Count("acme", "app.info") > asked && r.removals() == 0 })
	if tokens := r.tokens(); len(tokens) == 0 || r.stored().Status == models.PortalUninstalled {
		t.Error("a portal that has the app is forgotten")
	}
	r.portal.LoseEvents(true)
	r.portal.Uninstall(false)
	suspended()
	r.asTheGuideSays("INSERT INTO river_job")
	r.eventually("it is forgotten", func() bool { return r.stored().Status == models.PortalUninstalled })
}

type ruleFile struct {
	Groups []struct {
		Rules []alertRule
	}
}

type alertRule struct {
	Alert, Expr, For    string
	Labels, Annotations map[string]string
}

func alerts(t *testing.T) []alertRule {
	t.Helper()
	var file ruleFile
	opsFile(t, "alerts.yaml", &file)
	var all []alertRule
	for _, group := range file.Groups {
		all = append(all, group.Rules...)
	}
	if len(all) < 20 {
		t.Fatalf("%d alerts", len(all))
	}
	return all
}

func TestEachAlertHasItsSectionInTheRunbook(t *testing.T) {
	_, runbook, _ := strings.Cut(opsFile(t, "guide.md", nil), "\n## Runbook\n")
	var sections, names []string
	for _, heading := range regexp.MustCompile(`(?m)^### (\w+)\n(.+)`).FindAllStringSubmatch(runbook, -1) {
		sections = append(sections, heading[1])
	}
	for _, a := range alerts(t) {
		names = append(names, a.Alert)
		if want := "guide.md#" + strings.ToLower(a.Alert); a.Annotations["runbook"] != want {
			t.Errorf("%s: runbook %q, want %q", a.Alert, a.Annotations["runbook"], want)
		}
		if a.Annotations["summary"] == "" || a.Labels["severity"] != "page" && a.Labels["severity"] != "ticket" {
			t.Errorf("%s: %v %v", a.Alert, a.Labels, a.Annotations)
		}
	}
	if diff := cmp.Diff(names, sections); diff != "" {
		t.Errorf("sections (-alerts +runbook):\n%s", diff)
	}
}

// dashboardExprs are the queries of the dashboard, by panel.
func dashboardExprs(t *testing.T) map[string]string {
	t.Helper()
	var board struct {
		Panels []struct {
			ID      int
			Title   string
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal([]byte(opsFile(t, "dashboard.json", nil)), &board); err != nil {
		t.Fatal(err)
	}
	exprs, ids := map[string]string{}, map[int]bool{}
	for _, panel := range board.Panels {
		if ids[panel.ID] {
			t.Errorf("two panels have the id %d", panel.ID)
		}
		ids[panel.ID] = true
		for i, target := range panel.Targets {
			exprs[fmt.Sprint("panel ", panel.Title, " ", i)] = target.Expr
		}
	}
	return exprs
}

// A sample is one line of /metrics.
type sample struct {
	name   string
	labels map[string]string
}

var (
	sampleLine = regexp.MustCompile(`^(\w+)(?:\{(.*)\})? `)
	labelPair  = regexp.MustCompile(`(\w+)(=~|!=|!~|=)"([^"]*)"`)
	selector   = regexp.MustCompile(`(callwise_\w+)(?:\{([^}]*)\})?`)
	literals   = regexp.MustCompile(`^[\w/]+(\|[\w/]+)*$`)
	grouping   = regexp.MustCompile(`by \(([^)]*)\)`)
)

func samples(page string) []sample {
	var all []sample
	for line := range strings.Lines(page) {
		found := sampleLine.FindStringSubmatch(line)
		if found == nil {
			continue
		}
		s := sample{found[1], map[string]string{}}
		for _, pair := range labelPair.FindAllStringSubmatch(found[2], -1) {
			s.labels[pair[1]] = pair[3]
		}
		all = append(all, s)
	}
	return all
}

// missing is what a query asks for that no sample has.
func missing(expr string, all []sample) []string {
	var lacking []string
	for _, query := range selector.FindAllStringSubmatch(expr, -1) {
		var of []sample
		for _, s := range all {
			if s.name == query[1] {
				of = append(of, s)
			}
		}
		if len(of) == 0 {
			lacking = append(lacking, query[1])
			continue
		}
		for _, matcher := range labelPair.FindAllStringSubmatch(query[2], -1) {
			for _, value := range strings.Split(matcher[3], "|") {
				if !slices.ContainsFunc(of, func(s sample) bool { return has(s, matcher[1], value, literals.MatchString(matcher[3])) }) {
					lacking = append(lacking, query[1]+"{"+matcher[1]+"="+value+"}")
				}
			}
		}
		for _, by := range grouping.FindAllStringSubmatch(expr, -1) {
			for _, label := range strings.Split(by[1], ",") {
				if !slices.ContainsFunc(of, func(s sample) bool { return has(s, strings.TrimSpace(label), "", false) }) {
					lacking = append(lacking, query[1]+" by "+label)
				}
			}
		}
	}
	return lacking
}

// has reports whether a sample has a label; instance is Prometheus's own, of each.
func has(s sample, label, value string, exactly bool) bool {
	if label == "instance" {
		return true
	}
	got, there := s.labels[label]
	return there && (!exactly || got == value)
}

// TestAlertsAndPanelsAskForWhatThereIs compares every query with what a program
// that has handled a call shows.
func TestAlertsAndPanelsAskForWhatThereIs(t *testing.T) {
	r := newRig(t, "sqlite:"+t.TempDir()+"/callwise.db", classic)
	r.switches("c")
	r.tell(started("c1", "incoming", "+4930901821"), ended("c1", "answered", 5))
	r.finished(1)
	all := samples(r.send(r.request("GET", "/metrics", "", "")).body)
	exprs := dashboardExprs(t)
	for _, a := range alerts(t) {
		exprs[a.Alert] = a.Expr
	}
	if len(exprs) < 50 {
		t.Errorf("%d queries", len(exprs))
	}
	for where, expr := range exprs {
		if lacking := missing(expr, all); len(lacking) > 0 {
			t.Errorf("%s asks for %v", where, lacking)
		}
	}
	if lacking := missing(`sum by (kind) (callwise_nothing{a="b"}) + callwise_jobs_total{kind="nothing"}`, all); len(lacking) != 2 {
		t.Errorf("what there is not is not noticed: %v", lacking)
	}
}

func TestTheGuideNamesEachClassOfFailure(t *testing.T) {
	guide := opsFile(t, "guide.md", nil)
	for _, a := range []models.Attention{
		models.AttentionFailed, models.AttentionCreate, models.AttentionBind, models.AttentionUser, models.AttentionRing, models.AttentionCard,
	} {
		if !strings.Contains(guide, "needs somebody (`"+string(a)+"`)") {
			t.Errorf("no row about %q", a)
		}
	}
	if !strings.Contains(opsFile(t, "../../README.md", nil), "app/ops/guide.md") {
		t.Error("the README does not name the guide")
	}
}

var saidAside = regexp.MustCompile(`[lL]og\.(?:Info|Warn)(?:Context)?\((?:.*[cC]ontext\(\), |ctx, )?"([^"]+)"`)

// TestTheGuideNamesEachLineOfTheLog leaves out what is no part of serve, and errors:
// those say what is wrong.
func TestTheGuideNamesEachLineOfTheLog(t *testing.T) {
	_, rest, _ := strings.Cut(opsFile(t, "guide.md", nil), "\n## Logs\n")
	chapter, _, _ := strings.Cut(rest, "\n## ")
	chapter = strings.Join(strings.Fields(chapter), " ")
	said := 0
	for _, f := range sources(t) {
		if f.test || f.room == "app/demo" || f.room == "app/pbx/kamailio" {
			continue
		}
		text, err := os.ReadFile("../" + f.path)
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range saidAside.FindAllStringSubmatch(string(text), -1) {
			said++
			if !strings.Contains(chapter, "`"+line[1]+"`") {
				t.Errorf("%s: nothing about %q", f.path, line[1])
			}
		}
	}
	if said < 15 {
		t.Errorf("%d lines are found", said)
	}
}
