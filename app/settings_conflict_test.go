package main

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTwoAdministratorsMergeAndNobodyOverwritesSilently(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		mine, theirs := r.as(admin), r.as(anna)
		opened := r.form()
		r.submit(theirs, "/settings/save", 200, r.form("missed/deadline", "120", "card/when", "never"))
		theirsSaved := r.stored()

		form := url.Values{"version": opened["version"], "missed/deadline": {"60"}, "card/when": {"ring"}, "mask_numbers": {"on"}}
		page := r.submit(mine, "/settings/save", 409, form)
		wants(t, page, "Anna Brandt saved settings while you were here", "Missed calls: call back within from 30 minutes → to 2 hours",
			"Call card opens from When it rings → to Never", "Anna Brandt set this to: 2 hours",
			`[option value="60" selected]`, `value="never" form="settings" checked`, `id="mask_numbers" name="mask_numbers" value="on" form="settings" checked`)
		if diff := cmp.Diff(theirsSaved, r.stored()); diff != "" {
			t.Fatalf("a conflict changed something (-before +after):\n%s", diff)
		}
		if strings.Count(page, "set this to") != 1 {
			t.Error("what only one of them changed is flagged")
		}
		page = r.submit(mine, "/settings/review", 409, form)
		wants(t, page, "Anna Brandt saved settings while you were here")

		// Of several who saved meanwhile each is named, at each value the one who set it.
		r.submit(r.as(omar), "/settings/save", 200, r.form("card/when", "answer"))
		page = r.submit(mine, "/settings/save", 409, url.Values{"version": opened["version"], "missed/deadline": {"60"}, "card/when": {"never"}})
		wants(t, page, "Anna Brandt, Omar Haddad saved settings while you were here", "Anna Brandt set this to: 2 hours", "Omar Haddad set this to: When the call is answered")
		r.submit(r.as(omar), "/settings/save", 200, r.form("card/when", "never"))

		// The page's version is the current one now: Save stores the merged form.
		r.submit(mine, "/settings/save", 200, r.form("missed/deadline", "60", "card/when", "never", "mask_numbers", "on"))
		want := theirsSaved.Settings
		want.Missed.Deadline, want.MaskNumbers = 60, true
		if diff := cmp.Diff(want, r.stored().Settings); diff != "" {
			t.Errorf("settings (-want +got):\n%s", diff)
		}
	})
}

func TestTheCommandURLIsNotOverwrittenByAStaleForm(t *testing.T) {
	r := newRig(t, "sqlite:"+t.TempDir()+"/callwise.db", classic)
	first := r.stored().CommandURL
	const theirs, mine = "https://pbx.example.com/theirs", "https://pbx.example.com/mine"
	r.submit(r.session, "/settings/save", 200, r.form("command_url", theirs, "command_url_was", first))

	r.submit(r.session, "/settings/save", 200, r.form("command_url", first, "command_url_was", first, "mask_numbers", "on"))
	if got := r.stored(); got.CommandURL != theirs || !got.Settings.MaskNumbers {
		t.Errorf("a form that left the address: %s", got.CommandURL)
	}
	page := r.submit(r.session, "/settings/save", 409, r.form("command_url", mine, "command_url_was", first))
	wants(t, page, "The command URL was changed as well", `value="`+mine+`"`, `name="command_url_was" value="`+theirs+`"`)
	if got := r.stored().CommandURL; got != theirs {
		t.Errorf("a stale form changed the address to %s", got)
	}
	r.submit(r.session, "/settings/save", 200, r.form("command_url", mine, "command_url_was", theirs))
	if got := r.stored().CommandURL; got != mine {
		t.Errorf("the address is %s", got)
	}
}

// A page that says what is wrong goes on from the version that the form was made from:
// mended and saved, it still finds out what others saved.
func TestWhatIsRefusedStillFindsOutWhatOthersSaved(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		opened, url := r.form("missed/deadline", "30", "command_url", r.stored().CommandURL, "command_url_was", r.stored().CommandURL), r.stored().CommandURL
		r.submit(r.as(anna), "/settings/save", 200, r.form("missed/deadline", "120", "command_url", "https://pbx.example.com/theirs", "command_url_was", url))
		theirs := r.stored()
		opened.Set("recordings/max_mb", "many")
		for _, path := range []string{"/settings/save", "/settings/review"} {
			page := r.submit(r.as(admin), path, 422, opened)
			wants(t, page, "enter a whole number.", `name="version" value="`+opened.Get("version")+`"`, `name="command_url_was" value="`+url+`"`)
		}
		_, page := r.do(http.MethodPost, r.url+"/settings/preview", opened, r.as(admin))
		if got := versionIn(t, page); got != opened.Get("version") {
			t.Errorf("what is tried out goes on from version %s", got)
		}
		opened.Set("recordings/max_mb", "20")
		wants(t, r.submit(r.as(admin), "/settings/save", 409, opened), "Anna Brandt saved settings while you were here")
		if diff := cmp.Diff(theirs, r.stored()); diff != "" {
			t.Errorf("the portal (-before +after):\n%s", diff)
		}
	})
}
