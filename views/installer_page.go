package views

// An InstallPage is the installer's page before its first step. Its session, if
// there is one, lets Try again work where scripts do not.
type InstallPage struct {
	Page
	Action string // where Try again posts the session
}

// A Step is a finished step of the installation.
type Step struct {
	L      Localizer
	Code   StepCode
	Failed bool
	Detail string // what exactly was found or refused; empty is fine
}

// A StepCode names a step; each has a sentence for done and one that says how to mend it.
type StepCode string

// The steps, in the order they are taken.
const (
	StepAccess     StepCode = "access"     // the token is ours and its user is an administrator
	StepStore      StepCode = "store"      // the portal is stored
	StepScopes     StepCode = "scopes"     // all permissions are granted
	StepCRM        StepCode = "crm"        // the CRM mode is read
	StepEvents     StepCode = "events"     // event handlers are bound
	StepPlacements StepCode = "placements" // the call log stands in the telephony menu
	StepLine       StepCode = "line"       // the external line exists
	StepEmployees  StepCode = "employees"  // employees and extensions are read
)

// Steps lists every step in order.
var Steps = []StepCode{StepAccess, StepStore, StepScopes, StepCRM, StepEvents, StepPlacements, StepLine, StepEmployees}

// An InstallResult ends the installer's page.
type InstallResult struct {
	InstallPage
	Failed bool // shows the Try again form; otherwise static/app.js calls BX24.installFinish
}
