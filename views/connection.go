package views

import "strings"

// curl is a first request to the API. The key is to be filled in: it is shown
// only once, when it is made.
func (c Connection) curl() string {
	return "curl " + c.APIAddress + " \\\n" +
		"  -H 'Authorization: Bearer YOUR_KEY' \\\n" +
		"  -H 'Content-Type: application/json' \\\n" +
		`  -d '{"id": "1", "type": "call.started", "call": "c-1", "at": "2026-03-04T13:05:09Z",` + "\n" +
		`       "direction": "incoming", "phone": "+4930901820", "line": "4930901800", "extensions": ["104"]}'`
}

// openAPI is where the API is described.
func (c Connection) openAPI() string {
	return strings.TrimSuffix(c.APIAddress, "/events") + "/openapi.yaml"
}

// docs is where developers read how to connect a PBX, in the language of l.
func (c Connection) docs(l Localizer) string {
	return strings.TrimSuffix(c.APIAddress, "/v1/events") + "/docs?lang=" + l.Tag()
}
