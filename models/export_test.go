package models

// Tables is the struct of every table but leases, which has none.
var Tables = map[string]any{
	"portals": portalRow{}, "tokens": tokenRow{}, "pbx_keys": PBXKey{}, "employees": Employee{}, "lines": Line{},
	"events": Event{}, "calls": Call{}, "rest_log": RESTRequest{}, "recent_creations": creationRow{},
	"settings_versions": SettingsVersion{},
}

// CallRows is the second struct of the table calls, with fewer columns.
var CallRows any = CallRow{}
