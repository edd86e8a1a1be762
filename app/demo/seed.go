package demo

import (
	"fmt"
	"time"

	"callwise/app/b24/b24sim"
	"callwise/app/crm"
)

// Numbers here are from ranges that are kept free for films and the like: the
// Bundesnetzagentur's "Rufnummern für Medienproduktionen" and Ofcom's numbers
// for drama use. Nobody here is a real person.
const (
	mainLine       = "+493023125000"
	secondLine     = "+494066969000"
	exceptedNumber = "+442079460999"
	ownMobile      = "+491713920011" // an employee's own phone
)

// newNumber is the nth number that nobody has called from yet.
func newNumber(n int) string { return fmt.Sprintf("+4930231255%02d", n%100) }

// The employees. The first is the portal's administrator.
func employees() []b24sim.User {
	return []b24sim.User{
		{ID: 1, Name: "Vera", LastName: "Stein", Extension: "101", Position: "Office manager", Admin: true},
		{ID: 2, Name: "Jonas", LastName: "Brandt", Extension: "102", Position: "Sales"},
		{ID: 3, Name: "Amira", LastName: "Haddad", Extension: "103", Position: "Sales"},
		{ID: 4, Name: "Lukas", LastName: "Moreau", Extension: "104", Position: "Installation", Mobile: ownMobile},
	}
}

// The administrator, and an employee who is none.
const (
	administrator    = 1
	ordinaryEmployee = 2
)

// A customer is somebody who may call, and what that shows.
type customer struct {
	row   string // of decision.md, part C; "" for the special calls
	shows string
	name  string
	phone string // "" = a new number each time
	refs  []crm.Ref
}

// label is the customer as the telephone lists them.
func (c customer) label() string {
	text := c.shows
	if c.row != "" {
		text = c.row + " · " + text
	}
	if c.name == "" {
		return text
	}
	return text + " — " + c.name
}

// A seeder puts customers into a CRM.
type seeder struct {
	p     *b24sim.Portal
	now   time.Time
	added []customer
}

func (s *seeder) add(row, shows, name, phone string, refs ...crm.Ref) {
	s.added = append(s.added, customer{row, shows, name, phone, refs})
}

// daysAgo is a moment of a working day.
func (s *seeder) daysAgo(n int) time.Time { return s.now.AddDate(0, 0, -n).Truncate(time.Hour) }

func (s *seeder) lead(l b24sim.Lead) crm.Ref {
	l.CreatedAt = s.daysAgo(40)
	if l.StatusID == "CONVERTED" || l.StatusID == "JUNK" {
		l.ClosedAt = s.daysAgo(30)
	}
	return crm.Ref{Type: crm.TypeLead, ID: s.p.AddLead(l)}
}

func (s *seeder) deal(d b24sim.Deal) crm.Ref {
	d.CreatedAt = s.daysAgo(30)
	if d.StageID == "WON" || d.StageID == "LOSE" {
		d.ClosedAt = s.daysAgo(9)
	}
	return crm.Ref{Type: crm.TypeDeal, ID: s.p.AddDeal(d)}
}

func (s *seeder) contact(c b24sim.Contact) crm.Ref {
	c.CreatedAt = s.daysAgo(35)
	return crm.Ref{Type: crm.TypeContact, ID: s.p.AddContact(c)}
}

// seed puts customers into the CRM so that each row of the tables of
// decision.md, part C, can be tried, and the special calls before them.
func seed(p *b24sim.Portal, now time.Time) []customer {
	s := &seeder{p: p, now: now}
	s.add("1", "Nobody knows this number", "", "")
	s.open()
	s.cards()
	s.closedWithCard()
	s.closedWithoutCard()
	s.special()
	return s.added
}

// open are rows 2 and 3: something is open.
func (s *seeder) open() {
	lead := s.lead(b24sim.Lead{Title: "Solar roof, detached house", Name: "Marta", LastName: "Kessler", StatusID: "IN_PROCESS", ResponsibleID: 2, Phones: []string{"+49 40 66969112"}})
	s.add("2", "Open lead, no card", "Marta Kessler", "+494066969112", lead)

	lead = s.lead(b24sim.Lead{Title: "Carport with panels", Name: "Ingo", LastName: "Falk", StatusID: "CONVERTED", ResponsibleID: 3, Phones: []string{"+49 221 4710158"}})
	deal := s.deal(b24sim.Deal{Title: "Carport 4.2 kWp", StageID: "PREPARATION", LeadID: lead.ID, ResponsibleID: 3})
	s.add("2", "Open deal without a contact", "Ingo Falk", "+492214710158", lead, deal)

	contact := s.contact(b24sim.Contact{Name: "Henrik", LastName: "Dahl", ResponsibleID: 2, Phones: []string{"+49 (89) 99998-133"}})
	deal = s.deal(b24sim.Deal{Title: "Roof 9.8 kWp with storage", StageID: "EXECUTING", ContactIDs: []int64{contact.ID}, ResponsibleID: 2})
	s.add("3", "Open deal and contact", "Henrik Dahl", "+498999998133", deal, contact)

	const shared = "+49 69 90009147"
	clara := s.contact(b24sim.Contact{Name: "Clara", LastName: "Winter", ResponsibleID: 3, Phones: []string{shared}})
	emil := s.contact(b24sim.Contact{Name: "Emil", LastName: "Winter", ResponsibleID: 4, Phones: []string{shared}})
	deal = s.deal(b24sim.Deal{Title: "Balcony panels", ContactIDs: []int64{clara.ID}, ResponsibleID: 3})
	lead = s.lead(b24sim.Lead{Title: "Heat pump enquiry", Name: "Emil", LastName: "Winter", ResponsibleID: 4, Phones: []string{shared}})
	s.add("3", "Open deal, open lead, two contacts with one number", "Clara and Emil Winter", "+496990009147", deal, lead, clara, emil)
}

