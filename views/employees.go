package views

import (
	"strconv"
	"strings"
)

// Employees is the section about who has which extension.
type Employees struct {
	L       Localizer
	Session string
	Read    Moment         // when the list was read; zero: never
	Failed  string         // the code with which reading failed just now
	Strays  []Extension    // that belonged to nobody in the last calls
	Doubles []Extension    // that several employees have
	Own     []Extension    // that the administrator gave to somebody
	Rows    []EmployeeRow  // everybody who has an extension
	More    int            // employees beyond Rows
	Without int            // employees without an extension
	People  []EmployeeName // whom an extension may be given to
}

// An Extension is one whose owner is chosen here.
type Extension struct {
	Number string
	Calls  int      // recent calls it took part in
	Names  []string // who has it in Bitrix24
	Owner  int64    // as chosen; 0: as in Bitrix24
	Gone   bool     // Owner does not work here any more
}

// An EmployeeName is a choice for an extension's owner.
type EmployeeName struct {
	ID   int64
	Name string
}

// An EmployeeRow is an employee who has an extension.
type EmployeeRow struct {
	Name      string
	Extension string
	Note      string // who has the extension for the app, if somebody else
}

// employeesInSelect is up to how many people stand in a select; above, their
// numbers are typed, with a list of suggestions.
const employeesInSelect = 200

func (e Employees) fine() bool { return len(e.Strays)+len(e.Doubles) == 0 }

// pathPart escapes a part of a setting's path as RFC 6901 does.
var pathPart = strings.NewReplacer("~", "~0", "/", "~1")

// field is the name of the control that chooses the owner of an extension: its
// path in the settings.
func (x Extension) field() string { return "extensions/" + pathPart.Replace(x.Number) }

func (x Extension) elementID() string { return "owner-" + x.Number }

func (x Extension) owner() string {
	if x.Owner == 0 {
		return ""
	}
	return strconv.FormatInt(x.Owner, 10)
}

func (p EmployeeName) id() string { return strconv.FormatInt(p.ID, 10) }
