package b24

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"time"
)

// A Code names a refusal of Bitrix24 or of its authorization server. It is an
// error itself: errors.Is(err, b24.QueryLimitExceeded). Bitrix24 writes the
// codes in any case; here they are upper case and compared without it.
//
// https://apidocs.bitrix24.com/error-codes.html
type Code string

// Codes of refusals that somebody acts upon. The set is open: codes that are
// not listed come through as they are.
const (
	AccessDenied         Code = "ACCESS_DENIED"
	ActivityAlreadyBound Code = "ACTIVITY_IS_ALREADY_BOUND"
	ApplicationNotFound  Code = "APPLICATION_NOT_FOUND"
	AuthorizationError   Code = "AUTHORIZATION_ERROR"
	BindingNotFound      Code = "BINDING_NOT_FOUND"
	ConnectionError      Code = "CONNECTION_ERROR"
	ErrorCore            Code = "ERROR_CORE"
	ErrorOAuth           Code = "ERROR_OAUTH"
	ExpiredToken         Code = "EXPIRED_TOKEN"
	InsufficientScope    Code = "INSUFFICIENT_SCOPE"
	InternalServerError  Code = "INTERNAL_SERVER_ERROR"
	InvalidArgValue      Code = "INVALID_ARG_VALUE"
	InvalidClient        Code = "INVALID_CLIENT"
	InvalidGrant         Code = "INVALID_GRANT"
	InvalidToken         Code = "INVALID_TOKEN"
	LastBinding          Code = "LAST_BINDING_CANNOT_BE_DELETED"
	MethodNotFound       Code = "ERROR_METHOD_NOT_FOUND"
	NoAuthFound          Code = "NO_AUTH_FOUND"
	NotFound             Code = "NOT_FOUND"
	OperationTimeLimit   Code = "OPERATION_TIME_LIMIT"
	OverloadLimit        Code = "OVERLOAD_LIMIT"
	OwnerNotFound        Code = "OWNER_NOT_FOUND"
	PaymentRequired      Code = "PAYMENT_REQUIRED"
	PlacementNotFound    Code = "ERROR_PLACEMENT_NOT_FOUND"
	PortalDeleted        Code = "PORTAL_DELETED"
	QueryLimitExceeded   Code = "QUERY_LIMIT_EXCEEDED"
	UnexpectedAnswer     Code = "ERROR_UNEXPECTED_ANSWER"
	UserAccessError      Code = "USER_ACCESS_ERROR"
	WrongAuthType        Code = "WRONG_AUTH_TYPE"
	WrongClient          Code = "WRONG_CLIENT"
	WrongToken           Code = "WRONG_TOKEN"
	badVerificationCode  Code = "BAD_VERIFICATION_CODE"
	errorNotFound        Code = "ERROR_NOT_FOUND"
)

func (c Code) Error() string {
	if c == "" {
		return "refused without a code"
	}
	return string(c)
}

// Is compares codes without regard to case.
func (c Code) Is(target error) bool {
	other, ok := target.(Code)
	return ok && strings.EqualFold(string(c), string(other))
}

