package handlers

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"slices"
	"time"

	"callwise/app/b24"
	"callwise/app/callflow"
	"callwise/models"
	"callwise/views"

	"github.com/labstack/echo/v4"
)

// Bounds of the section about employees.
const (
	employeesShown   = 200
	extensionsShown  = 20
	readEmployeesGap = 10 * time.Second // between two readings of the list
	readEmployeesMax = 20 * time.Second
)

// staff is what is known of a portal's people.
type staff struct {
	active []models.Employee
	seen   []models.SeenExtension
	lines  []models.Line
}

func (h *Handlers) staff(ctx context.Context, v view) (staff, error) {
	employees, err := h.Store.Employees(ctx, v.portal.ID)
	if err != nil {
		return staff{}, err
	}
	seen, err := h.Store.SeenExtensions(ctx, v.portal.ID)
	if err != nil {
		return staff{}, err
	}
	lines, err := h.Store.Lines(ctx, v.portal.ID)
	return staff{
		active: slices.DeleteFunc(employees, func(e models.Employee) bool { return !e.Active }), seen: seen, lines: lines,
	}, err
}

// readEmployees reads the list from Bitrix24 again, unless it was read just
// now. What is entered stays.
func (h *Handlers) readEmployees(c echo.Context) error {
	v := viewFrom(c)
	form, err := postedForm(c)
	if err != nil {
		return err
	}
	now := enteredFrom(form, v.portal.Settings)
	failed := ""
	if !v.portal.EmployeesReadWithin(readEmployeesGap, h.Now()) {
		ctx, cancel := context.WithTimeout(c.Request().Context(), readEmployeesMax)
		defer cancel()
		err = h.Flow.ReadEmployees(ctx, h.Flow.Client(v.portal), v.portal)
		if err != nil && !b24.IsPortal(err) && !errors.Is(err, context.DeadlineExceeded) {
			return err
		}
		failed = codeOf(err)
	}
	if v.portal, err = h.Store.PortalByID(c.Request().Context(), v.portal.ID); err != nil {
		return err
	}
	return h.renderSettings(c, v, http.StatusOK, tried(v, form, now, trial{employeesCode: failed}))
}

// codeOf names what Bitrix24 answered, or why it was not asked; nothing for no
// error. What is no word about the portal is that it did not answer in time.
func codeOf(err error) string {
	if err != nil && !b24.IsPortal(err) {
		return callflow.CodeUnreachable
	}
	return callflow.ErrorCode(err)
}

// holders are the active employees that have each extension in Bitrix24.
func (s staff) holders() map[string][]models.Employee {
	held := map[string][]models.Employee{}
	for _, e := range s.active {
		if e.Extension != "" {
			held[e.Extension] = append(held[e.Extension], e)
		}
	}
	return held
}

// works reports an active user.
func (s staff) works(userID int64) bool {
	return slices.ContainsFunc(s.active, func(e models.Employee) bool { return e.UserID == userID })
}

// unmapped are the extensions of recent calls that belong to nobody.
func (s staff) unmapped(saved models.Settings) []models.SeenExtension {
	held := s.holders()
	return slices.DeleteFunc(slices.Clone(s.seen), func(x models.SeenExtension) bool {
		return len(held[x.Extension]) > 0 || s.works(saved.Extensions[x.Extension]) || slices.Contains(saved.Exclusions.Extensions, x.Extension)
	})
}

// doubles are the extensions that several employees have, in their order.
func (s staff) doubles(saved models.Settings) []string {
	var doubles []string
	for extension, holders := range s.holders() {
		if len(holders) > 1 && !s.works(saved.Extensions[extension]) {
			doubles = append(doubles, extension)
		}
	}
	slices.Sort(doubles)
	return doubles
}

// employees is the section about them with the settings as entered. An
// extension stays in its list until its owner is saved.
func (h *Handlers) employees(v view, now models.Settings, s staff, failed string) views.Employees {
	saved, held := v.portal.Settings, s.holders()
	shown := views.Employees{L: v.l, Session: v.token, Failed: failed}
	if v.portal.EmployeesAt != nil {
		shown.Read = v.l.Moment(*v.portal.EmployeesAt, h.Now(), v.zone)
	}
	for _, x := range s.unmapped(saved) {
		stray := s.extension(x.Extension, now)
		stray.Calls = x.Calls
		shown.Strays = append(shown.Strays, stray)
	}
	for _, x := range s.doubles(saved) {
		shown.Doubles = append(shown.Doubles, s.extension(x, now))
	}
	for _, x := range slices.Sorted(maps.Keys(saved.Extensions)) {
		if len(held[x]) != 1 && !s.works(saved.Extensions[x]) {
			continue // stands above
		}
		shown.Own = append(shown.Own, s.extension(x, now))
	}
	shown.Strays, shown.Doubles = first(shown.Strays, extensionsShown), first(shown.Doubles, extensionsShown)
	s.list(&shown, now)
	return shown
}

// extension is one with its owner as entered.
func (s staff) extension(x string, now models.Settings) views.Extension {
	owner := now.Extensions[x]
	return views.Extension{Number: x, Names: namesOf(s.holders()[x]), Owner: owner, Gone: owner != 0 && !s.works(owner)}
}

func namesOf(employees []models.Employee) []string {
	var names []string
	for _, e := range employees {
		names = append(names, e.Name)
	}
	return names
}

func first[T any](list []T, n int) []T { return list[:min(n, len(list))] }

// list fills in who works here, and who has which extension.
func (s staff) list(shown *views.Employees, now models.Settings) {
	names := map[int64]string{}
	for _, e := range s.active {
		names[e.UserID] = e.Name
		shown.People = append(shown.People, views.EmployeeName{ID: e.UserID, Name: e.Name})
	}
	for _, e := range s.active {
		if e.Extension == "" {
			shown.Without++
			continue
		}
		row := views.EmployeeRow{Name: e.Name, Extension: e.Extension}
		if owner := now.Extensions[e.Extension]; owner != 0 && owner != e.UserID {
			row.Note = shown.L.T("employees.note", "Name", names[owner])
		}
		shown.Rows = append(shown.Rows, row)
	}
	shown.More = max(0, len(shown.Rows)-employeesShown)
	shown.Rows = first(shown.Rows, employeesShown)
}
