package views

// A Preview is the region "What will happen".
type Preview struct {
	L       Localizer
	Session string
	Summary []string // whole sentences
	// Lines that have rules of their own, and the whole portal before them;
	// empty where there are none.
	Lines   []Option
	Tables  []PreviewTable
	Changed int // cells that differ from the saved settings
}

// A PreviewTable is decision.md part C for one direction and the current switches.
type PreviewTable struct {
	ID, Caption string
	Rows        []PreviewRow
}

// A PreviewRow is one state of the CRM and what becomes of a call in it.
type PreviewRow struct {
	Number  int
	State   string // what the CRM knows
	Create  string // what is created
	LogTo   string // where the call is logged
	Why     string // the reason's sentence
	Creates bool
	Changed bool
	Before  string // Changed: what happens with the saved settings
}
