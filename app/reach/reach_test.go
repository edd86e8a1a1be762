package reach

import (
	"errors"
	"fmt"
	"net"
	"testing"
)

func TestOnlyPublicAddressesAreReached(t *testing.T) {
	type may struct{ public, portals, loopback bool }
	all, none := may{true, true, true}, may{}
	for address, want := range map[string]may{
		"1.1.1.1":                all,
		"8.8.8.8":                all,
		"2606:4700::1111":        all,
		"::ffff:1.1.1.1":         all,
		"127.0.0.1":              {loopback: true},
		"127.255.0.9":            {loopback: true},
		"::1":                    {loopback: true},
		"::ffff:127.0.0.1":       {loopback: true},
		"10.1.2.3":               {portals: true},
		"172.31.255.255":         {portals: true},
		"192.168.0.1":            {portals: true},
		"::ffff:10.1.2.3":        {portals: true},
		"fd12:3456::1":           {portals: true},
		"169.254.169.254":        none, // metadata of most clouds
		"::ffff:169.254.169.254": none,
		"fe80::1":                none,
		"fe80::1%eth0":           none,
		"fd00:ec2::254":          none, // metadata of AWS
		"100.100.100.200":        none, // metadata of Alibaba Cloud
		"192.0.0.192":            none, // metadata of Oracle Cloud
		"168.63.129.16":          none, // Azure
		"100.64.0.1":             none,
		"0.0.0.0":                none,
		"0.1.2.3":                none,
		"::":                     none,
		"::127.0.0.1":            none,
		"224.0.0.1":              none,
		"239.255.255.250":        none,
		"ff02::1":                none,
		"240.0.0.1":              none,
		"255.255.255.255":        none,
		"192.0.2.1":              none,
		"198.18.0.1":             none,
		"198.51.100.1":           none,
		"203.0.113.7":            none,
		"64:ff9b::a9fe:a9fe":     none, // 169.254.169.254 behind NAT64
		"64:ff9b:1::a01:203":     none,
		"::ffff:0:a01:203":       none,
		"2002:a01:203::1":        none, // 10.1.2.3 by 6to4
		"2001:0:a01:203::1":      none, // Teredo
		"2001:db8::7":            none,
		"fec0::1":                none,
		"100::1":                 none,
	} {
		target := net.JoinHostPort(address, "443")
		reached := func(c Control) bool {
			err := c("tcp", target, nil)
			if err != nil && !errors.Is(err, ErrAddress) {
				t.Errorf("%s: %v", address, err)
			}
			return err == nil
		}
		got := may{reached(Public(false)), reached(Portals(false)), reached(Public(true))}
		if got != want {
			t.Errorf("%s: %+v, want %+v", address, got, want)
		}
		if reached(Portals(true)) != (want.portals || want.loopback) {
			t.Errorf("%s: a portal where loopback is allowed", address)
		}
	}
	for _, nonsense := range []string{"", "nonsense", "1.1.1.1", "pbx.example.com:443", fmt.Sprintf("%d:443", 0x7f000001)} {
		if !errors.Is(Public(true)("tcp", nonsense, nil), ErrAddress) {
			t.Errorf("%q is reached", nonsense)
		}
	}
}
