package callflow

import (
	"fmt"
	"testing"
	"time"

	"callwise/app/call"
	"callwise/models"
	"callwise/models/modelstest"
)

// Several callbacks to one number may wait, and the PBX place their calls at the same
// moment.
func TestEachCallOfThePBXAnswersAnotherCallback(t *testing.T) {
	const many = 6
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		ctx, portal := t.Context(), installed(t, s)
		f := Flow{Store: s, Now: time.Now}
		phone := call.ParsePhone("+4930901820", "DE")
		waiting := map[int64]bool{}
		for i := range many {
			row, err := s.EnsureCall(ctx, models.Call{
				PortalID: portal.ID, Kind: models.KindCallback, CallKey: fmt.Sprint("callback:", i),
				Direction: call.Callback, Phone: "+4930901820", PhoneKey: phone.Key(),
			})
			if err != nil {
				t.Fatal(err)
			}
			waiting[row.ID] = true
		}
		type answer struct {
			row *models.Call
			err error
		}
		begin, answers := make(chan struct{}), make(chan answer)
		for i := range many {
			placed := trail{
				key: fmt.Sprint("pbx:", i), id: fmt.Sprint(i),
				call: call.Call{Direction: call.Callback, Phone: "+4930901820"},
			}
			go func() {
				<-begin
				row, err := f.newPBXCall(ctx, portal, placed)
				answers <- answer{row, err}
			}()
		}
		close(begin)
		for range many {
			got := <-answers
			if got.err != nil || !waiting[got.row.ID] {
				t.Errorf("%+v, %v: not a callback that waits", got.row, got.err)
				continue
			}
			delete(waiting, got.row.ID)
		}
	})
}
