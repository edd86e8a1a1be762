package handlers

import (
	"errors"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"callwise/app/pbx"
	"callwise/models"
	"callwise/views"

	"github.com/labstack/echo/v4"
)

// addKey makes a PBX key and shows it, this once.
func (h *Handlers) addKey(c echo.Context) error {
	v, ctx := viewFrom(c), c.Request().Context()
	form, err := postedForm(c)
	if err != nil {
		return err
	}
	name := strings.TrimSpace(printable(form.Get("name")))
	keys, err := h.Store.PBXKeys(ctx, v.portal.ID)
	if err != nil {
		return err
	}
	if wrong := checkKeyName(name, keys); wrong != views.NoError {
		return h.renderSettings(c, v, http.StatusUnprocessableEntity, settingsForm{keyName: name, keyError: wrong})
	}
	plain, key, err := h.Store.AddPBXKey(ctx, v.portal.ID, name, v.visitor.UserID)
	if errors.Is(err, models.ErrBusy) { // somebody else made the last one just now
		return h.renderSettings(c, v, http.StatusUnprocessableEntity, settingsForm{keyName: name, keyError: views.ErrTooManyKeys})
	}
	if err != nil {
		return err
	}
	return h.renderSettings(c, v, http.StatusOK, settingsForm{newKey: &views.NewKey{Name: key.Name, Value: plain}})
}

// printable is a text without control characters.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return -1
		}
		return r
	}, text)
}

func checkKeyName(name string, keys []models.PBXKey) views.FieldError {
	switch {
	case name == "":
		return views.ErrNameMissing
	case utf8.RuneCountInString(name) > maxKeyName:
		return views.ErrNameTooLong
	case len(keys) >= models.MaxPBXKeys:
		return views.ErrTooManyKeys
	}
	return views.NoError
}

// revokeKey ends a PBX key at once.
func (h *Handlers) revokeKey(c echo.Context) error {
	v := viewFrom(c)
	id, err := strconv.ParseInt(c.Param("id"), 10, 64)
	if err != nil {
		return models.ErrNotFound
	}
	if err := h.Store.RevokePBXKey(c.Request().Context(), v.portal.ID, id); err != nil {
		return err
	}
	return h.renderSettings(c, v, http.StatusOK, settingsForm{})
}

// rotateSecret replaces what signs commands to the PBX, and shows it. What it
// replaces signs too for a day. A form that was sent twice, or from a page that
// somebody else got ahead of, replaces nothing: its sender is shown what signs.
func (h *Handlers) rotateSecret(c echo.Context) error {
	v, ctx := viewFrom(c), c.Request().Context()
	form, err := postedForm(c)
	if err != nil {
		return err
	}
	status, shown := http.StatusOK, settingsForm{reveal: true}
	err = h.Store.RotateCommandSecret(ctx, v.portal.ID, form.Get("seen"), pbx.NewSecret())
	if errors.Is(err, models.ErrConflict) {
		status, shown.replaced, err = http.StatusConflict, true, nil
	}
	if err != nil {
		return err
	}
	if v.portal, err = h.Store.PortalByID(ctx, v.portal.ID); err != nil {
		return err
	}
	return h.renderSettings(c, v, status, shown)
}

// revealSecret shows what signs commands to the PBX.
func (h *Handlers) revealSecret(c echo.Context) error {
	return h.renderSettings(c, viewFrom(c), http.StatusOK, settingsForm{reveal: true})
}

func isLoopback(host string) bool {
	address, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && address.IsLoopback()
}

// isPrivate reports a host that cannot be a PBX on the internet. A name that
// leads to such an address is refused when the command is sent.
func isPrivate(host string) bool {
	ip := net.ParseIP(host)
	if ip == nil {
		return host == "localhost" || !strings.Contains(host, ".")
	}
	return ip.IsLoopback() || ip.IsPrivate() || ip.IsLinkLocalUnicast() || ip.IsUnspecified() || ip.IsMulticast()
}
