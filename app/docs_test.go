package main

import (
	"html"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"callwise/app/pbx"
)

var (
	eventExample = regexp.MustCompile(`(?s)<pre data-example="event">(.*?)</pre>`)
	curlCommand  = regexp.MustCompile(`(?s)^curl (\S+) .* -d '(.*)'$`)
)

func TestTheGuideForDevelopersIsForEverybodyInTwoLanguages(t *testing.T) {
	r := bareRig(t, "sqlite:"+t.TempDir()+"/callwise.db", classic)
	r.start()
	for _, tt := range []struct{ name, query, accept, lang string }{
		{"nothing asked for", "", "", "en"},
		{"the address asks", "?lang=ru", "en", "ru"},
		{"the browser asks", "", "ru-RU,ru;q=0.9", "ru"},
		{"a language we have no words for", "", "de", "en"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			request := r.request(http.MethodGet, "/pbx/docs"+tt.query, "", "")
			request.Header.Set("Accept-Language", tt.accept)
			got := r.send(request)
			if got.status != http.StatusOK || !strings.Contains(got.body, `<html lang="`+tt.lang+`"`) {
				t.Errorf("%d, want a page in %s\n%s", got.status, tt.lang, got.body)
			}
			if got.header.Get("Cache-Control") != "public, max-age=3600" || !slices.Contains(got.header.Values("Vary"), "Accept-Language") {
				t.Errorf("caches get %v", got.header)
			}
			if !strings.Contains(got.body, r.url+"/pbx/v1/openapi.yaml") || strings.Contains(got.body, "docs.") {
				t.Error("the page does not lead to the description, or a text is missing")
			}
		})
	}
}

func TestTheExamplesOfTheGuideWork(t *testing.T) {
	r := newRig(t, "sqlite:"+t.TempDir()+"/callwise.db", classic)
	examples := eventExample.FindAllStringSubmatch(r.send(r.request(http.MethodGet, "/pbx/docs", "", "")).body, -1)
	if len(examples) != 4 {
		t.Fatalf("%d examples, want the four events of a call", len(examples))
	}
	for _, example := range examples {
		part := curlCommand.FindStringSubmatch(html.UnescapeString(example[1]))
		if part == nil || part[1] != r.url+"/pbx/v1/events" {
			t.Fatalf("no request to this installation: %q", example[1])
		}
		if _, err := pbx.ParseEvents([]byte(part[2])); err != nil {
			t.Errorf("%s: %v", part[2], err)
		}
		request := r.request(http.MethodPost, part[1], "application/json", part[2])
		request.Header.Set("Authorization", "Bearer "+r.key)
		if got := r.send(request); got.status != http.StatusAccepted {
			t.Errorf("%s: %d %s", part[2], got.status, got.body)
		}
	}
}

func TestTheGuideNamesAllThatTheDescriptionNames(t *testing.T) {
	r := bareRig(t, "sqlite:"+t.TempDir()+"/callwise.db", classic)
	r.start()
	page := r.send(r.request(http.MethodGet, "/pbx/docs", "", "")).body
	d := describe31(r)
	event := d.model.Components.Schemas.GetOrZero("Event").Schema()
	for name := range event.Properties.FromOldest() {
		if !strings.Contains(page, "<code>"+name+"</code>") {
			t.Errorf("the field %s is not on the page", name)
		}
	}
	for _, word := range event.Properties.GetOrZero("type").Schema().Enum {
		if !strings.Contains(page, word.Value) {
			t.Errorf("the type %s is not on the page", word.Value)
		}
	}
	for _, s := range pbx.Statuses() {
		if !strings.Contains(page, "<code>"+string(s)+"</code>") {
			t.Errorf("the status %s is not on the page", s)
		}
	}
	for _, promise := range slices.Sorted(maps.Keys(d.promised())) {
		status, err := strconv.Atoi(promise[strings.LastIndex(promise, " ")+1:])
		if err == nil && status >= 400 && !strings.Contains(page, `<th scope="row">`+strconv.Itoa(status)+" "+http.StatusText(status)) {
			t.Errorf("%s is not in the list of errors", promise)
		}
	}
}
