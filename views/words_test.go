package views

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var russian = ForLang("ru")

func TestLanguageFollowsBitrix24(t *testing.T) {
	for _, tt := range []struct{ name, code, want string }{
		{"English", "en", "en"},
		{"Russian", "ru", "ru"},
		{"any case", " RU ", "ru"},
		{"Ukrainian, without words yet, is English", "ua", "en"},
		{"Brazilian, without words yet, is English", "br", "en"},
		{"Spanish of Latin America, without words yet, is English", "la", "en"},
		{"an unknown language is English", "xx", "en"},
		{"no language is English", "", "en"},
		{"nonsense is English", "../../etc", "en"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := ForLang(tt.code).Tag(); got != tt.want {
				t.Errorf("ForLang(%q) = %s, want %s", tt.code, got, tt.want)
			}
		})
	}
}

func words(t *testing.T, lang string) map[string]any {
	t.Helper()
	files, err := filepath.Glob("locales/*." + lang + ".json")
	if err != nil || len(files) == 0 {
		t.Fatal(err, "no words in ", lang)
	}
	texts := map[string]any{}
	for _, name := range files {
		file, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		before := len(texts)
		var more map[string]any
		if err := json.Unmarshal(file, &more); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		maps.Copy(texts, more)
		if len(texts) != before+len(more) {
			t.Errorf("%s says again what another file says", name)
		}
	}
	return texts
}

