package b24

import (
	"errors"
	"fmt"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestABatchKeepsItsOrder(t *testing.T) {
	var body string
	d := serve(t, func(w http.ResponseWriter, r *http.Request) {
		buf := make([]byte, r.ContentLength)
		_, _ = r.Body.Read(buf)
		body = string(buf)
		write(w, `{"result":{"result":{"z":{"ID":"5"}},"result_error":{"a":{"error":"ERROR_CORE","error_description":"x"},"b":{"error":"","error_description":"Not found"}},
		 "result_total":{"z":120},"result_next":{"z":0},"result_time":{"z":{"operating":400,"operating_reset_at":1787400900}}},"time":{}}`)
	})
	batch := Batch{Halt: true}
	batch.Add("z", "crm.duplicate.findbycomm", Params{"values": []string{"+49 30&1", "b"}, "type": "PHONE"})
	batch.Add("a", "crm.item.list", Params{"filter": Params{"@id": Ref("z", "LEAD"), "0": Params{"logic": "OR"}}, "yes": true, "no": false, "n": 1.5})
	batch.Add("b", "scope", nil)
	batch.Add("c", "profile", nil)
	answers, err := d.Batch(t.Context(), batch)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"auth":"access-1","halt":1,"cmd":{"z":"crm.duplicate.findbycomm?type=PHONE\u0026values%5B0%5D=%2B49+30%261\u0026values%5B1%5D=b",` +
		`"a":"crm.item.list?filter%5B0%5D%5Blogic%5D=OR\u0026filter%5B%40id%5D=%24result%5Bz%5D%5BLEAD%5D\u0026n=1.5\u0026no=0\u0026yes=1","b":"scope","c":"profile"}}`
	if diff := cmp.Diff(want, body); diff != "" {
		t.Errorf("body (-want +got):\n%s", diff)
	}
	var z struct{ ID ID }
	if err := answers.Decode("z", &z); err != nil || z.ID != 5 {
		t.Error(z, err)
	}
	next, more := answers.Next("z")
	total, counted := answers.Total("z")
	if next != 0 || !more || total != 120 || !counted {
		t.Error("the presence of a key counts, not its value")
	}
	if !errors.Is(answers.Decode("a", nil), ErrorCore) || !says(answers.Decode("b", nil), "not found") || !errors.Is(answers.Decode("c", nil), ErrNotExecuted) {
		t.Error("refused and not executed commands must differ")
	}
	if d.Client.portal.budget("crm.duplicate.findbycomm").operating != 400 {
		t.Error("the budget of a command was not noted")
	}
}

func TestBatchesThatCannotBeSent(t *testing.T) {
	d, s := scripted(t, yes)
	long := Batch{}
	for i := range 51 {
		long.Add(fmt.Sprintf("k%d", i), "m", nil)
	}
	twice := Batch{Commands: []Command{{"a", "m", nil}, {"a", "m", nil}}}
	number := Batch{Commands: []Command{{"0", "m", nil}}}
	empty := Batch{Commands: []Command{{"a", "m", Params{"filter": Params{"@id": []int64{}}}}}}
	for _, batch := range []Batch{{}, long, twice, number, empty} {
		if _, err := d.Batch(t.Context(), batch); err == nil {
			t.Errorf("%d commands were sent", len(batch.Commands))
		}
	}
	if len(s.asked) != 0 {
		t.Error("something was sent")
	}
}

func TestABatchOfWritesIsNeverRepeatedByItself(t *testing.T) {
	d, s := scripted(t, `502 <html>`, yes)
	_, err := d.Batch(t.Context(), Batch{Commands: []Command{{"a", "crm.lead.add", nil}}})
	if !Unsure(err) || len(s.asked) != 1 {
		t.Errorf("%v after %d requests", err, len(s.asked))
	}
	d, s = scripted(t, `502 <html>`, `{"result":{"result":{"a":1}}}`)
	if _, err = d.Batch(t.Context(), Batch{Commands: []Command{{"a", "crm.lead.get", nil}}}, Repeatable()); err != nil || len(s.asked) != 2 {
		t.Errorf("%v after %d requests", err, len(s.asked))
	}
}
