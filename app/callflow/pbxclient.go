package callflow

import (
	"errors"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"syscall"
	"time"
)

// errAddress: a PBX's command URL leads where no PBX may be.
var errAddress = errors.New("callflow: the command URL leads to a private address")

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
		Control: func(_, address string, _ syscall.RawConn) error { return checkAddress(address, allowLoopback) },
	}
	return &http.Transport{
		DialContext: dialer.DialContext, TLSHandshakeTimeout: 5 * time.Second, ForceAttemptHTTP2: true,
		MaxIdleConnsPerHost: 2, IdleConnTimeout: time.Minute, MaxResponseHeaderBytes: 64 << 10,
		ResponseHeaderTimeout: 8 * time.Second,
	}
}

// checkAddress is asked for every address that is about to be dialled, after
// its name was looked up.
func checkAddress(address string, allowLoopback bool) error {
	parsed, err := netip.ParseAddrPort(address)
	if err != nil {
		return errAddress
	}
	ip := parsed.Addr().Unmap()
	if ip.IsLoopback() && allowLoopback {
		return nil
	}
	if !ip.IsGlobalUnicast() || ip.IsPrivate() || ip.IsLoopback() || ip.IsLinkLocalUnicast() || slices.ContainsFunc(notPublic, func(net netip.Prefix) bool { return net.Contains(ip) }) {
		return errAddress
	}
	return nil
}

// notPublic are the address space of carriers' own networks (RFC 6598), and
// those that a gateway turns into any IPv4 address, private ones too (RFC 6052,
// RFC 3056).
var notPublic = []netip.Prefix{
	netip.MustParsePrefix("100.64.0.0/10"), netip.MustParsePrefix("64:ff9b::/96"), netip.MustParsePrefix("2002::/16"),
}
