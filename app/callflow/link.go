package callflow

import (
	"cmp"
	"context"
	"errors"
	"net/url"
	"strconv"

	"callwise/app/b24"
	"callwise/models"
)

// callParam names a call in the portal's address of the app.
const callParam = "call"

// Placements that open the call log. The second is the portal's address of the
// app, which may name a call; a portal that has no such addresses goes without.
const (
	menuPlacement = "TELEPHONY_ANALYTICS_MENU"
	linkPlacement = "REST_APP_URI"
)

// ensurePlacements binds what is missing of the placements: one request when
// nothing is.
//
// https://apidocs.bitrix24.com/api-reference/widgets/universal/index.html
func (f *Flow) ensurePlacements(ctx context.Context, client *b24.Client) error {
	handler := f.PublicURL + "/b24/calls"
	missing, err := client.MissingPlacements(ctx, []string{menuPlacement, linkPlacement}, handler, f.PlacementTitles)
	if err != nil {
		return err
	}
	for _, code := range missing {
		err := client.EnsurePlacement(ctx, code, handler, f.PlacementTitles)
		if err != nil && !(code == linkPlacement && errors.Is(err, b24.PlacementNotFound)) {
			return err
		}
	}
	return nil
}

// appCode is the app's name in addresses of a portal. A local app has none of its
// own there but its client id.
func (f *Flow) appCode(state b24.AppState) string { return cmp.Or(state.Code, f.Bitrix24.ClientID) }

// LinkTo is the address in a portal, whose pages stand at origin, that opens
// the app with the dialog about a call; empty while the app's name there is not
// known.
func LinkTo(portal *models.Portal, origin string, callID int64) string {
	if portal.AppCode == "" || origin == "" {
		return ""
	}
	return origin + "/marketplace/view/" + url.PathEscape(portal.AppCode) + "/?params[" + callParam + "]=" + strconv.FormatInt(callID, 10)
}

// LinkedCall is the call that the visitor's link names, as it was posted: it
// proves nothing. Empty without one.
func (v Visit) LinkedCall() string { return v.frame.Options[callParam] }
