package callflow

import (
	"context"
	"net/http"
)

// recordingSize asks a PBX how large a recording is, in bytes, without fetching
// it; 0 when the PBX does not tell. Some answer HEAD with a refusal, so a GET is
// tried of which only the headers are read.
func recordingSize(ctx context.Context, client *http.Client, address string) int64 {
	if size := sizeBy(ctx, client, http.MethodHead, address); size > 0 {
		return size
	}
	return sizeBy(ctx, client, http.MethodGet, address)
}

func sizeBy(ctx context.Context, client *http.Client, method, address string) int64 {
	request, err := http.NewRequestWithContext(ctx, method, address, nil)
	if err != nil {
		return 0
	}
	request.Header.Set("Accept-Encoding", "identity") // or the length is not told
	answer, err := client.Do(request)
	if err != nil {
		return 0
	}
	if err := answer.Body.Close(); err != nil || answer.StatusCode != http.StatusOK {
		return 0
	}
	return max(answer.ContentLength, 0)
}
