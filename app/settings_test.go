package main

import (
	"html"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"callwise/app/b24/b24sim"
	"callwise/app/crm"
	"callwise/handlers"
	"callwise/models"

	"github.com/google/go-cmp/cmp"
)

// as is the session of an administrator of the rig's portal.
func (r *rig) as(user int64) string {
	r.t.Helper()
	return signed(r.t, time.Now(), handlers.Visitor{PortalID: r.stored().ID, UserID: user, Admin: true, Lang: "en"}, r.config.EncryptionKeys)
}

// submit sends a form with a session and expects a status.
func (r *rig) submit(session, path string, status int, form url.Values) string {
	r.t.Helper()
	got, page := r.do(http.MethodPost, r.url+path, form, session)
	if got != status {
		r.t.Fatalf("POST %s: %d, want %d\n%s", path, got, status, page)
	}
	return plainText(page)
}

var (
	tags   = regexp.MustCompile(`(?s)<[^>]*>`)
	spaces = regexp.MustCompile(`\s+`)
)

// plainText is a page as it is read, with its controls as they are set.
func plainText(page string) string {
	page = regexp.MustCompile(`<input[^>]*>|<option[^>]* selected[^>]*>`).ReplaceAllStringFunc(page, func(tag string) string {
		return "[" + strings.Trim(tag, "<>") + "]"
	})
	return html.UnescapeString(spaces.ReplaceAllString(tags.ReplaceAllString(page, " "), " "))
}

func wants(t *testing.T, page string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(page, part) {
			t.Errorf("%q is not in the page:\n%s", part, page)
		}
	}
}

// form is a form of the version that is saved now.
func (r *rig) form(pairs ...string) url.Values {
	form := url.Values{"version": {strconv.Itoa(r.stored().SettingsVersion)}}
	for i := 0; i+1 < len(pairs); i += 2 {
		form.Add(pairs[i], pairs[i+1])
	}
	return form
}

func TestEverySettingIsSavedFromTheFormAndWhatIsMissingStays(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		r.submit(r.session, "/settings/save", 200, r.form(
			"dry_run", "off", "dry_run", "on", "repeat_in_bitrix24", "on", "responsible/created/who", "employee", "responsible/created/employee", "17",
			"responsible/missed/fallback", "18", "callbacks/duty", "", "callbacks/duty", "18", "callbacks/duty", "17", "callbacks/duty", "",
			"lines/+49 30~1x/responsible", "18", "lines/+49 30~1x/name", "Sales", "lines/+49 30~1x/create_entities", "off",
			"missed/todo", "on", "missed/deadline", "120", "missed/days", "", "missed/days", "6", "missed/days", "7", "missed/from", "10:00", "missed/to", "16:00",
			"card/when", "answer", "add_card_employee", "17", "add_card_when", "never", "add_card_employee", "", "add_card_when", "never",
			"recordings/mode", "link", "recordings/max_mb", " 20 ", "exclusions/numbers", "+4930*\r\n112\r\n", "exclusions/extensions", "900",
			"default_country", "AT", "mask_numbers", "on", "recovery", "click",
		))
		want := models.DefaultSettings()
		want.DryRun, want.RepeatInBitrix24 = true, "on"
		want.Responsible.Created = models.OwnerRule{Who: models.OwnerEmployee, Employee: anna}
		want.Responsible.Missed.Fallback = omar
		want.Lines = map[string]models.LineRules{"+49 30/x": {Name: "Sales", CreateEntities: models.OverrideOff, Responsible: omar}}
		want.Callbacks.Duty = []string{"18", "17"}
		want.Recovery = models.RecoverOnClick
		want.Missed = models.MissedCalls{Todo: true, Deadline: 120, Days: []string{"6", "7"}, From: "10:00", To: "16:00"}
		want.Card = models.CallCard{When: models.CardOnAnswer, Employees: map[int64]models.CardTime{anna: models.CardNever}}
		want.Recordings = models.Recordings{Mode: models.RecordingLink, MaxMB: 20}
		want.Exclusions = models.Exclusions{Numbers: []string{"+4930*", "112"}, Extensions: []string{"900"}}
		want.DefaultCountry, want.MaskNumbers = "AT", true
		if diff := cmp.Diff(want, r.stored().Settings); diff != "" {
			t.Fatalf("settings (-want +got):\n%s", diff)
		}

		before := r.stored()
		page := r.submit(r.session, "/settings/save", 200, r.form())
		wants(t, page, "Nothing has changed.")
		if diff := cmp.Diff(before, r.stored()); diff != "" {
			t.Errorf("an empty form changed something (-before +after):\n%s", diff)
		}
		r.submit(r.session, "/settings/save", 200, r.form("card/employees/17", "", "missed/todo", "off", "callbacks/duty", "", "lines/+49 30~1x/responsible", ""))
		want.Card.Employees, want.Missed.Todo, want.Callbacks.Duty = nil, false, nil
		want.Lines = map[string]models.LineRules{"+49 30/x": {Name: "Sales", CreateEntities: models.OverrideOff}}
		if diff := cmp.Diff(want, r.stored().Settings); diff != "" {
			t.Errorf("after a partial form (-want +got):\n%s", diff)
		}
	})
}

