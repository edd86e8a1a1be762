package callflow

import (
	"errors"
	"testing"
)

func TestCommandsReachPublicAddressesOnly(t *testing.T) {
	tests := []struct {
		address       string
		allowLoopback bool
		refused       bool
	}{
		{"203.0.113.7:443", false, false},
		{"[2001:db8::7]:443", false, false},
		{"127.0.0.1:443", false, true},
		{"127.0.0.1:8082", true, false},
		{"[::1]:8082", true, false},
		{"[::ffff:127.0.0.1]:443", false, true},
		{"10.1.2.3:443", false, true},
		{"10.1.2.3:443", true, true},
		{"192.168.0.1:443", false, true},
		{"169.254.169.254:80", true, true},
		{"[fe80::1]:443", false, true},
		{"[fd00::1]:443", false, true},
		{"100.64.0.1:443", false, true},
		{"[64:ff9b::a01:203]:443", false, true},
		{"[2002:a01:203::1]:443", false, true},
		{"0.0.0.0:443", true, true},
		{"nonsense", false, true},
	}
	for _, tt := range tests {
		if err := checkAddress(tt.address, tt.allowLoopback); errors.Is(err, errAddress) != tt.refused {
			t.Errorf("checkAddress(%q, %v) = %v", tt.address, tt.allowLoopback, err)
		}
	}
}
