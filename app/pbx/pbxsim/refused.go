package pbxsim

import (
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"regexp"
	"strings"
	"time"
)

// Refused is an answer of Callwise that is not the one expected. Its texts are
// the answer's own without numbers and without the key.
type Refused struct {
	Status  int
	Detail  string // empty if the answer gave none
	Pointer string // to what in the body is wrong (RFC 6901), or empty
	wait    time.Duration
}

func (r *Refused) Error() string {
	text := strings.TrimSpace(fmt.Sprintf("Callwise answered %d %s", r.Status, http.StatusText(r.Status)))
	switch {
	case r.Detail == "":
		return text
	case r.Pointer == "":
		return text + ": " + r.Detail
	}
	return text + ": " + r.Pointer + " " + r.Detail
}

// refusal reads a problem (RFC 9457); of any other answer only its status
// counts.
func (c Client) refusal(answer *http.Response, text []byte) *Refused {
	r := &Refused{Status: answer.StatusCode, wait: waitOf(answer)}
	kind, _, err := mime.ParseMediaType(answer.Header.Get("Content-Type"))
	if err != nil || kind != "application/problem+json" {
		return r
	}
	var problem struct{ Detail, Pointer string }
	if json.Unmarshal(text, &problem) == nil {
		r.Detail, r.Pointer = c.clean(problem.Detail), c.clean(problem.Pointer)
	}
	return r
}

// maxText is how many characters of a problem's text are repeated.
const maxText = 300

// numberLike is what may be a telephone number, in whichever way it is written.
var numberLike = regexp.MustCompile(`[+(]*\d(?:[ ()./-]*\d){4,}`)

// clean takes what must not be repeated out of a text of the answer.
func (c Client) clean(text string) string {
	if c.Key != "" {
		text = strings.ReplaceAll(text, c.Key, "…")
	}
	text = numberLike.ReplaceAllString(text, "…")
	text = strings.Join(strings.FieldsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f }), " ")
	if letters := []rune(text); len(letters) > maxText {
		return string(letters[:maxText]) + "…"
	}
	return text
}
