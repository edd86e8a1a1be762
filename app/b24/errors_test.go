package b24

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"testing"
	"time"
)

func TestRefusalsPassOrDoNot(t *testing.T) {
	tests := []struct {
		answer string // from the tables of error codes
		wait   time.Duration
		passes bool
		unsure bool
		is     error
	}{
		{`500 {"error":"INTERNAL_SERVER_ERROR"}`, 30 * time.Second, true, true, InternalServerError},
		{`500 {"error":"ERROR_UNEXPECTED_ANSWER"}`, 30 * time.Second, true, true, UnexpectedAnswer},
		{`503 {"error":"QUERY_LIMIT_EXCEEDED"}`, 5 * time.Second, true, false, QueryLimitExceeded},
		{`503 {"error":"query_limit_exceeded"}`, 5 * time.Second, true, false, QueryLimitExceeded},
		{`429 {"error":"OPERATION_TIME_LIMIT"}`, 10 * time.Minute, true, false, OperationTimeLimit},
		{`503 {"error":"OVERLOAD_LIMIT"}`, 0, false, false, ErrBlocked},
		{`401 {"error":"OVERLOAD_LIMIT"}`, 0, false, false, ErrBlocked},
		{`401 {"error":"CONNECTION_ERROR"}`, 30 * time.Second, true, false, ConnectionError},
		{`403 {"error":"ACCESS_DENIED","error_description":"REST API is available only on commercial plans"}`, 0, false, false, ErrNoREST},
		{`400 {"error":"ACCESS_DENIED","error_description":"Access denied!"}`, 0, false, false, AccessDenied},
		{`403 {"error":"insufficient_scope"}`, 0, false, false, InsufficientScope},
		{`500 {"error":"PORTAL_DELETED"}`, 0, false, false, ErrPortalDeleted},
		{`403 {"error":"PORTAL_DELETED"}`, 0, false, false, ErrPortalDeleted},
		{`404 {"error":"ERROR_METHOD_NOT_FOUND","error_description":"Method not found!"}`, 0, false, false, MethodNotFound},
		{`403 {"error":"WRONG_AUTH_TYPE"}`, 0, false, false, WrongAuthType},
		{`401 {"error":"METHOD_CONFIRM_WAITING"}`, 0, false, false, Code("METHOD_CONFIRM_WAITING")},
		{`400 {"error":"ERROR_CORE","error_description":"x"}`, 0, false, false, ErrorCore},
		{`400 {"error":"","error_description":"Not found"}`, 0, false, false, Code("")},
		{`200 {"error":"EMPTY_ERROR_HANDLER_URL"}`, 0, false, false, Code("EMPTY_ERROR_HANDLER_URL")},
		{`400 {"error":100,"error_description":"x"}`, 0, false, false, Code("100")},
		{`401 {"error":"APPLICATION_NOT_FOUND"}`, 0, false, false, ErrUninstalled},
		{`401 {"error":"PAYMENT_REQUIRED"}`, 0, false, false, ErrPaymentRequired},
		{`502 {"error":"SOMETHING_NEW"}`, 30 * time.Second, true, true, Code("SOMETHING_NEW")},
		{`400 {"error":"SOMETHING_NEW"}`, 0, false, false, Code("something_new")},
		{`400 {"error":{"code":"V3","message":"m"}}`, 0, false, false, Code("V3")},
	}
	for _, tt := range tests {
		t.Run(tt.answer, func(t *testing.T) {
			status := 0
			_, _ = fmt.Sscan(tt.answer[:3], &status)
			_, err := parseAnswer("crm.lead.add", reply{status, []byte(tt.answer[4:])})
			err = state(err)
			wait, passes := Retry(err)
			if wait != tt.wait || passes != tt.passes || Unsure(err) != tt.unsure || !errors.Is(err, tt.is) {
				t.Errorf("%v: wait %v, passes %v, unsure %v, is %v %v", err, wait, passes, Unsure(err), tt.is, errors.Is(err, tt.is))
			}
			if !IsPortal(err) {
				t.Error("not an error of the portal")
			}
		})
	}
}

func TestAnswersThatAreNoneAreFailures(t *testing.T) {
	for _, text := range []string{"", "<html>502</html>", "null", "[]", "{}", `"x"`, `{"total":1}`, `{"result":1,"next":{"a":1}x`} {
		_, err := parseAnswer("m", reply{200, []byte(text)})
		if _, ok := errors.AsType[*Failure](err); !ok || !Unsure(err) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestErrorTextsCarryNoSecrets(t *testing.T) {
	secret := &url.Error{Op: "Get", URL: "https://h/?client_secret=hush", Err: &net.OpError{Op: "dial", Err: errors.New("x hush")}}
	errs := []error{
		&Error{Method: "m", Status: 400, Code: ErrorCore, Detail: "phone +4930123456 hush"},
		&Failure{Method: "m", Status: 502, Err: withoutURL(secret)},
		&Failure{Method: "m", Err: errors.New("hush")},
		fmt.Errorf("%w: %w", ErrNeedsAuth, &Error{Method: "m", Detail: "hush"}),
	}
	for _, err := range errs {
		if strings.Contains(err.Error(), "hush") || strings.Contains(err.Error(), "4930") {
			t.Errorf("%v", err)
		}
	}
}

func TestOtherErrorsPassAndAreOurs(t *testing.T) {
	own := errors.New("database is down")
	if wait, ok := Retry(own); wait <= 0 || !ok || IsPortal(own) || Unsure(own) {
		t.Error("an error of the house must pass and be ours")
	}
	if _, ok := Retry(nil); ok {
		t.Error("no error needs no retry")
	}
	if _, ok := Retry(&Failure{Err: context.DeadlineExceeded}); !ok {
		t.Error("a timeout passes")
	}
	for _, err := range []error{ErrNeedsAuth, ErrUninstalled, ErrPaymentRequired, ErrNoREST, ErrUnreadable} {
		if _, ok := Retry(fmt.Errorf("x: %w", err)); ok || !IsPortal(err) {
			t.Errorf("%v passes, or is ours", err)
		}
	}
	if !Gone(fmt.Errorf("x: %w", ErrUninstalled)) || Gone(ErrNeedsAuth) || !Suspended(ErrNoREST) || Suspended(ErrUninstalled) || !Suspended(ErrBlocked) {
		t.Error("wrong state")
	}
}
