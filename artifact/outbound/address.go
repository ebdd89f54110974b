package outbound

import (
	"fmt"
	"net/netip"

	"github.com/oarlock/oarlock/artifact"
)

// special are the networks that are not the public Internet, or that carry an
// address of another network inside.
//
// Source: IANA special-purpose address registries for IPv4 and IPv6 (RFC 6890).
var special = []struct {
	prefix netip.Prefix
	what   string
}{
	{netip.MustParsePrefix("0.0.0.0/8"), "this network"},
	{netip.MustParsePrefix("10.0.0.0/8"), "private"},
	{netip.MustParsePrefix("100.64.0.0/10"), "shared by a carrier"},
	{netip.MustParsePrefix("127.0.0.0/8"), "loopback"},
	{netip.MustParsePrefix("169.254.0.0/16"), "link-local"},
	{netip.MustParsePrefix("172.16.0.0/12"), "private"},
	{netip.MustParsePrefix("192.0.0.0/24"), "reserved for protocols"},
	{netip.MustParsePrefix("192.0.2.0/24"), "for documentation"},
	{netip.MustParsePrefix("192.88.99.0/24"), "6to4 relay"},
	{netip.MustParsePrefix("192.168.0.0/16"), "private"},
	{netip.MustParsePrefix("198.18.0.0/15"), "for benchmarks"},
	{netip.MustParsePrefix("198.51.100.0/24"), "for documentation"},
	{netip.MustParsePrefix("203.0.113.0/24"), "for documentation"},
	{netip.MustParsePrefix("224.0.0.0/4"), "multicast"},
	{netip.MustParsePrefix("240.0.0.0/4"), "reserved"},
	{netip.MustParsePrefix("::/128"), "unspecified"},
	{netip.MustParsePrefix("::1/128"), "loopback"},
	{netip.MustParsePrefix("::ffff:0:0/96"), "an IPv4-mapped form"},
	{netip.MustParsePrefix("::/96"), "an IPv4-compatible form"},
	{netip.MustParsePrefix("64:ff9b::/96"), "a NAT64 form"},
	{netip.MustParsePrefix("64:ff9b:1::/48"), "a NAT64 form"},
	{netip.MustParsePrefix("100::/64"), "discarded"},
	{netip.MustParsePrefix("2001::/23"), "reserved for protocols"},
	{netip.MustParsePrefix("2001:db8::/32"), "for documentation"},
	{netip.MustParsePrefix("2002::/16"), "a 6to4 form"},
	{netip.MustParsePrefix("3fff::/20"), "for documentation"},
	{netip.MustParsePrefix("fc00::/7"), "private"},
	{netip.MustParsePrefix("fe80::/10"), "link-local"},
	{netip.MustParsePrefix("fec0::/10"), "site-local"},
	{netip.MustParsePrefix("ff00::/8"), "multicast"},
}

// global are the addresses of IPv6 that are given out at all.
var global = netip.MustParsePrefix("2000::/3")

// CheckAddress refuses an address that is not on the public Internet, unless
// one of allowed holds it. Errors wrap artifact.ErrDenied.
func CheckAddress(a netip.Addr, allowed ...netip.Prefix) error {
	if !a.IsValid() || a.Zone() != "" {
		return fmt.Errorf("address %s: expected a global address: %w", a, artifact.ErrDenied)
	}
	for _, p := range allowed {
		if p.Contains(a) || p.Contains(a.Unmap()) {
			return nil
		}
	}
	for _, s := range special {
		if s.prefix.Contains(a) { // a prefix of IPv4 holds no mapped form
			return fmt.Errorf("address %s is %s, not on the public Internet: %w", a, s.what, artifact.ErrDenied)
		}
	}
	if a.Is6() && !global.Contains(a) {
		return fmt.Errorf("address %s is not given out: %w", a, artifact.ErrDenied)
	}
	return nil
}
