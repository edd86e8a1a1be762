package handlers

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"callwise/app/b24"
	"callwise/app/callflow"
	"callwise/models"
	"callwise/views"

	"github.com/labstack/echo/v4"
)

// about says what this is to whoever opens the address outside of a portal;
// the Market's form asks for it with HEAD.
func (h *Handlers) about(c echo.Context) error {
	if c.Request().Method == http.MethodHead {
		return c.NoContent(http.StatusOK)
	}
	return render(c, http.StatusOK, views.Plain(views.PlainPage{Page: h.bare(c), Kind: views.About}))
}

// bare is the page of somebody we know nothing about but the language.
func (h *Handlers) bare(c echo.Context) views.Page {
	lang := c.QueryParam("LANG")
	if lang == "" {
		lang, _, _ = strings.Cut(c.Request().Header.Get("Accept-Language"), "-")
	}
	return views.Page{L: views.ForLang(lang)}
}

// admit proves the request that opened a frame and lets exactly that portal
// show the answer.
func (h *Handlers) admit(c echo.Context) (callflow.Visit, error) {
	form, err := postedForm(c)
	if err != nil {
		return callflow.Visit{}, err
	}
	frame, err := b24.ParseFrame(c.QueryParams(), form)
	if err != nil {
		return callflow.Visit{}, err
	}
	leave, err := h.mayProve(c)
	if err != nil {
		return callflow.Visit{}, err
	}
	defer leave()
	if err := h.mayOpen(frame.AuthID); err != nil {
		return callflow.Visit{}, err
	}
	visit, err := h.Flow.Admit(c.Request().Context(), frame)
	if errors.Is(err, b24.ErrForged) || errors.Is(err, b24.ErrUnproven) {
		return callflow.Visit{}, errors.Join(h.failed(c), err)
	}
	if err != nil {
		return callflow.Visit{}, err
	}
	h.allowFrame(c, visit.Portal.Endpoint)
	return visit, nil
}

// allowFrame lets the pages of a portal show this answer in a frame.
func (h *Handlers) allowFrame(c echo.Context, endpoint string) {
	c.Response().Header().Set("Content-Security-Policy", policy(originOf(h.B24JS), originOf(endpoint)))
}

// framed reports an answer that a portal is allowed to frame already.
func framed(c echo.Context) bool {
	return c.Response().Header().Get("Content-Security-Policy") != policy("", "")
}

func originOf(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

// openApp opens the application's page: the settings for an administrator, the
// call log for everybody else.
func (h *Handlers) openApp(c echo.Context) error {
	v, err := h.enter(c)
	if err != nil {
		return err
	}
	if v.open != "" {
		return h.renderLinked(c, v)
	}
	if v.visitor.Admin {
		return h.renderSettings(c, v, http.StatusOK, settingsForm{})
	}
	return h.renderCalls(c, v)
}

// openCalls opens the call log from the menu of the telephony statistics, or
// from a link to a call.
func (h *Handlers) openCalls(c echo.Context) error {
	v, err := h.enter(c)
	if err != nil {
		return err
	}
	if v.open != "" {
		return h.renderLinked(c, v)
	}
	return h.renderCalls(c, v)
}

// enter admits a visitor to an installed portal.
func (h *Handlers) enter(c echo.Context) (view, error) {
	visit, err := h.admit(c)
	if err != nil {
		return view{}, err
	}
	portal, err := h.Flow.Enter(c.Request().Context(), visit)
	if errors.Is(err, models.ErrNotFound) {
		return view{}, errNotInstalled
	}
	if err != nil {
		return view{}, err
	}
	c.Set(keyPortal, portal)
	v, err := h.viewOf(portal, Visitor{
		PortalID: portal.ID, UserID: visit.Profile.UserID, Admin: visit.Profile.Admin, Lang: visit.Lang(), Removals: portal.Removals,
	})
	v.open = visit.LinkedCall()
	if err == nil && v.open != "" {
		c.Set(keyVisitor, v) // a call that is not there is said inside the app
	}
	return v, err
}

// install sets the app up. The same address takes the events of an
// installation and the Try again button of its own page.
func (h *Handlers) install(c echo.Context) error {
	form, err := postedForm(c)
	if err != nil {
		return err
	}
	switch {
	case form.Has("event"):
		return h.receiveEvent(c)
	case form.Has("session"):
		return h.withSession(h.installAgain)(c)
	}
	visit, err := h.admit(c)
	if err != nil {
		return err
	}
	if !visit.Profile.Admin {
		return callflow.ErrNotAdmin
	}
	return h.showInstall(c, visit.Lang(), func(tell func(callflow.StepName, error)) (Visitor, error) {
		portal, err := h.Flow.Install(c.Request().Context(), visit, tell)
		if portal == nil {
			return Visitor{}, err
		}
		c.Set(keyPortal, portal)
		return Visitor{
			PortalID: portal.ID, UserID: visit.Profile.UserID, Admin: true, Lang: visit.Lang(), Removals: portal.Removals,
		}, err
	})
}

// installAgain repeats the installation with the tokens that are stored.
func (h *Handlers) installAgain(c echo.Context) error {
	v := viewFrom(c)
	if !v.visitor.Admin {
		return errForbidden
	}
	return h.showInstall(c, v.visitor.Lang, func(tell func(callflow.StepName, error)) (Visitor, error) {
		return v.visitor, h.Flow.Complete(c.Request().Context(), v.portal, tell)
	})
}

// showInstall shows the steps of an installation while they are taken. How it
// ended stands on the page; a failure is logged besides.
func (h *Handlers) showInstall(c echo.Context, lang string, do func(func(callflow.StepName, error)) (Visitor, error)) error {
	page := views.InstallPage{Page: views.Page{L: views.ForLang(lang), B24JS: h.B24JS}, Action: "/b24/install"}
	out := startStream(c)
	sent := []error{out.send(views.InstallStart(page))}
	visitor, err := do(func(step callflow.StepName, err error) {
		sent = append(sent, out.send(views.InstallStep(stepOf(page.L, step, err))))
	})
	if visitor.PortalID != 0 {
		token, wrong := h.Sessions.Issue(visitor)
		page.Session, err = token, errors.Join(err, wrong)
	}
	troubled(c, err)
	sent = append(sent, out.send(views.InstallEnd(views.InstallResult{InstallPage: page, Failed: err != nil})))
	return errors.Join(sent...)
}

// stepOf is a step as the installer's page shows it.
func stepOf(l views.Localizer, step callflow.StepName, err error) views.Step {
	shown := views.Step{L: l, Code: views.StepCode(step), Failed: err != nil}
	if missing, ok := errors.AsType[*callflow.MissingScopes](err); ok {
		shown.Detail = strings.Join(missing.Scopes, ", ")
		return shown
	}
	if code, ok := errors.AsType[b24.Code](err); ok {
		shown.Detail = string(code)
	}
	return shown
}
