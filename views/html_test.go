package views

import (
	"net/url"
	"strings"
	"testing"

	"github.com/a-h/templ"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/html"
)

func draw(t *testing.T, c templ.Component) string {
	t.Helper()
	var page strings.Builder
	if err := c.Render(t.Context(), &page); err != nil {
		t.Fatal(err)
	}
	return page.String()
}

func parse(t *testing.T, page string) *html.Node {
	t.Helper()
	root, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	return root
}

// collect returns what say makes of each element, without the empty ones.
func collect(root *html.Node, say func(*html.Node) string) []string {
	var said []string
	for n := range root.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		if text := say(n); text != "" {
			said = append(said, text)
		}
	}
	return said
}

func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func has(n *html.Node, name string) bool {
	for _, a := range n.Attr {
		if a.Key == name {
			return true
		}
	}
	return false
}

func text(n *html.Node) string {
	var words strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			words.WriteString(d.Data)
		}
	}
	return strings.Join(strings.Fields(words.String()), " ")
}

// labels are the texts of the labels by the id of their control.
func labels(root *html.Node) map[string]string {
	found := map[string]string{}
	collect(root, func(n *html.Node) string {
		if n.Data == "label" && has(n, "for") {
			found[attr(n, "for")] = text(n)
		}
		return ""
	})
	return found
}

func TestSettingsHaveTheNamesThatPeopleRelyOn(t *testing.T) {
	root := parse(t, draw(t, Settings(settingsOn(Localizer{}))))
	names := labels(root)
	got := collect(root, func(n *html.Node) string {
		switch {
		case attr(n, "role") == "switch":
			return "switch " + names[attr(n, "id")] + onOff(n)
		case attr(n, "type") == "checkbox":
			return "checkbox " + names[attr(n, "id")] + attr(n, "aria-label") + onOff(n)
		case n.Data == "select" || n.Data == "textarea":
			return n.Data + " " + names[attr(n, "id")] + attr(n, "aria-label")
		case n.Data == "legend":
			return "choice " + text(n)
		case attr(n, "type") == "radio":
			return "radio " + text(n.Parent) + onOff(n)
		case attr(n, "role") == "region":
			return "region " + attr(n, "aria-label")
		case n.Data == "caption":
			return "table " + text(n)
		case n.Data == "button" && attr(n, "form") != "":
			return "button " + text(n)
		}
		return ""
	})
	want := []string{
		"switch Create entities, on", "switch Outgoing calls, off", "switch Repeated leads, on",
		"choice Repeat sales mode in Bitrix24", "radio On, on", "radio Off, off", "radio Not confirmed, off",
		"checkbox Dry run, off",
		"choice Leads and deals that a call creates belong to", "radio Who took the call, or was rung, on",
		"radio Who looks after the customer's card, off", "radio One named employee, off", "select Employee", "select If nobody is found that way",
		"choice Calls that nobody took belong to", "radio Who took the call, or was rung, on",
		"radio Who looks after the customer's card, off", "radio Who last talked with this number, off", "radio One named employee, off",
		"select Employee", "select If nobody is found that way",
		"select Add an employee…",
		"checkbox Built-in lines, on", "checkbox Other telephony apps, off",
		"choice Calls whose events were lost", "radio Recover by itself, on", "radio Recover after a click in the call log, off", "radio Never recover, off",
		"checkbox Create a to-do, off", "select Call back within", "checkbox Only working hours count, off",
		"choice Working days", "checkbox Monday, on", "checkbox Tuesday, on", "checkbox Wednesday, on", "checkbox Thursday, on",
		"checkbox Friday, on", "checkbox Saturday, off", "checkbox Sunday, off",
		"choice Bitrix24 opens the card", "radio When it rings, on", "radio When the call is answered, off", "radio Never, off",
		"select Employee to add", "select When the card opens for this employee",
		"choice What becomes of a recording", "radio Attach it to the call in Bitrix24, on", "radio Leave it at the PBX and keep the link, off",
		"textarea Numbers that are never handled", "textarea Extensions that are never handled",
		"select Country of numbers without a country code", "checkbox Hide numbers from employees, off",
		"table Employees and extensions",
		"region What-if", "button Show all 12 calls", "button Try with what is entered",
		"region What will happen", "table Incoming calls", "table Outgoing calls",
		"textarea Example of a request", "select Direction", "select Line", "select Add an employee…",
		"button Save", "button Review", "button Cancel",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("settings (-want +got):\n%s", diff)
	}
}

func onOff(n *html.Node) string {
	if has(n, "checked") {
		return ", on"
	}
	return ", off"
}

func TestCallLogHasTheColumnsThatPeopleRelyOn(t *testing.T) {
	root := parse(t, draw(t, Calls(callLog(Localizer{}))))
	got := collect(root, func(n *html.Node) string {
		switch {
		case attr(n, "role") == "region":
			return "region " + attr(n, "aria-label")
		case n.Data == "caption":
			return "table " + text(n)
		case n.Data == "th" && attr(n, "scope") == "col":
			return text(n)
		}
		return ""
	})
	want := []string{
		"region Filters", "table Calls, the newest first",
		"Time", "Call", "Customer", "Employee", "Line", "Duration", "Result", "Why", "Recording",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("call log (-want +got):\n%s", diff)
	}
}

