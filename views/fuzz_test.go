package views

import (
	"net/url"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// FuzzFilter reads the filter of an address of the call log.
func FuzzFilter(f *testing.F) {
	f.Add("period=custom&from=2026-03-04&to=2026-03-01&direction=incoming&outcome=missed&result=trouble&employee=17&line=4930&attention=any&text=abc&order=oldest")
	f.Add("period=all&text=%22%3E%3Cscript%3E&employee=-1&from=2026-99-99")
	f.Add("text=%00%ff%25_&reason=NEW_CREATED")
	f.Fuzz(func(t *testing.T, query string) {
		values, err := url.ParseQuery(query)
		if err != nil {
			return
		}
		read, _ := ReadFilter(values.Get)
		known := read.Known()
		if diff := cmp.Diff(known, known.Known()); diff != "" {
			t.Fatalf("known twice (-once +twice):\n%s", diff)
		}
		again, err := url.ParseQuery(known.Address())
		if err != nil {
			t.Fatal(err)
		}
		kept, _ := ReadFilter(again.Get)
		if diff := cmp.Diff(known, kept.Known()); diff != "" {
			t.Fatalf("by its address (-want +got):\n%s", diff)
		}
	})
}
