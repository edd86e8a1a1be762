package b24sim

import (
	"fmt"
	"slices"
	"strings"

	"callwise/app/crm"
)

// A stage is an element of a dictionary of crm.status.list.
type stage struct {
	id, name, semantics string // semantics "" while in progress
}

var leadStages = []stage{
	{"NEW", "Unassigned", ""}, {"IN_PROCESS", "In progress", ""}, {"PROCESSED", "Processed", ""},
	{"CONVERTED", "Good lead", "S"}, {"JUNK", "Junk lead", "F"},
}

var dealStages = []stage{
	{"NEW", "New", ""}, {"PREPARATION", "Preparing documents", ""}, {"PREPAYMENT_INVOICE", "Prepayment invoice", ""},
	{"EXECUTING", "In progress", ""}, {"FINAL_INVOICE", "Final invoice", ""},
	{"WON", "Deal won", "S"}, {"LOSE", "Deal lost", "F"}, {"APOLOGY", "Analyse failure", "F"},
}

var sources = []stage{
	{"CALL", "Call", ""}, {"EMAIL", "E-mail", ""}, {"WEB", "Website", ""}, {"ADVERTISING", "Advertising", ""},
	{"PARTNER", "Existing client", ""}, {"RECOMMENDATION", "By recommendation", ""}, {"TRADE_SHOW", "Show or exhibition", ""},
	{"WEBFORM", "CRM form", ""}, {"CALLBACK", "Callback", ""}, {"RC_GENERATOR", "Sales boost", ""},
	{"STORE", "Online store", ""}, {"OTHER", "Other", ""},
}

// dealStage is the stage's id without its funnel's prefix and the funnel it
// belongs to: "C5:NEW" is NEW of funnel 5.
func dealStage(id string) (name string, category int64) {
	prefix, rest, found := strings.Cut(id, ":")
	if !found {
		return id, 0
	}
	if _, err := fmt.Sscanf(prefix, "C%d", &category); err != nil {
		return id, 0
	}
	return rest, category
}

func dealStageID(name string, category int64) string {
	if category == 0 {
		return name
	}
	return fmt.Sprintf("C%d:%s", category, name)
}

// meaning is the semantics of a stage, false when the record's funnel has no
// such stage.
func (r *record) meaning(stageID string) (string, bool) {
	stages := leadStages
	if r.ref.Type == crm.TypeDeal {
		name, category := dealStage(stageID)
		if category != r.num("CATEGORY_ID") {
			return "", false
		}
		stages, stageID = dealStages, name
	}
	i := slices.IndexFunc(stages, func(s stage) bool { return s.id == stageID })
	if i < 0 {
		return "", false
	}
	if stages[i].semantics == "" {
		return "P", true
	}
	return stages[i].semantics, true
}

// move puts a lead or deal on a stage; closing it notes when. A lead set to
// CONVERTED by hand is converted into nothing.
func (p *Portal) move(r *record, stageID string) bool {
	semantics, ok := r.meaning(stageID)
	if !ok {
		return false
	}
	wasOpen := r.semantics() == "P"
	if r.ref.Type == crm.TypeLead {
		r.set("STATUS_ID", stageID)
		r.set("STATUS_SEMANTIC_ID", semantics)
	} else {
		r.set("STAGE_ID", stageID)
		r.set("STAGE_SEMANTIC_ID", semantics)
		r.set("CLOSED", flag(semantics != "P"))
	}
	r.set("MOVED_TIME", p.now())
	switch {
	case semantics == "P":
		delete(r.values, "DATE_CLOSED")
	case wasOpen || r.at("DATE_CLOSED").IsZero():
		r.set("DATE_CLOSED", p.now())
	}
	return true
}