func TestARowSaysWhatHappenedAndWhy(t *testing.T) {
	page := callLog(Localizer{})
	page.Rows = page.Rows[3:4]
	root := parse(t, draw(t, Calls(page)))
	got := collect(root, func(n *html.Node) string {
		if n.Data == "td" && has(n, "data-label") {
			return attr(n, "data-label") + ": " + text(n)
		}
		return ""
	})
	want := []string{
		"Time: Yesterday, 12:05", "Call: Outgoing, answered",
		"Customer: Anastasia Konstantinopolskaja-Wintermantel +49 30 901820", "Employee: Jonas Becker 104",
		"Line: +49 30 555 01", "Duration: 1:02:05", "Result: Lead #811 created Added to Contact #9",
		"Why: The customer's previous lead became a deal that is now closed, so a repeated lead was created.",
		"Recording: —",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("row (-want +got):\n%s", diff)
	}
}

func TestDetailsAreADialogWithItsFiveParts(t *testing.T) {
	root := parse(t, draw(t, CallDialog(details(Localizer{}))))
	got := collect(root, func(n *html.Node) string {
		switch n.Data {
		case "dialog", "h2", "h3":
			return n.Data + " " + attr(n, "aria-labelledby") + attr(n, "id") + " " + directText(n)
		}
		return ""
	})
	want := []string{
		"dialog details-titledetails ", "h2 details-title Outgoing call, +49 30 901820",
		"h3 timeline-title Timeline", "h3 decision-title Decision", "h3 entities-title Entities", "h3 recording-title Recording",
		"h3 requests-title REST log",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("dialog (-want +got):\n%s", diff)
	}
}

func directText(n *html.Node) string {
	if n.FirstChild == nil || n.FirstChild.Type != html.TextNode {
		return ""
	}
	return strings.TrimSpace(n.FirstChild.Data)
}

func TestOnlyAdministratorsSeeTheSettingsTab(t *testing.T) {
	for _, tt := range []struct {
		name string
		page CallsPage
		want []string
	}{
		{"an administrator", callLog(Localizer{}), []string{"Settings", "Call log", "Health"}},
		{"an employee", callLogOfEmployee(Localizer{}), []string{"Call log"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := collect(parse(t, draw(t, Calls(tt.page))), func(n *html.Node) string {
				if attr(n, "class") == "tab" {
					return text(n)
				}
				return ""
			})
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("tabs (-want +got):\n%s", diff)
			}
		})
	}
}

func TestEveryFormCarriesTheSessionAndNoAddressDoes(t *testing.T) {
	for _, s := range shots(Localizer{}) {
		t.Run(s.name, func(t *testing.T) {
			collect(parse(t, draw(t, s.page)), func(n *html.Node) string {
				for _, address := range []string{"href", "src", "action", "hx-get", "hx-post", "hx-push-url"} {
					if strings.Contains(attr(n, address), "token") {
						t.Errorf("the session stands in %s=%q", address, attr(n, address))
					}
				}
				if n.Data == "form" && attr(n, "method") == "post" && !carriesSession(n) {
					t.Errorf("form %s has no session", attr(n, "action"))
				}
				return ""
			})
		})
	}
}

// A bar's own form still sends the number.
func TestNoNumberThatIsSearchedForStandsInTheAddressOfABar(t *testing.T) {
	for text, stands := range map[string]bool{"+49 30 901820": false, "90182": false, "müller": true, "müller 24/7": true} {
		p := callLog(Localizer{})
		p.Filter = filterOf(Localizer{}, FilterValues{Direction: "incoming", Text: text})
		p.Overview = ptr(NewOverview(Localizer{}, p.Filter.Values, spans(30, 1)))
		page := parse(t, draw(t, CallOverview(p)))
		addresses := collect(page, func(n *html.Node) string { return attr(n, "hx-push-url") })
		if len(addresses) != 3*30 {
			t.Fatalf("%d addresses", len(addresses))
		}
		for _, address := range addresses {
			query := must(url.Parse(address)).Query()
			if query.Get("direction") != "incoming" || query.Get("period") != "custom" || query.Has("text") != stands {
				t.Errorf("searched for %q: %s", text, address)
			}
		}
		sent := collect(page, func(n *html.Node) string {
			if attr(n, "name") == "text" {
				return attr(n, "value")
			}
			return ""
		})
		if len(sent) != 4 || sent[0] != text {
			t.Errorf("searched for %q, the forms send %q", text, sent)
		}
	}
}

func carriesSession(form *html.Node) bool {
	return len(collect(form, func(n *html.Node) string {
		if attr(n, "name") == "session" {
			return attr(n, "value")
		}
		return ""
	})) == 1
}

