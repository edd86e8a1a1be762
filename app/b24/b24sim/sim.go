package b24sim

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// A Config says who the simulated application is.
type Config struct {
	// ClientID and ClientSecret are the application's keys.
	ClientID, ClientSecret string
	// Code is the application's symbolic code in the Market; ClientID by default.
	Code string
	// BaseURL is where the handler is served, without a slash at the end.
	// It may be set later with [Sim.SetBaseURL].
	BaseURL string
	// InstallerURL and ApplicationURL are the pages on the application's card.
	InstallerURL, ApplicationURL string
	// Now is the clock of every portal; nil means time.Now. While it stands
	// still no leaky bucket drains: give such portals the plan SelfHosted, or
	// turn the clock.
	Now func() time.Time
	// HTTP delivers events and downloads recordings; nil means a client that
	// gives up after 10 seconds.
	HTTP *http.Client
}

// A Sim is an authorization server with its portals, served as one handler.
type Sim struct {
	mu       sync.Mutex // guards everything below, portals included
	config   Config
	portals  []*Portal
	named    map[string]*Portal // the same by their names in lower case
	moved    map[string]string  // old path of a renamed portal → its new one
	tokens   map[string]*token
	refresh  map[string]*token
	codes    map[string]*token
	faults   []*Injected
	requests []*Request
	pending  int           // events not yet delivered
	idle     chan struct{} // closed while pending is 0
	serial   int64         // makes tokens and ids unique
}

// New makes an authorization server without portals.
func New(c Config) *Sim {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.HTTP == nil {
		c.HTTP = &http.Client{Timeout: 10 * time.Second}
	}
	if c.Code == "" {
		c.Code = c.ClientID
	}
	idle := make(chan struct{})
	close(idle)
	return &Sim{
		config:  c,
		named:   map[string]*Portal{},
		moved:   map[string]string{},
		tokens:  map[string]*token{},
		refresh: map[string]*token{},
		codes:   map[string]*token{},
		idle:    idle,
	}
}

// SetBaseURL says where the handler is served, once a test server knows.
func (s *Sim) SetBaseURL(url string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.config.BaseURL = strings.TrimSuffix(url, "/")
}

// Portals are all portals in the order they were added.
func (s *Sim) Portals() []*Portal {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.portals)
}

// Portal is the portal with this name, nil if there is none.
func (s *Sim) Portal(name string) *Portal {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.portal(name)
}

func (s *Sim) portal(name string) *Portal { return s.named[strings.ToLower(name)] }

// WaitIdle waits until every event that has been raised so far, and those
// their handlers caused meanwhile, has been delivered and answered.
func (s *Sim) WaitIdle(ctx context.Context) error {
	for {
		s.mu.Lock()
		idle, quiet := s.idle, s.pending == 0
		s.mu.Unlock()
		if quiet {
			return nil
		}
		select {
		case <-idle:
		case <-ctx.Done():
			return fmt.Errorf("events are still being delivered: %w", ctx.Err())
		}
	}
}

// unique is a string of n hexadecimal digits that was not used before.
func (s *Sim) unique(n int, parts ...any) string {
	s.serial++
	return digest(n, append(parts, s.serial)...)
}
