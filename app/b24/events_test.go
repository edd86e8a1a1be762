package b24

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/oauth2"
)

// clickForm is the contract's event, 6.4.
const clickForm = `event=ONEXTERNALCALLSTART&event_handler_id=58` +
	`&data%5BPHONE_NUMBER%5D=%2B4930123456&data%5BPHONE_NUMBER_INTERNATIONAL%5D=%2B4930123456&data%5BEXTENSION%5D=` +
	`&data%5BUSER_ID%5D=1&data%5BCALL_LIST_ID%5D=0&data%5BLINE_NUMBER%5D=7&data%5BIS_MOBILE%5D=0` +
	`&data%5BCALL_ID%5D=externalCall.4f2a9c7e1b3d5860a2c4e6f8091b3d57.1786018925` +
	`&data%5BCRM_ENTITY_TYPE%5D=CONTACT&data%5BCRM_ENTITY_ID%5D=797&data%5BFIELDS%5D%5BID%5D=5` +
	`&ts=1786018926` +
	`&auth%5Baccess_token%5D=6d1f9e68&auth%5Bexpires%5D=1786022526&auth%5Bexpires_in%5D=3600` +
	`&auth%5Bscope%5D=crm%2Ctelephony%2Cplacement%2Cuser_basic&auth%5Bdomain%5D=acme.bitrix24.com` +
	`&auth%5Bserver_endpoint%5D=https%3A%2F%2Foauth.bitrix.info%2Frest%2F&auth%5Bstatus%5D=F` +
	`&auth%5Bclient_endpoint%5D=https%3A%2F%2Facme.bitrix24.com%2Frest%2F` +
	`&auth%5Bmember_id%5D=7c1e0b9a54d2463f8f10aa6be37d9c25&auth%5Buser_id%5D=1` +
	`&auth%5Bapplication_token%5D=e3f0a19b7c5d4e6280b1f2c3d4a59687`

func form(t testing.TB, query string) url.Values {
	t.Helper()
	values, err := url.ParseQuery(query)
	if err != nil {
		t.Fatal(err)
	}
	return values
}