func TestWhatIsWrongIsSaidAndNothingEnteredIsLost(t *testing.T) {
	r := newRig(t, "sqlite:"+t.TempDir()+"/callwise.db", classic)
	before := r.stored()
	page := r.submit(r.session, "/settings/save", 422, r.form(
		"create_entities", "on", "recordings/max_mb", "many", "missed/to", "08:00", "exclusions/numbers", "mother", "command_url", "ftp://pbx",
		"add_card_employee", "18", "add_card_when", "answer"))
	wants(t, page, "This cannot be saved yet",
		"Largest recording to attach: enter a whole number.", "Missed calls: working hours to: the end must be later than the beginning.",
		"Numbers that are never handled: “mother” is not a phone number.", "Command URL of the PBX: The address must begin with https://.",
		`value="many"`, `value="08:00"`, " mother ", `value="ftp://pbx"`, "Omar Haddad", `[option value="answer" selected]`, `aria-invalid="true"`,
		`aria-describedby="recordings-max_mb-error recordings-max_mb-help"`)
	if diff := cmp.Diff(before, r.stored()); diff != "" {
		t.Errorf("the portal (-before +after):\n%s", diff)
	}
	page = r.submit(r.session, "/settings/review", 422, r.form("missed/deadline", "x"))
	wants(t, page, "Missed calls: call back within: enter a whole number.")
	page = r.submit(r.session, "/settings/save", 422, r.form("missed/deadline", "0", "callbacks/duty", "4711", "recordings/max_mb", "1001"))
	wants(t, page, "Missed calls: call back within: enter a number from 1 to 10080.", "enter a number from 0 to 1000.", "employee 4711 is not known here.")
	if diff := cmp.Diff(before, r.stored()); diff != "" {
		t.Errorf("the portal (-before +after):\n%s", diff)
	}
}

func TestAReviewSaysInWordsWhatSaveWouldChange(t *testing.T) {
	r := newRig(t, "sqlite:"+t.TempDir()+"/callwise.db", classic)
	before := r.stored()
	page := r.submit(r.session, "/settings/review", 200, r.form(
		"create_entities", "on", "missed/deadline", "120", "lines/22/source", "WEB", "responsible/missed/who", "employee", "responsible/missed/employee", "17",
		"command_url", "https://pbx.example.com/new"))
	wants(t, page, "Your changes", "Create entities from Off → to On", "Responsible for missed calls: employee from nobody → to Anna Brandt",
		"Line 22: source from Call (usual source) → to ", "Missed calls: call back within from 30 minutes → to 2 hours", "https://pbx.example.com/new", "Save these changes")
	if diff := cmp.Diff(before, r.stored()); diff != "" {
		t.Errorf("a review changed something (-before +after):\n%s", diff)
	}
}

// Whom the settings name already is no stranger, dismissed or not.
func TestSomebodyDismissedMayStayWhereTheyAreNamed(t *testing.T) {
	r := newRig(t, "sqlite:"+t.TempDir()+"/callwise.db", classic)
	r.submit(r.session, "/settings/save", 200, r.form("callbacks/duty", "17", "card/employees/17", "never"))
	r.portal.Dismiss(anna)
	r.sql("UPDATE portals SET employees_at = NULL")
	r.submit(r.session, "/settings/employees/read", 200, r.form())
	r.submit(r.session, "/settings/save", 200, r.form("callbacks/duty", "17\n18", "card/employees/17", "answer"))
	page := r.submit(r.session, "/settings/save", 422, r.form("callbacks/duty", "17\n18\n4711"))
	wants(t, page, "employee 4711 is not known here.")
	if got := r.stored().Settings.Callbacks.Duty; !slices.Equal(got, []string{"17", "18"}) {
		t.Errorf("on duty: %v", got)
	}
}

