package b24

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"callwise/app/call"
	"callwise/app/crm"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

const callID = "externalCall.5b0c1e7a9d3f4c2e8a6b7d1f0c9e8a77.1787300010"

func TestStartCall(t *testing.T) {
	d, s := scripted(t, `{"result":{"CALL_ID":"`+callID+`","CRM_CREATED_LEAD":901,"CRM_CREATED_ENTITIES":[{"ENTITY_TYPE":"LEAD","ENTITY_ID":901},
	 {"ENTITY_TYPE":"DEAL","ENTITY_ID":"7"}],"CRM_ENTITY_TYPE":"CONTACT","CRM_ENTITY_ID":412},"time":{}}`,
		`{"result":{"CALL_ID":"`+callID+`","CRM_CREATED_LEAD":null,"CRM_CREATED_ENTITIES":[],"CRM_ENTITY_TYPE":"","CRM_ENTITY_ID":null,"LEAD_CREATION_ERROR":"no"},"time":{"finish":1787400000.5}}`,
		`{"result":[]}`)
	start := CallStart{
		ExternalID: "pbx-1", UserID: 17, Phone: "+79035551122", Direction: call.Incoming, StartedAt: noon, Create: true, Source: "CALL",
		Primary: &crm.Ref{Type: crm.TypeContact, ID: 412}, Show: true, Line: "74951230000",
	}
	got, err := d.StartCall(t.Context(), start)
	want := StartedCall{At: noon, CallID: callID, Primary: &crm.Ref{Type: crm.TypeContact, ID: 412}, Created: []crm.Ref{{Type: crm.TypeLead, ID: 901}, {Type: crm.TypeDeal, ID: 7}}}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	sent := map[string]any{"USER_ID": 17., "PHONE_NUMBER": "+79035551122", "TYPE": 2., "CRM_CREATE": 1., "SHOW": 1., "ADD_TO_CHAT": 0.,
		"LINE_NUMBER": "74951230000", "EXTERNAL_CALL_ID": "pbx-1", "CALL_START_DATE": "2026-08-22T12:00:00Z", "CRM_SOURCE": "CALL",
		"CRM_ENTITY_TYPE": "CONTACT", "CRM_ENTITY_ID": 412.}
	if diff := cmp.Diff(sent, s.asked[0].Params); diff != "" {
		t.Errorf("sent (-want +got):\n%s", diff)
	}
	got, err = d.StartCall(t.Context(), CallStart{})
	if diff := cmp.Diff(StartedCall{At: time.UnixMilli(1787400000500).UTC(), CallID: callID, CreationError: "no"}, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if _, err = d.StartCall(t.Context(), CallStart{}); !Unsure(err) {
		t.Errorf("an answer without a call is no answer: %v", err)
	}
}

func TestDirections(t *testing.T) {
	got := map[call.Direction][2]int{}
	for _, d := range []call.Direction{call.Incoming, call.Outgoing, call.Redirected, call.Callback, call.Info} {
		got[d] = [2]int{callType(d), activityDirection(d)}
	}
	want := map[call.Direction][2]int{call.Incoming: {2, 1}, call.Outgoing: {1, 2}, call.Redirected: {3, 1}, call.Callback: {4, 2}, call.Info: {5, 2}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestCustomers(t *testing.T) {
	const anna = `{"CRM_ENTITY_TYPE":"CONTACT","CRM_ENTITY_ID":412,"ASSIGNED_BY_ID":17,"NAME":"Anna Petrova",
	 "ASSIGNED_BY":{"ID":"17","TIMEMAN_STATUS":"OPENED","USER_PHONE_INNER":"104","WORK_PHONE":null,"PERSONAL_MOBILE":"+79031234567"}}`
	d, s := scripted(t, `{"result":{"result":{"spelled_0":[{"CRM_ENTITY_TYPE":"LEAD","CRM_ENTITY_ID":"5","ASSIGNED_BY_ID":18,"NAME":null,
	 "ASSIGNED_BY":{"ID":"18","TIMEMAN_STATUS":"CLOSED","USER_PHONE_INNER":null}}],
	 "spelled_1":[`+anna+`,{"CRM_ENTITY_TYPE":"COMPANY","CRM_ENTITY_ID":90,"ASSIGNED_BY_ID":null,"ASSIGNED_BY":[]}],
	 "spelled_2":[`+anna+`,{"CRM_ENTITY_TYPE":"LEAD","CRM_ENTITY_ID":5}]},"result_error":[]}}`,
		`{"result":{"result":{"spelled_0":[]},"result_error":[]}}`,
		`{"result":{"result":{"spelled_0":[]},"result_error":{"spelled_1":{"error":"ERROR_CORE","error_description":"CRM is not installed."}}}}`)
	got, err := d.Customers(t.Context(), []string{"+4930", "4930", "030"})
	want := []Customer{
		{cont412, "Anna Petrova", Responsible{17, "104", true}},
		{Ref: crm.Ref{Type: crm.TypeLead, ID: 5}, Responsible: Responsible{UserID: 18}},
		{Ref: comp90},
	}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if s.asked[0].Method != "batch" {
		t.Errorf("asked %v, want one request for all spellings", s.asked)
	}
	if got, err := d.Customers(t.Context(), []string{"+49"}); len(got) != 0 || err != nil {
		t.Error(got, err)
	}
	if got, err := d.Customers(t.Context(), []string{"+49", "49"}); got != nil || !IsPortal(err) {
		t.Errorf("one search of two is refused: %v, %v", got, err)
	}
}

func TestCards(t *testing.T) {
	d, s := scripted(t, `{"result":true}`, `{"result":false}`)
	shown, err := d.ShowCard(t.Context(), callID, []int64{17, 18})
	hidden, err2 := d.HideCard(t.Context(), callID, []int64{17})
	if !shown || hidden || err != nil || err2 != nil {
		t.Error(shown, hidden, err, err2)
	}
	want := []asked{
		{"telephony.externalCall.show", "access-1", map[string]any{"CALL_ID": callID, "USER_ID": []any{17., 18.}}},
		{"telephony.externalCall.hide", "access-1", map[string]any{"CALL_ID": callID, "USER_ID": []any{17.}}},
	}
	if diff := cmp.Diff(want, s.asked); diff != "" {
		t.Error(diff)
	}
}

// finishText is the contract's answer to a finish.
const finishText = `{"CALL_ID":"x","EXTERNAL_CALL_ID":"pbx","PORTAL_USER_ID":17,"INCOMING":"2","CALL_START_DATE":{},"CALL_STATUS":1,
 "CALL_FAILED_CODE":"603-S","REST_APP_ID":"3","CRM_ACTIVITY_ID":7943,"COMMENT":null,"CRM_ENTITY_TYPE":"CONTACT","CRM_ENTITY_ID":412,"ID":7}`

var (
	deal555  = crm.Ref{Type: crm.TypeDeal, ID: 555}
	lead3281 = crm.Ref{Type: crm.TypeLead, ID: 3281}
	comp90   = crm.Ref{Type: crm.TypeCompany, ID: 90}
	cont412  = crm.Ref{Type: crm.TypeContact, ID: 412}
)

func refused(code string) string { return fmt.Sprintf(`{"error":%q,"error_description":"x"}`, code) }

func TestFinishCall(t *testing.T) {
	answered := FinishedCall{StatisticID: 7, ActivityID: 7943, AppID: "3", Primary: &cont412}
	bound := func(f FinishedCall, b Bound) FinishedCall { f.Bound = b; return f }
	list := `"list":[{"entityTypeId":3,"entityId":412},{"entityTypeId":2,"entityId":"555"},{"entityTypeId":14,"entityId":1}]`
	tests := []struct {
		name     string
		bind     []crm.Ref
		answers  []string
		want     FinishedCall
		is       error
		requests []string
	}{
		{
			name: "one request finishes, attaches, and reads what is attached", bind: []crm.Ref{deal555, lead3281, comp90},
			answers: []string{`{"result":{"result":{"fin":` + finishText + `,"b1":true,` + list + `},"result_error":{"b0":` + refused("ACTIVITY_IS_ALREADY_BOUND") + `,"b2":` + refused("OWNER_NOT_FOUND") + `}}}`},
			want:    bound(answered, Bound{Refs: []crm.Ref{deal555, lead3281, cont412}, Skipped: []crm.Ref{comp90}}), requests: []string{"batch"},
		},
		{
			name: "with nothing to attach it is still one request", requests: []string{"batch"},
			answers: []string{`{"result":{"result":{"fin":` + finishText + `,` + list + `},"result_error":[]}}`},
			want:    bound(answered, Bound{Refs: []crm.Ref{cont412, deal555}}),
		},
		{
			name: "a refused object fails alone", bind: []crm.Ref{deal555}, requests: []string{"batch"},
			answers: []string{`{"result":{"result":{"fin":` + finishText + `},"result_error":{"b0":` + refused("ACCESS_DENIED") + `,"list":` + refused("ACCESS_DENIED") + `}}}`},
			want:    bound(answered, Bound{Failed: []BindFailure{{deal555, &Error{Method: methodBind, Code: AccessDenied, Detail: "x"}}}}),
		},
		{
			name: "a call with nothing to attach it to has no activity", bind: []crm.Ref{deal555}, requests: []string{"batch"},
			answers: []string{`{"result":{"result":{"fin":{"ID":8,"REST_APP_ID":"3","CRM_ACTIVITY_ID":false,"ERRORS":{"ACTIVITY_CREATION":"Could not find associated crm entity"}}},
			 "result_error":{"b0":` + refused("NOT_FOUND") + `,"list":` + refused("100") + `}}}`},
			want: FinishedCall{StatisticID: 8, AppID: "3", ActivityError: "Could not find associated crm entity"},
		},
		{
			name: "where the portal does not resolve the reference, the activity is named", bind: []crm.Ref{deal555, lead3281}, requests: []string{"batch", "batch"},
			answers: []string{
				`{"result":{"result":{"fin":` + finishText + `},"result_error":{"b0":` + refused("NOT_FOUND") + `,"b1":` + refused("100") + `,"list":` + refused("100") + `}}}`,
				`{"result":{"result":{"b0":true,` + list + `},"result_error":{"b1":` + refused("NOT_FOUND") + `}}}`,
			},
			want: bound(answered, Bound{Refs: []crm.Ref{deal555, cont412}, Failed: []BindFailure{{lead3281, &Error{Method: methodBind, Code: NotFound, Detail: "x"}}}}),
		},
		{
			name: "a call finished before is found in the statistics", bind: []crm.Ref{deal555}, requests: []string{"batch", "voximplant.statistic.get", "batch"},
			answers: []string{
				`{"result":{"result":[],"result_error":{"fin":{"error":"ERROR_CORE","error_description":"Call is not found (call should be registered prior to finishing)"},"b0":` + refused("NOT_FOUND") + `}}}`,
				`{"result":[{"ID":"8","CALL_ID":"` + callID + `","CRM_ENTITY_TYPE":"CONTACT","CRM_ENTITY_ID":"412","CRM_ACTIVITY_ID":"7943","REST_APP_ID":"3","CALL_DURATION":"95"}],"total":1}`,
				`{"result":{"result":{"b0":true,` + list + `},"result_error":[]}}`,
			},
			want: FinishedCall{StatisticID: 8, ActivityID: 7943, AppID: "3", Primary: &cont412, Earlier: true, Bound: Bound{Refs: []crm.Ref{deal555, cont412}}},
		},
		{
			name: "a call nobody knows is an error", requests: []string{"batch", "voximplant.statistic.get"}, is: ErrorCore,
			answers: []string{
				`{"result":{"result":[],"result_error":{"fin":{"error":"ERROR_CORE","error_description":"Call is not found"}}}}`, `{"result":[],"total":0}`,
			},
		},
		{
			name: "another call is not taken for it", requests: []string{"batch", "voximplant.statistic.get"}, is: ErrorCore,
			answers: []string{
				`{"result":{"result":[],"result_error":{"fin":{"error":"ERROR_CORE","error_description":"Call is not found"}}}}`, `{"result":[{"ID":"8","CALL_ID":"other"}]}`,
			},
		},
		{
			name: "an employee who is not active is an error", requests: []string{"batch"}, is: ErrorCore,
			answers: []string{`{"result":{"result":[],"result_error":{"fin":{"error":"ERROR_CORE","error_description":"User is not found or is not active"}}}}`},
		},
		{
			name: "a lost answer is not asked for again by itself", requests: []string{"batch"}, is: oddAnswer("answer is not JSON"),
			answers: []string{`504 <html>`},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d, s := scripted(t, tt.answers...)
			got, err := d.FinishCall(t.Context(), CallFinish{CallID: callID, UserID: 17, Duration: 95, Status: Succeeded}, tt.bind)
			if !errors.Is(err, tt.is) || tt.is == nil && err != nil {
				t.Errorf("error %v, want %v", err, tt.is)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.requests, s.methods()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestFinishSendsOneOrderedBatch(t *testing.T) {
	d, s := scripted(t, `{"result":{"result":{"fin":`+finishText+`}}}`)
	_, _ = d.FinishCall(t.Context(), CallFinish{CallID: callID, UserID: 17, Status: Cancelled}, []crm.Ref{deal555})
	want := map[string]any{"halt": 0., "cmd": map[string]any{
		"fin":  "telephony.externalCall.finish?ADD_TO_CHAT=0&CALL_ID=" + callID + "&DURATION=0&STATUS_CODE=603-S&USER_ID=17",
		"b0":   "crm.activity.binding.add?activityId=%24result%5Bfin%5D%5BCRM_ACTIVITY_ID%5D&entityId=555&entityTypeId=2",
		"list": "crm.activity.binding.list?activityId=%24result%5Bfin%5D%5BCRM_ACTIVITY_ID%5D",
	}}
	if diff := cmp.Diff(want, s.asked[0].Params); diff != "" {
		t.Error(diff)
	}
}

func TestManyBindingsTakeFurtherBatches(t *testing.T) {
	var refs []crm.Ref
	var first, later strings.Builder
	for i := range 100 {
		refs = append(refs, crm.Ref{Type: crm.TypeDeal, ID: int64(i + 1)})
		fmt.Fprintf(&first, `,"b%d":true`, i)
		fmt.Fprintf(&later, `"b%d":true,`, i)
	}
	d, s := scripted(t, `{"result":{"result":{"fin":`+finishText+first.String()+`}}}`, `{"result":{"result":{`+later.String()+`"list":[]}}}`)
	got, err := d.FinishCall(t.Context(), CallFinish{CallID: callID}, refs)
	if diff := cmp.Diff(refs, got.Bound.Refs, cmpopts.SortSlices(func(a, b crm.Ref) bool { return a.ID < b.ID })); err != nil || diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
	var sizes []int
	for _, a := range s.asked {
		sizes = append(sizes, len(a.Params["cmd"].(map[string]any)))
	}
	if diff := cmp.Diff([]int{50, 50, 4}, sizes); diff != "" {
		t.Error(diff)
	}
}

func TestUnbind(t *testing.T) {
	d, _ := scripted(t, `{"result":true}`, `400 {"error":"BINDING_NOT_FOUND"}`, `400 {"error":"LAST_BINDING_CANNOT_BE_DELETED"}`)
	for _, want := range []error{nil, nil, LastBinding} {
		if err := d.Unbind(t.Context(), 7943, lead3281); !errors.Is(err, want) || want == nil && err != nil {
			t.Errorf("%v, want %v", err, want)
		}
	}
}

func TestRecordsAndTranscripts(t *testing.T) {
	d, s := scripted(t, `{"result":{"FILE_ID":9079}}`, `{"result":{"TRANSCRIPT_ID":"12"}}`)
	file, err := d.AttachRecord(t.Context(), callID, "call.mp3", "https://pbx.example/call.mp3")
	transcript, err2 := d.AttachTranscript(t.Context(), callID, []call.Message{{Side: call.Client, Text: "Hi"}, {Side: call.User, Start: 2, Stop: 5, Text: "Hello"}})
	if file != 9079 || transcript != 12 || err != nil || err2 != nil {
		t.Error(file, transcript, err, err2)
	}
	want := []asked{
		{"telephony.externalCall.attachRecord", "access-1", map[string]any{"CALL_ID": callID, "FILENAME": "call.mp3", "RECORD_URL": "https://pbx.example/call.mp3"}},
		{"telephony.call.attachTranscription", "access-1", map[string]any{"CALL_ID": callID, "MESSAGES": []any{
			map[string]any{"SIDE": "Client", "START_TIME": 0., "STOP_TIME": 1., "MESSAGE": "Hi"},
			map[string]any{"SIDE": "User", "START_TIME": 2., "STOP_TIME": 5., "MESSAGE": "Hello"},
		}}},
	}
	if diff := cmp.Diff(want, s.asked); diff != "" {
		t.Error(diff)
	}
	for _, entry := range d.keeper.logged() {
		if strings.Contains(string(entry.Params), "Hello") || strings.Contains(string(entry.Params), "pbx.example") {
			t.Errorf("logged %s", entry.Params)
		}
	}
}

// deadlines is a transport that notes how long each request may take.
type deadlines []time.Duration

func (d *deadlines) RoundTrip(r *http.Request) (*http.Response, error) {
	end, _ := r.Context().Deadline()
	*d = append(*d, time.Until(end).Round(5*time.Second))
	return http.DefaultTransport.RoundTrip(r)
}

// Bitrix24 fetches the file before it answers, and works on a request for a minute.
func TestARecordingThatBitrix24FetchesHasTimeAndIsNotFetchedTwiceAtOnce(t *testing.T) {
	d := serve(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	var took deadlines
	d.app.HTTP = &http.Client{Transport: &took}
	_, err := d.AttachRecord(t.Context(), callID, "call.mp3", "https://pbx.example/call.mp3")
	if _, passes := Retry(err); !Unsure(err) || !passes {
		t.Errorf("it may not have run, or does not pass: %v", err)
	}
	if diff := cmp.Diff(deadlines{heavy}, took); diff != "" {
		t.Errorf("time for each request, to five seconds (-want +got):\n%s", diff)
	}
}

// What is given up sooner may still come into being: it would be looked for in vain, and
// made again.
func TestWhatCreatesSomethingIsWaitedForAsLongAsBitrix24WorksOnIt(t *testing.T) {
	for name, do := range map[string]func(d *desk) error{
		"a call": func(d *desk) error {
			_, err := d.StartCall(t.Context(), CallStart{ExternalID: "pbx-1", UserID: 17, Phone: "+79035551122", Direction: call.Incoming, Create: true})
			return err
		},
		"a lead": func(d *desk) error {
			_, err := d.AddLead(t.Context(), NewLead{Title: "Call", Phone: "+79035551122"})
			return err
		},
		"a repeated lead": func(d *desk) error {
			_, err := d.AddLead(t.Context(), NewLead{Title: "Call", ContactID: 412})
			return err
		},
		"a deal": func(d *desk) error {
			_, err := d.AddDeal(t.Context(), NewDeal{Title: "Call", ContactID: 412})
			return err
		},
		"an activity": func(d *desk) error {
			_, err := d.AddCallActivity(t.Context(), CallActivity{Owner: deal555, Direction: call.Incoming, StartedAt: noon, EndedAt: noon})
			return err
		},
		"a to-do": func(d *desk) error {
			_, err := d.AddTodo(t.Context(), Todo{Card: deal555, Deadline: noon, UserID: 17})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := serve(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
			var took deadlines
			d.app.HTTP = &http.Client{Transport: &took}
			if err := do(d); !Unsure(err) {
				t.Errorf("it may not have run: %v", err)
			}
			for _, time := range took {
				if time != heavy {
					t.Errorf("it has %v", time)
				}
			}
			if len(took) == 0 {
				t.Error("nothing was asked")
			}
		})
	}
}

func TestWhatWeCreate(t *testing.T) {
	d, s := scripted(t, `{"result":901}`, `{"result":{"item":{"id":555}}}`, `{"result":7944}`, `{"result":true}`, `{"result":{"result":{"lead":true}}}`)
	ctx := t.Context()
	lead, err1 := d.AddLead(ctx, NewLead{Title: "Call", Name: "Anna", ContactID: 412, ResponsibleID: 17, Source: "CALL", OriginID: "o"})
	deal, err2 := d.AddDeal(ctx, NewDeal{Title: "Call", ContactID: 412, OriginID: "o"})
	activity, err3 := d.AddCallActivity(ctx, CallActivity{Owner: deal555, Subject: "In", Direction: call.Incoming, Phone: "+49", Client: cont412,
		ResponsibleID: 17, StartedAt: noon, EndedAt: noon.Add(time.Minute), Completed: true, OriginID: "o"})
	if err := errors.Join(err1, err2, err3); err != nil || lead.ID != 901 || deal != 555 || activity != 7944 {
		t.Error(lead, deal, activity, err)
	}
	for _, l := range []NewLead{{}, {ContactID: 412}} {
		if _, err := d.AddLead(ctx, l); err == nil {
			t.Error("an answer without an id creates nothing")
		}
	}
	want := []map[string]any{
		{"fields": map[string]any{"TITLE": "Call", "NAME": "Anna", "CONTACT_ID": 412., "ASSIGNED_BY_ID": 17., "SOURCE_ID": "CALL", "ORIGINATOR_ID": "callwise", "ORIGIN_ID": "o"}},
		{"entityTypeId": 2., "fields": map[string]any{"title": "Call", "contactIds": []any{412.}, "originatorId": "callwise", "originId": "o"}},
		{"fields": map[string]any{"OWNER_TYPE_ID": 2., "OWNER_ID": 555., "TYPE_ID": 2., "SUBJECT": "In", "DIRECTION": 1., "COMPLETED": "Y", "RESPONSIBLE_ID": 17.,
			"START_TIME": "2026-08-22T12:00:00Z", "END_TIME": "2026-08-22T12:01:00Z", "ORIGINATOR_ID": "callwise", "ORIGIN_ID": "o",
			"COMMUNICATIONS": []any{map[string]any{"VALUE": "+49", "TYPE": "PHONE", "ENTITY_TYPE_ID": 3., "ENTITY_ID": 412.}}}},
	}
	for i := range want {
		if diff := cmp.Diff(want[i], s.asked[i].Params); diff != "" {
			t.Errorf("%s (-want +got):\n%s", s.asked[i].Method, diff)
		}
	}
}

func TestWhatWeCreatedIsFoundAgain(t *testing.T) {
	d, _ := scripted(t, `{"result":{"items":[{"id":4,"originId":"other"},{"id":5,"originId":"o"}]}}`, `{"result":{"items":[]}}`,
		`{"result":{"items":[{"id":9,"leadId":31,"contactId":0,"contactIds":[412]},{"id":8,"leadId":31}]}}`, `{"result":{"items":[{"id":9,"leadId":30}]}}`,
		`{"result":[{"ID":"7944","ORIGIN_ID":"o"}]}`)
	ctx := t.Context()
	if id, ok, err := d.FindByOrigin(ctx, crm.TypeLead, "o"); id != 5 || !ok || err != nil {
		t.Error(id, ok, err)
	}
	if _, ok, err := d.FindByOrigin(ctx, crm.TypeLead, "o"); ok || err != nil {
		t.Error(ok, err)
	}
	if deal, contact, ok, err := d.DealOfLead(ctx, 31); deal != 9 || contact != 412 || !ok || err != nil {
		t.Error(deal, contact, ok, err)
	}
	if _, _, ok, err := d.DealOfLead(ctx, 31); ok || err != nil {
		t.Error(ok, err)
	}
	if id, ok, err := d.FindCallActivity(ctx, "o"); id != 7944 || !ok || err != nil {
		t.Error(id, ok, err)
	}
	if _, ok, err := d.FindByOrigin(ctx, crm.TypeLead, ""); ok || err != nil {
		t.Error("nothing has no origin")
	}
}

func TestARefusedRecordingTellsWhetherItCouldNotBeFetched(t *testing.T) {
	for _, test := range []struct {
		answer string
		status int
		ok     bool
	}{
		{`400 {"error":"ERROR_CORE","error_description":"Server returns HTTP error code 503"}`, 503, true},
		{`400 {"error":"ERROR_CORE","error_description":"Server returns HTTP error code 404."}`, 404, true},
		{`400 {"error":"ERROR_CORE","error_description":"NETWORK: connection timed out"}`, 0, true},
		{`400 {"error":"ERROR_CORE","error_description":"Wrong file extension. Only wav and mp3 are allowed"}`, 0, false},
		{`400 {"error":"ERROR_CORE","error_description":"Call is not found in the statistic table. Looks like it is not finished yet."}`, 0, false},
		{`400 {"error":"ERROR_CORE","error_description":"File name is empty"}`, 0, false},
		{`403 {"error":"ACCESS_DENIED","error_description":"Access denied!"}`, 0, false},
		{`500 {"error":"INTERNAL_SERVER_ERROR"}`, 0, false},
		{`200 {"result":{"FILE_ID":9}}`, 0, false},
	} {
		d, _ := scripted(t, test.answer, test.answer, test.answer, test.answer)
		_, err := d.AttachRecord(t.Context(), callID, "recording.mp3", "https://pbx.example/1.mp3")
		if status, ok := Unfetched(err); status != test.status || ok != test.ok {
			t.Errorf("%s: %d %t", test.answer, status, ok)
		}
	}
}

func TestAFinishThatMetAnErrorOfTheDatabasePasses(t *testing.T) {
	for text, want := range map[string]bool{
		"Unexpected database error": true, "User is not found or is not active": false, "Call is not found": false,
	} {
		if _, passes := Retry(&Error{Method: methodFinish, Code: ErrorCore, Detail: text}); passes != want {
			t.Errorf("%s: passes %t", text, passes)
		}
	}
}
