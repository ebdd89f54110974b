package outbound

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/oarlock/oarlock/artifact"
)

// last is the last address of a network.
func last(p netip.Prefix) netip.Addr {
	raw := p.Masked().Addr().AsSlice()
	for bit := p.Bits(); bit < len(raw)*8; bit++ {
		raw[bit/8] |= 0x80 >> (bit % 8)
	}
	a, _ := netip.AddrFromSlice(raw)
	return a
}

// embedded are the addresses of IPv6 that carry one of IPv4.
func embedded(v4 netip.Addr) (forms []netip.Addr) {
	four := v4.As4()
	at := func(prefix string, from int) netip.Addr {
		raw := netip.MustParseAddr(prefix).As16()
		copy(raw[from:], four[:])
		return netip.AddrFrom16(raw)
	}
	return []netip.Addr{
		at("::ffff:0:0", 12), at("::", 12), at("64:ff9b::", 12), at("2002::", 2), at("2001::", 12),
		at("64:ff9b:1::", 12), at("64:ff9b:1::", 6), // RFC 8215, and its own shape of RFC 6052
	}
}

// notPublic are the networks of the registries of special-purpose addresses
// (IANA; RFC 6890), of translation (RFC 6052, 8215, 3056) and of multicast.
const notPublic = `0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.2.0/24 192.88.99.0/24
	192.168.0.0/16 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 224.0.0.0/4 240.0.0.0/4 255.255.255.255/32
	::/128 ::1/128 ::/96 ::ffff:0:0/96 64:ff9b::/96 64:ff9b:1::/48 100::/64 100:0:0:1::/64 2001::/23 2001::/32 2001:2::/48 2001:db8::/32
	2002::/16 3fff::/20 5f00::/16 fc00::/7 fe80::/10 fec0::/10 ff00::/8`

// Both ends of every network are refused, and let through where the operator
// allows it; what is next to it is public.
func TestEveryNetworkIsRefusedToItsEnds(t *testing.T) {
	t.Parallel()
	var networks []netip.Prefix
	for text := range strings.FieldsSeq(notPublic) {
		networks = append(networks, netip.MustParsePrefix(text))
	}
	for _, s := range special {
		networks = append(networks, s.prefix)
	}
	for _, p := range networks {
		if p != p.Masked() {
			t.Errorf("%s: the network is %s", p, p.Masked())
		}
		for _, a := range []netip.Addr{p.Addr(), last(p)} {
			if err := CheckAddress(a); !errors.Is(err, artifact.ErrDenied) {
				t.Errorf("%s of %s: %v, expected ErrDenied", a, p, err)
			}
			if err := CheckAddress(a, p); err != nil {
				t.Errorf("%s, where the operator allows %s: %v", a, p, err)
			}
		}
	}
	for before, after := range map[string]string{ // the nearest addresses on both sides that are public
		"9.255.255.255": "11.0.0.0", "100.63.255.255": "100.128.0.0", "126.255.255.255": "128.0.0.0", "169.253.255.255": "169.255.0.0",
		"172.15.255.255": "172.32.0.0", "191.255.255.255": "192.0.1.0", "192.0.1.255": "192.0.3.0", "192.88.98.255": "192.88.100.0",
		"192.167.255.255": "192.169.0.0", "198.17.255.255": "198.20.0.0", "198.51.99.255": "198.51.101.0", "203.0.112.255": "203.0.114.0",
		"223.255.255.255": "1.0.0.0", "2001:200::": "2001:db7:ffff::", "2001:db9::": "2001:ffff::", "2003::": "3ffe:ffff::",
	} {
		for _, text := range []string{before, after} {
			if err := CheckAddress(netip.MustParseAddr(text)); err != nil {
				t.Errorf("%s is public: %v", text, err)
			}
		}
	}
}

// An address of IPv4 inside one of IPv6 is refused whatever it is: what unwraps
// it on the way stands in another network.
func TestNoFormCarriesAnAddressOfIPv4(t *testing.T) {
	t.Parallel()
	inside := []netip.Addr{netip.MustParseAddr("8.8.8.8"), netip.MustParseAddr("169.254.169.254")}
	for _, s := range special {
		if s.prefix.Addr().Is4() {
			inside = append(inside, s.prefix.Addr(), last(s.prefix))
		}
	}
	for _, v4 := range inside {
		for _, a := range embedded(v4) {
			if err := CheckAddress(a); !errors.Is(err, artifact.ErrDenied) {
				t.Errorf("%s, which carries %s: %v, expected ErrDenied", a, v4, err)
			}
		}
	}
	// Who allows a network of IPv4 allows its mapped form, which is the same
	// address of the same machine, and no form that another one unwraps.
	lan := netip.MustParsePrefix("10.0.0.0/8")
	forms := embedded(netip.MustParseAddr("10.1.2.3"))
	if err := CheckAddress(forms[0], lan); err != nil {
		t.Errorf("%s, where %s is allowed: %v", forms[0], lan, err)
	}
	for _, a := range forms[1:] {
		if err := CheckAddress(a, lan); err == nil {
			t.Errorf("%s is let through where %s is allowed", a, lan)
		}
	}
}

// However this machine is written in an address, it is not reached.
func TestNoSpellingReachesThisMachine(t *testing.T) {
	t.Parallel()
	arrived := 0
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { arrived++ }))
	t.Cleanup(s.Close)
	port := s.URL[strings.LastIndexByte(s.URL, ':'):]
	client := New(Options{})
	t.Cleanup(client.CloseIdleConnections)
	for _, host := range []string{
		"127.0.0.1", "127.0.0.2", "127.1", "2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1", "017700000001", "0", "0.0.0.0", "127.000.000.001",
		"[::1]", "[::]", "[0:0:0:0:0:0:0:1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]", "[64:ff9b::127.0.0.1]", "[2002:7f00:1::]",
		"localhost", "LocalHost", "localhost.", "127.0.0.1.", "%6c%6f%63%61%6c%68%6f%73%74", "①②⑦.0.0.1",
	} {
		r, err := client.Get("http://" + host + port)
		if err == nil {
			r.Body.Close()
			t.Errorf("%s is reached", host)
		}
	}
	if arrived != 0 {
		t.Errorf("%d requests arrived", arrived)
	}
}
