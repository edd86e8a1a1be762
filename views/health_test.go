package views

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/html"
)

func TestEveryCheckEveryColourAndEveryStateOfAPortalHasWords(t *testing.T) {
	var keys []string
	for _, code := range append(append([]HealthCode{}, PortalChecks...), OwnChecks...) {
		keys = append(keys, "health."+string(code))
	}
	for _, state := range HealthStates {
		keys = append(keys, "health.state."+string(state))
	}
	for _, remedy := range []string{"handlers", "lines", "mode", "scopes", "employees", "retry"} {
		keys = append(keys, "health.cure."+remedy)
	}
	for _, kind := range []string{"access", "administrator", "silent_pbx", "silent_bitrix24", "failures"} {
		keys = append(keys, "alert."+kind, "alert."+kind+".over")
	}
	for code := range reasons {
		kind := Suspended
		if code == "USER_ACCESS_ERROR" || code == "AUTHORIZATION_ERROR" || code == "ACCESS_DENIED" {
			kind = NeedsAuthorisation
		}
		key := Banner{Kind: kind, Code: code}.key()
		keys = append(keys, key, key+".admin", key+".employee")
	}
	for _, lang := range []string{"en", "ru"} {
		texts := words(t, lang)
		for _, key := range keys {
			if _, ok := texts[key]; !ok {
				t.Errorf("%s: %s has no words", lang, key)
			}
		}
	}
}

func TestAColourIsNeverAlone(t *testing.T) {
	root := parse(t, draw(t, Health(healthPage(Localizer{}))))
	got := map[string]string{}
	collect(root, func(n *html.Node) string {
		if n.Data != "li" || attr(n, "id") == "" {
			return ""
		}
		icons, states := 0, ""
		collect(n, func(in *html.Node) string {
			if in.Data == "svg" {
				icons++
			}
			if in.Data == "span" && states == "" {
				states = text(in)
			}
			return ""
		})
		if icons == 0 {
			t.Errorf("%s has no icon", attr(n, "id"))
		}
		got[attr(n, "id")] = states
		return ""
	})
	want := map[string]string{
		"health-access": "Does not work", "health-app": "Works", "health-scopes": "Works in part", "health-events": "Works in part",
		"health-placements": "Could not be read", "health-lines": "Works in part", "health-mode": "Works in part", "health-clock": "Does not work",
		"health-heard_pbx": "Does not work", "health-heard": "Works", "health-queue": "Does not work", "health-failed": "Works in part", "health-gaps": "Works in part", "health-outgoing": "Not set up",
		"health-repeat": "Works in part", "health-extensions": "Works in part", "health-budget": "Works in part", "health-alerts": "Not set up",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("states (-want +got):\n%s", diff)
	}
}

func TestAlertsAreWholeSentences(t *testing.T) {
	for _, tt := range []struct {
		name   string
		facts  AlertFacts
		en, ru string
	}{
		{"a silent PBX", AlertFacts{Kind: "silent_pbx", Usual: 21, Began: now},
			"Callwise: the PBX has reported no call for two hours; usually there are 21 at this time. Open Callwise in Bitrix24 and look at the page Health.",
			"Callwise: АТС два часа не сообщает о звонках; обычно в это время бывает 21 звонок. Откройте Callwise в Битрикс24 и посмотрите раздел «Состояние»."},
		{"failures", AlertFacts{Kind: "failures", Seen: 7, Usual: 22, Began: now},
			"Callwise: 7 of the last 22 calls could not be logged. They are tried again. Open Callwise in Bitrix24 and look at the page Health.",
			"Callwise: не удалось записать 7 из последних 22 звонков. Попытки повторяются. Откройте Callwise в Битрикс24 и посмотрите раздел «Состояние»."},
		{"the all-clear", AlertFacts{Kind: "access", Code: "INVALID_GRANT", Began: now, Ended: now.Add(90 * time.Minute)},
			"Callwise, all clear: Bitrix24 answers our requests again. From 4 Mar 2026, 14:05 to 4 Mar 2026, 15:35 it did not; the calls of that time were stored and are handled now.",
			"Callwise, всё в порядке: Битрикс24 снова отвечает на наши запросы. Он не отвечал с 4 марта 2026, 14:05 до 4 марта 2026, 15:35; звонки за это время сохранены и сейчас обрабатываются."},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff([]string{tt.en, tt.ru}, []string{AlertWords(Localizer{}, tt.facts), AlertWords(russian, tt.facts)}); diff != "" {
				t.Errorf("alert (-want +got):\n%s", diff)
			}
		})
	}
}
