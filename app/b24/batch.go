package b24

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// maxCommands is how many commands a batch may hold.
const maxCommands = 50

// A Command is one call inside a [Batch].
type Command struct {
	Key    string // names the result: letters, digits and _, not a number
	Method string
	Params Params
}

// A Batch is up to 50 calls in one request, carried out in order.
//
// https://apidocs.bitrix24.com/settings/how-to-call-rest-api/batch.html
type Batch struct {
	// Halt stops at the first command that fails. Writes that use earlier
	// results need it: a reference to a failed command reaches the portal as
	// plain text. Reads may end early by it.
	Halt     bool
	Commands []Command
}

// Add appends a command.
func (b *Batch) Add(key, method string, params Params) {
	b.Commands = append(b.Commands, Command{key, method, params})
}

// Ref refers to the result of an earlier command of the same batch, or to a
// place in it, as the whole value of a parameter.
func Ref(key string, path ...string) string {
	return "$result[" + strings.Join(append([]string{key}, path...), "][") + "]"
}

// Answers are the results of a batch by the keys of its commands.
type Answers struct {
	At      time.Time // when the portal answered, by its own clock if it tells
	methods map[string]string
	batchResult
}

type batchResult struct {
	Results Map[json.RawMessage] `json:"result"`
	Errors  Map[json.RawMessage] `json:"result_error"`
	Totals  Map[ID]              `json:"result_total"`
	Nexts   Map[ID]              `json:"result_next"`
	Times   Map[timing]          `json:"result_time"`
}

// Decode puts the result of one command into out, which may be nil. It returns
// an [*Error] for a command that was refused and [ErrNotExecuted] for one that
// was not reached.
func (a Answers) Decode(key string, out any) error {
	if refused, ok := a.Errors[key]; ok {
		return refusedCommand(a.methods[key], refused)
	}
	result, ok := a.Results[key]
	if !ok {
		return fmt.Errorf("%s: %w", a.methods[key], ErrNotExecuted)
	}
	return decode(a.methods[key], result, out)
}

// merge adds the answers of another batch.
func (a Answers) merge(more Answers) {
	maps.Copy(a.methods, more.methods)
	maps.Copy(a.Results, more.Results)
	maps.Copy(a.Errors, more.Errors)
	maps.Copy(a.Totals, more.Totals)
	maps.Copy(a.Nexts, more.Nexts)
}

func refusedCommand(method string, raw json.RawMessage) *Error {
	var body struct {
		Code   json.RawMessage `json:"error"`
		Detail json.RawMessage `json:"error_description"`
	}
	if json.Unmarshal(raw, &body) != nil {
		return &Error{Method: method, Detail: scalar(raw)}
	}
	return refusalOf(method, 0, body.Code, body.Detail)
}

// Next returns where the next page of a list starts, and whether there is one.
func (a Answers) Next(key string) (start int, ok bool) {
	next, ok := a.Nexts[key]
	return int(next), ok
}

// Total returns how many rows a list has, and whether the portal told.
func (a Answers) Total(key string) (rows int, ok bool) {
	total, ok := a.Totals[key]
	return int(total), ok
}

// Batch carries out several calls in one request. The error is about the
// request as a whole; each command has its own answer. A batch is repeated by
// itself only if it did not run or is [Repeatable], that is, of reads only.
func (c *Client) Batch(ctx context.Context, b Batch, opts ...Option) (Answers, error) {
	commands, methods, err := b.encode()
	if err != nil {
		return Answers{}, err
	}
	r := &request{
		name: "batch: " + strings.Join(b.methods(), ", "), path: "batch", methods: b.methods(), timeout: heavy,
		body:   func(token string) ([]byte, error) { return b.body(commands, token) },
		params: func() json.RawMessage { return maskedBatch(b) },
	}
	for _, option := range opts {
		option(r)
	}
	answers := Answers{methods: methods}
	var odd error
	r.heard = func(got *answer, entry *Request) {
		if odd = decode(r.name, got.Result, &answers.batchResult); odd == nil {
			entry.Operating, entry.Code = c.learn(answers)
		}
	}
	got, err := c.send(ctx, r)
	if err != nil {
		return Answers{}, err
	}
	answers.At = got.Time.at(c.app.now())
	if odd != nil {
		return Answers{}, odd
	}
	return answers, nil
}

