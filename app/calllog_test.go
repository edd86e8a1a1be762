package main

import (
	"encoding/csv"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"callwise/models"
	"callwise/models/modelstest"

	"github.com/google/go-cmp/cmp"
)

// threeCalls is a rig with three calls: one of Anna's that was answered, a missed
// one, and a hidden number's.
func threeCalls(t *testing.T, address string) *rig {
	t.Helper()
	r := newRig(t, address, classic)
	r.switches("c")
	r.tell(started("c1", "incoming", "+49 30 7654321"), answered("c1", "104"), ended("c1", "answered", 65))
	r.finished(1)
	r.tell(started("c2", "incoming", "+49 30 7654399"), ended("c2", "missed", 0))
	r.finished(2)
	r.tell(started("c3", "incoming", "anonymous"), ended("c3", "missed", 0))
	r.finished(3)
	return r
}

var shownPhone = regexp.MustCompile(`<span class="(?:phone|customer phone-only)"><bdi>([^<]*)<`)

// phones are the numbers of the calls on a page, from above.
func phones(page string) []string {
	var all []string
	for _, m := range shownPhone.FindAllStringSubmatch(page, -1) {
		all = append(all, m[1])
	}
	return all
}

const (
	firstNumber, secondNumber, noNumber = "+49 30 7654321", "+49 30 7654399", "Hidden number"
)

func TestTheLogIsNarrowedByItsAddressAndByItsForm(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := threeCalls(t, address)
		today := time.Now().In(time.FixedZone("", 3600)).Format(time.DateOnly) // near enough to the portal's
		for _, tt := range []struct {
			name, query string
			want        []string
		}{
			{"everything", "period=all", []string{noNumber, secondNumber, firstNumber}},
			{"the oldest first", "order=oldest", []string{firstNumber, secondNumber, noNumber}},
			{"7 days", "period=7days", []string{noNumber, secondNumber, firstNumber}},
			{"long ago", "from=2020-01-01&to=2020-01-02", nil},
			{"until this year", "to=" + today[:4] + "-12-31", []string{noNumber, secondNumber, firstNumber}},
			{"answered", "outcome=answered", []string{firstNumber}},
			{"missed, of a reason", "outcome=missed&reason=HIDDEN_NUMBER", []string{noNumber}},
			{"what created something", "result=created", []string{secondNumber, firstNumber}},
			{"nothing", "result=nothing", []string{noNumber}},
			{"an employee's", "employee=17&outcome=answered", []string{firstNumber}},
			{"another's", "employee=18", nil},
			{"a line's", "line=4930901820", []string{noNumber, secondNumber, firstNumber}},
			{"another line's", "line=1", nil},
			{"a part of a number", "text=4399", []string{secondNumber}},
			{"a whole number, as it is written at home", "text=030+7654321", []string{firstNumber}},
			{"failed", "result=trouble", nil},
			{"wrong words narrow nothing", "direction=up&outcome=x&result=x&reason=x&employee=x&attention=x&order=x&period=x&from=x&to=9999&text=a", []string{noNumber, secondNumber, firstNumber}},
		} {
			t.Run(tt.name, func(t *testing.T) {
				if diff := cmp.Diff(tt.want, phones(r.page("/calls?"+tt.query))); diff != "" {
					t.Errorf("by the address (-want +got):\n%s", diff)
				}
				form, err := url.ParseQuery(tt.query)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(tt.want, phones(r.post("/calls", form))); diff != "" {
					t.Errorf("by the form (-want +got):\n%s", diff)
				}
			})
		}
		page := r.page("/calls?period=all")
		for _, count := range []string{"All <span class=\"count\">3<", "Missed <span class=\"count\">2<", "Created something <span class=\"count\">2<"} {
			if !strings.Contains(strings.Join(strings.Fields(page), " "), count) {
				t.Errorf("the page does not count %s", count)
			}
		}
	})
}

