package kamailio

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strconv"
)

// maxFrame bounds one message of Kamailio, in bytes.
const maxFrame = 64 << 10

var errFrame = errors.New("kamailio: what came is no netstring")

// readFrame reads one netstring, "5:hello,", as EVAPI frames its messages.
//
// https://cr.yp.to/proto/netstrings.txt
func readFrame(r *bufio.Reader) ([]byte, error) {
	size := 0
	for {
		c, err := r.ReadByte()
		if err != nil {
			return nil, err
		}
		if c == ':' {
			break
		}
		size = size*10 + int(c) - '0'
		if c < '0' || c > '9' || size > maxFrame {
			return nil, errFrame
		}
	}
	frame := make([]byte, size+1)
	if _, err := io.ReadFull(r, frame); err != nil {
		return nil, err
	}
	if frame[size] != ',' {
		return nil, errFrame
	}
	return frame[:size], nil
}

func writeFrame(w io.Writer, text []byte) error {
	_, err := fmt.Fprintf(w, "%s:%s,", strconv.Itoa(len(text)), text)
	return err
}
