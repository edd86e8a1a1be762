package main

import (
	"cmp"
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
)

// series are what Prometheus scraped, in the notation of its unit tests: "1+2x3" is
// 1 3 5 7, one a minute unless a scene says otherwise.
//
// https://prometheus.io/docs/prometheus/latest/configuration/unit_testing_rules/
type series map[string]string

// A scene is an hour, or a week, that an alert is to be raised in, and one much like
// it that it is to be silent in.
type scene struct {
	alert, at, every string
	fires, silent    series
}

// week is one and an hour: what comes is compared with what came a week before.
const week = "169h"

var scenes = []scene{
	{"AllProcessesDown", "2m", "", series{up("1"): "0x5", up("2"): "0x5"}, series{up("1"): "0x5", up("2"): "1x5"}},
	{"ProcessDown", "6m", "", series{up("1"): "0x9"}, series{up("1"): "0x4 1x5"}},
	{"ProcessRestarts", "9m", "", series{"callwise_process_start_time_seconds": "1 2 3 4 5x9"}, series{"callwise_process_start_time_seconds": "1 2 3 4x9"}},
	{"FilesRunOut", "11m", "", openFiles("81x20"), openFiles("80x20")},
	{"DatabaseDown", "2m", "", databasesUp("0x5", "0x5"), databasesUp("0x5", "1x5")},
	{"DatabaseNotReached", "6m", "", databasesUp("0x9", "1x9"), databasesUp("0 0 0 1x9", "1x9")},
	{"EventsNotStored", "8m", "", eventsRefused("bitrix24", "500", "0+7x20"), eventsRefused("bitrix24", "500", "0+5x20")},
	{"EventsNotStored", "8m", "", eventsRefused("pbx", "503", "0+7x20"), eventsRefused("pbx", "401", "0+70x20")},
	{"EventsNotTrusted", "31m", "", eventsRefused("pbx", "401", "0+33x60"), eventsRefused("pbx", "401", "0+27x60")},
	{"EventsStopped", week, "10m", eventsAccepted("0+60x1008 60480x10"), eventsAccepted("0+60x1018")},
	// Nothing came a week ago.
	{"EventsStopped", week, "10m", eventsAccepted("0+60x1008 60480x10"), eventsAccepted("0x144 0+60x864 51840x10")},
	{"CommitsSlow", "16m", "", histogram("callwise_commit_seconds_bucket", "0.25", "0+98x20", ""), histogram("callwise_commit_seconds_bucket", "0.25", "0+100x20", "")},
	{"EventsWait", "6m", "", series{"callwise_events_oldest_seconds": "61x9"}, series{"callwise_events_oldest_seconds": "60x9"}},
	{"JobsWait", "11m", "", series{"callwise_jobs_waiting": "1001x20"}, series{"callwise_jobs_waiting": "1000x20"}},
	{"JobsFail", "21m", "", jobsEnded("erase", "failed", "0+1x40"), jobsEnded("erase", "failed", "0 1 2 3 4x40")},
	{"JobsFail", "21m", "", jobsEnded("erase", "failed", "0+1x40"), jobsEnded("erase", "done", "0+1x40")},
	{"ClockworkStopped", "31m", "", jobsEnded("close", "done", "7x60"), jobsEnded("close", "done", "0+1x60")},
	// It never ran.
	{"ClockworkStopped", "31m", "", jobsEnded("purge", "done", "0+1x60"), jobsEnded("close", "done", "0+1x60")},
	{"UpkeepStopped", "181m", "", jobsEnded("recover", "done", "7x240"), jobsEnded("recover", "done", "0+1x240")},
	{"RetentionStopped", "49h", "1h", jobsEnded("purge", "done", "7x60"), jobsEnded("purge", "done", "0+1x60")},
	{"PortalsUnreachable", "21m", "", portalRequests("no_answer", "0+21x40", "0+79x40"), portalRequests("no_answer", "0+19x40", "0+81x40")},
	{"PortalsUnreachable", "21m", "", portalRequests("INTERNAL_SERVER_ERROR", "0+21x40", "0+79x40"), portalRequests("ERROR_CORE", "0+21x40", "0+79x40")},
	{"PortalsThrottle", "31m", "", portalRequests("QUERY_LIMIT_EXCEEDED", "0+6x60", "0+94x60"), portalRequests("QUERY_LIMIT_EXCEEDED", "0+4x60", "0+96x60")},
	{"ClientSecretRefused", "6m", "", keysRefused("INVALID_CLIENT", "0+2x10", "0x10"), keysRefused("INVALID_CLIENT", "0+2x10", "0+1x10")},
	// Others are still renewed.
	{"ClientSecretRefused", "6m", "", keysRefused("INVALID_CLIENT", "0+10x10", "0+2x10"), keysRefused("INVALID_CLIENT", "0+10x10", "0+3x10")},
	// Few portals are asked.
	{"ClientSecretRefused", "29m", "", keysRefused("WRONG_CLIENT", "0 0 0 1 1 1 1 2 2 2 2 3 3 3 3 4 4 4 4 5 5 5 5 6 6 6 6 7x20", "0x40"), keysRefused("WRONG_CLIENT", "0 1 2 3 4x40", "0x40")},
	{"TokensDie", "9m", "", renewalsFailed("INVALID_GRANT", "0+1x20"), renewalsFailed("INVALID_GRANT", "0 1 2 3 4x20")},
	{"PortalsWithoutAccess", "61m", "", portalsWaiting("6x80", "94x80"), portalsWaiting("5x80", "95x80")},
	{"CallsGivenUp", "21m", "", callsSettled("0+1x40", "0+10x40"), callsSettled("0+1x40", "0+30x40")},
	// All of a handful are no alarm.
	{"CallsGivenUp", "21m", "", callsSettled("0+1x40", "0+10x40"), callsSettled("0 1 2 3 4x40", "0x40")},
	{"CallsRecovered", "21m", "", series{"callwise_calls_recovered_total": "0+1x40"}, series{"callwise_calls_recovered_total": "0 1 2 3 4x40"}},
	{"CallsMissing", "1m", "", series{"callwise_calls_missing": "11x5"}, series{"callwise_calls_missing": "10x5"}},
	{"StatisticsUnread", "45m", "", statisticsRead("0+10x80"), statisticsRead("0+30x80")},
	{"CallsRetry", "31m", "", callsRetried("501x60", "OPERATION_TIME_LIMIT"), callsRetried("500x60", "OPERATION_TIME_LIMIT")},
	// Those wait for somebody else.
	{"CallsRetry", "31m", "", callsRetried("501x60", "OPERATION_TIME_LIMIT"), callsRetried("501x60", "PAYMENT_REQUIRED")},
	{"RequestsFail", "21m", "", requestsAnswered("0+3x40", "0+97x40"), requestsAnswered("0+1x40", "0+99x40")},
	{"AnswersSlow", "16m", "", histogram("callwise_http_request_seconds_bucket", "1", "0+98x20", "/b24/events"), histogram("callwise_http_request_seconds_bucket", "1", "0+100x20", "/b24/events")},
	{"AnswersSlow", "16m", "", histogram("callwise_http_request_seconds_bucket", "1", "0+98x20", "/pbx/v1/events"), histogram("callwise_http_request_seconds_bucket", "1", "0+98x20", "/app/log")},
}