var undoTag = regexp.MustCompile(`(?s)action="/settings/undo".*?</form>`)

// undoIn is the form behind Undo.
func undoIn(t *testing.T, page string) url.Values {
	t.Helper()
	form := url.Values{}
	for _, field := range regexp.MustCompile(`name="([^"]+)" value="([^"]*)"`).FindAllStringSubmatch(undoTag.FindString(page), -1) {
		form.Set(field[1], html.UnescapeString(field[2]))
	}
	form.Del("session")
	if len(form) == 0 {
		t.Fatal("no Undo in the page")
	}
	return form
}

func TestUndoTakesBackWhatWasSavedAndNothingElse(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		before := r.stored()
		undo := undoIn(t, r.post("/settings/save", r.form("create_entities", "on", "missed/todo", "on", "command_url", "https://pbx.example.com/new")))
		wants(t, r.submit(r.session, "/settings/undo", 200, undo), "Undone.")
		after := r.stored()
		if diff := cmp.Diff(before.Settings, after.Settings); diff != "" || after.CommandURL != before.CommandURL || after.SettingsVersion != before.SettingsVersion+2 {
			t.Errorf("version %d, %s (-before +after):\n%s", after.SettingsVersion, after.CommandURL, diff)
		}

		undo = undoIn(t, r.post("/settings/save", r.form("create_entities", "on")))
		r.submit(r.as(anna), "/settings/save", 200, r.form("mask_numbers", "on"))
		saved := r.stored()
		page := r.submit(r.session, "/settings/undo", 409, undo)
		wants(t, page, "Anna Brandt saved settings while you were here", "Hide numbers from employees from Off → to On",
			`id="mask_numbers" name="mask_numbers" value="on" form="settings" checked`, `id="create_entities" name="create_entities" value="on" form="settings" aria`)
		if diff := cmp.Diff(saved, r.stored()); diff != "" {
			t.Errorf("an undo in conflict changed something (-before +after):\n%s", diff)
		}
	})
}

func TestHistoryTellsWhoChangedWhatAndBringsItBack(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		r.submit(r.as(anna), "/settings/save", 200, r.form("repeated_leads", "on", "card/employees/18", "never"))
		second := strconv.Itoa(r.stored().SettingsVersion)
		r.tell(started("c1", "incoming", "+4930901820"), ended("c1", "missed", 0))
		r.finished(1)
		opened := r.form()
		r.submit(r.session, "/settings/save", 200, r.form("repeated_leads", "off", "missed/todo", "on"))

		page := plainText(r.page("/settings/history"))
		wants(t, page, "In force", "Vera Stein · 0 calls decided", "Repeated leads from On → to Off", "Missed calls: to-do from Off → to On",
			"Anna Brandt · 1 call decided", "Call card of Omar Haddad from As for everybody → to Never", "At installation", "The settings at the beginning.")

		page = r.submit(r.session, "/settings/history/"+second, 200, nil)
		wants(t, page, "Version "+second, "Repeated leads On", "Call card of Omar Haddad Never", "Missed calls: call back within 30 minutes")
		page = r.submit(r.session, "/settings/history/"+second, 200, url.Values{"ask": {"restore"}})
		wants(t, page, "Restore version "+second+"?", "Repeated leads from Off → to On", "Missed calls: to-do from On → to Off", "Restore this version")

		// Compared with a version that is not in force any more.
		page = r.submit(r.session, "/settings/history/1/restore", 409, opened)
		wants(t, page, "saved settings while you were here", "Missed calls: to-do from Off → to On")
		wants(t, r.submit(r.session, "/settings/history/"+second+"/restore", 200, r.form()), "Version "+second+" is in force again.", "Undo")
		if s := r.stored().Settings; !s.RepeatedLeads || s.Missed.Todo || s.Card.Employees[omar] != models.CardNever {
			t.Errorf("restored: %+v", s)
		}
		wants(t, plainText(r.page("/settings/history")), "Restored from version "+second)
	})
}

