package b24sim

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"callwise/app/crm"
)

// operators of a filter key, the longer before the shorter.
var operators = []string{"!=%", "!%=", "!><", "!@", "!=", "!%", ">=", "<=", "=%", "%=", "><", "=", "!", ">", "<", "@", "%", "?"}

func splitOperator(key string) (op, name string) {
	for _, op := range operators {
		if name, found := strings.CutPrefix(key, op); found {
			return op, name
		}
	}
	return "", key
}

// matchText compares texts: equality is exact, likeness ignores case.
func matchText(op, value string, wanted []string) bool {
	return matchBy(op, wanted, value, func(w string) int { return strings.Compare(value, w) })
}

// matchBy applies an operator; several wanted values mean any of them.
func matchBy(op string, wanted []string, value string, compare func(string) int) bool {
	positive, negated := strings.CutPrefix(op, "!")
	hit := slices.ContainsFunc(wanted, func(w string) bool {
		switch positive {
		case ">":
			return compare(w) > 0
		case ">=":
			return compare(w) >= 0
		case "<":
			return compare(w) < 0
		case "<=":
			return compare(w) <= 0
		case "%", "=%", "%=", "?":
			return strings.Contains(strings.ToLower(value), strings.ToLower(strings.Trim(w, "%")))
		}
		return compare(w) == 0
	})
	if positive == "><" {
		hit = len(wanted) == 2 && compare(wanted[0]) >= 0 && compare(wanted[1]) <= 0
	}
	return hit != negated
}

// A condition tells whether a record passes a filter.
type condition func(*record) bool

// recordFilter turns a filter into a condition. In crm.item.* an unknown key
// or an impossible value is refused; the classic lists drop such keys. An
// empty list of values is no condition at all, in either family.
func (c *call) recordFilter(typ crm.EntityType, fam family, filter *array) (condition, error) {
	var all []condition
	for _, key := range filter.keysOf() {
		if fam == universal && strings.EqualFold(key, "logic") {
			continue
		}
		holds, err := c.keyCondition(typ, fam, key, filter.values[key])
		if err != nil {
			return nil, err
		}
		if holds != nil {
			all = append(all, holds)
		}
	}
	if strings.EqualFold(param(filter, "logic"), "OR") && fam == universal {
		return anyOf(all), nil
	}
	return allOf(all), nil
}

func allOf(conditions []condition) condition {
	return func(r *record) bool {
		return !slices.ContainsFunc(conditions, func(holds condition) bool { return !holds(r) })
	}
}

func anyOf(conditions []condition) condition {
	return func(r *record) bool {
		return len(conditions) == 0 || slices.ContainsFunc(conditions, func(holds condition) bool { return holds(r) })
	}
}

func (c *call) keyCondition(typ crm.EntityType, fam family, key string, value any) (condition, error) {
	if nested, isGroup := value.(*array); isGroup && fam == universal && isIndex(key) {
		return c.recordFilter(typ, fam, nested)
	}
	op, name := splitOperator(key)
	if fam == classic && (name == "PHONE" || name == "EMAIL") {
		return multiCondition(name, op, value), nil
	}
	f, known := fieldNamed(typ, fam, name)
	if !known || !f.listed(fam) {
		if fam == classic {
			return nil, nil
		}
		return nil, refuse("INVALID_ARG_VALUE", "Invalid filter: field '"+key+"' is not allowed in filter")
	}
	wanted, valid := wantedValues(value)
	if fam == universal && (!valid || !f.accepts(wanted)) {
		return nil, refuse("INVALID_ARG_VALUE", "Invalid filter: field '"+key+"' has invalid value")
	}
	if len(wanted) == 0 {
		return nil, nil
	}
	return func(r *record) bool { return f.matches(r, op, wanted) }, nil
}

func isIndex(key string) bool {
	_, err := strconv.Atoi(key)
	return err == nil
}

// wantedValues are the values of one filter key; valid is false when a list
// holds lists.
func wantedValues(value any) (wanted []string, valid bool) {
	a, isArray := value.(*array)
	if !isArray {
		return []string{text(value)}, true
	}
	for _, item := range a.items() {
		if _, nested := item.(*array); nested {
			return nil, false
		}
		wanted = append(wanted, text(item))
	}
	return wanted, true
}

// accepts reports whether the values can be values of the field.
func (f field) accepts(wanted []string) bool {
	return !slices.ContainsFunc(wanted, func(w string) bool {
		switch {
		case w == "":
			return false
		case f.kind == kindID || f.kind == kindIDs:
			_, ok := integer(w)
			return !ok
		case f.kind == kindTime:
			_, err := parseTime(w)
			return err != nil
		}
		return false
	})
}

func (f field) matches(r *record, op string, wanted []string) bool {
	switch f.kind {
	case kindIDs:
		return matchIDs(op, r.ids(f.upper), wanted)
	case kindID:
		n := r.num(f.upper)
		return matchBy(op, wanted, text(n), func(w string) int { id, _ := integer(w); return cmp.Compare(n, id) })
	case kindTime:
		at := r.at(f.upper)
		return matchBy(op, wanted, "", func(w string) int { t, _ := parseTime(w); return at.Compare(t) })
	case kindMoney:
		sum, _ := r.value(f.upper).(float64)
		return matchBy(op, wanted, text(sum), func(w string) int { v, _ := strconv.ParseFloat(w, 64); return cmp.Compare(sum, v) })
	case kindFlag:
		value, _ := r.value(f.upper).(string)
		return matchText(op, cmp.Or(value, "N"), wanted)
	}
	value, _ := r.value(f.upper).(string)
	return matchText(op, value, wanted)
}

// matchIDs compares a list of links: one common id is a match.
func matchIDs(op string, have []int64, wanted []string) bool {
	hit := slices.ContainsFunc(wanted, func(w string) bool {
		id, _ := integer(w)
		return slices.Contains(have, id) || id == 0 && len(have) == 0
	})
	return hit != strings.HasPrefix(op, "!")
}

// multiCondition is the classic lists' search by phone or e-mail: exact
// equality with the stored text.
func multiCondition(name, op string, value any) condition {
	wanted, _ := wantedValues(value)
	if len(wanted) == 0 {
		return nil
	}
	return func(r *record) bool {
		rows := r.phones
		if name == "EMAIL" {
			rows = r.emails
		}
		hit := slices.ContainsFunc(rows, func(row multi) bool { return slices.Contains(wanted, row.value) })
		return hit != strings.HasPrefix(op, "!")
	}
}

// parseTime reads ISO 8601 with a zone.
func parseTime(s string) (time.Time, error) { return time.Parse(time.RFC3339, s) }