func keysOf(texts map[string]any) []string {
	keys := make([]string, 0, len(texts))
	for key := range texts {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

func TestNoKeyIsMissingInAnyLanguage(t *testing.T) {
	want := keysOf(words(t, "en"))
	files, err := os.ReadDir("locales")
	if err != nil {
		t.Fatal(err)
	}
	langs := map[string]bool{}
	for _, file := range files {
		langs[strings.Split(file.Name(), ".")[1]] = true
	}
	for lang := range langs {
		t.Run(lang, func(t *testing.T) {
			if diff := cmp.Diff(want, keysOf(words(t, lang))); diff != "" {
				t.Errorf("keys (-en +%s):\n%s", lang, diff)
			}
		})
	}
}

var placeholder = regexp.MustCompile(`\{\{\.\w+\}\}`)

func TestEveryLanguageKeepsThePlaceholders(t *testing.T) {
	en, ru := words(t, "en"), words(t, "ru")
	for key, text := range en {
		// Plural forms repeat their placeholder; which ones there are is what counts.
		if diff := cmp.Diff(placeholders(text), placeholders(ru[key])); diff != "" {
			t.Errorf("%s (-en +ru):\n%s", key, diff)
		}
	}
}

func placeholders(text any) []string {
	raw, _ := json.Marshal(text) // what came from JSON goes back
	found := placeholder.FindAllString(string(raw), -1)
	slices.Sort(found)
	return slices.Compact(found)
}

var used = regexp.MustCompile(`\.(?:T|N)\("([^"]+)"(\s*\+)?`)

// Every key written out in a page or a function has a text, and a key that is
// put together has at least one.
func TestEveryKeyThatIsUsedHasAText(t *testing.T) {
	texts := words(t, "en")
	files, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		name := file.Name()
		if strings.HasSuffix(name, "_test.go") || strings.HasSuffix(name, "_templ.go") || !strings.HasSuffix(name, ".go") && !strings.HasSuffix(name, ".templ") {
			continue
		}
		source, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range used.FindAllStringSubmatch(string(source), -1) {
			key, open := m[1], m[2] != ""
			if _, ok := texts[key]; !ok && !(open && anyBegins(texts, key)) {
				t.Errorf("%s uses %q, which has no text", name, key)
			}
		}
	}
}

func anyBegins(texts map[string]any, prefix string) bool {
	for key := range texts {
		if strings.HasPrefix(key, prefix) {
			return true
		}
	}
	return false
}

func TestEveryCodeHasWordsInEveryLanguage(t *testing.T) {
	families := map[string][]string{
		"reason": ReasonCodes, "because": ReasonCodes, "note": NoteCodes,
		"create": CreateCodes, "was": CreateCodes, "is": CreateCodes, "would": CreateCodes, "what": CreateCodes,
		"direction":        {"incoming", "outgoing", "redirected", "callback", "info", "internal"},
		"call.name":        {"incoming", "outgoing", "redirected", "callback", "info", "internal"},
		"filter.direction": append([]string{"all"}, directionChoices[1:]...),
		"filter.outcome":   append([]string{"all"}, outcomeChoices[1:]...),
		"status":           {"open", "answered", "missed", "declined", "cancelled", "busy", "no_answer", "invalid_number", "unavailable", "no_funds", "blocked", "failed"},
		"event": {"call.started", "call.ringing", "call.answered", "call.transferred", "call.ended", "recording.ready", "transcript.ready", "command.accepted", "command.untaken",
			"ONEXTERNALCALLSTART", "ONEXTERNALCALLBACKSTART", "ONVOXIMPLANTCALLINIT", "ONVOXIMPLANTCALLSTART", "ONVOXIMPLANTCALLEND"},
		"source": {"pbx", "bitrix24", "callwise"}, "recording": {"waiting", "attached", "failed", "awaited", "absent", "link", "too_large", "link_here", "too_large_here"},
		"row":    {"P1", "P2", "P3", "P4", "P5", "P6", "D1", "D2", "D3", "D4", "D5", "D6", "D7", "D8", "D10", "D11", "D12", "D13", "D14", "D15"},
		"state":  {"1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11"},
		"repeat": {"on", "off", "unknown"}, "mode": {"classic", "simple"}, "outcome": {"deal", "contact", "lost"},
		"entity": {"lead", "deal", "contact", "company"},
		"result": {string(ResultWaiting), string(ResultRetrying), string(ResultFailed)},
		"error":  {string(ErrNotAnAddress), string(ErrNotHTTPS), string(ErrNotReachable), string(ErrTooLong), string(ErrNameMissing), string(ErrNameTooLong), string(ErrTooManyKeys)},
		"empty":  {string(EmptyPBX), string(EmptyLog), string(EmptyFiltered)},
		"change": {"create_entities.on", "create_entities.off", "outgoing_calls.on", "outgoing_calls.off", "repeated_leads.on", "repeated_leads.off", "repeat_in_bitrix24.on", "repeat_in_bitrix24.off"},
	}
	for _, step := range Steps {
		families["step"] = append(families["step"], string(step), string(step)+".mend")
	}
	for _, kind := range []BannerKind{NeedsAuthorisation, Suspended, MissingScopes, EventsUnproven, NotConnected, InstallationPending} {
		families["banner"] = append(families["banner"], string(kind), string(kind)+".admin", string(kind)+".employee")
	}
	for _, kind := range []PlainKind{About, NotRead, TooLarge, SessionExpired, NoPermission, NotFound, NotInstalled, Unreachable, TooMany, ServerError} {
		families["plain"] = append(families["plain"], string(kind), string(kind)+".text", string(kind)+".mend")
	}
	for _, lang := range []string{"en", "ru"} {
		texts := words(t, lang)
		for family, codes := range families {
			for _, code := range codes {
				if _, ok := texts[family+"."+code]; !ok {
					t.Errorf("%s: %s.%s has no words", lang, family, code)
				}
			}
		}
	}
}

func TestReasonsSayWhatWasCreated(t *testing.T) {
	for _, tt := range []struct{ name, reason, create, en, ru string }{
		{"a new lead", "NEW_CREATED", "lead",
			"This number was not in the CRM, so a new lead was created.",
			"Этого номера не было в CRM, поэтому создан новый лид."},
		{"a new deal with a contact", "NEW_CREATED", "deal_contact",
			"This number was not in the CRM, so a new deal with a contact was created.",
			"Этого номера не было в CRM, поэтому создана новая сделка с контактом."},
		{"a repeated lead", "REPEAT_LEAD_TO_DEAL", "repeated_lead",
			"The customer's previous lead became a deal that is now closed, so a repeated lead was created.",
			"Прежний лид клиента стал сделкой, которая уже закрыта, поэтому создан повторный лид."},
		{"a repeated deal", "REPEAT_CLOSED_DEAL", "repeated_deal",
			"All deals of this customer are closed, so a repeated deal was created.",
			"Все сделки этого клиента закрыты, поэтому создана повторная сделка."},
		{"a repeated deal with a contact", "REPEAT_LEAD_LOST", "repeated_deal_contact",
			"The customer's previous lead was closed without a result, so a repeated deal with a contact was created.",
			"Прежний лид клиента был закрыт без результата, поэтому создана повторная сделка с контактом."},
		{"nothing", "OPEN_ENTITY", "none",
			"The customer already has an open lead or deal, so nothing new was created.",
			"У клиента уже есть открытый лид или сделка, поэтому ничего нового не создано."},
		{"an unknown reason stays itself", "NEWER_THAN_WE", "none", "NEWER_THAN_WE", "NEWER_THAN_WE"},
		{"no reason stays none", "", "", "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := []string{ReasonSentence(Localizer{}, tt.reason, tt.create), EnglishSentence(tt.reason, tt.create), ReasonSentence(russian, tt.reason, tt.create)}
			if diff := cmp.Diff([]string{tt.en, tt.en, tt.ru}, got); diff != "" {
				t.Errorf("sentences (-want +got):\n%s", diff)
			}
		})
	}
}

