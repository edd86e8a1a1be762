package b24sim

import (
	"cmp"
	"slices"
	"time"

	"callwise/app/crm"
)

// A record is one CRM object: its fields by their upper-case names.
type record struct {
	ref    crm.Ref
	values map[string]any
	phones []multi
	emails []multi
}

// A multi is a row of a multifield.
type multi struct {
	id               int64
	valueType, value string
}

// A store is the CRM of one portal.
type store struct {
	records    map[crm.EntityType][]*record // by ascending id
	last       map[crm.EntityType]int64
	rows       int64 // last id of a multifield row
	activities []*activity
	comments   []comment
	excluded   []string // normalised numbers
}

type comment struct {
	on   crm.Ref
	text string
}

func newStore() store {
	return store{records: map[crm.EntityType][]*record{}, last: map[crm.EntityType]int64{}}
}

// insert adds an empty record; id 0 takes the next one.
func (s *store) insert(typ crm.EntityType, id int64) *record {
	if id == 0 {
		id = s.last[typ] + 1
	}
	s.last[typ] = max(s.last[typ], id)
	r := &record{ref: crm.Ref{Type: typ, ID: id}, values: map[string]any{}}
	if i, known := s.place(r.ref); known {
		s.records[typ][i] = r
	} else {
		s.records[typ] = slices.Insert(s.records[typ], i, r)
	}
	return r
}

// place is where a record stands or would stand among those of its type.
func (s *store) place(ref crm.Ref) (i int, known bool) {
	return slices.BinarySearchFunc(s.records[ref.Type], ref.ID, func(r *record, id int64) int { return cmp.Compare(r.ref.ID, id) })
}

func (s *store) remove(ref crm.Ref) {
	if i, known := s.place(ref); known {
		s.records[ref.Type] = slices.Delete(s.records[ref.Type], i, i+1)
	}
}

// all are the records of a type by ascending id.
func (s *store) all(typ crm.EntityType) []*record { return slices.Clone(s.records[typ]) }

// where are the records of a type that hold, by ascending id.
func (s *store) where(typ crm.EntityType, holds func(*record) bool) []*record {
	var found []*record
	for _, r := range s.records[typ] {
		if holds(r) {
			found = append(found, r)
		}
	}
	return found
}

func (s *store) find(ref crm.Ref) *record {
	if i, known := s.place(ref); known {
		return s.records[ref.Type][i]
	}
	return nil
}

func (s *store) addRow(rows []multi, value, valueType string) []multi {
	s.rows++
	if valueType == "" {
		valueType = "WORK"
	}
	return append(rows, multi{s.rows, valueType, value})
}

func (r *record) str(name string) string { s, _ := r.values[name].(string); return s }

func (r *record) num(name string) int64 { n, _ := r.value(name).(int64); return n }

func (r *record) ids(name string) []int64 { ids, _ := r.values[name].([]int64); return ids }

func (r *record) at(name string) time.Time { t, _ := r.values[name].(time.Time); return t }

func (r *record) on(name string) bool { return r.str(name) == "Y" }

// value is a field of the record, the computed ones included.
func (r *record) value(name string) any {
	switch name {
	case "ID":
		return r.ref.ID
	case "HAS_PHONE":
		return flag(len(r.phones) > 0)
	case "CONTACT_ID":
		return first(r.ids("CONTACT_IDS"))
	case "COMPANY_ID":
		if r.ref.Type == crm.TypeContact {
			return first(r.ids("COMPANY_IDS"))
		}
	}
	return r.values[name]
}

func first(ids []int64) int64 {
	if len(ids) == 0 {
		return 0
	}
	return ids[0]
}

func flag(on bool) string {
	if on {
		return "Y"
	}
	return "N"
}

// set writes a field. Setting the one contact (or a contact's one company)
// puts it first and keeps the others out.
func (r *record) set(name string, value any) {
	switch {
	case name == "CONTACT_ID":
		r.setPrimary("CONTACT_IDS", value)
	case name == "COMPANY_ID" && r.ref.Type == crm.TypeContact:
		r.setPrimary("COMPANY_IDS", value)
	default:
		r.values[name] = value
	}
}

func (r *record) setPrimary(name string, value any) {
	id, _ := value.(int64)
	if id == 0 {
		r.values[name] = []int64(nil)
		return
	}
	if slices.Contains(r.ids(name), id) {
		return
	}
	r.values[name] = []int64{id}
}

// semantics is what the record's stage means, P, S or F.
func (r *record) semantics() string {
	if r.ref.Type == crm.TypeLead {
		return r.str("STATUS_SEMANTIC_ID")
	}
	return r.str("STAGE_SEMANTIC_ID")
}

func (r *record) isOpen() bool { return r.semantics() == "P" && !r.on("IS_RECURRING") }

// title is what people see as the record's name.
func (r *record) title() string {
	if r.ref.Type == crm.TypeContact {
		return fullName(r.str("NAME"), r.str("LAST_NAME"))
	}
	return r.str("TITLE")
}

func fullName(name, last string) string { return User{Name: name, LastName: last}.Title() }
