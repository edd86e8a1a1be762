package b24

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"callwise/app/crm"
)

// How a portal treats references inside a batch.
type references int

const (
	resolved references = iota // as the documentation has it
	literal                    // passed on as text
	dropped                    // lost, and the filter with them
	mixed                      // lost in filters by id, text in others
)

type row map[string]any

// tinyPortal is a CRM that can be searched and listed in batches. It knows
// less than b24sim, and behaves in ways b24sim does not.
type tinyPortal struct {
	refs            references
	noContactIDs    bool // deals cannot be filtered by all contacts
	noEmptyLists    bool // a filter by one of no values is refused
	mode            int
	rows            map[crm.EntityType][]row
	phone           map[crm.EntityType][]int64 // what the search finds
	classic         []row                      // what the classic lists list, whatever they are asked
	refused         map[string]string          // by key of a command, in any request
	requests, longs int
	commands        [][]string // keys of each request
}

func newTinyPortal() *tinyPortal {
	return &tinyPortal{mode: 1, rows: map[crm.EntityType][]row{}, phone: map[crm.EntityType][]int64{}, refused: map[string]string{}}
}

func (p *tinyPortal) desk(t *testing.T) *desk { return serve(t, p.ServeHTTP) }

func (p *tinyPortal) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.requests++
	var body struct {
		Halt int             `json:"halt"`
		Cmd  json.RawMessage `json:"cmd"`
	}
	_ = json.NewDecoder(r.Body).Decode(&body)
	results, errs, totals, nexts := row{}, row{}, row{}, row{}
	var keys []string
	for _, c := range ordered(body.Cmd) {
		keys = append(keys, c[0])
		method, query, _ := strings.Cut(c[1], "?")
		params := p.resolve(nested(query), results)
		result, page, err := p.run(method, params)
		if text, ok := p.refused[c[0]]; ok {
			err = text
		}
		if err != "" {
			code, detail, _ := strings.Cut(err, " ")
			errs[c[0]] = row{"error": code, "error_description": detail}
			if body.Halt == 1 {
				break
			}
			continue
		}
		results[c[0]] = result
		if page != nil {
			totals[c[0]] = page["total"]
			if page["next"] != nil {
				nexts[c[0]] = page["next"]
			}
		}
	}
	p.commands = append(p.commands, keys)
	text, _ := json.Marshal(row{"result": row{"result": empty(results), "result_error": empty(errs),
		"result_total": empty(totals), "result_next": empty(nexts), "result_time": []int{}}, "time": row{}})
	write(w, string(text))
}

// empty writes an empty object as PHP does.
func empty(r row) any {
	if len(r) == 0 {
		return []int{}
	}
	return r
}

func (p *tinyPortal) run(method string, params row) (result any, page row, refused string) {
	kind := crm.EntityType(number(params["entityTypeId"]))
	switch method {
	case "crm.settings.mode.get":
		return p.mode, nil, ""
	case "crm.duplicate.findbycomm":
		if values, _ := params["values"].(row); len(values) == 0 {
			return nil, nil, " Communication values is not defined"
		}
		found := row{}
		for kind, ids := range p.phone {
			if only := params["entity_type"]; len(ids) > 0 && (only == nil || only == kind.Code()) {
				found[kind.Code()] = ids
			}
		}
		return empty(found), nil, ""
	case "crm.item.get":
		for _, r := range p.rows[kind] {
			if number(r["id"]) == number(params["id"]) {
				return row{"item": r}, nil, ""
			}
		}
		return nil, nil, "NOT_FOUND"
	case "crm.item.list":
		return p.list(kind, params)
	case "crm.lead.list", "crm.contact.list", "crm.company.list":
		return p.classic, row{"total": len(p.classic)}, ""
	}
	return nil, nil, "ERROR_METHOD_NOT_FOUND"
}

