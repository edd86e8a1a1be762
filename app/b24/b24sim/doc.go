// Package b24sim is Bitrix24 in memory behind HTTP, for tests and for the
// demo: an authorization server and any number of portals, each with
// employees, telephony, a small CRM and event delivery.
//
// It is as strict as the platform and telephony contracts (bitrix24-platform.md
// and bitrix24-telephony-crm.md; the README says where they are): it refuses
// what Bitrix24 refuses, and its CRM creates and binds what Bitrix24 would
// (decision.md, part F.1), the surprising things included. The examples in
// testdata are copied from the contracts and back that behaviour.
//
// A [Sim] is one [http.Handler]:
//
//	/oauth/token/                the authorization server
//	/rest/app.info               its own variant of app.info
//	/{portal}/rest/{method}      a portal's REST, JSON or form, GET or POST
//	/{portal}/rest/upload.json   where recordings are uploaded
//	/{portal}/rest/{user}/{code}/{method}  the same through an incoming webhook
//	/bx24.js                     a stand-in for the BX24 JavaScript library
//
// What happens inside a portal without REST (a click on a number, a callback
// ordered on the site, a call on Bitrix24's own line, the administrator's
// switches) is a method of [Portal]. All methods are safe for concurrent use.
package b24sim