// learn notes what the commands of a batch used of their budgets. It returns the
// most that one of their methods used up, and the gravest limit that one has met:
// the portal says of the whole that all is well.
func (c *Client) learn(a Answers) (operating float64, limit Code) {
	for key, spent := range a.Times {
		c.portal.spent(a.methods[key], spent)
		operating = max(operating, float64(spent.Operating))
	}
	met := map[Code]bool{}
	for key, refused := range a.Errors {
		code := refusedCommand(a.methods[key], refused).Code
		met[code] = true
		if code == OperationTimeLimit {
			c.portal.pause(a.methods[key], c.app.now())
		}
	}
	for _, code := range limits {
		if met[code] {
			return operating, code
		}
	}
	return operating, ""
}

// limits are the refusals of who asks too much, the gravest first.
var limits = []Code{OverloadLimit, OperationTimeLimit, QueryLimitExceeded}

// methods lists the methods of the commands, each once.
func (b Batch) methods() []string {
	var methods []string
	seen := map[string]bool{}
	for _, command := range b.Commands {
		if !seen[command.Method] {
			methods = append(methods, command.Method)
		}
		seen[command.Method] = true
	}
	return methods
}

// goodKey is a name that PHP does not take for an index of a list.
var goodKey = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// encode writes the commands as a JSON object in their order, which encoding a
// Go map would lose. Values are URL-encoded once.
func (b Batch) encode() (json.RawMessage, map[string]string, error) {
	if len(b.Commands) == 0 || len(b.Commands) > maxCommands {
		return nil, nil, ErrBatchLength
	}
	methods := map[string]string{}
	var object bytes.Buffer
	for i, command := range b.Commands {
		if _, twice := methods[command.Key]; twice || !goodKey.MatchString(command.Key) {
			return nil, nil, fmt.Errorf("b24: key %q of a batch is used twice or no name", command.Key)
		}
		methods[command.Key] = command.Method
		text, err := command.encode()
		if err != nil {
			return nil, nil, err
		}
		object.WriteByte("{,"[min(i, 1)])
		fmt.Fprintf(&object, "%q:%s", command.Key, text)
	}
	object.WriteByte('}')
	return object.Bytes(), methods, nil
}

func (b Batch) body(commands json.RawMessage, token string) ([]byte, error) {
	return json.Marshal(struct {
		Auth string          `json:"auth"`
		Halt int             `json:"halt"`
		Cmd  json.RawMessage `json:"cmd"`
	}{token, oneOrZero(b.Halt), commands})
}

func (c Command) encode() ([]byte, error) {
	query := url.Values{}
	if err := flatten(query, "", reflect.ValueOf(c.Params)); err != nil {
		return nil, err
	}
	if len(query) == 0 {
		return json.Marshal(c.Method)
	}
	return json.Marshal(c.Method + "?" + query.Encode())
}

// flatten writes a value as PHP reads it from a query. An empty list would
// vanish, and with it a filter: that is an error.
func flatten(query url.Values, key string, v reflect.Value) error {
	if v.Kind() == reflect.Interface {
		v = v.Elem()
	}
	switch v.Kind() {
	case reflect.Invalid:
		return nil
	case reflect.Map:
		return flattenMap(query, key, v)
	case reflect.Slice:
		return flattenList(query, key, v)
	case reflect.String:
		query.Set(key, v.String())
	case reflect.Bool:
		query.Set(key, strconv.Itoa(oneOrZero(v.Bool())))
	case reflect.Float32, reflect.Float64:
		query.Set(key, strconv.FormatFloat(v.Float(), 'f', -1, 64))
	default:
		query.Set(key, fmt.Sprint(v.Interface()))
	}
	return nil
}

func flattenMap(query url.Values, key string, v reflect.Value) error {
	for _, name := range v.MapKeys() {
		if err := flatten(query, under(key, name.String()), v.MapIndex(name)); err != nil {
			return err
		}
	}
	return nil
}

func flattenList(query url.Values, key string, v reflect.Value) error {
	if v.Len() == 0 {
		return fmt.Errorf("b24: empty list for %s", key)
	}
	for i := range v.Len() {
		if err := flatten(query, under(key, strconv.Itoa(i)), v.Index(i)); err != nil {
			return err
		}
	}
	return nil
}

func under(key, name string) string {
	if key == "" {
		return name
	}
	return key + "[" + name + "]"
}
