package pbx

import (
	"bytes"
	"context"
	"crypto/rand"
	_ "embed" // the API's description
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"callwise/app/crm"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// OpenAPI is the description of the PBX API for its developers, in YAML.
//
//go:embed openapi.yaml
var OpenAPI []byte

// Originate tells the PBX that an employee clicked a number: ring the
// extension, then dial the phone.
type Originate struct {
	Bitrix24CallID   string   `json:"bitrix24_call_id"` // comes back in call.started
	Phone            string   `json:"phone"`
	DTMFAfterConnect string   `json:"dtmf_after_connect"` // extension to dial at the customer's, often empty
	Extension        string   `json:"extension"`
	UserID           int64    `json:"user_id"`
	Line             string   `json:"line"`
	CRMEntity        *crm.Ref `json:"crm_entity"` // nil when Bitrix24 named none
	CallListID       int64    `json:"call_list_id,omitempty"`
	Mobile           bool     `json:"mobile,omitempty"` // clicked in the mobile application
}

// MarshalJSON adds the command's type.
func (o Originate) MarshalJSON() ([]byte, error) {
	type fields Originate
	return json.Marshal(struct {
		Type string `json:"type"`
		fields
	}{"call.originate", fields(o)})
}

// Callback tells the PBX that a visitor asked to be called: ring the extension,
// say the announcement, then dial the phone.
type Callback struct {
	CommandID string `json:"command_id"` // the same when the command is repeated
	Phone     string `json:"phone"`
	Extension string `json:"extension"`
	Announce  string `json:"announce"` // text to say to the employee
	Line      string `json:"line"`
}

// MarshalJSON adds the command's type.
func (c Callback) MarshalJSON() ([]byte, error) {
	type fields Callback
	return json.Marshal(struct {
		Type string `json:"type"`
		fields
	}{"callback.originate", fields(c)})
}

// NewSecret makes a secret to sign commands with, in the form of Standard
// Webhooks: whsec_ and 32 random bytes in base64.
func NewSecret() string {
	key := make([]byte, 32)
	rand.Read(key) //nolint:errcheck // never fails
	return "whsec_" + base64.StdEncoding.EncodeToString(key)
}

// Undelivered says that the PBX did not accept a command. Its text names
// neither the address nor anything of the command.
type Undelivered struct {
	Status int // of the PBX's answer, 0 when there was none
	cause  error
}

func (u *Undelivered) Error() string {
	switch {
	case u.Status != 0:
		return fmt.Sprintf("pbx: command refused with status %d", u.Status)
	case errors.Is(u.cause, context.Canceled):
		return "pbx: command broken off"
	case errors.Is(u.cause, context.DeadlineExceeded), errors.Is(u.cause, os.ErrDeadlineExceeded):
		return "pbx: command not answered in time"
	}
	return "pbx: command address not reached"
}

func (u *Undelivered) Unwrap() error { return u.cause }

var (
	errSecret  = errors.New("pbx: the command secret is malformed")
	errAddress = errors.New("pbx: the command address is malformed")
)

// maxAnswer is how much of a PBX's answer is read, to use the connection again.
const maxAnswer = 64 << 10

// Send posts a command to the PBX, signed by Standard Webhooks with each of the
// secrets of [NewSecret], so that either proves it while one replaces the other,
// and returns nil once the PBX has accepted it with a 2xx. A
// repetition sends the same id and command. Redirects are not followed: they
// would carry the customer's number elsewhere. The timeout is ctx's or client's;
// a failure to deliver is an *[Undelivered].
//
// https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
func Send(ctx context.Context, client *http.Client, url string, secrets []string, id string, at time.Time, command any) error {
	request, err := signed(ctx, url, secrets, id, at, command)
	if err != nil {
		return err
	}
	once := *client
	once.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	answer, err := once.Do(request)
	if err != nil {
		return &Undelivered{cause: err}
	}
	defer answer.Body.Close()
	_, _ = io.CopyN(io.Discard, answer.Body, maxAnswer) // what it says does not matter
	if answer.StatusCode < 200 || answer.StatusCode > 299 {
		return &Undelivered{Status: answer.StatusCode}
	}
	return nil
}

func signed(ctx context.Context, url string, secrets []string, id string, at time.Time, command any) (*http.Request, error) {
	body, err := json.Marshal(command)
	if err != nil {
		return nil, fmt.Errorf("pbx: command: %w", err)
	}
	signatures, err := sign(secrets, id, at, body)
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return nil, errAddress // the error would quote it
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set(standardwebhooks.HeaderWebhookID, id)
	request.Header.Set(standardwebhooks.HeaderWebhookTimestamp, strconv.FormatInt(at.Unix(), 10))
	request.Header.Set(standardwebhooks.HeaderWebhookSignature, signatures)
	return request, nil
}

// sign are the signatures of a body, separated by spaces as Standard Webhooks
// has them.
func sign(secrets []string, id string, at time.Time, body []byte) (string, error) {
	var signatures []string
	for _, secret := range secrets {
		signer, err := standardwebhooks.NewWebhook(secret)
		if err != nil || secret == "" {
			return "", errSecret
		}
		signature, err := signer.Sign(id, at, body)
		if err != nil {
			return "", errSecret
		}
		signatures = append(signatures, signature)
	}
	if len(signatures) == 0 {
		return "", errSecret
	}
	return strings.Join(signatures, " "), nil
}
