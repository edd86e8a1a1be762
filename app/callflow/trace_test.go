package callflow

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Who has a line of the log finds the call's trace at the collector.
func TestALineNamesTheTraceThatIsRecorded(t *testing.T) {
	f := &Flow{Traces: true}
	ctx, _ := f.traced(t.Context(), "call", 7, "pbx:+4930901821")
	want, _ := CallTraces{}.NewIDs(ctx)
	var mark Mark
	mark.name(7, "pbx:+4930901821")
	if diff := cmp.Diff(want.String(), mark.Named.LogValue().String()); diff != "" {
		t.Errorf("trace (-recorded +named):\n%s", diff)
	}
}

func TestALineNamesAFewCallsAndEachOnce(t *testing.T) {
	var mark Mark
	for _, portal := range []int64{1, 2} {
		for i := range 4 {
			for range 2 {
				mark.name(portal, fmt.Sprint("pbx:", i))
			}
		}
	}
	ids := strings.Fields(mark.Named.LogValue().String())
	distinct := map[string]bool{}
	for _, id := range ids {
		distinct[id] = true
	}
	if len(ids) != mostNamed || len(distinct) != mostNamed {
		t.Errorf("named %q", ids)
	}
}
