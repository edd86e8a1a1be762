package views

// The codes of decision.md part E and the words of interface.md §5; each has
// words in every language. They are repeated here, not imported, because views
// imports nothing of ours; a test of the handlers compares them with the rules.
var (
	ReasonCodes = []string{
		"NEW_CREATED", "NEW_CREATE_OFF", "NEW_OUTGOING_OFF", "OPEN_ENTITY", "KNOWN_CREATE_OFF",
		"KNOWN_OUTGOING_OFF", "REPEAT_OFF_PBX", "REPEAT_OFF_B24", "REPEAT_CONTACT", "REPEAT_CLOSED_DEAL",
		"REPEAT_LEAD_TO_DEAL", "REPEAT_LEAD_TO_CONTACT", "REPEAT_LEAD_LOST", "REPEAT_OUT_LEAD_TO_CONTACT",
		"INTERNAL_CALL", "HIDDEN_NUMBER", "EMPLOYEE_NUMBER", "EXCLUDED_NUMBER", "INFO_CALL", "TRANSFER_LEG",
	}
	NoteCodes = []string{
		"CLOSED_CARD_CLICK", "NO_TARGET", "BINDING_LIMIT",
		"PLATFORM_DECLINED", "PLATFORM_CREATED", "CREATE_FAILED", "BIND_PARTIAL", "SNAPSHOT_FAILED", "DUPLICATE_SUPPRESSED",
	}
	CreateCodes = []string{"none", "lead", "deal_contact", "repeated_lead", "repeated_deal", "repeated_deal_contact"}
)

// englishSentences holds every sentence ready made: explain writes one for each line.
var englishSentences = func() map[[2]string]string {
	ready := make(map[[2]string]string, len(ReasonCodes)*len(CreateCodes))
	for _, reason := range ReasonCodes {
		for _, create := range CreateCodes {
			ready[[2]string{reason, create}] = ReasonSentence(Localizer{}, reason, create)
		}
	}
	return ready
}()

// ReasonSentence returns the sentence of a reason (decision.md part E), with
// "a lead (or a deal)" resolved to what create says. An unknown reason comes
// back as it is.
func ReasonSentence(l Localizer, reason, create string) string {
	return reasonSentence(l, reason, l.word("was", create))
}

// DryRunSentence is ReasonSentence for a call that nothing was written for.
func DryRunSentence(l Localizer, reason, create string) string {
	return reasonSentence(l, reason, l.word("would", create))
}

func reasonSentence(l Localizer, reason, created string) string {
	key := "reason." + reason
	text := l.T(key, "Created", created)
	if reason == "" || text == key {
		return reason
	}
	return text
}

// EnglishSentence is ReasonSentence in English, made beforehand.
func EnglishSentence(reason, create string) string {
	if text, ok := englishSentences[[2]string{reason, create}]; ok {
		return text
	}
	return reason
}

// NoteSentence returns the sentence of a note or of what actually happened
// (decision.md part E). An unknown note comes back as it is.
func NoteSentence(l Localizer, note, create string) string {
	key := "note." + note
	text := l.T(key, "Entity", l.word("what", create))
	if note == "" || text == key {
		return note
	}
	return text
}