func up(process string) string { return `up{job="callwise",instance="app` + process + `:8080"}` }

func openFiles(open string) series {
	return series{"callwise_process_open_fds": open, "callwise_process_max_fds": "100x20"}
}

func databasesUp(one, two string) series {
	return series{`callwise_database_up{instance="1"}`: one, `callwise_database_up{instance="2"}`: two}
}

func eventsRefused(source, status, values string) series {
	return series{`callwise_events_refused_total{source="` + source + `",status="` + status + `"}`: values}
}

func eventsAccepted(values string) series {
	return series{`callwise_events_accepted_total{source="pbx"}`: values}
}

func jobsEnded(kind, outcome, values string) series {
	return series{`callwise_jobs_total{kind="` + kind + `",outcome="` + outcome + `"}`: values}
}

func portalRequests(code, values, ok string) series {
	return series{`callwise_portal_requests_total{code="` + code + `"}`: values, `callwise_portal_requests_total{code="ok"}`: ok}
}

func keysRefused(code, values, renewed string) series {
	return series{`callwise_portal_requests_total{instance="1",code="` + code + `"}`: values, `callwise_token_refreshes_total{instance="1",code="ok"}`: renewed}
}

func renewalsFailed(code, values string) series {
	return series{`callwise_token_refreshes_total{code="` + code + `"}`: values}
}

