package views

// Trials are the parts of the settings page where the settings are tried out
// before they are real.
type Trials struct {
	Setup     Setup
	WhatIf    WhatIf
	TestCall  TestCallForm
	Employees Employees
	Number    NumberExample
}
