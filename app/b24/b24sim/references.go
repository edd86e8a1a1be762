package b24sim

import (
	"regexp"
)

var reference = regexp.MustCompile(`\$(result|error|total|next)((?:\[[^\]\[]*\])+)`)

// resolve replaces $result[key][path] in parameters by earlier results
// (bitrix24-platform.md 3.5, bitrix24-telephony-crm.md 13.1):
//
//   - a parameter that is one reference takes the value whole, a list too;
//   - if only the key of it exists, the deepest existing container is taken:
//     $result[lead][LEAD] of an empty search is [];
//   - a reference to a command that failed or does not exist stays as text;
//   - inside a longer text only scalars are put in.
func (b *batchResults) resolve(v any) any {
	switch v := v.(type) {
	case *array:
		resolved := &array{}
		for _, k := range v.keys {
			resolved.set(k, b.resolve(v.values[k]))
		}
		return resolved
	case string:
		return b.resolveText(v)
	}
	return v
}

func (b *batchResults) resolveText(s string) any {
	if whole := reference.FindString(s); whole != "" && whole == s {
		value, found := b.lookup(s)
		if !found {
			return s
		}
		return value
	}
	return reference.ReplaceAllStringFunc(s, func(ref string) string {
		value, found := b.lookup(ref)
		if _, isArray := value.(*array); !found || isArray {
			return ref
		}
		return text(value)
	})
}

// lookup follows a reference as far as it exists.
func (b *batchResults) lookup(ref string) (value any, found bool) {
	parts := reference.FindStringSubmatch(ref)
	source := map[string]*array{"result": b.result, "error": b.errors, "total": b.total, "next": b.next}[parts[1]]
	path := keyPath("x" + parts[2])[1:]
	value, found = source.get(path[0])
	if !found {
		return nil, false
	}
	for _, key := range path[1:] {
		inner, isArray := value.(*array)
		if !isArray {
			return value, true
		}
		next, exists := inner.get(key)
		if !exists {
			return value, true
		}
		value = next
	}
	return value, true
}