func TestNotesSayWhatFailed(t *testing.T) {
	got := []string{NoteSentence(Localizer{}, "CREATE_FAILED", "repeated_deal"), NoteSentence(russian, "CREATE_FAILED", "repeated_deal"), NoteSentence(russian, "NEW", "")}
	want := []string{"Creating the repeated deal failed; it will be retried.", "Не удалось создать повторную сделку; попытка будет повторена.", "NEW"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("notes (-want +got):\n%s", diff)
	}
}

func TestTimesAreReadInThePortalsZone(t *testing.T) {
	for _, tt := range []struct {
		name string
		at   time.Time
		en   Moment
		ru   Moment
	}{
		{"today", now.Add(-time.Hour).UTC(),
			Moment{"Today, 13:05", "4 March 2026, 13:05:09", "2026-03-04T13:05:09+01:00"},
			Moment{"Сегодня, 13:05", "4 марта 2026 г., 13:05:09", "2026-03-04T13:05:09+01:00"}},
		{"today there, yesterday in UTC", time.Date(2026, 3, 3, 23, 30, 0, 0, time.UTC),
			Moment{"Today, 00:30", "4 March 2026, 00:30:00", "2026-03-04T00:30:00+01:00"},
			Moment{"Сегодня, 00:30", "4 марта 2026 г., 00:30:00", "2026-03-04T00:30:00+01:00"}},
		{"yesterday", now.AddDate(0, 0, -1),
			Moment{"Yesterday, 14:05", "3 March 2026, 14:05:09", "2026-03-03T14:05:09+01:00"},
			Moment{"Вчера, 14:05", "3 марта 2026 г., 14:05:09", "2026-03-03T14:05:09+01:00"}},
		{"this year", now.AddDate(0, 0, -40),
			Moment{"23 Jan, 14:05", "23 January 2026, 14:05:09", "2026-01-23T14:05:09+01:00"},
			Moment{"23 янв., 14:05", "23 января 2026 г., 14:05:09", "2026-01-23T14:05:09+01:00"}},
		{"the same day of another year", now.AddDate(-1, 0, 0),
			Moment{"4 Mar 2025, 14:05", "4 March 2025, 14:05:09", "2025-03-04T14:05:09+01:00"},
			Moment{"4 марта 2025, 14:05", "4 марта 2025 г., 14:05:09", "2025-03-04T14:05:09+01:00"}},
		{"never", time.Time{}, Moment{}, Moment{}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := []Moment{Localizer{}.Moment(tt.at, now, berlin), russian.Moment(tt.at, now, berlin)}
			if diff := cmp.Diff([]Moment{tt.en, tt.ru}, got); diff != "" {
				t.Errorf("moments (-want +got):\n%s", diff)
			}
		})
	}
}

func TestYesterdayIsTheDayBeforeWhereClocksChangeAtMidnight(t *testing.T) {
	santiago, err := time.LoadLocation("America/Santiago")
	if err != nil {
		t.Fatal(err)
	}
	after := time.Date(2026, 9, 7, 0, 30, 0, 0, santiago) // 00:30 was left out the day before
	for at, want := range map[time.Time]string{
		after: "Today, 00:30", after.Add(-2 * time.Hour): "Yesterday, 22:30", after.Add(-24 * time.Hour): "5 Sep, 23:30",
	} {
		if got := (Localizer{}).Moment(at, after, santiago).Text; got != want {
			t.Errorf("%v: %s, want %s", at, got, want)
		}
	}
}

