package b24sim

import (
	"errors"
	"net/http"
)

// A refusal is an error answer of a REST method or of the authorization server.
type refusal struct {
	status     int
	code, text string
	argument   string // with ERROR_ARGUMENT
}

func (r *refusal) Error() string { return r.code + ": " + r.text }

func (r *refusal) body() *array {
	a := obj("error", r.code, "error_description", r.text)
	if r.argument != "" {
		a.set("argument", r.argument)
	}
	return a
}

// asRefusal is the refusal in err; any other error is a server fault.
func asRefusal(err error) *refusal {
	if r, ok := errors.AsType[*refusal](err); ok {
		return r
	}
	return &refusal{status: http.StatusInternalServerError, code: "INTERNAL_SERVER_ERROR", text: err.Error()}
}

// refuse is a 400, the status of most refusals.
func refuse(code, text string) *refusal {
	return &refusal{status: http.StatusBadRequest, code: code, text: text}
}

func forbid(code, text string) *refusal {
	return &refusal{status: http.StatusForbidden, code: code, text: text}
}

func unauthorized(code, text string) *refusal {
	return &refusal{status: http.StatusUnauthorized, code: code, text: text}
}

func badArgument(name, text string) *refusal {
	return &refusal{status: http.StatusBadRequest, code: "ERROR_ARGUMENT", text: text, argument: name}
}

// missing is what the newer CRM methods say of a required parameter.
func missing(name string) *refusal {
	return refuse("100", "Could not find value for parameter {"+name+"}")
}

var (
	errNoAuth        = unauthorized("NO_AUTH_FOUND", "Wrong authorization data")
	errInvalidToken  = unauthorized("invalid_token", "Unable to get application by token")
	errExpiredToken  = unauthorized("expired_token", "The access token provided has expired")
	errNoApplication = unauthorized("APPLICATION_NOT_FOUND", "Application not found")
	errNoUser        = unauthorized("authorization_error", "Unable to authorize user")
	errUnpaid        = forbid("PAYMENT_REQUIRED", "Payment required")
	errScope         = forbid("insufficient_scope", "The request requires higher privileges than provided by the access token")
	errWrongAuth     = forbid("WRONG_AUTH_TYPE", "Current authorization type is denied for this method Application context required")
	errAdmin         = forbid("ACCESS_DENIED", "Access denied! Administrator authorization required")
	errMethod        = &refusal{status: http.StatusNotFound, code: "ERROR_METHOD_NOT_FOUND", text: "Method not found!"}
	errQueryLimit    = &refusal{status: http.StatusServiceUnavailable, code: "QUERY_LIMIT_EXCEEDED", text: "Too many requests"}
	errOperating     = &refusal{status: http.StatusTooManyRequests, code: "OPERATION_TIME_LIMIT", text: "Method is blocked due to operation time limit."}
	errBatchMethod   = &refusal{status: http.StatusMethodNotAllowed, code: "ERROR_BATCH_METHOD_NOT_ALLOWED", text: "Method is not allowed for batch usage"}
	errBatchLength   = refuse("ERROR_BATCH_LENGTH_EXCEEDED", "Max batch length exceeded")
)
