package callflow

import (
	"context"
	"errors"
	"net/url"
	"strconv"

	"callwise/app/b24"
	"callwise/models"
)

// callParam names a call in the portal's address of the app.
const callParam = "call"

// bindLinks makes the portal's address of the app lead to the call log, with
// what the address names. A portal that has no such addresses goes without.
//
// https://apidocs.bitrix24.com/api-reference/widgets/universal/index.html
func (f *Flow) bindLinks(ctx context.Context, client *b24.Client) error {
	err := client.EnsurePlacement(ctx, "REST_APP_URI", f.PublicURL+"/b24/calls", f.PlacementTitles)
	if errors.Is(err, b24.PlacementNotFound) {
		return nil
	}
	return err
}

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