func TestLengthsAreRead(t *testing.T) {
	l := Localizer{}
	got := []string{
		l.Duration(0), l.Duration(9 * time.Second), l.Duration(65 * time.Second), l.Duration(3725 * time.Second),
		l.Took(85 * time.Millisecond), l.Took(1234 * time.Millisecond), russian.Took(85 * time.Millisecond), russian.Took(1234 * time.Millisecond),
		l.Late(now, now.Add(900*time.Millisecond)), l.Late(now, now.Add(time.Second)), l.Late(now, now.Add(3*time.Minute)), l.Late(now, now.Add(2*time.Hour)),
	}
	want := []string{"", "0:09", "1:05", "1:02:05", "85 ms", "1.2 s", "85 мс", "1,2 с", "", "1 second later", "3 minutes later", "2 hours later"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("lengths (-want +got):\n%s", diff)
	}
}

func TestRussianCountsRight(t *testing.T) {
	var got []string
	for _, n := range []int{1, 2, 5, 11, 21, 22} {
		got = append(got, russian.N("preview.changed", n))
	}
	want := []string{
		"1 строка отличается от сохранённых настроек", "2 строки отличаются от сохранённых настроек", "5 строк отличаются от сохранённых настроек",
		"11 строк отличаются от сохранённых настроек", "21 строка отличается от сохранённых настроек", "22 строки отличаются от сохранённых настроек",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("counts (-want +got):\n%s", diff)
	}
}

func TestResultNamesWhatWasCreatedAndWhereTheCallIs(t *testing.T) {
	lead, deal, contact := Ref{Type: "lead", ID: 812}, Ref{Type: "deal", ID: 55}, Ref{Type: "contact", ID: 9}
	for _, tt := range []struct {
		name string
		o    Outcome
		want []string
		kind ResultKind
	}{
		{"created", Outcome{Created: []Ref{lead}, LoggedTo: []Ref{lead}}, []string{"Lead #812 created"}, ResultCreated},
		{"created, and added to a card", Outcome{Created: []Ref{lead}, LoggedTo: []Ref{lead, contact}}, []string{"Lead #812 created", "Added to Contact #9"}, ResultCreated},
		{"added", Outcome{LoggedTo: []Ref{deal, contact}}, []string{"Added to Deal #55 + Contact #9"}, ResultAdded},
		{"added to many", Outcome{LoggedTo: []Ref{deal, lead, contact, {Type: "company", ID: 1}, {Type: "company", ID: 2}}}, []string{"Added to Deal #55 + Lead #812 + Contact #9 and 2 more"}, ResultAdded},
		{"added to many, in full", Outcome{Whole: true, LoggedTo: []Ref{deal, lead, contact, {Type: "company", ID: 1}, {Type: "company", ID: 2}}}, []string{"Added to Deal #55 + Lead #812 + Contact #9 + Company #1 + Company #2"}, ResultAdded},
		{"nothing", Outcome{}, []string{"Nothing created"}, ResultNothing},
		{"going on", Outcome{State: ResultWaiting}, []string{"Waiting for the end of the call"}, ResultWaiting},
		{"over, and not logged yet", Outcome{State: ResultWaiting, Ended: true}, []string{"Being logged in Bitrix24"}, ResultWaiting},
		{"half done", Outcome{State: ResultRetrying, LoggedTo: []Ref{contact}}, []string{"A step failed and will be repeated", "Added to Contact #9"}, ResultRetrying},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := Localizer{}.Result(tt.o)
			if diff := cmp.Diff(tt.want, read(got)); diff != "" || got.Kind != tt.kind {
				t.Errorf("result %s, want %s (-want +got):\n%s", got.Kind, tt.kind, diff)
			}
		})
	}
}

func read(r Result) []string {
	var lines []string
	for _, line := range r.Lines {
		var names []string
		for _, e := range line.Entities {
			names = append(names, e.Text)
		}
		lines = append(lines, line.Before+strings.Join(names, " + ")+line.After)
	}
	return lines
}