// cards is row 4: a card only.
func (s *seeder) cards() {
	contact := s.contact(b24sim.Contact{Name: "Olivia", LastName: "Perrin", ResponsibleID: 2, Phones: []string{"+44 20 7946 0114"}})
	s.add("4", "Contact only", "Olivia Perrin", "+442079460114", contact)

	company := crm.Ref{Type: crm.TypeCompany, ID: s.p.AddCompany(b24sim.Company{Title: "Gut Wiesengrund", ResponsibleID: 4, Phones: []string{"+49 30 23125164"}, CreatedAt: s.daysAgo(35)})}
	s.add("4", "Company only", "Gut Wiesengrund", "+493023125164", company)
}

// closedWithCard are rows 5 to 8: nothing open, a card, and a history.
func (s *seeder) closedWithCard() {
	contact := s.contact(b24sim.Contact{Name: "Sofia", LastName: "Lindqvist", ResponsibleID: 2, Phones: []string{"+49 40 66969175"}})
	deal := s.deal(b24sim.Deal{Title: "Roof 6.4 kWp", StageID: "WON", ContactIDs: []int64{contact.ID}, ResponsibleID: 2})
	s.add("5", "Closed deal only", "Sofia Lindqvist", "+494066969175", deal, contact)

	lead := s.lead(b24sim.Lead{Title: "Solar for a bakery", Name: "Paul", LastName: "Nowak", StatusID: "CONVERTED", ResponsibleID: 3, Phones: []string{"+49 30 23125186"}})
	contact = s.contact(b24sim.Contact{Name: "Paul", LastName: "Nowak", LeadID: lead.ID, ResponsibleID: 3, Phones: []string{"+49 30 23125186"}})
	deal = s.deal(b24sim.Deal{Title: "Bakery roof 22 kWp", StageID: "WON", ContactIDs: []int64{contact.ID}, LeadID: lead.ID, ResponsibleID: 3})
	s.add("6", "Lead became a deal, now closed", "Paul Nowak", "+493023125186", lead, deal, contact)

	lead = s.lead(b24sim.Lead{Title: "Newsletter sign-up", Name: "Rana", LastName: "Aydin", StatusID: "CONVERTED", ResponsibleID: 2, Phones: []string{"+49 221 4710197"}})
	contact = s.contact(b24sim.Contact{Name: "Rana", LastName: "Aydin", LeadID: lead.ID, ResponsibleID: 2, Phones: []string{"+49 221 4710197"}})
	s.add("7", "Lead became a contact", "Rana Aydin", "+492214710197", lead, contact)

	contact = s.contact(b24sim.Contact{Name: "Tom", LastName: "Berger", ResponsibleID: 4, Phones: []string{"+49 89 99998208"}})
	lead = s.lead(b24sim.Lead{Title: "Price comparison", Name: "Tom", LastName: "Berger", StatusID: "JUNK", ResponsibleID: 4, Phones: []string{"+49 89 99998208"}})
	s.add("8", "Contact, and a lead that was lost", "Tom Berger", "+498999998208", lead, contact)
}

// closedWithoutCard are rows 9 to 11: only closed leads know the number.
func (s *seeder) closedWithoutCard() {
	lead := s.lead(b24sim.Lead{Title: "Garage roof", Name: "Nils", LastName: "Oster", StatusID: "CONVERTED", ResponsibleID: 3, Phones: []string{"+49 69 90009219"}})
	deal := s.deal(b24sim.Deal{Title: "Garage roof 3.1 kWp", StageID: "LOSE", LeadID: lead.ID, ResponsibleID: 3})
	s.add("9", "Lead became a deal, now closed; no card", "Nils Oster", "+496990009219", lead, deal)

	lead = s.lead(b24sim.Lead{Title: "Fair visitor", Name: "Jana", LastName: "Holm", StatusID: "CONVERTED", ResponsibleID: 2, Phones: []string{"+49 40 66969220"}})
	s.add("10", "Lead became a contact that was deleted (counts as lost)", "Jana Holm", "+494066969220", lead)

	lead = s.lead(b24sim.Lead{Title: "Wrong region", Name: "Greta", LastName: "Sand", StatusID: "JUNK", ResponsibleID: 4, Phones: []string{"+49 171 3920031"}})
	s.add("11", "Lead that was lost, no card", "Greta Sand", "+491713920031", lead)
}

// special are the calls that are decided before the tables.
func (s *seeder) special() {
	contact := s.contact(b24sim.Contact{Name: "Prime", LastName: "Promotions", ResponsibleID: 1, Phones: []string{"+44 20 7946 0999"}})
	s.p.Exclude(exceptedNumber)
	s.add("", "Number in the exceptions list", "Prime Promotions", exceptedNumber, contact)
	s.add("", "An employee's own mobile", "Lukas Moreau", ownMobile)
	s.add("", "Hidden number", "", hiddenNumber)
}

// seeds are the highest ids when the demo began; higher ones are new.
type seeds map[crm.EntityType]int64

func countSeeds(p *b24sim.Portal) seeds {
	highest := seeds{}
	for _, e := range entities(p) {
		highest[e.ref.Type] = max(highest[e.ref.Type], e.ref.ID)
	}
	return highest
}

func (s seeds) isNew(ref crm.Ref) bool { return ref.ID > s[ref.Type] }
