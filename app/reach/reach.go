// Package reach says to which addresses on the net the program may connect on
// behalf of others. It is asked for every address that is about to be dialled,
// after its name was looked up: whatever a name leads to the second time, and
// wherever an answer sends on to, is checked like the first.
package reach

import (
	"errors"
	"net/netip"
	"slices"
	"syscall"
)

// ErrAddress says that an address is one that nobody may send us to.
var ErrAddress = errors.New("reach: the address is not public")

// A Control is what [net.Dialer] asks before it connects.
type Control = func(network, address string, c syscall.RawConn) error

// Public reaches addresses of the public internet only, and loopback if
// allowed. It is for what the administrator or the PBX of a portal names.
func Public(allowLoopback bool) Control {
	return func(_, address string, _ syscall.RawConn) error { return check(address, allowLoopback, false) }
}

// Portals reaches public addresses and those of private networks, where a
// portal on its own server may stand beside us; loopback if allowed. Services
// of the machine or of its cloud are out of reach for a portal, too.
func Portals(allowLoopback bool) Control {
	return func(_, address string, _ syscall.RawConn) error { return check(address, allowLoopback, true) }
}

func check(address string, allowLoopback, allowPrivate bool) error {
	parsed, err := netip.ParseAddrPort(address)
	if err != nil {
		return ErrAddress
	}
	ip := parsed.Addr().Unmap()
	switch {
	case ip.IsLoopback():
		return unless(allowLoopback)
	case within(services, ip), !ip.IsGlobalUnicast(), ip.Zone() != "":
		return ErrAddress
	case ip.IsPrivate():
		return unless(allowPrivate)
	case ip.Is6() && !internet6.Contains(ip), within(special, ip):
		return ErrAddress
	}
	return nil
}

func unless(allowed bool) error {
	if allowed {
		return nil
	}
	return ErrAddress
}

func within(networks []netip.Prefix, ip netip.Addr) bool {
	return slices.ContainsFunc(networks, func(n netip.Prefix) bool { return n.Contains(ip) })
}

// internet6 is all of IPv6 that is routed on the internet. What turns into IPv4
// addresses at a gateway (64:ff9b::/96, ::ffff:0:0:0/96) is outside of it.
var internet6 = netip.MustParsePrefix("2000::/3")

// services are where clouds answer their own machines, credentials included,
// besides the link-local addresses.
var services = prefixes("168.63.129.16/32", "192.0.0.0/24", "100.64.0.0/10", "fd00:ec2::/32")

// special are addresses that look public and are not.
//
// https://www.iana.org/assignments/iana-ipv4-special-registry
// https://www.iana.org/assignments/iana-ipv6-special-registry
var special = prefixes(
	"0.0.0.0/8", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4",
	"2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20",
)

func prefixes(texts ...string) []netip.Prefix {
	all := make([]netip.Prefix, len(texts))
	for i, text := range texts {
		all[i] = netip.MustParsePrefix(text)
	}
	return all
}
