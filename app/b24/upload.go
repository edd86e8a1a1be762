package b24

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	methodAttachRecord = "telephony.externalCall.attachRecord"
	methodUpload       = "upload.json"
)

// inlineRecord is the largest recording that is sent inside of a call; larger
// ones are uploaded.
const inlineRecord = 1 << 20

// uploadWithin is how long the upload of a recording may take.
const uploadWithin = 100 * time.Second

// FileTooLarge says that the portal's web server does not take a file of that size.
const FileTooLarge Code = "FILE_TOO_LARGE"

// UploadElsewhere says that the address which the portal gave to upload to is not
// its own, as one of a self-hosted portal that does not know of the proxy before it.
const UploadElsewhere Code = "UPLOAD_ELSEWHERE"

// A RecordFile is a recording that is sent to a portal.
type RecordFile struct {
	Name    string    // ends in .mp3 or .wav, in small letters
	Size    int64     // of all that Content has
	Content io.Reader // read once
}

// SendRecord attaches a recording to a finished call and returns the id of the
// file; a second record replaces the first, so it may be repeated. A large one
// is passed on as it is read. The address that it is sent to holds the access token
// that the address was asked for with, and may expire before the file has come:
// that passes, for each try asks for a new address, with a token that works.
//
// https://apidocs.bitrix24.com/api-reference/telephony/telephony-external-call-attach-record.html
func (c *Client) SendRecord(ctx context.Context, callID string, file RecordFile) (int64, error) {
	if file.Size <= inlineRecord {
		return c.inlineRecord(ctx, callID, file)
	}
	to, err := invoke[uploadTarget](ctx, c, methodAttachRecord, Params{"CALL_ID": callID, "FILENAME": file.Name}, Repeatable())
	if err != nil {
		return 0, err
	}
	address, err := c.uploadAddress(ctx, string(to.Address))
	if err != nil {
		return 0, err
	}
	return c.upload(ctx, address, string(to.Field), file)
}

// inlineRecord sends a small recording as a parameter.
func (c *Client) inlineRecord(ctx context.Context, callID string, file RecordFile) (int64, error) {
	content, err := io.ReadAll(io.LimitReader(file.Content, inlineRecord))
	if err != nil {
		return 0, err
	}
	answer, err := invoke[attachedRecord](ctx, c, methodAttachRecord, Params{
		"CALL_ID": callID, "FILENAME": file.Name, "FILE_CONTENT": base64.StdEncoding.EncodeToString(content),
	}, Repeatable())
	return int64(answer.FileID), err
}

type attachedRecord struct {
	FileID ID `json:"FILE_ID"`
}

// An uploadTarget is where Bitrix24 wants a recording sent to.
type uploadTarget struct {
	Address Text `json:"uploadUrl"`
	Field   Text `json:"fieldName"`
}

// uploadAddress checks that an address to upload to is the portal's: it holds a
// token, and what is sent there is a conversation. Another try would be told the
// same.
func (c *Client) uploadAddress(ctx context.Context, address string) (string, error) {
	portal, err := c.keeper.Portal(ctx, c.memberID)
	if err != nil {
		return "", err
	}
	own, err := url.Parse(portal.Endpoint)
	if err != nil {
		return "", ErrEndpoint
	}
	u, err := url.Parse(address)
	if err != nil || u.User != nil || !c.app.safe(u) || u.Scheme != own.Scheme || hostOf(u) != hostOf(own) {
		return "", &Error{Method: methodUpload, Code: UploadElsewhere}
	}
	return address, nil
}

// hostOf is the host of an address, with its port unless that is the usual one.
func hostOf(u *url.URL) string {
	return strings.TrimSuffix(strings.ToLower(u.Host), map[string]string{"https": ":443", "http": ":80"}[u.Scheme])
}

// upload sends a recording as the only part of a form, without holding it.
func (c *Client) upload(ctx context.Context, address, field string, file RecordFile) (int64, error) {
	var frame bytes.Buffer
	form := multipart.NewWriter(&frame)
	if _, err := form.CreateFormFile(field, file.Name); err != nil {
		return 0, err
	}
	begin := frame.Len()
	if err := form.Close(); err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(ctx, uploadWithin)
	defer cancel()
	body := io.MultiReader(bytes.NewReader(frame.Bytes()[:begin]), file.Content, bytes.NewReader(frame.Bytes()[begin:]))
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, body)
	if err != nil {
		return 0, ErrEndpoint // the error would quote the address
	}
	req.ContentLength = int64(frame.Len()) + file.Size
	req.Header.Set("Content-Type", form.FormDataContentType())
	return c.uploaded(ctx, req, file.Size)
}

// uploaded sends an upload, writes it to the REST log and reads the answer.
func (c *Client) uploaded(ctx context.Context, req *http.Request, size int64) (int64, error) {
	began := c.app.now()
	came, err := c.app.roundTrip(req, methodUpload)
	var got *answer
	switch {
	case err != nil:
		err = noRedirect(methodUpload, err)
	case came.status == http.StatusRequestEntityTooLarge:
		err = &Error{Method: methodUpload, Status: came.status, Code: FileTooLarge}
	default:
		got, err = parseAnswer(methodUpload, came)
	}
	entry := Request{At: began, Method: methodUpload, Status: came.status, Answer: maskedAnswer(came.text), Duration: c.app.now().Sub(began)}
	if refusal, ok := errors.AsType[*Error](err); ok {
		entry.Code = refusal.Code
	}
	c.log(ctx, entry, func() json.RawMessage { return encoded(map[string]int64{"size": size}) })
	if err != nil {
		return 0, state(err)
	}
	var answer attachedRecord
	err = decode(methodUpload, got.Result, &answer)
	return int64(answer.FileID), err
}
