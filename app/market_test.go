package main

import (
	"errors"
	"fmt"
	"image"
	"image/png"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// cardWords are what stands on the pages in the language of a card, and how the
// pictures of that card end.
type cardWords struct {
	lang, end               string
	create, save, saved     string
	leadCreated, why, close string
	outgoing, oneChange     string
	only                    bool // the program's page, without the portal around it, which is English
}

var cards = []cardWords{
	{
		lang: "en", create: "Create entities", save: "Save", saved: "Saved",
		leadCreated: "so a new lead was created", why: "This number was not in the CRM, so a new lead was created.",
		close: "Close", outgoing: "Outgoing calls", oneChange: "1 change",
	},
	{
		lang: "ru", end: ".ru", create: "Создавать сущности", save: "Сохранить", saved: "Сохранено",
		leadCreated: "поэтому создан новый лид", why: "Этого номера не было в CRM, поэтому создан новый лид.",
		close: "Закрыть", outgoing: "Исходящие звонки", oneChange: "1 изменение", only: true,
	},
}

// The pictures of the Market's cards, in a window of the size that the Market
// takes. With PICTURES=$PWD/app/market/pictures the test keeps them.
func TestMarketPictures(t *testing.T) {
	for _, words := range cards {
		t.Run(words.lang, func(t *testing.T) { takeCard(t, words) })
	}
	tab := openTab(t, 512, 512)
	icon, err := os.ReadFile("market/icon.svg")
	if err != nil {
		t.Fatal(err)
	}
	tab.do(t, chromedp.Navigate("data:image/svg+xml,"+url.PathEscape(string(icon))))
	tab.picture(t, "icon")
}

func takeCard(t *testing.T, words cardWords) {
	tab := openTab(t, 1280, 720)
	d := startDemo(t, "-lang", words.lang)
	take := func(name string) {
		if words.only {
			tab.framePicture(t, name+words.end)
			return
		}
		tab.picture(t, name+words.end)
	}
	tab.do(t, chromedp.Navigate(d.url+"/"))
	tab.press(t, portalPage, "button", "Install Callwise")
	tab.arrives(t, `document.getElementById("create_entities") !== null`)
	tab.press(t, portalPage, "button", "Hide telephone")
	tab.press(t, appFrame, "switch", words.create)
	tab.press(t, appFrame, "button", words.save)
	tab.reads(t, appFrame, ".toast", words.saved)
	playCardCalls(t, d, words)
	tab.press(t, portalPage, "button", "Call log in Telephony")
	tab.arrives(t, `document.getElementById("filter") !== null && document.querySelector(".skeleton") === null && document.querySelectorAll(".log tbody tr").length > 9`)
	take("calls")
	tab.press(t, appFrame, "button", words.why)
	tab.arrives(t, `document.querySelector("#details[open] h3") !== null`)
	take("details")
	tab.press(t, appFrame, "button", words.close)
	tab.press(t, portalPage, "button", "Administrator")
	tab.arrives(t, `document.getElementById("what-if") !== null`)
	tab.press(t, appFrame, "switch", words.outgoing)
	tab.reads(t, appFrame, "#savebar", words.oneChange)
	take("settings")
	tab.quiet(t)
}

// playCardCalls has a week of calls in the log, and one of just now.
func playCardCalls(t *testing.T, d *runningDemo, words cardWords) {
	v := &demoVisitor{t: t, url: d.url}
	v.session = submatch(t, sessionField, v.open("admin"))
	v.post(d.url+"/demo/week", url.Values{})
	becomes(t, "a week of calls", func() error {
		page := v.post(v.app+"/calls", url.Values{"session": {v.session}})
		if rows := strings.Count(page, `<tr id="call-`); rows < 10 || strings.Contains(page, "result-waiting") || strings.Contains(page, "result-retrying") {
			return fmt.Errorf("%d calls, not all of them finished", rows)
		}
		return nil
	})
	v.place("/demo/in", "0", "/demo/hangup")
	becomes(t, "a call just now", func() error {
		if log := v.log(); !strings.Contains(log[0], words.leadCreated) {
			return errors.New(log[0])
		}
		if strings.Contains(v.post(v.app+"/calls", url.Values{"session": {v.session}}), "result-waiting") {
			return errors.New("it is not finished")
		}
		return nil
	})
}

// The Market takes a square opaque icon of 250 to 650 pixels and screenshots of
// at most 1280 by 720 (§10.1, 14).
func TestPicturesAreWhatTheMarketTakes(t *testing.T) {
	for _, name := range []string{"icon", "calls", "details", "settings", "calls.ru", "details.ru", "settings.ru"} {
		file, err := os.Open(filepath.Join("market/pictures", name+".png"))
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		picture, err := png.Decode(file)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		size := picture.Bounds().Size()
		if name == "icon" && (size.X != size.Y || size.X < 250 || size.X > 650) || name != "icon" && (size.X > 1280 || size.Y > 720 || size.X < 640) {
			t.Errorf("%s is %v", name, size)
		}
		if whole, ok := picture.(interface{ Opaque() bool }); !ok || !whole.Opaque() {
			t.Errorf("%s is not opaque: %T", name, picture)
		}
		if alike(picture) {
			t.Errorf("%s is empty", name)
		}
	}
}

// alike reports a picture of one colour.
func alike(picture image.Image) bool {
	b := picture.Bounds()
	for x := b.Min.X; x < b.Max.X; x += 7 {
		for y := b.Min.Y; y < b.Max.Y; y += 7 {
			if picture.At(x, y) != picture.At(b.Min.X, b.Min.Y) {
				return false
			}
		}
	}
	return true
}

var (
	aTest    = regexp.MustCompile("`(Test\\w+)`")
	aTestNow = regexp.MustCompile(`(?m)^func (Test\w+)\(`)
	aRule    = regexp.MustCompile(`(?m)^\| (\d+) \|`)
	aPath    = regexp.MustCompile("`(\\.?[\\w-]+(?:/[\\w.-]+)+|Dockerfile|README\\.md)`")
)

// tests are the names of all tests of the repository.
func tests(t *testing.T) map[string]bool {
	t.Helper()
	named := map[string]bool{}
	err := filepath.WalkDir("..", func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		for _, m := range aTestNow.FindAllStringSubmatch(string(text), -1) {
			named[m[1]] = true
		}
		return err
	})
	if err != nil || len(named) < 100 {
		t.Fatalf("%d tests: %v", len(named), err)
	}
	return named
}

