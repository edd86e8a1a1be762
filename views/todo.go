package views

import "time"

// TodoWords are the title and the text of the to-do for a missed call. at is in
// the zone its time is told in; customer and line may be empty.
func TodoWords(l Localizer, number, customer, line string, at time.Time) (title, text string) {
	title = l.T("todo.title", "Phone", number)
	if customer != "" {
		title = l.T("todo.title.named", "Customer", customer, "Phone", number)
	}
	when := l.Moment(at, at.AddDate(2, 0, 0), at.Location()).Text
	if line == "" {
		return title, l.T("todo.text", "Time", when, "Phone", number)
	}
	return title, l.T("todo.text.line", "Time", when, "Phone", number, "Line", line)
}
