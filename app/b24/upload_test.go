package b24

import (
	"errors"
	"strings"
	"testing"
)

func TestARecordingIsUploadedToThePortalItselfOnly(t *testing.T) {
	for _, address := range []string{
		"", "/rest/upload.json", "https://evil.example/rest/upload.json?token=1", "ftp://acme.bitrix24.com/rest/upload.json",
		"http://127.0.0.1:1/rest/upload.json?token=1", "http://user@127.0.0.1/rest/upload.json",
	} {
		d, s := scripted(t, `{"result":{"uploadUrl":"`+address+`","fieldName":"file"}}`)
		_, err := d.SendRecord(t.Context(), callID, RecordFile{Name: "a.mp3", Size: 2 << 20, Content: strings.NewReader("secret")})
		_, passes := Retry(err)
		if !errors.Is(err, UploadElsewhere) || passes || !IsPortal(err) || address != "" && strings.Contains(err.Error(), address) {
			t.Errorf("%q: %v, passes %t", address, err, passes)
		}
		if len(s.asked) != 1 || s.asked[0].Params["FILE_CONTENT"] != nil {
			t.Errorf("%q: asked %v", address, s.asked)
		}
	}
}

func TestARefusedUploadPassesWhereANewAddressMayHelp(t *testing.T) {
	for _, test := range []struct {
		answer string
		passes bool
		is     error
	}{
		{`401 {"error":"expired_token"}`, true, ExpiredToken},
		{`401 {"error":"invalid_token"}`, true, InvalidToken},
		{`401 {"error":"NO_AUTH_FOUND"}`, true, NoAuthFound},
		{`403 {"error":"user_access_error"}`, true, UserAccessError},
		{`503 {"error":"QUERY_LIMIT_EXCEEDED"}`, true, QueryLimitExceeded},
		{`401 {"error":"PAYMENT_REQUIRED"}`, false, ErrPaymentRequired},
		{`400 {"error":"ERROR_CORE","error_description":"Wrong file extension"}`, false, ErrorCore},
		{`413 <html>`, false, FileTooLarge},
	} {
		d, s := scripted(t, "", test.answer)
		s.answers[0] = `{"result":{"uploadUrl":"` + d.server.URL + `/rest/upload.json?auth=access-1&token=telephony%7C1","fieldName":"file"}}`
		_, err := d.SendRecord(t.Context(), callID, RecordFile{Name: "a.mp3", Size: 2 << 20, Content: strings.NewReader(strings.Repeat("x", 2<<20))})
		_, passes := Retry(err)
		if passes != test.passes || !errors.Is(err, test.is) || !IsPortal(err) || len(s.asked) != 2 {
			t.Errorf("%s: %v, passes %v, %d requests", test.answer, err, passes, len(s.asked))
		}
	}
}