func TestNoPageHasInlineScriptOrStyle(t *testing.T) {
	for _, s := range shots(Localizer{}) {
		t.Run(s.name, func(t *testing.T) {
			collect(parse(t, draw(t, s.page)), func(n *html.Node) string {
				if n.Data == "style" || n.Data == "script" && !has(n, "src") || has(n, "style") {
					t.Errorf("inline in <%s>", n.Data)
				}
				for _, a := range n.Attr {
					if strings.HasPrefix(a.Key, "on") || strings.HasPrefix(a.Key, "hx-on") || strings.HasPrefix(a.Val, "javascript:") {
						t.Errorf("script in %s", a.Key)
					}
				}
				return ""
			})
		})
	}
}

func TestEverySentenceHasWhatItIsAbout(t *testing.T) {
	for _, lang := range []string{"en", "ru"} {
		for _, s := range shots(ForLang(lang)) {
			if page := draw(t, s.page); strings.Contains(page, "no value") {
				t.Errorf("%s, %s: a sentence lacks a value", s.name, lang)
			}
		}
	}
}

// What people and other systems wrote reaches the page as text, wherever it stands.
func TestForeignTextIsNeverMarkup(t *testing.T) {
	const evil = `"><script>alert(1)</script>'`
	l := Localizer{}
	settings := settingsSaved(l)
	settings.Conflict = &Conflict{Who: evil, When: Moment{Text: evil, Machine: evil}}
	settings.Banners = []Banner{{Kind: MissingScopes, Scopes: evil}}
	settings.Connection = Connection{
		Keys: []Key{{Name: evil, Hint: evil}}, NewKey: &NewKey{Name: evil, Value: evil}, KeyName: evil,
		APIAddress: evil, CommandURL: evil, CommandSecret: CommandSecret{Exists: true, Value: evil},
	}
	link := []EntityLink{{Text: evil, Title: evil, Path: evil, Href: "javascript:alert(1)" + evil}}
	row := CallRow{
		L: l, Time: Moment{evil, evil, evil}, Direction: evil, Call: evil, Customer: evil, Phone: evil, Employee: evil, Extension: evil,
		Line: evil, Duration: evil, Why: evil, Recording: evil, Result: Result{Kind: evil, Lines: []ResultLine{{evil, link, evil}}},
	}
	dialog := CallDetails{
		L: l, Title: evil, Facts: []Fact{{evil, evil}}, Timeline: []TimelineEvent{{Event: evil, Source: evil, Late: evil}},
		Decision: &DecisionDetails{Sentence: evil, Notes: []string{evil}, Row: evil, WouldChange: evil, Tried: []TriedRow{{Row: evil, Condition: evil}}},
		Created:  link, LoggedTo: link, Outcomes: []string{evil}, Requests: []RequestRow{{Method: evil, Duration: evil, Code: evil, Sent: evil, Answered: evil}}, Problem: evil,
	}
	for name, c := range map[string]templ.Component{
		"settings":  Settings(settings),
		"calls":     Calls(CallsPage{Page: Page{Session: evil, B24JS: evil, Tab: CallsTab}, Rows: []CallRow{row}, More: evil, Open: &dialog}),
		"installer": InstallStep(Step{Code: StepAccess, Detail: evil}),
		"plain":     Plain(PlainPage{Kind: ServerError, Request: evil}),
	} {
		t.Run(name, func(t *testing.T) {
			page := draw(t, c)
			if strings.Contains(page, "<script>alert") {
				t.Error("foreign text became an element")
			}
			collect(parse(t, page), func(n *html.Node) string {
				if strings.HasPrefix(attr(n, "href"), "javascript:") {
					t.Errorf("foreign text became a script: %s", attr(n, "href"))
				}
				return ""
			})
		})
	}
}

func TestInstallerComesPieceByPieceAndMakesOnePage(t *testing.T) {
	p := InstallPage{Page: Page{Session: "token"}, Action: "/b24/install"}
	start := draw(t, InstallStart(p))
	if !strings.HasSuffix(strings.TrimSpace(start), `<ol class="steps">`) {
		t.Errorf("the start does not end in the open list: …%s", start[max(0, len(start)-80):])
	}
	for _, tt := range []struct {
		name   string
		failed bool
		want   []string
	}{
		{"success finishes the installation", false, []string{"finish", "Callwise is installed"}},
		{"failure offers to try again", true, []string{"The installation is not finished", "Try again"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			page := start + draw(t, InstallStep(Step{Code: StepAccess, Failed: tt.failed})) + draw(t, InstallEnd(InstallResult{InstallPage: p, Failed: tt.failed}))
			if strings.Count(page, "</html>") != 1 || strings.Contains(page, "<!--") {
				t.Error("the pieces do not make one page")
			}
			got := collect(parse(t, page), func(n *html.Node) string {
				switch {
				case has(n, "data-install-finish"):
					return "finish"
				case n.Data == "h2" || n.Data == "button":
					return text(n)
				}
				return ""
			})
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("result (-want +got):\n%s", diff)
			}
		})
	}
}
