package views

// Status names how a call ended: "answered", "missed".
func (l Localizer) Status(status string) string { return l.word("status", status) }

// Did names a step that was taken for a call: "register", "finish".
func (l Localizer) Did(step string) string { return l.word("did", step) }

// DryRun says what a decision would have created.
func (l Localizer) DryRun(create string) string {
	return l.T("explained.dry_run.created", "Would", l.word("would", create))
}