func TestTheLogOpensAsItWasUsedLast(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := threeCalls(t, address)
		other := r.neighbour("other")
		employee := sessionIn(t, r.open(r.frame(anna, "DEFAULT")))
		missed := []string{noNumber, secondNumber}
		r.post("/calls", url.Values{"outcome": {"missed"}, "text": {""}})
		r.post("/calls", url.Values{"before": {cursorBehindAll}, "period": {"all"}}) // more rows are no new filter
		for name, page := range map[string]string{"the tab": r.page("/calls"), "the menu": r.open(r.frame(admin, "TELEPHONY_ANALYTICS_MENU"))} {
			if diff := cmp.Diff(missed, phones(page)); diff != "" || !strings.Contains(page, "Outcome: Missed") {
				t.Errorf("%s (-want +got):\n%s", name, diff)
			}
		}
		if got := phones(r.with(employee, http.MethodGet, "/calls").body); len(got) != 3 {
			t.Errorf("another employee's log: %v", got)
		}
		if page := other.page("/calls"); strings.Contains(page, "Outcome: Missed") {
			t.Error("another portal's log is narrowed")
		}
		if got := phones(r.page("/calls?order=oldest")); len(got) != 3 {
			t.Errorf("an address of its own: %v", got)
		}
		r.post("/calls", url.Values{"period": {"all"}})
		if got := phones(r.page("/calls")); len(got) != 3 {
			t.Errorf("after a reset: %v", got)
		}
	})
}

// cursorBehindAll is a place in the log with nothing behind it.
const cursorBehindAll = "eyJBdCI6IjIwMDAtMDEtMDFUMDA6MDA6MDBaIiwiSUQiOjF9"

// mask hides numbers from employees.
func (r *rig) mask() {
	r.t.Helper()
	portal := r.stored()
	settings := portal.Settings
	settings.MaskNumbers = true
	err := r.house.store.SaveSettings(r.t.Context(), models.SettingsEdit{PortalID: portal.ID, Version: portal.SettingsVersion, Settings: settings, UserID: admin})
	if err != nil {
		r.t.Fatal(err)
	}
}

func TestAMaskedNumberReachesNoEmployee(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := threeCalls(t, address)
		r.tell(map[string]any{"id": "c2-t", "type": "call.transferred", "call": "c2", "at": now(), "from": "104", "to": "+49307654388"})
		r.worked("c2")
		r.mask()
		employee := sessionIn(t, r.open(r.frame(anna, "DEFAULT")))
		ask := func(path string) string { return r.with(employee, http.MethodGet, path).body }
		if diff := cmp.Diff([]string{noNumber, "+49 ••• 43 99", "+49 ••• 43 21"}, phones(ask("/calls"))); diff != "" {
			t.Errorf("numbers (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]string{noNumber, secondNumber, firstNumber}, phones(r.page("/calls"))); diff != "" {
			t.Errorf("the administrator's (-want +got):\n%s", diff)
		}
		whole := regexp.MustCompile(`765 ?43|76 ?54 ?3`)
		for _, m := range regexp.MustCompile(`id="call-(\d+)"`).FindAllStringSubmatch(ask("/calls"), -1) {
			if page := ask("/calls/" + m[1]); whole.MatchString(page) {
				t.Errorf("call %s tells its number", m[1])
			}
		}
		for text, want := range map[string]int{"4399": 1, "54399": 0, "76543": 0, "030 7654321": 0, "%2B49307654321": 0} {
			if got := phones(ask("/calls?text=" + strings.ReplaceAll(text, " ", "+"))); len(got) != want {
				t.Errorf("a search for %s finds %v", text, got)
			}
		}
	})
}

var rowID = regexp.MustCompile(`<tr\s+id="call-(\d+)"`)

// rowIDs are the ids of the calls on a page, from above.
func rowIDs(page string) []string {
	var all []string
	for _, m := range rowID.FindAllStringSubmatch(page, -1) {
		all = append(all, m[1])
	}
	return all
}

