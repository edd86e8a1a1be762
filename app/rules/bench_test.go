package rules

import "testing"

var benchLine = []byte(`{"call":{"direction":"incoming","internal":false,"hidden":false,"employee":false,"leg":false,"origin":{"type":"deal","id":9,"closed":true}},"settings":{"create_entities":true,"outgoing_calls":false,"repeated_leads":true,"repeat_in_bitrix24":"on","crm_mode":"classic"},"crm":{"excluded":false,"open_leads":[],"open_deals":[],"contacts":[412],"companies":[],"closed_leads":[{"id":31,"outcome":"deal"}],"closed_deals":[9]}}`)

func BenchmarkParseCase(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ParseCase(benchLine); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecide(b *testing.B) {
	c, err := ParseCase(benchLine)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		Decide(c)
	}
}

func BenchmarkWouldChange(b *testing.B) {
	c, err := ParseCase(benchLine)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		WouldChange(c)
	}
}
