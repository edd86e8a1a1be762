package b24sim

// EndPaidPeriod is the end of the time that was paid for, on a portal that goes on in
// demo mode: only app.info says so (bitrix24-platform.md, 1.7).
func (p *Portal) EndPaidPeriod() {
	defer p.lock()()
	p.app.overdue = true
}

// EndPayment is the end of the application's trial period: from now on no
// event is sent, and tokens are neither accepted nor renewed
// (bitrix24-platform.md, 1.5 and 2.6).
func (p *Portal) EndPayment() {
	defer p.lock()()
	p.app.unpaid = true
}

// Pay ends that. ONAPPPAYMENT tells of it, without a refresh token; older
// portals sent no application token either.
//
// https://apidocs.bitrix24.com/api-reference/common/events/on-app-payment.html
func (p *Portal) Pay() {
	defer p.lock()()
	p.app.overdue, p.app.unpaid = false, false
	p.raise(event{name: "ONAPPPAYMENT", userID: p.app.installer, data: obj(
		"CODE", p.sim.config.Code, "VERSION", p.app.version, "STATUS", "P", "PAYMENT_EXPIRED", "N", "DAYS", 30,
	)})
}