func TestNewsAreCallsThatCameOrChanged(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := threeCalls(t, address)
		other := r.neighbour("other")
		page := r.page("/calls")
		since := match(t, "newest call", regexp.MustCompile(`name="since" value="(\d+)"`), page)
		look := func(form url.Values) reply {
			form.Set("since", since)
			form.Set("session", r.session)
			return r.send(r.request(http.MethodPost, "/calls/news", formType, form.Encode()))
		}
		today := match(t, "day", regexp.MustCompile(`name="day" value="([\d-]+)"`), page)
		if got := look(url.Values{"day": {today}}); got.status != http.StatusNoContent || got.body != "" {
			t.Errorf("nothing new: %d %s", got.status, got.body)
		}
		if got := look(url.Values{"day": {"2026-03-04"}}); got.status != http.StatusOK || !strings.Contains(got.body, `data-over="A new day: refresh the log"`) {
			t.Errorf("the day of the page is over: %d %s", got.status, got.body)
		}
		other.tell(started("c9", "incoming", "+49 30 5550000"), ended("c9", "missed", 0))
		other.finished(1)
		theirs := rowIDs(other.page("/calls"))[0]
		r.tell(started("c4", "incoming", "+49 30 7654377"))
		r.registered(1)
		r.deliver()
		r.worked("c4")
		got := look(url.Values{})
		mine := rowIDs(got.body)
		if len(mine) != 1 || mine[0] == theirs || !strings.Contains(got.body, `data-label="1 new call"`) {
			t.Fatalf("news: %d %s", got.status, got.body)
		}
		var going string
		for name, form := range map[string]url.Values{
			"what the page shows already":  {"shown": {mine[0]}},
			"what the filter leaves out":   {"outcome": {"missed"}},
			"the end of the log":           {"order": {"oldest"}},
			"another portal's call, asked": {"shown": {mine[0]}, "going": {theirs + ":old"}},
		} {
			// A worker may look at the call once more, which is a new version of it.
			r.eventually(name+" is no news", func() bool {
				going = match(t, "version", regexp.MustCompile(`data-going="([^"]+)"`), r.page("/calls"))
				if form.Get("going") != theirs+":old" {
					form.Set("going", going)
				}
				return look(form).status == http.StatusNoContent
			})
		}
		r.tell(answered("c4", "104"), ended("c4", "answered", 7))
		r.finished(4)
		got = look(url.Values{"shown": {mine[0]}, "going": {going}})
		if !slices.Equal(rowIDs(got.body), mine) || !strings.Contains(got.body, "0:07") || strings.Contains(got.body, "data-label=\"1") {
			t.Errorf("a call that ended: %d %s", got.status, got.body)
		}
		for _, form := range []url.Values{{"going": {"x:1"}}, {"shown": {"x"}}} {
			if got := look(form); got.status != http.StatusBadRequest {
				t.Errorf("%v: %d", form, got.status)
			}
		}
	})
}

func TestTheOverviewCountsTheDaysOfThePortal(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := threeCalls(t, address)
		r.neighbour("other").tell(started("c9", "incoming", "+49 30 5550000"), ended("c9", "missed", 0))
		request := r.request(http.MethodPost, "/calls/overview", formType, url.Values{"period": {"today"}, "session": {r.session}}.Encode())
		request.Header.Set("HX-Request", "true")
		got := r.send(request)
		if strings.Contains(got.body, "<html") {
			t.Error("htmx gets the whole page")
		}
		if !strings.Contains(got.body, "answered: 1, not answered: 2") {
			t.Errorf("overview: %d %s", got.status, got.body)
		}
		bar := match(t, "bar", regexp.MustCompile(`name="bar" value="([^"]+)"`), got.body)
		if diff := cmp.Diff([]string{secondNumber, firstNumber}, phones(r.post("/calls", url.Values{"period": {"all"}, "bar": {bar}, "chart": {"created"}}))); diff != "" {
			t.Errorf("the calls of a bar (-want +got):\n%s", diff)
		}
		page := r.page("/calls/overview?period=today")
		if !strings.Contains(page, "</html>") || !strings.Contains(page, "answered: 1, not answered: 2") || len(phones(page)) != 3 {
			t.Error("without htmx there is no whole page")
		}
	})
}

// TestABarShowsTheCallsItCountsWhereClocksChangeAtMidnight has calls around the
// night of a Saturday whose 24:00 was the Sunday's 01:00.
func TestABarShowsTheCallsItCountsWhereClocksChangeAtMidnight(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		santiago := classic
		santiago.TimeZone = "America/Santiago"
		r := bareRig(t, address, santiago)
		r.config.Retention = 100 * 365 * 24 * time.Hour
		r.start()
		r.install()
		for id, at := range map[string]string{"c1": "2025-09-06T23:30:00-04:00", "c2": "2025-09-07T01:10:00-03:00", "c3": "2025-09-07T23:50:00-03:00"} {
			end := ended(id, "missed", 0)
			end["at"] = at
			r.tell(started(id, "incoming", "+49 30 765432"+id[1:], map[string]any{"at": at}), end)
		}
		r.finished(3)
		days := url.Values{"period": {"custom"}, "from": {"2025-09-06"}, "to": {"2025-09-08"}}
		page := r.post("/calls/overview", days)
		var titles, found []string
		for _, bar := range regexp.MustCompile(`name="bar" value="([^"]+)" title="([^"]+)"`).FindAllStringSubmatch(page, 3) {
			days.Set("bar", bar[1])
			titles = append(titles, bar[2])
			found = append(found, strings.Join(phones(r.post("/calls", days)), " "))
		}
		if diff := cmp.Diff([]string{"6 September 2025: answered: 0, not answered: 1", "7 September 2025: answered: 0, not answered: 2", "8 September 2025: answered: 0, not answered: 0"}, titles); diff != "" {
			t.Errorf("bars (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]string{"+49 30 7654321", "+49 30 7654323 +49 30 7654322", ""}, found); diff != "" {
			t.Errorf("the calls of the bars (-want +got):\n%s", diff)
		}
	})
}

