package b24

import (
	"context"
	"strings"

	"callwise/app/crm"
)

// An AppState is how the portal sees our application.
type AppState struct {
	ID             string // id among the portal's applications, REST_APP_ID of events
	Code           string // name in links to the application
	Version        int64
	Status         string // letter: local, free, demo, trial, paid, subscription
	Installed      bool   // until then events and widgets are silently off
	PaymentExpired bool
	Language       string // portal's language
	License        string
}

// AppState asks how the portal sees our application.
//
// https://apidocs.bitrix24.com/api-reference/common/system/app-info.html
func (c *Client) AppState(ctx context.Context) (AppState, error) {
	got, err := invoke[appAnswer](ctx, c, "app.info", nil, Repeatable())
	return got.state(), err
}

type appAnswer struct {
	ID             Text `json:"ID"`
	Code           Text `json:"CODE"`
	Version        ID   `json:"VERSION"`
	Status         Text `json:"STATUS"`
	Installed      YN   `json:"INSTALLED"`
	PaymentExpired YN   `json:"PAYMENT_EXPIRED"`
	Language       Text `json:"LANGUAGE_ID"`
	License        Text `json:"LICENSE"`
}

func (a appAnswer) state() AppState {
	return AppState{
		ID: string(a.ID), Code: string(a.Code), Version: int64(a.Version), Status: string(a.Status),
		Installed: bool(a.Installed), PaymentExpired: bool(a.PaymentExpired),
		Language: string(a.Language), License: string(a.License),
	}
}

// Scopes returns the scopes the portal granted us, lower case.
//
// https://apidocs.bitrix24.com/api-reference/common/system/scope.html
func (c *Client) Scopes(ctx context.Context) ([]string, error) {
	granted, err := invoke[List[Text]](ctx, c, "scope", nil, Repeatable())
	return scopesOf(granted), err
}

func scopesOf(granted List[Text]) []string {
	scopes := make([]string, len(granted))
	for i, scope := range granted {
		scopes[i] = strings.ToLower(string(scope))
	}
	return scopes
}

// CRMMode asks whether the portal works with leads.
//
// https://apidocs.bitrix24.com/api-reference/crm/crm-settings-mode-get.html
func (c *Client) CRMMode(ctx context.Context) (crm.Mode, error) {
	number, err := invoke[ID](ctx, c, "crm.settings.mode.get", nil, Repeatable())
	if err != nil {
		return "", err
	}
	return readMode(number)
}