// Each rule of the Market stands in the checklist, with a test or a file that
// is there.
func TestTheMarketsChecklistIsTrue(t *testing.T) {
	text, err := os.ReadFile("market/checklist.md")
	if err != nil {
		t.Fatal(err)
	}
	var rules []string
	for _, m := range aRule.FindAllStringSubmatch(string(text), -1) {
		rules = append(rules, m[1])
	}
	for rule := 1; rule <= 20; rule++ {
		if !slices.Contains(rules, fmt.Sprint(rule)) {
			t.Errorf("rule %d is missing", rule)
		}
	}
	there := tests(t)
	said := aTest.FindAllStringSubmatch(string(text), -1)
	for _, m := range said {
		if !there[m[1]] {
			t.Errorf("there is no %s", m[1])
		}
	}
	if len(said) < 30 {
		t.Errorf("only %d tests are named", len(said))
	}
	for _, document := range []string{"checklist.md", "privacy.md", "card.en.md", "card.ru.md"} {
		text, err := os.ReadFile("market/" + document)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range aPath.FindAllStringSubmatch(string(text), -1) {
			if _, err := os.Stat(filepath.Join("..", m[1])); err != nil && !strings.Contains(m[1], "pbx/v1") {
				t.Errorf("%s names %s: %v", document, m[1], err)
			}
		}
	}
}

// The card's texts hold what the Market asks for, and speak the language they
// are in.
func TestTheMarketsTextsAreWhole(t *testing.T) {
	cyrillic := regexp.MustCompile(`\p{Cyrillic}`)
	for lang, parts := range map[string][]string{
		"en": {"Name", "Short description", "Description", "Limits", "Installation", "Support", "Licence and privacy", "Release notes"},
		"ru": {"Название", "Краткое описание", "Описание", "Ограничения", "Установка", "Поддержка", "Лицензия и конфиденциальность", "Что нового"},
	} {
		text, err := os.ReadFile("market/card." + lang + ".md")
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range parts {
			if !strings.Contains(string(text), "\n## "+part+"\n") {
				t.Errorf("%s: no %q", lang, part)
			}
		}
		if (lang == "en") == cyrillic.Match(text) || strings.Contains(string(text), ".ru/") {
			t.Errorf("%s is in another language, or leads there", lang)
		}
	}
}
