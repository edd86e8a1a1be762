package handlers

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"callwise/models"
	"callwise/views"

	"github.com/labstack/echo/v4"
)

// errNotInstalled: the portal is not known here, or not any more.
var errNotInstalled = errors.New("handlers: the app is not installed on this portal")

// A view is a visitor looking at a portal.
type view struct {
	visitor Visitor
	portal  *models.Portal
	token   string // of the session the next request will carry
	l       views.Localizer
	zone    *time.Location
	open    string        // the call that a link into the portal names, as it was posted
	notice  *views.Notice // what was done just now; nil without one
}

func (h *Handlers) viewOf(portal *models.Portal, visitor Visitor) (view, error) {
	token, err := h.Sessions.Issue(visitor)
	if err != nil {
		return view{}, err
	}
	return view{visitor: visitor, portal: portal, token: token, l: views.ForLang(visitor.Lang), zone: portal.Zone()}, nil
}

// withSession lets only a visitor with a valid session through: in a header,
// as htmx sends it, or in a form's field. Nothing else identifies anybody, so
// no other site can act in a visitor's name.
func (h *Handlers) withSession(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		visitor, ends, err := h.Sessions.Read(sessionToken(c))
		if err != nil {
			return err
		}
		if err := h.mayLook(visitor); err != nil {
			return err
		}
		portal, err := h.portalOf(c, visitor.PortalID, visitor.Removals)
		if err != nil {
			return err
		}
		v := view{visitor: visitor, portal: portal, token: sessionToken(c), l: views.ForLang(visitor.Lang), zone: portal.Zone()}
		if visitor.renewable(ends, h.Now()) {
			if err := h.renew(c, &v); err != nil {
				return err
			}
		}
		h.allowFrame(c, portal.Endpoint)
		c.Set(keyVisitor, v)
		return next(c)
	}
}

// portalOf is the portal that something issued to a visitor is for: removing
// the app revokes all that was issued before, for good.
func (h *Handlers) portalOf(c echo.Context, portalID int64, removals int) (*models.Portal, error) {
	portal, err := h.Store.PortalByID(c.Request().Context(), portalID)
	if errors.Is(err, models.ErrNotFound) {
		return nil, errSession
	}
	if err == nil && (portal.Status == models.PortalUninstalled || portal.Removals != removals) {
		return nil, errSession
	}
	return portal, err
}

// renew gives a page in use a fresh session, if the portal still has the
// visitor, and as what it has the visitor by now. Where that cannot be learned
// the session at hand ends by itself, within the hour.
func (h *Handlers) renew(c echo.Context, v *view) error {
	if h.Limits.recheck.take(visitorKey(v.visitor), h.Now()) > 0 {
		return nil
	}
	ctx := c.Request().Context()
	admin, err := h.Flow.Confirm(ctx, v.portal, v.visitor.UserID, v.visitor.Admin)
	if err != nil {
		h.Log.InfoContext(ctx, "session not renewed", "portal", v.portal.ID, "request", requestID(c), "error", err)
		return nil
	}
	v.visitor.Admin = admin
	if v.token, err = h.Sessions.Issue(v.visitor); err != nil {
		return err
	}
	c.Response().Header().Set("X-Session", v.token)
	return nil
}

// visitorKey names a visitor among those of all portals.
func visitorKey(v Visitor) string { return fmt.Sprintf("%d/%d", v.PortalID, v.UserID) }

// sessionToken is the token a request carries.
func sessionToken(c echo.Context) string {
	scheme, token, found := strings.Cut(c.Request().Header.Get(echo.HeaderAuthorization), " ")
	if found && strings.EqualFold(scheme, "Bearer") {
		return strings.TrimSpace(token)
	}
	if c.Request().Method != http.MethodPost {
		return ""
	}
	form, err := postedForm(c)
	if err != nil {
		return ""
	}
	return form.Get("session")
}

func viewFrom(c echo.Context) view { return c.Get(keyVisitor).(view) }

// admins lets only administrators of the portal through.
func admins(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if !viewFrom(c).visitor.Admin {
			return errForbidden
		}
		return next(c)
	}
}

// pages are the routes that need a session. What shows may be asked for with
// GET by htmx, or with POST by a form where there are no scripts.
func (h *Handlers) pages(s *echo.Group) {
	both := []string{http.MethodGet, http.MethodPost}
	s.Match(both, "/calls", h.calls)
	s.POST("/calls/news", h.news)
	s.Match(both, "/calls/overview", h.overview)
	s.Match(both, "/calls/:id", h.call)

	a := s.Group("", admins)
	h.mendRoutes(a)
	h.healthRoutes(a)
	a.POST("/calls.csv", h.export)
	a.POST("/settings/keys", h.addKey)
	a.POST("/settings/keys/:id/revoke", h.revokeKey)
	a.POST("/settings/secret/rotate", h.rotateSecret)
	a.POST("/settings/secret/reveal", h.revealSecret)
}

// page is what a view has around its content.
func (h *Handlers) page(v view, tab views.Tab, connected bool) views.Page {
	return views.Page{
		L: v.l, Session: v.token, B24JS: h.B24JS, Tab: tab, Admin: v.visitor.Admin,
		Banners: banners(v.portal, connected), Notice: v.notice,
	}
}

// eventsUnproven reports a portal that has not told its application token: all its
// events are refused.
func eventsUnproven(p *models.Portal) bool {
	return p.Status == models.PortalActive && p.ApplicationToken == ""
}

// banners tell what is wrong with a portal, the gravest first.
func banners(p *models.Portal, connected bool) []views.Banner {
	var all []views.Banner
	if p.Settings.DryRun {
		all = append(all, views.Banner{Kind: views.DryRun})
	}
	switch p.Status {
	case models.PortalReauth:
		all = append(all, views.Banner{Kind: views.NeedsAuthorisation, Code: p.StatusCode})
	case models.PortalSuspended:
		all = append(all, views.Banner{Kind: views.Suspended, Code: p.StatusCode})
	case models.PortalInstalling:
		all = append(all, views.Banner{Kind: views.InstallationPending})
	}
	if eventsUnproven(p) {
		all = append(all, views.Banner{Kind: views.EventsUnproven})
	}
	if p.MissingScopes != "" {
		all = append(all, views.Banner{Kind: views.MissingScopes, Scopes: p.MissingScopes})
	}
	if !connected {
		all = append(all, views.Banner{Kind: views.NotConnected})
	}
	return all
}