func TestALongHistoryIsReadPieceByPiece(t *testing.T) {
	r := newRig(t, "sqlite:"+t.TempDir()+"/callwise.db", classic)
	for i := range 25 {
		r.submit(r.session, "/settings/save", 200, r.form("missed/deadline", strconv.Itoa(31+i)))
	}
	page := r.page("/settings/history")
	before := match(t, "place to go on from", regexp.MustCompile(`name="before" value="(\d+)"`), page)
	request := r.request(http.MethodPost, "/settings/history", formType, "before="+before)
	request.Header.Set("Authorization", "Bearer "+r.session)
	request.Header.Set("HX-Request", "true")
	more := r.send(request).body
	versions := regexp.MustCompile(`id="version-(\d+)"`)
	if n, m := len(versions.FindAllString(page, -1)), len(versions.FindAllString(more, -1)); n != 20 || m != 6 || strings.Contains(more, "before") || strings.Contains(more, "<html") {
		t.Errorf("%d versions and %d more\n%s", n, m, more)
	}
}

func TestAFileOfSettingsGoesToAnotherPortalAfterAReview(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		b := r.neighbour("other")
		r.submit(r.session, "/settings/save", 200, r.form("create_entities", "on", "lines/22/name", "Sales", "exclusions/numbers", "112", "card/employees/17", "never"))
		exported := r.with(r.session, http.MethodPost, "/settings/export")
		if got := exported.header.Get("Content-Disposition"); !strings.HasPrefix(got, "attachment; ") {
			t.Errorf("Content-Disposition: %s", got)
		}
		for _, secret := range []string{r.key, r.pbx.secret, r.pbx.url, r.session, "command"} {
			if strings.Contains(exported.body, secret) {
				t.Errorf("the file holds %s", secret)
			}
		}
		wants(t, exported.body, `"$schema": "`+r.url+`/settings/schema.json"`, `"version": 1`)
		wants(t, r.send(r.request(http.MethodGet, "/settings/schema.json", "", "")).body, "https://json-schema.org/draft/2020-12/schema")

		before := b.stored()
		page := b.submit(b.session, "/settings/import", 200, url.Values{"file": {exported.body}})
		wants(t, page, "What the file would change", "Create entities from Off → to On", "Line 22: name from no name → to Sales", "added: 112", "Call card of Anna Brandt")
		if diff := cmp.Diff(before, b.stored()); diff != "" {
			t.Errorf("an import stored something (-before +after):\n%s", diff)
		}
		foreign := strings.NewReplacer(`"17"`, `"4711"`, `"extensions": {}`, `"extensions": {"104": 4712}`).Replace(exported.body)
		page = b.submit(b.session, "/settings/import", 422, url.Values{"file": {foreign}})
		wants(t, page, "Call card of User #4711", "card/employees/4711", "extensions/104", "employee 4711 is not known here.", "employee 4712 is not known here.")
		page = b.submit(b.session, "/settings/import", 422, url.Values{"file": {`{"version":1,"settings":{"card":{"when":"later"},"colour":"red"}}`}})
		wants(t, page, "Call card opens card/when: this is none of the choices.", "colour: there is no such setting.")
		page = b.submit(b.session, "/settings/import", 422, url.Values{"file": {strings.Repeat(" ", 65<<10)}})
		wants(t, page, "The file is too large")
	})
}

// An imported value that no control shows is carried by the form.
func TestAnImportSavesExtensionsToo(t *testing.T) {
	r := newRig(t, "sqlite:"+t.TempDir()+"/callwise.db", classic)
	status, page := r.do(http.MethodPost, r.url+"/settings/import", url.Values{"file": {`{"version":1,"settings":{"extensions":{"104":17}}}`}}, r.session)
	if status != 200 || !strings.Contains(page, `name="extensions/104" value="17" data-carried`) {
		t.Fatalf("%d\n%s", status, page)
	}
	r.submit(r.session, "/settings/save", 200, r.form("extensions/104", "17"))
	if got := r.stored().Settings.Extensions["104"]; got != anna {
		t.Errorf("extension 104 belongs to %d", got)
	}
}

