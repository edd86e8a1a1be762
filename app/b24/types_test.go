package b24

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestTypesReadWhatPHPWrites(t *testing.T) {
	type row struct {
		ID   ID       `json:"id"`
		YN   YN       `json:"yn"`
		Dec  Dec      `json:"dec"`
		Time Time     `json:"time"`
		Text Text     `json:"text"`
		Map  Map[ID]  `json:"map"`
		List List[ID] `json:"list"`
	}
	at := time.Date(2026, 8, 22, 8, 0, 0, 0, time.UTC)
	tests := []struct {
		json string
		want row
	}{
		{`{"id":5,"yn":"Y","dec":1.5,"time":"2026-08-22T10:00:00+02:00","text":"a","map":{"a":1},"list":[1,"2"]}`,
			row{5, true, 1.5, Time{at}, "a", Map[ID]{"a": 1}, List[ID]{1, 2}}},
		{`{"id":"5","yn":true,"dec":"1.50","time":"","text":7,"map":[],"list":{"3":2,"10":3,"0":1}}`,
			row{5, true, 1.5, Time{}, "7", nil, List[ID]{1, 2, 3}}},
		{`{"id":"","yn":"N","dec":"","time":{},"text":null,"map":["7"],"list":[]}`, row{Map: Map[ID]{"0": 7}}},
		{`{"id":null,"yn":null,"dec":null,"time":[],"text":[],"map":null,"list":null}`, row{}},
		{`{"id":false,"yn":0,"dec":false,"time":null,"text":{},"map":false,"list":false}`, row{}},
		{`{"id":0,"yn":"1","dec":0,"time":"24.08.2026 13:19:39","text":"","map":{},"list":{}}`, row{YN: true}},
		{`{"id":5.0}`, row{ID: 5}},
		{`{"text":"\u0000 a\u0000b"}`, row{Text: "ab"}}, // PHP does not write it, but no database stores it
	}
	for _, tt := range tests {
		var got row
		if err := json.Unmarshal([]byte(tt.json), &got); err != nil {
			t.Errorf("%s: %v", tt.json, err)
			continue
		}
		got.Time.Time = got.Time.UTC()
		tt.want.Time.Time = tt.want.Time.UTC()
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.json, diff)
		}
	}
	for _, bad := range []string{`"abc"`, `1.5`, `"$result[a]"`, `1e300`} {
		var id ID
		if json.Unmarshal([]byte(bad), &id) == nil {
			t.Errorf("%s read as the id %d", bad, id)
		}
	}
}

func FuzzAnswers(f *testing.F) {
	f.Add([]byte(`{"result":{"result":{"a":[1]},"result_error":[],"result_total":{"a":1},"result_next":[],"result_time":[]},"time":{"operating":1.5}}`))
	f.Add([]byte(`{"error":"","error_description":"Not found"}`))
	f.Add([]byte(`{"result":{"items":[{"id":"5","contactIds":{"0":1}}]},"next":50,"total":73}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		got, err := parseAnswer("m", reply{200, text})
		if (got == nil) == (err == nil) {
			t.Fatal("neither an answer nor an error")
		}
		if got == nil {
			return
		}
		var batch batchResult
		_ = decode("m", got.Result, &batch)
		var rows itemList
		_ = decode("m", got.Result, &rows)
		for _, row := range rows.Items {
			_, _ = row.deal(), row.lead(match{byPhone: true})
		}
	})
}