func TestParseEvent(t *testing.T) {
	got, err := ParseEvent(form(t, clickForm))
	if err != nil {
		t.Fatal(err)
	}
	want := Event{
		Name: ExternalCallStart, HandlerID: "58", At: time.Unix(1786018926, 0).UTC(), MemberID: acme,
		ApplicationToken: "e3f0a19b7c5d4e6280b1f2c3d4a59687", Endpoint: "https://acme.bitrix24.com/rest/",
		ServerEndpoint: "https://oauth.bitrix.info/rest/", Domain: "acme.bitrix24.com",
		Scope: []string{"crm", "telephony", "placement", "user_basic"}, Status: "F",
		Token: &Token{Token: oauth2.Token{AccessToken: "6d1f9e68", Expiry: time.Unix(1786022526, 0).UTC()}, UserID: 1, Status: "F"},
		Data: map[string]string{"PHONE_NUMBER": "+4930123456", "PHONE_NUMBER_INTERNATIONAL": "+4930123456", "EXTENSION": "", "USER_ID": "1",
			"CALL_LIST_ID": "0", "LINE_NUMBER": "7", "IS_MOBILE": "0", "CALL_ID": "externalCall.4f2a9c7e1b3d5860a2c4e6f8091b3d57.1786018925",
			"CRM_ENTITY_TYPE": "CONTACT", "CRM_ENTITY_ID": "797", "FIELDS.ID": "5"},
	}
	same := cmp.Comparer(func(a, b Token) bool { return fmt.Sprint(a) == fmt.Sprint(b) })
	if diff := cmp.Diff(want, got, same); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestTheSystemUsersTokensAreInTheData(t *testing.T) {
	got, err := ParseEvent(form(t, `event=OnAppUserReady&ts=1786527123&data[access_token]=b1c2&data[refresh_token]=d3e4&data[expires_in]=3600&data[user_id]=512&data[status]=F`+
		`&data[member_id]=`+acme+`&auth[access_token]=f5a6&auth[refresh_token]=a7b8&auth[expires_in]=3600&auth[user_id]=1&auth[member_id]=`+acme))
	if err != nil || got.System == nil || got.Token == nil {
		t.Fatal(got, err)
	}
	if got.System.UserID != 512 || got.System.RefreshToken != "d3e4" || got.System.Kind != SystemToken || !got.System.Expiry.Equal(time.Unix(1786530723, 0)) || got.Token.UserID != 1 {
		t.Errorf("%+v %+v", got.System, got.Token)
	}
	if got.Name != AppUserReady || got.Data["access_token"]+got.Data["refresh_token"] != "" || got.Data["user_id"] != "512" {
		t.Errorf("%v", got.Data)
	}
}

func TestEventsWithoutTokens(t *testing.T) {
	got, err := ParseEvent(form(t, `event=ONAPPUNINSTALL&data[CLEAN]=1&ts=1786600000&auth[member_id]=`+acme+`&auth[application_token]=secret`))
	if err != nil || got.Token != nil || got.System != nil || got.Data["CLEAN"] != "1" {
		t.Errorf("%+v %v", got, err)
	}
	if !got.SentBy("secret") || got.SentBy("other") || got.SentBy("") || (Event{}).SentBy("") {
		t.Error("an event is sent by whoever knows its token, and nobody knows an empty one")
	}
}

func TestAnEventOfAnotherCenturyHasNoTime(t *testing.T) {
	for ts, want := range map[string]time.Time{
		"1786018926": time.Unix(1786018926, 0).UTC(),
		"4102444800": {}, "17179869184": {}, "946684799": {}, "1": {}, "0": {}, "-1": {}, "99999999999999999999": {}, "today": {},
	} {
		got, err := ParseEvent(form(t, "event=E&auth[member_id]=m&ts="+ts))
		if err != nil || !got.At.Equal(want) {
			t.Errorf("%s: %v %v", ts, got.At, err)
		}
	}
}

func TestWhatIsNoEvent(t *testing.T) {
	long := url.Values{"event": {"E"}, "auth[member_id]": {"m"}}
	for i := range maxPairs {
		long.Set(fmt.Sprintf("data[%d]", i), "")
	}
	many := url.Values{"event": {"E"}, "auth[member_id]": {"m"}, "data[A]": make([]string, maxPairs)}
	bad := []url.Values{long, many}
	for _, query := range []string{"", "event=E", "auth[member_id]=m", "event=E&auth[member_id]=m&data[" + strings.Repeat("a", maxKey) + "]=1",
		"event=E&auth[member_id]=m&data[1][2][3][4][5][6]=1", "event=E&auth[member_id]=m&data[a=1", "event=E&auth[member_id]=m&data[a]b=1",
		"event=E&auth[member_id]=m&data[a[b]]=1", "event=E&auth[member_id]=m&[a]=1", "event=" + strings.Repeat("E", 256) + "&auth[member_id]=m",
		"event=E&auth[member_id]=m&data[CALL_ID]=" + strings.Repeat("1", 256)} {
		bad = append(bad, form(t, query))
	}
	for i, values := range bad {
		if _, err := ParseEvent(values); !errors.Is(err, ErrMalformed) {
			t.Errorf("%d: %v", i, err)
		}
	}
}

func TestARepeatedEventHasTheSameKey(t *testing.T) {
	first, _ := ParseEvent(form(t, clickForm))
	again, _ := ParseEvent(form(t, strings.Replace(clickForm, "6d1f9e68", "other", 1)))
	later, _ := ParseEvent(form(t, strings.Replace(clickForm, "ts=1786018926", "ts=1786018927", 1)))
	other, _ := ParseEvent(form(t, strings.Replace(clickForm, "=797", "=798", 1)))
	if first.Key() != again.Key() || first.Key() == later.Key() || first.Key() == other.Key() || len(first.Key()) != 64 {
		t.Error(first.Key(), again.Key(), later.Key(), other.Key())
	}
}

func FuzzParseEvent(f *testing.F) {
	f.Add(clickForm)
	f.Add("event=E&auth[member_id]=m&data[a][]=1&data[a][]=2&data[\xff\x00]=\xff")
	f.Fuzz(func(t *testing.T, query string) {
		values, err := url.ParseQuery(query)
		if err != nil {
			return
		}
		event, err := ParseEvent(values)
		if err != nil {
			return
		}
		if event.Name == "" || event.MemberID == "" || len(event.Data) > maxPairs || event.Key() == "" {
			t.Fatalf("%+v", event)
		}
		for name, value := range event.Data {
			if strings.ContainsRune(name+value, 0) || strings.ToValidUTF8(name+value, "") != name+value {
				t.Fatalf("%q: %q cannot be stored", name, value)
			}
		}
	})
}

// frameBody is the contract's frame request, 7.1.
const (
	frameQuery = `DOMAIN=acme.bitrix24.com&PROTOCOL=1&LANG=de&APP_SID=0b7e5c2f9a1d48e3b6c4f7a8d9e01234`
	frameBody  = `AUTH_ID=5c72&AUTH_EXPIRES=3600&REFRESH_ID=4cf1&SERVER_ENDPOINT=https%3A%2F%2Foauth.bitrix.info%2Frest%2F` +
		`&APPLICATION_TOKEN=e3f0&APPLICATION_SCOPE=crm%2Ctelephony&member_id=` + acme + `&status=F&PLACEMENT=DEFAULT&PLACEMENT_OPTIONS=`
)

func TestParseFrame(t *testing.T) {
	want := Frame{
		Domain: "acme.bitrix24.com", Lang: "de", MemberID: acme, AuthID: "5c72", RefreshID: "4cf1", ExpiresIn: 3600,
		ServerEndpoint: "https://oauth.bitrix.info/rest/", ApplicationToken: "e3f0", Scope: []string{"crm", "telephony"}, Status: "F", Placement: "DEFAULT",
	}
	for options, parsed := range map[string]map[string]string{
		"": {}, "[]": {}, `"undefined"`: {}, "undefined": {}, "null": {}, "{}": {}, "5": {},
		`{"any":"28\/"}`: {"any": "28/"},
		`{"CALL_ID":"c","CRM_ACTIVITY_ID":"undefined","CRM_ENTITY_ID":5,"CRM_BINDINGS":[{"ENTITY_TYPE":"DEAL"}],"X":[]}`: {
			"CALL_ID": "c", "CRM_ENTITY_ID": "5", "CRM_BINDINGS": `[{"ENTITY_TYPE":"DEAL"}]`},
	} {
		got, err := ParseFrame(form(t, frameQuery), form(t, frameBody+url.QueryEscape(options)))
		want.Options = parsed
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%s: %v (-want +got):\n%s", options, err, diff)
		}
	}
	old, err := ParseFrame(nil, form(t, "AUTH_ID=a&member_id=m"))
	if diff := cmp.Diff(Frame{Lang: "en", MemberID: "m", AuthID: "a", Placement: "DEFAULT", Scope: []string{}, Options: map[string]string{}}, old); err != nil || diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
	for _, body := range []string{"", "AUTH_ID=a", "member_id=m", "AUTH_ID=a&member_id=" + strings.Repeat("m", 256)} {
		if _, err := ParseFrame(form(t, "AUTH_ID=a&member_id=m"), form(t, body)); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v", body, err)
		}
	}
}

func FuzzParseFrame(f *testing.F) {
	f.Add(frameQuery, frameBody+`{"a":[1,{"b":null}]}`)
	f.Fuzz(func(t *testing.T, query, body string) {
		q, err1 := url.ParseQuery(query)
		b, err2 := url.ParseQuery(body)
		if err1 != nil || err2 != nil {
			return
		}
		if got, err := ParseFrame(q, b); err == nil && (got.MemberID == "" || got.AuthID == "" || got.Options == nil || got.ExpiresIn < 0 || got.ExpiresIn >= 1<<31) {
			t.Fatalf("%+v", got)
		}
	})
}