func portalsWaiting(reauth, active string) series {
	return series{`callwise_portals{status="reauth"}`: reauth, `callwise_portals{status="active"}`: active}
}

func callsSettled(failed, done string) series {
	return series{`callwise_calls_settled_total{result="failed"}`: failed, `callwise_calls_settled_total{result="done"}`: done}
}

func statisticsRead(ok string) series {
	return series{`callwise_statistics_reads_total{code="no_answer"}`: "0+1x80", `callwise_statistics_reads_total{code="ok"}`: ok}
}

func callsRetried(waiting, code string) series {
	return series{"callwise_calls_retrying": waiting, `callwise_call_retries_total{code="` + code + `"}`: "0+6x60", `callwise_events_accepted_total{source="pbx"}`: "0+100x60"}
}

func requestsAnswered(failed, ok string) series {
	return series{`callwise_http_request_seconds_count{status="500"}`: failed, `callwise_http_request_seconds_count{status="200"}`: ok}
}

// histogram is one of a hundred a minute, of which so many take no longer
// than le, and all no longer than 10 s.
func histogram(name, le, values, route string) series {
	bucket := func(le string) string { return name + `{route="` + route + `",le="` + le + `"}` }
	return series{bucket(le): values, bucket("10"): "0+100x20", bucket("+Inf"): "0+100x20"}
}

// TestEachAlertFires has Prometheus's own tool evaluate the rules.
func TestEachAlertFires(t *testing.T) {
	promtool := promtool(t)
	rules, err := filepath.Abs("ops/alerts.yaml")
	if err != nil {
		t.Fatal(err)
	}
	tests, played := map[string][]any{}, map[string]bool{}
	for _, s := range scenes {
		played[s.alert] = true
		every := cmp.Or(s.every, "1m")
		tests[every] = append(tests[every], s.test(s.fires, true), s.test(s.silent, false))
	}
	var names []string
	for _, a := range alerts(t) {
		names = append(names, a.Alert)
	}
	slices.Sort(names)
	if scenes := slices.Sorted(maps.Keys(played)); !slices.Equal(scenes, names) {
		t.Errorf("there are scenes of %v, and alerts %v", scenes, names)
	}
	args := []string{"test", "rules"}
	for every, tests := range tests {
		args = append(args, ruleTest(t, map[string]any{"rule_files": []string{rules}, "evaluation_interval": every, "tests": tests}))
	}
	if said, err := exec.CommandContext(t.Context(), promtool, args...).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, said)
	}
}

func promtool(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("promtool")
	if err != nil && os.Getenv("CALLWISE_REQUIRE") == "all" {
		t.Fatal("no promtool here, and CALLWISE_REQUIRE=all")
	}
	if err != nil {
		t.Skip("promtool, of Prometheus, is not installed")
	}
	return path
}

// ruleTest is a file of promtool's.
func ruleTest(t *testing.T, tests map[string]any) string {
	t.Helper()
	text, err := json.Marshal(tests)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "tests.yaml")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// test says of these series whether the alert is raised.
func (s scene) test(scraped series, fires bool) map[string]any {
	var input, raised []map[string]any
	for _, name := range slices.Sorted(maps.Keys(scraped)) {
		input = append(input, map[string]any{"series": name, "values": scraped[name]})
	}
	if fires {
		raised = append(raised, map[string]any{"labels": "{}", "value": 1})
	}
	return map[string]any{"interval": cmp.Or(s.every, "1m"), "input_series": input, "promql_expr_test": []map[string]any{{
		"expr": `count(ALERTS{alertstate="firing",alertname="` + s.alert + `"})`, "eval_time": s.at, "exp_samples": raised,
	}}}
}
