package b24sim

import (
	"fmt"
	"slices"
	"time"

	"callwise/app/crm"
)

// relations are the links that are null when empty; other ids are 0.
var relations = []string{"CONTACT_ID", "LEAD_ID"}

// itemRow is a record as crm.item.* writes it: ids are numbers.
func itemRow(r *record) *array {
	row := &array{}
	for _, f := range fields[r.ref.Type] {
		row.set(f.camel, f.itemValue(r))
	}
	if r.ref.Type != crm.TypeDeal {
		row.set("phone", firstValue(r.phones))
		row.set("email", firstValue(r.emails))
	}
	return row
}

func (f field) itemValue(r *record) any {
	switch v := r.value(f.upper).(type) {
	case int64:
		if v == 0 && slices.Contains(relations, f.upper) {
			return nil
		}
		return v
	case []int64:
		return list(v...)
	case time.Time:
		return moment(v)
	case nil:
		return f.empty()
	default:
		return v
	}
}

// empty is a field that was never set, as crm.item.* writes it.
func (f field) empty() any {
	switch f.kind {
	case kindID, kindMoney:
		return 0
	case kindIDs:
		return list[any]()
	case kindFlag:
		return "N"
	}
	return nil
}

func moment(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.Format(time.RFC3339)
}

func firstValue(rows []multi) any {
	if len(rows) == 0 {
		return nil
	}
	return rows[0].value
}

// withMultifields adds fm, which lists show only when nothing is selected.
func withMultifields(row *array, r *record) *array {
	fm := list[any]()
	for _, kind := range []struct {
		typeID string
		rows   []multi
	}{{"PHONE", r.phones}, {"EMAIL", r.emails}} {
		for _, m := range kind.rows {
			fm.push(obj("id", m.id, "typeId", kind.typeID, "valueType", m.valueType, "value", m.value))
		}
	}
	row.set("fm", fm)
	return row
}

// selectedItem keeps the selected fields; unknown names are dropped, fm cannot
// be named.
func selectedItem(r *record, wanted *array) *array {
	if wanted.len() == 0 || slices.Contains(wanted.items(), any("*")) {
		return withMultifields(itemRow(r), r)
	}
	kept := obj("id", r.ref.ID)
	for _, name := range wanted.items() {
		if v, known := r.itemValue(text(name)); known {
			kept.set(text(name), v)
		}
	}
	return kept
}

// itemValue is one value of [itemRow], by its name there.
func (r *record) itemValue(name string) (value any, known bool) {
	switch {
	case r.ref.Type == crm.TypeDeal: // has neither of the two
	case name == "phone":
		return firstValue(r.phones), true
	case name == "email":
		return firstValue(r.emails), true
	}
	i := slices.IndexFunc(fields[r.ref.Type], func(f field) bool { return f.camel == name })
	if i < 0 {
		return nil, false
	}
	return fields[r.ref.Type][i].itemValue(r), true
}

// classicRow is a record as the classic methods write it: strings throughout.
func classicRow(r *record) *array {
	row := &array{}
	for _, f := range fields[r.ref.Type] {
		if f.kind != kindIDs {
			row.set(f.upper, f.classicValue(r))
		}
	}
	return row
}

func (f field) classicValue(r *record) any {
	switch v := r.value(f.upper).(type) {
	case int64:
		if v == 0 && slices.Contains(relations, f.upper) {
			return nil
		}
		return text(v)
	case float64:
		return fmt.Sprintf("%.2f", v)
	case time.Time:
		return v.Format(time.RFC3339)
	case string:
		return v
	}
	switch f.kind {
	case kindTime:
		return ""
	case kindFlag:
		return "N"
	case kindMoney:
		return "0.00"
	case kindID:
		return "0"
	}
	return nil
}

// classicMultifields are the rows of PHONE or EMAIL in an answer of get.
func classicMultifields(typeID string, rows []multi) *array {
	all := list[any]()
	for _, m := range rows {
		all.push(obj("ID", text(m.id), "VALUE_TYPE", m.valueType, "VALUE", m.value, "TYPE_ID", typeID))
	}
	return all
}

// selectedClassic keeps the selected columns; masks never include multifields.
func selectedClassic(r *record, wanted *array) *array {
	row := selectKeys(classicRow(r), wanted)
	for _, name := range wanted.items() {
		addMultifield(row, r, text(name))
	}
	if _, selected := row.get("ID"); !selected {
		row.set("ID", text(r.ref.ID))
	}
	return row
}

func addMultifield(row *array, r *record, name string) {
	switch {
	case name == "PHONE" && len(r.phones) > 0:
		row.set("PHONE", classicMultifields("PHONE", r.phones))
	case name == "EMAIL" && len(r.emails) > 0:
		row.set("EMAIL", classicMultifields("EMAIL", r.emails))
	}
}
