package pbxsim

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"os"
	"time"
)

// uploadTime is how long one upload may take.
const uploadTime = 15 * time.Minute

// uploader is the transport of recordings.
var uploader = &http.Client{Timeout: uploadTime, CheckRedirect: transport.CheckRedirect}

// Upload sends the recording of a call, an MP3 or WAV file, once. It may be
// repeated with the same file: that has no further effect. Its errors are those
// of [Client.Report], and those of reading the file.
func (c Client) Upload(ctx context.Context, callID, path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPut, c.URL+"/pbx/v1/calls/"+url.PathEscape(callID)+"/recording", file)
	if err != nil {
		return errAddress // the error would quote it
	}
	request.ContentLength = info.Size()
	request.Header.Set("Authorization", "Bearer "+c.Key)
	request.Header.Set("Content-Type", "application/octet-stream")
	answer, err := uploader.Do(request)
	if err != nil {
		return unanswered(ctx, err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	switch {
	case err != nil:
		return unanswered(ctx, err)
	case answer.StatusCode != http.StatusCreated && answer.StatusCode != http.StatusOK:
		return c.refusal(answer, text)
	case !json.Valid(text):
		return errAnswer
	}
	return nil
}
