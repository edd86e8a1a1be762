package callflow

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"callwise/app/b24"
	"callwise/app/reach"
	"callwise/models"
)

// lookWithin is how long a PBX may take to say whether a recording is there.
const lookWithin = 4 * time.Second

// What is not there yet, in the words of the call log, beside HTTP and a status.
const (
	fileEmpty       = "EMPTY_FILE"
	fileUnreachable = "PBX_UNREACHABLE"
	httpStatus      = "HTTP_"
	byBitrix24      = "B24_" // begins what Bitrix24 met
	fileUnfetched   = byBitrix24 + "NOT_FETCHED"
)

// NeverCame reports a recording that the PBX told of and never had.
func NeverCame(r models.Recording) bool {
	return r.Code == fileEmpty || r.Code == fileUnreachable || strings.HasPrefix(r.Code, httpStatus)
}

// Unfetched reports a recording that Bitrix24 could not fetch yet, whether we could or
// not.
func Unfetched(r models.Recording) bool { return strings.HasPrefix(r.Waiting, byBitrix24) }

// awaiting is the step of a call whose recording is awaited.
func awaiting(why string) string {
	if strings.HasPrefix(why, byBitrix24) {
		return "recording_unfetched"
	}
	return "recording_awaited"
}

// lookAt asks a PBX for a recording without fetching it: how large it is, 0 when
// the PBX does not tell, and why it is not there yet; empty when it is, or when
// we cannot know and Bitrix24 is to find out.
func lookAt(ctx context.Context, client *http.Client, address string) (size int64, missing string) {
	defer Outside(ctx)(false)
	ctx, cancel := context.WithTimeout(ctx, lookWithin)
	defer cancel()
	if size, missing = askFor(ctx, client, http.MethodHead, address); missing == "" && size > 0 {
		return size, ""
	}
	// Some answer HEAD with a refusal; of a GET only the beginning is read.
	return askFor(ctx, client, http.MethodGet, address)
}

func askFor(ctx context.Context, client *http.Client, method, address string) (size int64, missing string) {
	request, err := http.NewRequestWithContext(ctx, method, address, nil)
	if err != nil {
		return 0, ""
	}
	request.Header.Set("Accept-Encoding", "identity") // or the length is not told
	answer, err := client.Do(request)
	if errors.Is(err, reach.ErrAddress) || errors.Is(err, errHop) {
		return 0, "" // not ours to reach
	}
	if err != nil {
		return 0, fileUnreachable
	}
	defer answer.Body.Close()
	if missing = notYet(answer.StatusCode); missing != "" || answer.StatusCode != http.StatusOK {
		return 0, missing
	}
	if method == http.MethodHead {
		return answer.ContentLength, ""
	}
	if n, err := answer.Body.Read(make([]byte, 1)); n == 0 && err == io.EOF {
		return 0, fileEmpty
	}
	return max(answer.ContentLength, 0), ""
}

// unfetched is the word for what kept Bitrix24 from fetching a file that may be
// fetched later; empty for anything else.
func unfetched(err error) string {
	status, ok := b24.Unfetched(err)
	switch {
	case !ok:
		return ""
	case status == 0:
		return fileUnfetched
	}
	if why := notYet(status); why != "" {
		return byBitrix24 + why
	}
	return ""
}

// notYet is the word for a status that says that a file may come; empty for any
// other.
func notYet(status int) string {
	switch status {
	case http.StatusAccepted, http.StatusNoContent, http.StatusNotFound, http.StatusRequestTimeout, http.StatusConflict,
		http.StatusTooEarly, http.StatusTooManyRequests:
	default:
		if status < http.StatusInternalServerError {
			return ""
		}
	}
	return httpStatus + strconv.Itoa(status)
}