// No call names the line, and Bitrix24 does not know it: only what is stored has it.
func TestTheRulesOfAQuietLineAreRemovedByAnImportAndInAConflict(t *testing.T) {
	fields := regexp.MustCompile(`name="(lines/[^"]+)"`)
	eachDatabase(t, func(t *testing.T, address string) {
		for name, show := range map[string]func(*rig) (status int, page string){
			"an import": func(r *rig) (int, string) {
				return r.do(http.MethodPost, r.url+"/settings/import", url.Values{"file": {`{"version":1,"settings":{"lines":{}}}`}}, r.session)
			},
			"a conflict": func(r *rig) (int, string) {
				cleared := r.form("lines/22/name", "", "lines/22/outgoing_calls", "")
				r.submit(r.session, "/settings/save", 200, r.form("missed/deadline", "120"))
				return r.do(http.MethodPost, r.url+"/settings/save", cleared, r.session)
			},
		} {
			t.Run(name, func(t *testing.T) {
				r := newRig(t, address, classic)
				r.submit(r.session, "/settings/save", 200, r.form("lines/22/name", "Sales", "lines/22/outgoing_calls", "on"))
				_, page := show(r)
				form := r.form()
				for _, field := range fields.FindAllStringSubmatch(page, -1) {
					form.Set(field[1], "")
				}
				r.submit(r.session, "/settings/save", 200, form)
				if lines := r.stored().Settings.Lines; len(lines) != 0 {
					t.Errorf("lines = %v, want none", lines)
				}
			})
		}
	})
}

func TestLinesHaveTheSourcesThatThePortalHas(t *testing.T) {
	r := newRig(t, "sqlite:"+t.TempDir()+"/callwise.db", classic)
	r.submit(r.session, "/settings/save", 200, r.form("lines/22/source", "WEB"))
	page := r.page("/settings")
	wants(t, page, `<option value="WEB" selected>`, `<option value="CALL">`)
	if asked := r.sim.Count(r.portal.Name(), "crm.status.list"); asked != 1 {
		t.Errorf("the sources were asked for %d times", asked)
	}
	if strings.Contains(page, "did not return its list of sources") {
		t.Error("the page says that the sources could not be read")
	}
}

func TestTheTablesFollowTheModeOfTheCRMWithoutACall(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		b := r.neighbour("other")
		r.stop() // forgets what the pages were made of, as ten minutes do
		r.portal.SetMode(crm.Simple)
		r.start()
		b.house = r.house
		r.submit(r.session, "/settings/save", 200, r.form("create_entities", "on"))
		wants(t, r.page("/settings"), "New deal")
		if mine, others := r.stored().CRMMode, b.stored().CRMMode; mine != crm.Simple || others != crm.Classic {
			t.Errorf("the modes are %s and %s", mine, others)
		}
	})
}

func TestHistoryOfAnotherPortalIsNotThere(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		b := r.neighbour("other")
		for _, name := range []string{"First", "Second", "Secretly"} {
			b.submit(b.session, "/settings/save", 200, b.form("lines/22/name", name))
		}
		last := strconv.Itoa(b.stored().SettingsVersion)
		before := []*models.Portal{r.stored(), b.stored()}
		for _, path := range []string{"/settings/history/" + last, "/settings/history/" + last + "/restore"} {
			r.submit(r.session, path, 404, r.form())
		}
		r.submit(r.session, "/settings/undo", 404, r.form("to", last))
		for _, path := range []string{"/settings", "/settings/history", "/settings/history/1"} {
			if strings.Contains(r.page(path), "Secretly") {
				t.Errorf("%s shows what is another portal's", path)
			}
		}
		if body := r.with(r.session, http.MethodPost, "/settings/export").body; strings.Contains(body, "Secretly") {
			t.Error("the export holds what is another portal's")
		}
		if diff := cmp.Diff(before, []*models.Portal{r.stored(), b.stored()}); diff != "" {
			t.Errorf("the portals (-before +after):\n%s", diff)
		}
	})
}

func TestSourcesThatCannotBeReadStayAsTheyAre(t *testing.T) {
	r := bareRig(t, "sqlite:"+t.TempDir()+"/callwise.db", classic)
	r.sim.Inject(b24sim.Fault{Method: "crm.status.list", Times: -1, Act: b24sim.Refuse, Status: 403, Code: "ACCESS_DENIED", Text: "Access denied"})
	r.start()
	r.install()
	r.submit(r.session, "/settings/save", 200, r.form("lines/22/source", "WEB"))
	wants(t, r.page("/settings"), "did not return its list of sources", `<option value="WEB" selected>WEB`)
	r.submit(r.session, "/settings/save", 200, r.form("lines/22/source", "WEB", "missed/todo", "on"))
	if got := r.stored().Settings.Lines["22"].Source; got != "WEB" {
		t.Errorf("the source is %q", got)
	}
}
