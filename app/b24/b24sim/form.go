package b24sim

import (
	"net/url"
	"strings"
)

// maxDepth bounds the nesting of bracketed form keys, as PHP's own limit does.
const maxDepth = 16

// parseForm reads a query string with PHP brackets, keeping the order of keys.
// Pairs that cannot be decoded are dropped, as PHP drops them.
func parseForm(query string) *array {
	a := &array{}
	for pair := range strings.SplitSeq(query, "&") {
		key, value, _ := strings.Cut(pair, "=")
		k, err := url.QueryUnescape(key)
		if err != nil || k == "" {
			continue
		}
		v, err := url.QueryUnescape(value)
		if err != nil {
			continue
		}
		a.put(keyPath(k), v)
	}
	return a
}

// keyPath splits a[b][] into a, b and "" (append).
func keyPath(key string) []string {
	name, rest, found := strings.Cut(key, "[")
	if !found || name == "" {
		return []string{key}
	}
	path := []string{name}
	for rest = "[" + rest; strings.HasPrefix(rest, "[") && len(path) < maxDepth; {
		part, after, closed := strings.Cut(rest[1:], "]")
		if !closed {
			break
		}
		path, rest = append(path, part), after
	}
	return path
}

func (a *array) put(path []string, value any) {
	key := path[0]
	if key == "" {
		key = a.nextIndex()
	}
	if len(path) == 1 {
		a.set(key, value)
		return
	}
	inner, ok := a.values[key].(*array)
	if !ok {
		inner = &array{}
		a.set(key, inner)
	}
	inner.put(path[1:], value)
}

// buildQuery is PHP's http_build_query: brackets percent-encoded, empty
// arrays and nulls dropped, true written as 1 and false as 0.
func buildQuery(a *array) string {
	var pairs []string
	for _, k := range a.keys {
		pairs = appendPairs(pairs, k, a.values[k])
	}
	return strings.Join(pairs, "&")
}

func appendPairs(pairs []string, key string, value any) []string {
	switch v := value.(type) {
	case nil:
		return pairs
	case *array:
		for _, k := range v.keys {
			pairs = appendPairs(pairs, key+"["+k+"]", v.values[k])
		}
		return pairs
	case bool:
		if !v {
			return append(pairs, url.QueryEscape(key)+"=0")
		}
	}
	return append(pairs, url.QueryEscape(key)+"="+url.QueryEscape(text(value)))
}
