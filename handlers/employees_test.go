package handlers

import (
	"context"
	"fmt"
	"testing"

	"callwise/app/b24"
)

func TestTheCodeOfAPortalThatToldNothingSaysWhy(t *testing.T) {
	for _, tt := range []struct {
		err  error
		want string
	}{
		{nil, ""},
		{fmt.Errorf("asked: %w", &b24.Error{Method: "user.get", Status: 503, Code: b24.QueryLimitExceeded}), "QUERY_LIMIT_EXCEEDED"},
		{b24.ErrNeedsAuth, "NEEDS_AUTH"},
		{b24.ErrUninstalled, "UNINSTALLED"},
		{b24.ErrUnreadable, "PORTAL_UNREACHABLE"},
		{context.DeadlineExceeded, "PORTAL_UNREACHABLE"},
	} {
		if got := codeOf(tt.err); got != tt.want {
			t.Errorf("%v: %s, want %s", tt.err, got, tt.want)
		}
	}
}