func TestPreviewSaysWhatChanges(t *testing.T) {
	got := NewPreview(Localizer{}, pairs(repeats, repeats)[:4], pairs(outgoingRepeats, outgoingOff)[:1])
	got.L = Localizer{}
	want := Preview{
		Summary: []string{
			"When an unknown number calls you, a new lead is created.",
			"When a known customer with nothing open calls you, a repeated lead is created, unless the previous lead became a contact.",
			"When an employee calls an unknown number, a new lead is created.",
			"When an employee calls a known customer with nothing open, nothing is created.",
			"While a lead or deal is open, nothing new is created: every call is added to it, and to the customer's contact or company.",
		},
		Tables: []PreviewTable{
			{ID: "incoming", Caption: "Incoming calls", Rows: []PreviewRow{
				{Number: 1, State: "Nothing known", Create: "New lead", LogTo: "New entity", Why: "New number", Creates: true},
				{Number: 2, State: "Open lead or deal, no contact", Create: "Nothing", LogTo: "All open", Why: "Something is open"},
				{Number: 3, State: "Open lead or deal, and a contact", Create: "Nothing", LogTo: "All open + Contact, company", Why: "Something is open"},
				{Number: 4, State: "Contact or company only", Create: "Repeated lead", LogTo: "New entity + Contact, company", Why: "Only a contact", Creates: true},
			}},
			{ID: "outgoing", Caption: "Outgoing calls", Rows: []PreviewRow{
				{Number: 1, State: "Nothing known", Create: "New lead", LogTo: "New entity", Why: "New number", Creates: true, Changed: true, Before: "Saved: Nothing; logged to: Call statistics only"},
			}},
		},
		Changed: 1,
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(Localizer{})); diff != "" {
		t.Errorf("preview (-want +got):\n%s", diff)
	}
}

func TestConditionsNameEverythingTheDecisionLookedAt(t *testing.T) {
	got := Localizer{}.Conditions(CaseFacts{
		Direction: "outgoing", Origin: &Ref{Type: "deal", ID: 9}, OriginClosed: true, CreateEntities: true, Repeat: "unknown", Mode: "classic",
		Contacts: []int64{412, 413}, ClosedLeads: []ClosedLead{{31, "deal"}}, ClosedDeals: []int64{9},
	})
	want := []Fact{
		{"Direction", "Outgoing"}, {"Call between employees", "No"}, {"Hidden number", "No"}, {"In the Bitrix24 exceptions list", "No"},
		{"Transferred part of a call", "No"}, {"Number of an employee", "No"}, {"Card the call was started from", "Deal #9 (closed)"},
		{"Open leads", "None"}, {"Open deals", "None"}, {"Contacts", "#412, #413"}, {"Companies", "None"},
		{"Closed leads, the newest first", "#31 became a deal"}, {"Closed deals", "#9"},
		{"Create entities", "On"}, {"Outgoing calls", "Off"}, {"Repeated leads", "Off"},
		{"Repeat sales mode in Bitrix24", "Not confirmed"}, {"CRM mode", "With leads"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("conditions (-want +got):\n%s", diff)
	}
}

func TestTheSwitchThatWouldHaveChangedItIsNamed(t *testing.T) {
	l := Localizer{}
	got := []string{l.WouldChange("repeated_leads", "on", "repeated_lead"), l.WouldChange("repeat_in_bitrix24", "on", "repeated_deal"), l.WouldChange("", "", "")}
	want := []string{
		"If “Repeated leads” had been on, a repeated lead would have been created.",
		"If repeat sales mode had been on in Bitrix24, a repeated deal would have been created.",
		"No single switch would have changed what was created.",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("sentences (-want +got):\n%s", diff)
	}
}

func TestNoTwoReasonsAreChosenByTheSameWords(t *testing.T) {
	for _, lang := range []string{"en", "ru"} {
		seen := map[string]string{}
		for _, o := range ForLang(lang).reasons("").Options {
			if other, twice := seen[o.Label]; twice {
				t.Errorf("%s: %s and %s are %q", lang, other, o.Value, o.Label)
			}
			seen[o.Label] = o.Value
		}
	}
}
