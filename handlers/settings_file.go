package handlers

import (
	"net/http"
	"strconv"
	"strings"

	"callwise/models"
	"callwise/views"

	"github.com/labstack/echo/v4"
)

// maxSettingsFile is how large a file of settings may be: all settings of a
// large portal fit.
const maxSettingsFile = 64 << 10

const schemaPath = "/settings/schema.json"

// settingsSchema is public: editors and other programs read it.
func (h *Handlers) settingsSchema(c echo.Context) error {
	return c.JSONPretty(http.StatusOK, models.SettingsSchema(), "  ")
}

// exportSettings answers with all settings as one file. Keys and secrets are no
// settings, and not in it.
func (h *Handlers) exportSettings(c echo.Context) error {
	v := viewFrom(c)
	name := "callwise-settings-" + strconv.Itoa(v.portal.SettingsVersion) + ".json"
	c.Response().Header().Set(echo.HeaderContentDisposition, `attachment; filename="`+name+`"`)
	return c.Blob(http.StatusOK, echo.MIMEApplicationJSON, v.portal.Settings.File(h.PublicURL+schemaPath))
}

// importSettings takes a file of settings and shows what it would change.
// Nothing is stored before Save.
func (h *Handlers) importSettings(c echo.Context) error {
	v := viewFrom(c)
	if c.Request().Method == http.MethodGet {
		return h.renderImport(c, v, http.StatusOK, "", nil)
	}
	form, err := postedForm(c)
	if err != nil {
		return err
	}
	text := form.Get("file")
	if text == "" {
		return h.renderImport(c, v, http.StatusOK, "", nil)
	}
	w, err := h.settingWords(c.Request().Context(), v)
	if err != nil {
		return err
	}
	if len(text) > maxSettingsFile {
		problem := views.Problem{Text: v.l.SettingProblem("file_too_large")}
		return h.renderImport(c, v, http.StatusUnprocessableEntity, "", []views.Problem{problem})
	}
	employees, err := h.Store.Employees(c.Request().Context(), v.portal.ID)
	if err != nil {
		return err
	}
	next, wrong := v.portal.Settings.ReadFile([]byte(text))
	problems := w.problems(models.InOrder(append(wrong, strangers(employees, v.portal.Settings, next)...)))
	if len(problems) > 0 {
		return h.renderImport(c, v, http.StatusUnprocessableEntity, text, problems)
	}
	return h.renderSettings(c, v, http.StatusOK, settingsForm{review: true, imported: true, edit: &settingsEdit{
		version: v.portal.SettingsVersion, base: v.portal.Settings, next: next,
	}})
}

func (h *Handlers) renderImport(c echo.Context, v view, status int, text string, problems []views.Problem) error {
	keys, err := h.Store.PBXKeys(c.Request().Context(), v.portal.ID)
	if err != nil {
		return err
	}
	return render(c, status, views.Import(views.ImportPage{
		Page: h.page(v, views.SettingsTab, len(keys) > 0), Text: text, Problems: problems, Most: maxSettingsFile,
	}))
}

// strangers are employees that a file or a form names and this portal does not have.
// Whom the settings name already stays.
func strangers(employees []models.Employee, now, next models.Settings) []models.SettingError {
	known := map[string]bool{"": true, "0": true}
	for _, e := range employees {
		known[strconv.FormatInt(e.UserID, 10)] = true
	}
	for _, value := range now.All() {
		for _, user := range employeesIn(value) {
			known[user] = true
		}
	}
	var wrong []models.SettingError
	for _, change := range now.Changes(next) {
		for _, user := range employeesIn(change) {
			if !known[user] {
				wrong = append(wrong, models.SettingError{Path: change.Path, Code: "nobody_here", Item: user})
			}
		}
	}
	return wrong
}

// employeesIn are the users that a value names as it is to be.
func employeesIn(c models.SettingChange) []string {
	parts := models.SettingParts(c.Path)
	switch {
	case parts[0] == "callbacks", parts[0] == "alerts":
		return strings.Split(c.To, "\n")
	case parts[0] == "extensions", parts[0] == "lines" && parts[2] == "responsible",
		parts[0] == "responsible" && (parts[2] == "employee" || parts[2] == "fallback"):
		return []string{c.To}
	case strings.HasPrefix(c.Path, "card/employees/") && c.To != "":
		return []string{parts[2]}
	}
	return nil
}
