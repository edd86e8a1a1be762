package handlers

import (
	"context"
	"sync"
	"time"

	"callwise/app/b24"
	"callwise/app/callflow"
	"callwise/models"
)

// How long the dictionary of sources is remembered, and how long that it could
// not be read; a page waits only so long for it.
const (
	sourcesLife  = 10 * time.Minute
	sourcesRetry = time.Minute
	sourcesWait  = 3 * time.Second
)

// A sourceCache remembers the sources of portals. The zero value is empty.
type sourceCache struct {
	mu   sync.Mutex
	read map[int64]sourcesRead
}

type sourcesRead struct {
	sources []b24.Status
	ok      bool
	until   time.Time
}

// of returns the sources of a portal, and whether they could be read. With them the
// CRM mode is read again, which the page's tables follow.
func (s *sourceCache) of(visit context.Context, h *Handlers, portal *models.Portal) ([]b24.Status, bool) {
	if portal.Status != models.PortalActive {
		return nil, false
	}
	if known, ok := s.remembered(portal.ID, h.Now()); ok {
		return known.sources, known.ok
	}
	ctx, cancel := context.WithTimeout(visit, sourcesWait)
	defer cancel()
	sources, err := h.Flow.Client(portal).Sources(ctx)
	if visit.Err() != nil {
		return nil, false // the visitor has gone: that says nothing about the portal
	}
	if err != nil {
		// The REST log has the request; the page says that the sources are missing.
		s.remember(portal.ID, sourcesRead{until: h.Now().Add(sourcesRetry)}, h.Now())
		return nil, false
	}
	life := sourcesLife
	if err := h.Flow.Cure(ctx, portal, callflow.RemedyMode); err != nil {
		// The log of requests has it; the mode that was read last stays.
		life = sourcesRetry
	}
	s.remember(portal.ID, sourcesRead{sources, true, h.Now().Add(life)}, h.Now())
	return sources, true
}

func (s *sourceCache) remembered(portalID int64, now time.Time) (sourcesRead, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	known, ok := s.read[portalID]
	return known, ok && now.Before(known.until)
}

// remember keeps what was read, and forgets what is too old.
func (s *sourceCache) remember(portalID int64, read sourcesRead, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fresh := map[int64]sourcesRead{portalID: read}
	for id, known := range s.read {
		if id != portalID && now.Before(known.until) {
			fresh[id] = known
		}
	}
	s.read = fresh
}
