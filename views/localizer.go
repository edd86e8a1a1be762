package views

import (
	"embed"
	"slices"
	"strings"

	"github.com/nicksnyder/go-i18n/v2/i18n"
	"golang.org/x/text/language"
)

//go:embed locales/*.json
var locales embed.FS

// bundle holds every language. A file that cannot be read stops the program at
// its start: it is part of the binary.
var bundle = loadBundle()

var english = i18n.NewLocalizer(bundle, "en")

// codes are Bitrix24's language codes that are not ISO 639.
//
// https://apidocs.bitrix24.com/sdk/bx24-js-sdk/additional-functions/bx24-get-lang.html
var codes = map[string]string{
	"br": "pt-BR", "pt": "pt-BR", "kz": "kk", "la": "es", "sc": "zh-Hans", "tc": "zh-Hant", "ua": "uk", "vn": "vi", "in": "id",
}

// A Localizer says things in one language. The zero value speaks English.
type Localizer struct {
	tag  string
	said *i18n.Localizer
}

// ForLang returns the language of a LANG code of Bitrix24 (en, ru, ua, br, …).
// A language we have no words for, or no language, is English.
func ForLang(code string) Localizer {
	code = strings.ToLower(strings.TrimSpace(code))
	if iso, ok := codes[code]; ok {
		code = iso
	}
	if !spoken(code) {
		return Localizer{}
	}
	return Localizer{tag: code, said: i18n.NewLocalizer(bundle, code, "en")}
}

// ForBrowser returns the first language among the wishes that we have words
// for, otherwise English. A wish is an Accept-Language header, or empty.
func ForBrowser(wishes ...string) Localizer {
	for _, wish := range wishes {
		tags, _, err := language.ParseAcceptLanguage(wish)
		if err != nil {
			continue
		}
		for _, tag := range tags {
			if base, _ := tag.Base(); spoken(base.String()) {
				return ForLang(base.String())
			}
		}
	}
	return Localizer{}
}

// Tag returns the language for the lang attribute: "en", "ru".
func (l Localizer) Tag() string {
	if l.tag == "" {
		return "en"
	}
	return l.tag
}

// Dir returns the direction of writing: "ltr" or "rtl".
func (l Localizer) Dir() string {
	if l.Tag() == "ar" {
		return "rtl"
	}
	return "ltr"
}

// T returns the text of a key. Pairs are names and values of its placeholders.
// A key without a text comes back as itself; a test keeps that from happening.
func (l Localizer) T(key string, pairs ...any) string {
	return l.say(&i18n.LocalizeConfig{MessageID: key, TemplateData: fields(pairs)})
}

// N returns the plural form of a key for n, which the text calls {{.N}}.
func (l Localizer) N(key string, n int, pairs ...any) string {
	data := fields(pairs)
	data["N"] = n
	return l.say(&i18n.LocalizeConfig{MessageID: key, PluralCount: n, TemplateData: data})
}

func (l Localizer) say(c *i18n.LocalizeConfig) string {
	said := l.said
	if said == nil {
		said = english
	}
	// The error also comes with a text that fell back to English.
	text, _ := said.Localize(c)
	if text == "" {
		return c.MessageID
	}
	return text
}

// word returns the text of a code in a family of keys, or the code itself.
func (l Localizer) word(family, code string, data ...any) string {
	if code == "" {
		return ""
	}
	key := family + "." + code
	if text := l.T(key, data...); text != key {
		return text
	}
	return code
}

func fields(pairs []any) map[string]any {
	data := make(map[string]any, len(pairs)/2+1)
	for i := 0; i+1 < len(pairs); i += 2 {
		data[pairs[i].(string)] = pairs[i+1]
	}
	return data
}

func spoken(code string) bool {
	tag, err := language.Parse(code)
	return err == nil && slices.Contains(bundle.LanguageTags(), tag)
}

func loadBundle() *i18n.Bundle {
	b := i18n.NewBundle(language.English)
	files, err := locales.ReadDir("locales")
	if err != nil {
		panic(err)
	}
	for _, file := range files {
		if _, err := b.LoadMessageFileFS(locales, "locales/"+file.Name()); err != nil {
			panic(err)
		}
	}
	return b
}