// download is the export of a filter, as a form asks for it.
func (r *rig) download(form url.Values) reply {
	r.t.Helper()
	form.Set("session", r.session)
	return r.send(r.request(http.MethodPost, "/calls.csv", formType, form.Encode()))
}

func TestTheExportHoldsTheFilteredCalls(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := threeCalls(t, address)
		r.neighbour("other").tell(started("c9", "incoming", "+49 30 5550000"), ended("c9", "missed", 0))
		got := r.download(url.Values{"outcome": {"answered"}, "order": {"oldest"}})
		if kind, name := got.header.Get("Content-Type"), got.header.Get("Content-Disposition"); kind != "text/csv; charset=utf-8" || !regexp.MustCompile(`^attachment; filename="calls-\d{4}-\d\d-\d\d\.csv"$`).MatchString(name) {
			t.Errorf("%s, %s", kind, name)
		}
		rows, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(got.body, "\uFEFF"))).ReadAll()
		if err != nil || !strings.HasPrefix(got.body, "\uFEFF") || strings.Count(got.body, "\r\n") != len(rows) {
			t.Fatalf("not RFC 4180 with a mark: %v\n%q", err, got.body)
		}
		if !regexp.MustCompile(`^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$`).MatchString(rows[1][0]) {
			t.Errorf("time %s", rows[1][0])
		}
		rows[0][0] = strings.Replace(rows[0][0], r.stored().Zone().String(), "zone", 1)
		rows[1][0], rows[1][8] = "", regexp.MustCompile(`\d+`).ReplaceAllString(rows[1][8], "1")
		want := [][]string{
			{"Time (zone)", "Call", "Customer", "Number", "Employee", "Extension", "Line", "Talk, seconds", "Result", "Why", "Recording", "Call ID"},
			{"", "Incoming, answered", "", "'" + firstNumber, "Anna Brandt", "104", "4930901820", "65", "Lead #1 created", "This number was not in the CRM, so a new lead was created.", "", "pbx:c1"},
		}
		if diff := cmp.Diff(want, rows); diff != "" {
			t.Errorf("rows (-want +got):\n%s", diff)
		}
		if got := r.download(url.Values{"text": {"5550000"}}); strings.Count(got.body, "\r\n") != 1 {
			t.Errorf("another portal's calls: %s", got.body)
		}
		if got := r.with(r.session, http.MethodGet, "/calls.csv"); got.status != http.StatusMethodNotAllowed && got.status != http.StatusNotFound {
			t.Errorf("an address that could be shared: %d", got.status)
		}
	})
}

func TestTheExportOfALongLogIsWholeAndHoldsNoneOfItInMemory(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		modelstest.Fill(t, r.house.store, modelstest.Log{PortalID: r.stored().ID, Calls: 20_000, To: time.Now(), Days: 300})
		r.sql("UPDATE calls SET customer_name = '" + strings.Repeat("Mia ", 500) + "'") // 40 MB of them
		before, lines, held := heap(), 0, []uint64(nil)
		answer := r.startDownload(url.Values{"period": {"all"}})
		defer answer.Body.Close()
		piece := make([]byte, 16<<10)
		for n := 0; ; n++ {
			read, err := answer.Body.Read(piece)
			lines += strings.Count(string(piece[:read]), "\n")
			if n%100 == 0 {
				held = append(held, heap())
			}
			if err != nil {
				break
			}
		}
		if lines != 20_001 {
			t.Errorf("%d lines", lines)
		}
		// Not the highest one: for a moment the program's other work holds some, too. The
		// rows that are on their way, and what the program begins with, are some MB.
		late := slices.Min(held[len(held)*3/4:])
		slices.Sort(held)
		if grown := int64(max(held[len(held)/2], late)) - int64(before); grown > 14<<20 {
			t.Errorf("the export held %d KiB", grown>>10)
		}
	})
}
