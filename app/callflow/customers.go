package callflow

import (
	"context"
	"errors"
	"strconv"
	"time"

	"callwise/app/b24"
	"callwise/app/call"
	"callwise/models"

	"github.com/jellydator/ttlcache/v3"
	"golang.org/x/sync/singleflight"
)

// DefaultLookupAge is how long a portal's answer about a number counts.
const DefaultLookupAge = 30 * time.Second

// Bounds of looking up customers.
const (
	customersWithin = 2500 * time.Millisecond
	customersKept   = 10_000
)

// What keeps a PBX from learning who calls.
var (
	// ErrPortalSlow: the portal did not answer within the time a caller waits.
	ErrPortalSlow = errors.New("callflow: the portal did not answer in time")
	// ErrPortalBusy: the portal takes no more requests at the moment.
	ErrPortalBusy = errors.New("callflow: the portal takes no more requests now")
)

// Lookups remembers for a short while whose number it is, and asks a portal
// once at a time for a number. One Lookups serves all requests of a process.
type Lookups struct {
	kept    *ttlcache.Cache[lookup, []b24.Customer]
	flights singleflight.Group
}

// A lookup is a number as a portal is asked for it.
type lookup struct {
	portalID int64
	phone    string
}

func (l lookup) String() string { return strconv.FormatInt(l.portalID, 10) + " " + l.phone }

// NewLookups makes an empty memory of answers that count for age.
func NewLookups(age time.Duration) *Lookups {
	return &Lookups{kept: ttlcache.New(
		ttlcache.WithTTL[lookup, []b24.Customer](age),
		ttlcache.WithCapacity[lookup, []b24.Customer](customersKept),
		ttlcache.WithDisableTouchOnHit[lookup, []b24.Customer](),
	)}
}

// forget drops what is remembered of a portal.
func (l *Lookups) forget(portalID int64) {
	for _, key := range l.kept.Keys() {
		if key.portalID == portalID {
			l.kept.Delete(key)
		}
	}
}

// Customers tells whose number it is, by every spelling the CRM may know it
// under, most important first, as the portal said a moment ago. The number is
// not hidden. A question on its way is shared: that one who asks
// goes away does not end it for the others. A failure is not remembered.
// Errors: [ErrPortalSlow], [ErrPortalBusy], or the portal's own.
func (f *Flow) Customers(ctx context.Context, portal *models.Portal, phone call.Phone) ([]b24.Customer, error) {
	key := lookup{portal.ID, phone.Dial()}
	if item := f.Lookups.kept.Get(key); item != nil {
		return item.Value(), nil
	}
	shared := f.Lookups.flights.DoChan(key.String(), func() (any, error) {
		return f.askCustomers(context.WithoutCancel(ctx), portal, key, phone.Variants())
	})
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case answer := <-shared:
		if answer.Err != nil {
			return nil, answer.Err
		}
		return answer.Val.([]b24.Customer), nil
	}
}

func (f *Flow) askCustomers(ctx context.Context, portal *models.Portal, key lookup, spellings []string) ([]b24.Customer, error) {
	if item := f.Lookups.kept.Get(key); item != nil { // answered since it was looked for
		return item.Value(), nil
	}
	ctx, cancel := context.WithTimeout(ctx, customersWithin)
	defer cancel()
	found, err := f.patientClient(portal, nil).Customers(ctx, spellings)
	switch {
	case err == nil:
	case errors.Is(err, b24.QueryLimitExceeded), errors.Is(err, b24.OperationTimeLimit):
		return nil, errors.Join(ErrPortalBusy, err)
	case ctx.Err() != nil:
		return nil, errors.Join(ErrPortalSlow, err)
	default:
		return nil, err
	}
	f.Lookups.kept.DeleteExpired() // names of customers do not stay longer than they count
	f.Lookups.kept.Set(key, found, ttlcache.DefaultTTL)
	return found, nil
}
