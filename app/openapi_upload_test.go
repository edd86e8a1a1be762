package main

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"callwise/models"
)

const (
	uploadPath   = "/pbx/v1/calls/{call}/recording"
	putRecording = "PUT " + uploadPath + " "
)

// halfPut announces more of a call's recording than it sends.
func (r *rig) halfPut(t testing.TB, id string) *net.TCPConn {
	t.Helper()
	connection, err := net.Dial("tcp", strings.TrimPrefix(r.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	head := "PUT " + strings.Replace(uploadPath, "{call}", id, 1) + " HTTP/1.1\r\nHost: callwise\r\n" +
		"Authorization: Bearer " + r.key + "\r\nContent-Length: 700000\r\n\r\n"
	if _, err := connection.Write(append([]byte(head), mp3(600000)...)); err != nil {
		t.Fatal(err)
	}
	return connection.(*net.TCPConn)
}

// uploads are the requests that bring about each answer to an upload.
func (d *described) uploads(t *testing.T) {
	file := mp3(1000)
	d.putProbe(t, "201", "u-1", file, false)
	d.putProbe(t, "200", "u-1", file, false)
	d.tell(started("u-1", "incoming", "+4930901825"), answered("u-1", "104"), ended("u-1", "answered", 5))
	d.eventually("attached", func() bool {
		row := d.row("u-1")
		return row != nil && row.Progress.Recording.FileID != 0
	})
	d.putProbe(t, "409", "u-1", mp3(2000), false)
	d.putProbe(t, "415", "u-2", []byte("<html>"), false)
	d.putProbe(t, "422", "u-2", nil, true)
	d.putProbe(t, "422", strings.Repeat("u", 129), file, true)
	t.Run(putRecording+"401", func(t *testing.T) {
		request := d.upload("u-2", file)
		request.Header.Del("Authorization")
		d.sent(t, putRecording+"401", request, file)
	})
	t.Run(putRecording+"413", func(t *testing.T) {
		request := d.upload("u-2", nil)
		request.ContentLength, request.Body = 100<<20+1, io.NopCloser(endless{})
		request.Header.Set("Expect", "100-continue")
		d.sent(t, putRecording+"413", request, file)
	})
	t.Run(putRecording+"400", d.brokenUpload)
	t.Run(putRecording+"429", d.crowdedUploads)
}

func (d *described) upload(id string, file []byte) *http.Request {
	request := d.request(http.MethodPut, strings.Replace(uploadPath, "{call}", id, 1), "audio/mpeg", string(file))
	request.Header.Set("Authorization", "Bearer "+d.key)
	return request
}

func (d *described) putProbe(t *testing.T, status, id string, file []byte, wrong bool) {
	t.Helper()
	t.Run(putRecording+status, func(t *testing.T) {
		d.compare(t, putRecording+status, d.upload(id, file), file, wrong)
	})
}

// sent sends a request that is wrong on purpose.
func (d *described) sent(t *testing.T, operation string, request *http.Request, file []byte) {
	t.Helper()
	d.compare(t, operation, request, file, true)
}

// compare sends a request, and compares it and the answer with the description.
func (d *described) compare(t *testing.T, operation string, request *http.Request, body []byte, wrong bool) {
	t.Helper()
	got := d.send(request)
	if !strings.HasSuffix(operation, " "+strconv.Itoa(got.status)) {
		t.Fatalf("%d, want %s\n%s", got.status, operation, got.body)
	}
	d.check(t, operation, request, body, got, wrong)
}

// brokenUpload ends in the middle and still reads the answer.
func (d *described) brokenUpload(t *testing.T) {
	connection := d.halfPut(t, "u-3")
	defer connection.Close()
	if err := connection.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	request := d.upload("u-3", nil)
	answer, err := http.ReadResponse(bufio.NewReader(connection), request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusBadRequest {
		t.Fatalf("%d %s, %v", answer.StatusCode, body, err)
	}
	d.check(t, putRecording+"400", request, nil, reply{status: answer.StatusCode, header: answer.Header, body: string(body)}, true)
}

// crowdedUploads begins as many uploads as a portal may, and one more.
func (d *described) crowdedUploads(t *testing.T) {
	var open []net.Conn
	for i := range 16 {
		open = append(open, d.halfPut(t, "u-4-"+strconv.Itoa(i)))
	}
	d.eventually("16 uploads go on", func() bool { return d.audioBytes() == 16*2*models.AudioChunk })
	d.putProbe(t, "429", "u-5", mp3(1000), false)
	for _, connection := range slices.Backward(open) {
		if err := connection.Close(); err != nil {
			t.Error(err)
		}
	}
	d.eventually("nothing of them is kept", func() bool { return d.audioBytes() == 0 })
}
