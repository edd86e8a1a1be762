package b24sim

import (
	"encoding/json"
	"math"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"
)

// A method is one REST method of a portal.
type method struct {
	scope   string // "" = basic, always granted
	admin   bool   // administrators only
	app     bool   // needs the application's token; a webhook is refused
	noBatch bool
	run     func(*call) (any, error)
}

// A call is one method being executed, alone or in a batch.
type call struct {
	p      *Portal
	user   *User
	token  *token // nil for a webhook
	params *array
	batch  bool
}

// A page is the result of a list method: total and next go beside it.
type page struct {
	rows  any
	total int
	next  int // 0 = last page
}

// methods are all REST methods by their lower-case names.
var methods map[string]method

func init() {
	methods = map[string]method{}
	for _, family := range []map[string]method{
		systemMethods, eventMethods, placementMethods, userMethods, telephonyMethods,
		itemMethods, classicMethods, activityMethods, dictionaryMethods, noticeMethods,
	} {
		for name, m := range family {
			methods[strings.ToLower(name)] = m
		}
	}
}

// restAnswer executes a REST request whose parameters still hold the token.
func (p *Portal) restAnswer(x *exchange) answer {
	p.sim.mu.Lock()
	defer p.sim.mu.Unlock()
	started := p.now()
	c, err := p.authorize(x)
	if err != nil {
		return refused(err)
	}
	x.userID = c.user.ID
	if x.method == "batch" {
		return c.runBatch(x, started)
	}
	result, err := c.execute(x.method)
	if err != nil {
		return refused(err)
	}
	body := obj()
	p.put(body, result)
	body.set("time", p.timeBlock(x.method, started))
	return answered(body)
}

// put writes a method's result, with total and next if it is a page.
func (p *Portal) put(body *array, result any) {
	list, isPage := result.(*page)
	if !isPage {
		body.set("result", result)
		return
	}
	body.set("result", list.rows)
	if list.next > 0 {
		body.set("next", list.next)
	}
	body.set("total", list.total)
}

// authorize finds the user behind a request and spends one of the portal's
// requests.
func (p *Portal) authorize(x *exchange) (*call, error) {
	if !p.admit(x.remote) {
		return nil, errQueryLimit
	}
	if x.webhook != "" {
		return p.authorizeWebhook(x)
	}
	t, err := p.holder(x.auth)
	if err != nil {
		return nil, err
	}
	return &call{p: p, user: p.user(t.userID), token: t, params: x.params}, nil
}

// holder finds the token of the portal that an access token is, while it works.
func (p *Portal) holder(access string) (*token, error) {
	t, err := p.sim.tokenFor(access)
	if err != nil {
		return nil, err
	}
	if t.portal != p {
		return nil, errInvalidToken
	}
	return t, t.alive(p.now())
}

func (p *Portal) authorizeWebhook(x *exchange) (*call, error) {
	for _, u := range p.users {
		if x.webhook == p.webhookKey(u.ID) && !u.Dismissed {
			return &call{p: p, user: u, params: x.params}, nil
		}
	}
	return nil, unauthorized("INVALID_CREDENTIALS", "Invalid request credentials")
}

// execute runs one method with everything that is checked before any of them.
func (c *call) execute(name string) (any, error) {
	if err := c.p.sim.refusalFor(c.p.config.Name, name); err != nil {
		return nil, err
	}
	m, ok := methods[name]
	switch {
	case !ok:
		return nil, errMethod
	case c.batch && m.noBatch:
		return nil, errBatchMethod
	case !c.p.granted(m.scope):
		return nil, errScope
	case m.app && c.token == nil:
		return nil, errWrongAuth
	case m.admin && !c.user.Admin:
		return nil, errAdmin
	case c.p.isSpent(name):
		return nil, errOperating
	}
	result, err := m.run(c)
	c.p.spend(name, defaultCost)
	return result, err
}

// granted reports whether the application has a scope; user_brief and
// user_basic are parts of user.
func (p *Portal) granted(scope string) bool {
	if scope == "" || slices.Contains(p.config.Scopes, scope) {
		return true
	}
	return scope == "user_brief" && p.userScope() != ""
}

// An answer is what goes back over HTTP.
type answer struct {
	status int
	body   []byte
	code   string // of a refusal
	html   bool
}

func answered(body *array) answer {
	b, err := json.Marshal(body)
	if err != nil {
		return answer{status: http.StatusInternalServerError, code: "INTERNAL_SERVER_ERROR"}
	}
	return answer{status: http.StatusOK, body: b}
}

func refused(err error) answer {
	r := asRefusal(err)
	a := answered(r.body())
	a.status, a.code = r.status, r.code
	return a
}

// timeBlock is the part of every answer about time. A self-hosted portal
// tells no operating time.
func (p *Portal) timeBlock(method string, started time.Time) *array {
	block := obj(
		"start", float64(started.UnixMilli())/1000, "finish", float64(started.UnixMilli()+50)/1000,
		"duration", 0.05, "processing", 0.04,
		"date_start", started.Format(time.RFC3339), "date_finish", started.Format(time.RFC3339),
	)
	if p.config.Plan == SelfHosted {
		return block
	}
	operating, reset := p.operating(method)
	block.set("operating_reset_at", reset.Unix())
	block.set("operating", math.Round(operating.Seconds()*1000)/1000)
	return block
}

// parameters reads query and body of a request; the body wins. Malformed JSON
// counts as no parameters.
func parameters(r *http.Request, body []byte) *array {
	params := parseForm(r.URL.RawQuery)
	media, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	var sent *array
	switch media {
	case "application/json":
		sent, _ = parseJSON(body)
	case "application/x-www-form-urlencoded":
		sent = parseForm(string(body))
	}
	if sent == nil {
		return params
	}
	for _, k := range sent.keys {
		params.set(k, sent.values[k])
	}
	return params
}