// States of a portal that a single call cannot mend. Errors that match them
// carry the refusal they follow from as well.
var (
	// ErrNeedsAuth: no stored pair of tokens works. It heals when an
	// administrator opens the application.
	ErrNeedsAuth = errors.New("b24: no authorization left, an administrator has to open the application")
	// ErrPairGone: the pair that was to be renewed has been rejected meanwhile.
	// A [Keeper] says so, and the next pair is tried.
	ErrPairGone = errors.New("b24: the pair of tokens has been rejected")
	// ErrUninstalled: the application is not, or no longer, installed on the
	// portal. A wrong client secret looks the same, for all portals at once.
	ErrUninstalled = errors.New("b24: the application is not installed on the portal")
	// ErrPaymentRequired: the application's trial or paid period is over.
	ErrPaymentRequired = errors.New("b24: the application's paid period is over")
	// ErrNoREST: the portal's plan has no REST API.
	ErrNoREST = errors.New("b24: the portal's plan has no REST API")
	// ErrPortalDeleted: the portal is closed.
	ErrPortalDeleted = errors.New("b24: the portal is closed")
	// ErrBlocked: Bitrix24's staff blocked our requests to the portal by hand;
	// only its support ends that.
	ErrBlocked = errors.New("b24: our requests to the portal are blocked")
	// ErrRenewal: the authorization server does not renew our tokens, for a reason
	// that has no other name here. The same pair is not to be tried again and again.
	ErrRenewal = errors.New("b24: tokens are not renewed")
	// ErrForged: a posted token is not one of our application and this portal.
	ErrForged = errors.New("b24: the token does not belong to this portal and application")
	// ErrUnproven: the authorization server does not tell whose token it is.
	ErrUnproven = errors.New("b24: the authorization server does not tell whose token it is")
	// ErrMalformed: an event or a frame's request cannot be read.
	ErrMalformed = errors.New("b24: malformed request")
	// ErrEndpoint: an address is not one that a portal may have.
	ErrEndpoint = errors.New("b24: not an address of a portal")
	// ErrBatchLength: a batch without commands or with more than 50.
	ErrBatchLength = errors.New("b24: a batch holds 1 to 50 commands")
	// ErrNotExecuted: a batch stopped before this command.
	ErrNotExecuted = errors.New("b24: the command was not executed")
	// ErrUnreadable: the portal names records that it does not show to us, so
	// nothing can be decided.
	ErrUnreadable = errors.New("b24: the portal hides records that it found")
)

// An Error is an answer of the portal that says no.
type Error struct {
	Method string // REST method that was called
	Status int    // HTTP status of the answer; 0 inside a batch or when a pause is observed
	Code   Code   // what programs read, upper case; may be empty
	// Detail is what people read. It may quote a phone number or a name and
	// is for classification only: it is never part of the error's text.
	Detail string
	// Wait is how long the refusal lasts, when the portal has told; else 0.
	Wait time.Duration
}

func (e *Error) Error() string {
	text := e.Method + ":"
	if e.Status != 0 {
		text += fmt.Sprintf(" %d", e.Status)
	}
	return text + " " + e.Code.Error()
}

// Unwrap makes errors.Is(err, b24.QueryLimitExceeded) work.
func (e *Error) Unwrap() error { return e.Code }

// Says reports whether the portal's texts contain fragment, in any case. Where
// Bitrix24 has no code of its own its text is all there is to tell refusals
// apart; the text sometimes stands in the place of the code.
func (e *Error) Says(fragment string) bool {
	fragment = strings.ToLower(fragment)
	return strings.Contains(strings.ToLower(e.Detail), fragment) || strings.Contains(strings.ToLower(string(e.Code)), fragment)
}

func says(err error, fragment string) bool {
	refusal, ok := errors.AsType[*Error](err)
	return ok && refusal.Says(fragment)
}

// A Failure is a request that got no answer one can read: a broken connection,
// a timeout, a page instead of JSON.
type Failure struct {
	Method string // REST method that was called
	Status int    // HTTP status, 0 when there was no answer
	Sent   bool   // the request may have reached the portal and may have run
	Err    error  // what happened; its text may quote an address
}

// Error names what happened without quoting the address, which may hold a secret.
func (f *Failure) Error() string {
	text := f.Method + ": "
	if f.Status != 0 {
		text += fmt.Sprintf("%d, ", f.Status)
	}
	return text + f.reason()
}

func (f *Failure) Unwrap() error { return f.Err }

func (f *Failure) reason() string {
	var timeout net.Error
	switch {
	case errors.Is(f.Err, context.Canceled):
		return "cancelled"
	case errors.Is(f.Err, context.DeadlineExceeded), errors.As(f.Err, &timeout) && timeout.Timeout():
		return "timeout"
	}
	if _, ok := errors.AsType[*net.DNSError](f.Err); ok {
		return "host name not found"
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](f.Err); ok {
		return "certificate not accepted"
	}
	if errno, ok := errors.AsType[syscall.Errno](f.Err); ok {
		return errno.Error()
	}
	if odd, ok := errors.AsType[oddAnswer](f.Err); ok {
		return string(odd)
	}
	return "connection broken"
}

// oddAnswer says what is wrong with an answer that is no answer of Bitrix24.
type oddAnswer string

