package b24

import (
	"context"

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
func (c *Client) AppState(ctx context.Context) (AppState, error) { return AppState{}, nil }

// Scopes returns the scopes the portal granted us, lower case.
//
// https://apidocs.bitrix24.com/api-reference/common/system/scope.html
func (c *Client) Scopes(ctx context.Context) ([]string, error) { return nil, nil }

// CRMMode asks whether the portal works with leads.
//
// https://apidocs.bitrix24.com/api-reference/crm/crm-settings-mode-get.html
func (c *Client) CRMMode(ctx context.Context) (crm.Mode, error) { return "", nil }

// EnsureEvents makes handler the receiver of exactly these events: it binds
// what is missing and unbinds our other addresses. It returns what it bound
// and may be repeated.
//
// https://apidocs.bitrix24.com/api-reference/events/event-bind.html
func (c *Client) EnsureEvents(ctx context.Context, handler string, events []string) (bound []string, err error) {
	return nil, nil
}

// EnsurePlacement makes handler what the portal opens at a placement, under
// titles by language of Bitrix24 ("en", "ru", "ua"…). It may be repeated.
//
// https://apidocs.bitrix24.com/api-reference/widgets/placement-bind.html
func (c *Client) EnsurePlacement(ctx context.Context, code, handler string, titles map[string]string) error {
	return nil
}

// A Line is an external line of ours.
type Line struct {
	Number     string
	Name       string
	AutoCreate bool // Bitrix24 creates CRM objects for calls its users start through the line
}

// Lines returns our external lines.
//
// https://apidocs.bitrix24.com/api-reference/telephony/telephony-external-line-get.html
func (c *Client) Lines(ctx context.Context) ([]Line, error) { return nil, nil }

// EnsureLine makes an external line exist with this name and setting. It may
// be repeated.
//
// https://apidocs.bitrix24.com/api-reference/telephony/telephony-external-line-add.html
// https://apidocs.bitrix24.com/api-reference/telephony/telephony-external-line-update.html
func (c *Client) EnsureLine(ctx context.Context, number, name string, autoCreate bool) error {
	return nil
}
