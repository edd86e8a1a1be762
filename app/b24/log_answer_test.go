package b24

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTheLogKeepsAnswersWithoutWhatIsPrivate(t *testing.T) {
	for _, tt := range []struct{ name, answer, want string }{
		{"nothing came", ``, ``},
		{"no JSON", `<h1>Anna</h1>`, `"13 bytes"`},
		{"JSON that breaks off", `{"result":{"NAME":"Anna","ID":"3`, `"32 bytes"`},
		{"a list that breaks off", `{"result":[{"ID":"3"},`, `"22 bytes"`},
		{"bytes that are no text", "{\"result\":{\"ERROR\":\"\xff\xfe\",\"B\xff\":true,\"C\":null}}", `{"result":{"ERROR":"��","B�":true,"C":null}}`},
		{"a name twice", `{"result":{"ID":"3","ID":"4"}}`, `{"result":{"ID":"3","ID":"4"}}`},
		{"a number created", `{"result":412,"time":{"start":1.5,"operating":0.2}}`, `{"result":412}`},
		{"ids as texts stay", `{"result":[{"ID":"31","ASSIGNED_BY_ID":"7","STATUS_ID":"NEW","OPENED":"Y"}],"total":1}`,
			`{"result":[{"ID":"31","ASSIGNED_BY_ID":"7","STATUS_ID":"3 characters","OPENED":"Y"}],"total":1}`},
		{"names, numbers and addresses are masked",
			`{"result":{"NAME":"Anna","TITLE":"Call from +4930901820","PHONE":[{"ID":"5","VALUE":"+49 30 901820","VALUE_TYPE":"WORK"}],"EMAIL":[{"VALUE":"anna@example.com"}]}}`,
			`{"result":{"NAME":"4 characters","TITLE":"21 characters","PHONE":[{"ID":"5","VALUE":"…1820","VALUE_TYPE":"WORK"}],"EMAIL":[{"VALUE":"16 characters"}]}}`},
		{"a number may stand anywhere", `{"result":{"4930901820":4930901820,"ID":"4930901820","phone":901820}}`,
			`{"result":{"…1820":"…1820","ID":"…1820","phone":"…20"}}`},
		{"tokens do not stand there at all", `{"access_token":"abc","refresh_token":"def","expires":1,"member_id":"7c1e0b9a"}`,
			`{"expires":1,"member_id":"8 characters"}`},
		{"an address to upload to holds a token", `{"result":{"uploadUrl":"https://acme.bitrix24.com/upload?token=abc","fieldName":"file"}}`,
			`{"result":{"uploadUrl":"42 characters","fieldName":"4 characters"}}`},
		{"a refusal says why, and quotes nobody",
			`{"error":"ERROR_CORE","error_description":"Phone +49 30 901820 of \"Anna\" is wrong, token e3f0a19b7c5d4e6280b1f2c3d4a59687"}`,
			`{"error":"ERROR_CORE","error_description":"Phone …1820 of “…” is wrong, token …"}`},
		{"each command of a batch", `{"result":{"result":{"a":{"LEAD":[3,5]},"b":[]},"result_error":{"c":{"error":"NOT_FOUND","error_description":"Not found"}},"result_time":{"a":{"operating":1}}}}`,
			`{"result":{"result":{"a":{"LEAD":[3,5]},"b":[]},"result_error":{"c":{"error":"NOT_FOUND","error_description":"Not found"}}}}`},
		{"the beginning of a list", `{"result":[` + strings.Repeat("1,", 29) + `1]}`, `{"result":[` + strings.Repeat("1,", 20) + `"10 more"]}`},
		{"not deeper than anybody reads", strings.Repeat("[", 40) + strings.Repeat("]", 40), strings.Repeat("[", 13) + `"hidden"` + strings.Repeat("]", 13)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, string(maskedAnswer([]byte(tt.answer)))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestTheLogKeepsNoMoreOfAnAnswerThanItsBounds(t *testing.T) {
	var users, fields, words []string
	for i := range 5000 {
		fields = append(fields, fmt.Sprintf(`"FIELD_%d":{"type":"string"}`, i))
		words = append(words, fmt.Sprintf(`"%s%d":{"%[1]s":{"%[1]s":1}}`, strings.Repeat("W", 300), i))
	}
	for range 50 {
		users = append(users, "{"+strings.Join(fields[:40], ",")+"}")
	}
	for name, tt := range map[string]struct{ answer, want string }{
		"many users":   {`{"result":[` + strings.Join(users, ",") + `]}`, `45 more`},
		"many fields":  {`{"result":{` + strings.Join(fields, ",") + `}}`, `"…":"4940 more"`},
		"long names":   {`{"result":{` + strings.Join(words[:60], ",") + `}}`, `WWW…`},
		"out of scale": {`{"result":{` + strings.Join(words, ",") + `}}`, ` bytes"`},
	} {
		got := maskedAnswer([]byte(tt.answer))
		if len(got) > answerKept || !strings.Contains(string(got), tt.want) {
			t.Errorf("%s: %d bytes: %.300s", name, len(got), got)
		}
	}
}

// BenchmarkMaskedAnswer masks what a portal answers to the first question about
// a number that nobody knows: a reference to an empty search is no condition, so
// each list comes with its first 50 rows.
func BenchmarkMaskedAnswer(b *testing.B) {
	row := `{"id":%d,"title":"Call from +4930901820","name":"Anna","stageId":"NEW","assignedById":7,"createdTime":"2026-11-23T10:00:00+03:00","contactIds":[1,2],"opened":"Y","sourceId":"CALL","lastName":null}`
	var rows, lists []string
	for i := range 50 {
		rows = append(rows, fmt.Sprintf(row, i))
	}
	for _, name := range []string{"found_lead", "found_contact", "found_company", "deals"} {
		lists = append(lists, fmt.Sprintf(`"%s":{"items":[%s]}`, name, strings.Join(rows, ",")))
	}
	answer := []byte(`{"result":{"result":{` + strings.Join(lists, ",") + `},"result_error":[],"result_total":{"found_lead":50}},"time":{"start":1.5}}`)
	b.SetBytes(int64(len(answer)))
	b.ReportAllocs()
	for b.Loop() {
		maskedAnswer(answer)
	}
}