func (o oddAnswer) Error() string { return string(o) }

// perhapsRan is what a call failed with of which an earlier attempt may have run,
// whatever was said of the last one.
type perhapsRan struct{ last error }

func (p perhapsRan) Error() string { return p.last.Error() + ", and may have run before" }

// Unwrap gives a list, as errors.Join does, for what last may be joined of counts.
func (p perhapsRan) Unwrap() []error { return []error{p.last} }

// waits says how long a refusal lasts. A code that is not here does not pass.
var waits = map[Code]time.Duration{
	QueryLimitExceeded:  5 * time.Second,
	OperationTimeLimit:  10 * time.Minute,
	ConnectionError:     30 * time.Second,
	InternalServerError: 30 * time.Second,
	UnexpectedAnswer:    30 * time.Second,
}

// final are states that do not pass by waiting.
var final = []error{
	ErrNeedsAuth, ErrUninstalled, ErrPaymentRequired, ErrNoREST, ErrPortalDeleted, ErrBlocked,
	ErrRenewal, ErrForged, ErrMalformed, ErrEndpoint, ErrBatchLength, ErrUnreadable,
}

// Retry reports whether what failed with err may succeed later by itself, and
// after how long. It speaks of waiting only: whether repeating does harm says
// [Unsure]. What is no answer of the portal, such as a broken connection or an
// error of a [Keeper], may always pass.
func Retry(err error) (wait time.Duration, ok bool) {
	if err == nil {
		return 0, false
	}
	for _, state := range final {
		if errors.Is(err, state) {
			return 0, false
		}
	}
	refusal, answered := errors.AsType[*Error](err)
	if !answered {
		return 10 * time.Second, true
	}
	if refusal.Wait > 0 {
		return refusal.Wait, true
	}
	if refusal.Method == methodUpload && notAs(refusal) {
		return 10 * time.Second, true // the next upload is to a new address
	}
	if refusal.Method == methodFinish && refusal.Says("unexpected database error") {
		return 30 * time.Second, true // another finish looks for what this one has done
	}
	wait, ok = waits[refusal.Code]
	if !ok && refusal.Status >= http.StatusInternalServerError && refusal.Code != OverloadLimit {
		return 30 * time.Second, true
	}
	return wait, ok
}

// Unsure reports whether the call that failed with err may have run all the
// same, be it at an earlier attempt than the last. What creates something must be
// looked up before it is repeated. A call that failed because its tokens could not
// be renewed has not run.
func Unsure(err error) bool {
	if _, ok := errors.AsType[perhapsRan](err); ok {
		return true
	}
	if failure, ok := errors.AsType[*Failure](err); ok {
		return failure.Sent && failure.Method != Renewal
	}
	refusal, ok := errors.AsType[*Error](err)
	if !ok || refusal.Method == Renewal {
		return false
	}
	switch refusal.Code {
	case InternalServerError, UnexpectedAnswer:
		return true
	case QueryLimitExceeded, OverloadLimit, PortalDeleted:
		return false
	}
	return refusal.Status >= http.StatusInternalServerError
}

// Gone reports whether the application is not installed on the portal any more.
func Gone(err error) bool { return errors.Is(err, ErrUninstalled) }

// suspending are the states that end without our doing.
var suspending = []error{ErrPaymentRequired, ErrNoREST, ErrPortalDeleted, ErrBlocked, ErrRenewal}

// Suspended reports whether the portal does not work for us for a reason of
// payment, plan or a block, or since tokens are not renewed, which ends without our
// doing; asking once in a while is enough.
func Suspended(err error) bool {
	return slices.ContainsFunc(suspending, func(state error) bool { return errors.Is(err, state) })
}

// IsPortal reports whether err is about the portal or the way to it, and not
// an error of our own house such as a [Keeper]'s.
func IsPortal(err error) bool {
	if _, ok := errors.AsType[*Error](err); ok {
		return true
	}
	if _, ok := errors.AsType[*Failure](err); ok || errors.Is(err, ErrNotExecuted) {
		return true
	}
	for _, state := range final {
		if errors.Is(err, state) {
			return true
		}
	}
	return false
}
