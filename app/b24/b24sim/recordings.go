package b24sim

import (
	"cmp"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
)

// finishedCall is the statistics row that CALL_ID names, nil if there is none.
func (c *call) finishedCall() *Statistic { return c.p.statistic(c.text("CALL_ID")) }

func (p *Portal) statistic(callID string) *Statistic {
	i := slices.IndexFunc(p.phone.statistics, func(s *Statistic) bool { return s.CallID == callID })
	if i < 0 {
		return nil
	}
	return p.phone.statistics[i]
}

// attachRecord is telephony.externalCall.attachRecord
// (bitrix24-telephony-crm.md, 1.5): an address to download from, a file in
// base64, or a name alone, which asks for an address to upload to.
func (c *call) attachRecord() (any, error) {
	address, name := c.text("RECORD_URL"), c.text("FILENAME")
	row := c.finishedCall()
	content, sent := c.params.get("FILE_CONTENT")
	switch {
	case address == "" && name == "":
		return nil, errorCore("Required parameters are not set. Request should contain or URL or FILENAME parameter")
	case row == nil:
		return nil, errorCore("Call is not found in the statistic table. Looks like it is not finished yet.")
	case address != "":
		return c.downloadRecord(row, address, name)
	case !isRecording(name):
		return nil, errorCore("Wrong file extension. Only wav and mp3 are allowed")
	case !sent || content == nil:
		return c.p.uploadAddress(row.CallID, c.token), nil
	case text(content) == "":
		return nil, errorCore("File content is empty.")
	}
	file, err := base64.StdEncoding.DecodeString(text(content))
	if err != nil {
		return nil, errorCore("File content is not properly encoded. Base64 encoding is expected.")
	}
	return c.p.keepRecord(row, name, file), nil
}

func isRecording(name string) bool {
	return strings.HasSuffix(name, ".wav") || strings.HasSuffix(name, ".mp3")
}

// downloadRecord tries the address once. The portal goes on working meanwhile.
func (c *call) downloadRecord(row *Statistic, address, name string) (any, error) {
	if u, err := url.Parse(address); err == nil && name == "" {
		name = path.Base(u.EscapedPath())
	}
	if !isRecording(name) {
		return nil, errorCore("Wrong file extension. Only wav and mp3 are allowed")
	}
	c.p.sim.mu.Unlock()
	file, status := download(c.p.sim.config.HTTP, address)
	c.p.sim.mu.Lock()
	switch {
	case status == 0:
		return nil, errorCore("NETWORK: the connection broke")
	case status != http.StatusOK:
		return nil, errorCore(fmt.Sprintf("Server returns HTTP error code %d", status))
	}
	return c.p.keepRecord(row, name, file), nil
}

func download(client *http.Client, address string) (file []byte, status int) {
	resp, err := client.Get(address)
	if err != nil {
		return nil, 0
	}
	defer func() { _ = resp.Body.Close() }()
	file, err = io.ReadAll(io.LimitReader(resp.Body, maxBody))
	if err != nil {
		return nil, 0
	}
	return file, resp.StatusCode
}

// keepRecord puts a recording into the statistics and the activity; it
// replaces the one before.
func (p *Portal) keepRecord(row *Statistic, name string, file []byte) *array {
	p.phone.lastFile++
	row.Recording, row.RecordingID = name, p.phone.lastFile
	p.phone.files[row.RecordingID] = file
	if a := p.crm.activity(row.ActivityID); a != nil {
		a.Recording = name
	}
	return obj("FILE_ID", row.RecordingID)
}

// Recording is the file attached to a call, nil if there is none.
func (p *Portal) Recording(callID string) []byte {
	defer p.lock()()
	row := p.statistic(callID)
	if row == nil {
		return nil
	}
	return p.phone.files[row.RecordingID]
}

// An upload is what an address to upload to was given for.
type upload struct {
	callID  string
	webhook bool // it was given to one, and has no access token
}

func (p *Portal) uploadAddress(callID string, t *token) *array {
	key := "telephony|" + p.sim.unique(32, "upload")
	p.phone.uploads[key] = upload{callID: callID, webhook: t == nil}
	auth := ""
	if t != nil {
		auth = t.access
	}
	return obj(
		"uploadUrl", cmp.Or(p.config.UploadsAt, p.endpoint())+"upload.json?auth="+auth+"&token="+url.QueryEscape(key),
		"fieldName", "file",
	)
}

// uploadAnswer takes one multipart file (bitrix24-telephony-crm.md, 1.5). The
// address is all the authorization there is: its auth is the access token that the
// address was asked for with, and works as long as that.
func (p *Portal) uploadAnswer(r *http.Request) answer {
	file, header, err := r.FormFile("file")
	if err != nil {
		return refused(errorCore("File name is empty"))
	}
	content, err := io.ReadAll(io.LimitReader(file, maxBody))
	if err != nil {
		return refused(errorCore("File content is empty."))
	}
	row, err := p.upload(r.URL.Query(), header.Filename, content)
	if err != nil {
		return refused(err)
	}
	return answered(obj("result", row))
}

func (p *Portal) upload(address url.Values, name string, content []byte) (*array, error) {
	defer p.lock()()
	if err := p.sim.refusalFor(p.config.Name, "upload.json"); err != nil {
		return nil, err
	}
	key := address.Get("token")
	to, known := p.phone.uploads[key]
	if !to.webhook {
		if _, err := p.holder(address.Get("auth")); err != nil {
			return nil, err
		}
	}
	switch {
	case !known:
		return nil, errNoAuth
	case !isRecording(name):
		return nil, errorCore("Wrong file extension. Only wav and mp3 are allowed")
	}
	delete(p.phone.uploads, key)
	return p.keepRecord(p.statistic(to.callID), name, content), nil
}

// attachTranscription is telephony.call.attachTranscription.
func (c *call) attachTranscription() (any, error) {
	callID := c.text("CALL_ID")
	messages := c.array("MESSAGES")
	switch {
	case callID == "":
		return nil, errorCore("CALL_ID should be set")
	case messages == nil:
		return nil, errorCore("MESSAGES should be an array")
	}
	var lines []string
	for i, item := range messages.items() {
		line, err := transcriptLine(i, item)
		if err != nil {
			return nil, err
		}
		lines = append(lines, line)
	}
	row := c.finishedCall()
	if row == nil {
		return nil, errorCore("Call " + callID + " is not found. Is it finished?")
	}
	c.p.phone.transcripts++
	row.Transcript, row.TranscriptID = lines, c.p.phone.transcripts
	return obj("TRANSCRIPT_ID", row.TranscriptID), nil
}

func transcriptLine(i int, item any) (string, error) {
	message, _ := item.(*array)
	side := param(message, "SIDE")
	start, startOK := integer(param(message, "START_TIME"))
	stop, stopOK := integer(param(message, "STOP_TIME"))
	wrong := func(name, text string) error { return errorCore(fmt.Sprintf("MESSAGES[%d][%s] %s", i, name, text)) }
	switch {
	case side != "Client" && side != "User":
		return "", wrong("SIDE", "should be either Client or User")
	case !startOK || start < 0:
		return "", wrong("START_TIME", "should be a non-negative integer")
	case !stopOK || stop < 1:
		return "", wrong("STOP_TIME", "should be a positive integer")
	case param(message, "MESSAGE") == "":
		return "", wrong("MESSAGE", "should not be empty")
	}
	return side + ": " + param(message, "MESSAGE"), nil
}
