package callflow

import (
	"net"
	"net/http"
	"time"

	"callwise/app/reach"
)

// PBXClient sends commands to PBXs. Whatever name a command URL has, it reaches
// public addresses only (loopback too, if allowed), and follows no redirects:
// an administrator of one portal must not reach into the operator's network.
func PBXClient(allowLoopback bool) *http.Client {
	return &http.Client{
		Timeout:       8 * time.Second,
		Transport:     publicTransport(allowLoopback),
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// publicTransport reaches public addresses only, and loopback if allowed.
func publicTransport(allowLoopback bool) *http.Transport {
	dialer := &net.Dialer{
		Timeout: 5 * time.Second,
		Control: reach.Public(allowLoopback),
	}
	return &http.Transport{
		DialContext: dialer.DialContext, TLSHandshakeTimeout: 5 * time.Second, ForceAttemptHTTP2: true,
		MaxIdleConnsPerHost: 2, IdleConnTimeout: time.Minute, MaxResponseHeaderBytes: 64 << 10,
		ResponseHeaderTimeout: 8 * time.Second,
	}
}
