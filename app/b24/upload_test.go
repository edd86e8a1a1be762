package b24

import (
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
		if err == nil || !IsPortal(err) || address != "" && strings.Contains(err.Error(), address) {
			t.Errorf("%q: %v", address, err)
		}
		if len(s.asked) != 1 || s.asked[0].Params["FILE_CONTENT"] != nil {
			t.Errorf("%q: asked %v", address, s.asked)
		}
	}
}