func (p *tinyPortal) list(kind crm.EntityType, params row) (any, row, string) {
	filter, _ := params["filter"].(row)
	if _, ok := filter["@contactIds"]; ok && p.noContactIDs {
		return nil, nil, "INVALID_ARG_VALUE Invalid filter"
	}
	for name, want := range filter {
		if values, list := want.(row); p.noEmptyLists && list && len(values) == 0 {
			return nil, nil, "INVALID_ARG_VALUE Invalid filter: " + name
		}
	}
	found := []row{}
	for _, r := range p.rows[kind] {
		if matches(r, filter) {
			found = append(found, r)
		}
	}
	slices.SortFunc(found, func(a, b row) int { return cmp.Compare(number(b["id"]), number(a["id"])) })
	start := int(number(params["start"]))
	page := row{"total": len(found)}
	if start+50 < len(found) {
		page["next"] = start + 50
		p.longs++
	}
	return row{"items": found[min(start, len(found)):min(start+50, len(found))]}, page, ""
}

func matches(r row, filter row) bool {
	for name, want := range filter {
		field, in := strings.CutPrefix(name, "@")
		values, _ := want.(row)
		if in && len(values) == 0 && want != nil {
			if _, text := want.(string); text {
				return false // some text is no id
			}
			continue // an empty list filters nothing
		}
		ok := false
		for _, v := range values {
			ok = ok || has(r[field], v)
		}
		if !in {
			ok = has(r[field], want)
		}
		if !ok {
			return false
		}
	}
	return true
}

func has(field, want any) bool {
	if list, ok := field.([]int64); ok {
		return slices.ContainsFunc(list, func(id int64) bool { return fmt.Sprint(id) == fmt.Sprint(want) })
	}
	return fmt.Sprint(field) == fmt.Sprint(want)
}

// resolve puts results in the place of references.
func (p *tinyPortal) resolve(params row, results row) row {
	out := row{}
	for name, value := range params {
		switch v := value.(type) {
		case row:
			out[name] = p.resolve(v, results)
		case string:
			switch {
			case !strings.HasPrefix(v, "$result["), p.refs == literal, p.refs == mixed && name != "@id":
				out[name] = v
			case p.refs == resolved:
				out[name] = lookUp(results, v)
			}
		}
	}
	return out
}

// lookUp goes as deep as there is something.
func lookUp(results row, ref string) any {
	var at any = results
	whole := true
	for _, part := range strings.Split(strings.TrimSuffix(strings.TrimPrefix(ref, "$result["), "]"), "][") {
		object, ok := at.(row)
		if !ok || object[part] == nil {
			whole = false
			break
		}
		at = object[part]
	}
	if object, ok := at.(row); ok && whole {
		return object
	}
	ids, ok := at.([]int64)
	if !ok {
		return row{}
	}
	list := row{}
	for i, id := range ids {
		list[strconv.Itoa(i)] = id
	}
	return list
}

func number(v any) int64 {
	n, _ := strconv.ParseInt(fmt.Sprint(v), 10, 64)
	return n
}

// ordered are the keys and values of a JSON object in their order.
func ordered(raw json.RawMessage) [][2]string {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	_, _ = decoder.Token()
	var all [][2]string
	for decoder.More() {
		key, _ := decoder.Token()
		value, _ := decoder.Token()
		all = append(all, [2]string{key.(string), value.(string)})
	}
	return all
}

// nested unpacks a query as PHP does.
func nested(query string) row {
	values, _ := url.ParseQuery(query)
	out := row{}
	for key := range values {
		path := strings.Split(strings.ReplaceAll(key, "]", ""), "[")
		at := out
		for _, part := range path[:len(path)-1] {
			if at[part] == nil {
				at[part] = row{}
			}
			at = at[part].(row)
		}
		at[path[len(path)-1]] = values.Get(key)
	}
	return out
}

func itemOf(r row) item {
	text, err := json.Marshal(r)
	if err != nil {
		panic(err)
	}
	var i item
	if err := json.Unmarshal(text, &i); err != nil {
		panic(err)
	}
	return i
}
