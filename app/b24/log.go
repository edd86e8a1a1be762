package b24

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// A Request is an entry of the REST log: one HTTP request, answered or not.
type Request struct {
	At        time.Time
	CallID    int64           // call the request was made for, see [WithCall]; 0 for none
	Method    string          // "batch: a, b" for a batch
	Params    json.RawMessage // without tokens, numbers and texts masked
	Status    int             // HTTP status, 0 when there was no answer
	Answer    json.RawMessage // masked like Params and cut to a few KiB; nil without an answer
	Code      Code            // refusal, of a batch also a limit that one of its commands met; "" also without an answer
	Duration  time.Duration
	Operating float64 // seconds of the portal's budget used up, as it told; of a batch, of its busiest method
}

type callKey struct{}

// WithCall names the call that requests are made for, by its row id.
func WithCall(ctx context.Context, id int64) context.Context {
	return context.WithValue(ctx, callKey{}, id)
}

// though is ctx for what a Keeper is told though ctx has ended, for a while: one that
// hangs does not keep the program from ending.
func though(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
}

// log hands an entry to the Keeper. A log that cannot be written does not
// change what happened at the portal, so the call goes on.
func (c *Client) log(ctx context.Context, entry Request, params func() json.RawMessage) {
	entry.CallID, _ = ctx.Value(callKey{}).(int64)
	entry.Params = params()
	ctx, cancel := though(ctx)
	defer cancel()
	if err := c.keeper.Log(ctx, c.memberID, entry); err != nil {
		slog.ErrorContext(ctx, "REST request not logged", "method", entry.Method, "error", err)
	}
}

// secret are parameters that never reach the log.
var secret = []string{"auth", "access_token", "refresh_token", "client_secret", "token", "application_token"}

// phones are parameters whose values are telephone numbers.
var phones = []string{"phone_number", "phone", "values", "value", "line_number", "number", "phonenumber"}

// plain are parameters that say nothing about a person: names of objects,
// states and fields.
var plain = []string{
	"call_id", "external_call_id", "type", "entity_type", "status_code", "crm_entity_type", "crm_source", "source_id",
	"call_start_date", "start_time", "end_time", "completed", "opened", "value_type", "crm_auto_create", "originator_id",
	"origin_id", "originatorid", "originid", "event", "handler", "placement", "select", "order", "sort", "semantics",
	"stagesemanticid", "isrecurring", "ismycompany", "user_type", "active", "activityid", "user_id", "crm_entity_id",
	"id", "logic", "grant_type", "contactid", "contactids", "companyid", "leadid", "sourceid", "deadline",
}

// masked is params as the REST log may keep them.
func masked(params Params) json.RawMessage {
	return encoded(maskMap(params))
}

func maskedBatch(b Batch) json.RawMessage {
	type command struct {
		Key    string         `json:"key"`
		Method string         `json:"method"`
		Params map[string]any `json:"params"`
	}
	commands := make([]command, len(b.Commands))
	for i, c := range b.Commands {
		commands[i] = command{c.Key, c.Method, maskMap(c.Params)}
	}
	return encoded(commands)
}

func encoded(v any) json.RawMessage {
	text, err := json.Marshal(v)
	if err != nil {
		return json.RawMessage(`"not encodable"`)
	}
	return text
}

func maskMap(params map[string]any) map[string]any {
	out := make(map[string]any, len(params))
	for name, value := range params {
		key := strings.ToLower(strings.TrimLeft(name, "=@!<>%"))
		if !slices.Contains(secret, key) {
			out[name] = maskValue(key, value)
		}
	}
	return out
}

// maskValue masks a value by the name it stands under; numbers, which are ids
// and switches, stay.
func maskValue(key string, value any) any {
	switch v := value.(type) {
	case Params:
		return maskUnder(key, v)
	case map[string]any:
		return maskUnder(key, v)
	case string:
		return maskText(key, v)
	case []string:
		return maskList(key, v)
	case []Params:
		return maskList(key, v)
	case []any:
		return maskList(key, v)
	case int, int64, float64, bool, []int64:
		return value
	}
	return "hidden"
}

// maskUnder masks a nested object; the fields of an order are no values of a
// person.
func maskUnder(key string, params map[string]any) any {
	if key == "order" {
		return params
	}
	return maskMap(params)
}

func maskList[T any](key string, list []T) []any {
	out := make([]any, len(list))
	for i, item := range list {
		out[i] = maskValue(key, item)
	}
	return out
}

func maskText(key, text string) string {
	switch {
	case text == "", strings.HasPrefix(text, "$result["), slices.Contains(plain, key):
		return text
	case slices.Contains(phones, key):
		return maskPhone(text)
	}
	return fmt.Sprintf("%d characters", utf8.RuneCountInString(text))
}

// maskPhone leaves the last digits of a number: four, or two of a short one.
func maskPhone(text string) string {
	keep := 4
	if len(text) < 8 {
		keep = 2
	}
	if len(text) <= keep {
		return "…"
	}
	return "…" + strings.ToValidUTF8(text[len(text)-keep:], "")
}
