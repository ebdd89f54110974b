package edge

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"

	"github.com/oarlock/oarlock/artifact"
)

// Proxies are the addresses of proxies that are believed. The zero Proxies
// believes none.
type Proxies struct{ nets []netip.Prefix }

// ParseProxies reads addresses and networks in CIDR form. Errors wrap
// artifact.ErrInvalid.
func ParseProxies(texts []string) (Proxies, error) {
	var p Proxies
	for _, text := range texts {
		prefix, err := netip.ParsePrefix(text)
		if addr, addrErr := netip.ParseAddr(text); addrErr == nil {
			prefix, err = netip.PrefixFrom(addr.Unmap(), addr.Unmap().BitLen()), nil
		}
		switch {
		case err != nil:
			return Proxies{}, fmt.Errorf("proxy %q: expected an address or a network such as 10.0.0.0/8: %w", text, artifact.ErrInvalid)
		case prefix.Bits() == 0:
			return Proxies{}, fmt.Errorf("proxy %q: it is every address, so that anybody could say to be anybody: %w", text, artifact.ErrInvalid)
		}
		p.nets = append(p.nets, prefix.Masked())
	}
	return p, nil
}

func (p Proxies) believes(addr netip.Addr) bool {
	for _, n := range p.nets {
		if n.Contains(addr) {
			return true
		}
	}
	return false
}

// said are the headers by which proxies say for whom they ask.
var said = []string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Forwarded-Port", "X-Forwarded-Server", "X-Real-Ip"}

// Wrap gives next requests as the client sent them: r.RemoteAddr and r.Host are
// those that a believed proxy names. Of several proxies the addresses are read
// from the last one on, as far as they are believed; what anybody else says is
// taken away, so that nothing behind can believe it.
//
// Source: RFC 7239, and the X-Forwarded headers as they are used.
func (p Proxies) Wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !forwarded(r.Header) {
			next.ServeHTTP(w, r)
			return
		}
		again := new(http.Request)
		*again = *r
		again.Header = r.Header.Clone()
		for _, name := range said {
			again.Header.Del(name)
		}
		if peer, err := netip.ParseAddrPort(r.RemoteAddr); err == nil && p.believes(peer.Addr().Unmap()) {
			p.believe(again, r.Header)
		}
		next.ServeHTTP(w, again)
	})
}

func forwarded(h http.Header) bool {
	for _, name := range said {
		if _, ok := h[name]; ok {
			return true
		}
	}
	return false
}

// believe writes what the headers say into r. Forwarded counts before the
// others; what cannot be read ends the chain, because nobody vouches for it.
func (p Proxies) believe(r *http.Request, h http.Header) {
	hops := hopsOf(h)
	for i := len(hops) - 1; i >= 0; i-- {
		if host := hops[i].host; validHost(host) {
			r.Host = host
		}
		if !hops[i].from.IsValid() {
			return
		}
		r.RemoteAddr = netip.AddrPortFrom(hops[i].from, 0).String()
		if !p.believes(hops[i].from) {
			return
		}
	}
}

// A hop is for whom one proxy asks.
type hop struct {
	from netip.Addr // invalid where it is hidden or cannot be read
	host string
}

func hopsOf(h http.Header) []hop {
	var hops []hop
	if lines := h.Values("Forwarded"); len(lines) > 0 {
		for element := range strings.SplitSeq(strings.Join(lines, ","), ",") {
			var one hop
			for pair := range strings.SplitSeq(element, ";") {
				key, value, _ := strings.Cut(strings.TrimSpace(pair), "=")
				value = strings.Trim(value, `"`)
				switch strings.ToLower(key) {
				case "for":
					one.from = addressOf(value)
				case "host":
					one.host = value
				}
			}
			hops = append(hops, one)
		}
		return hops
	}
	if lines := h.Values("X-Forwarded-For"); len(lines) > 0 {
		for text := range strings.SplitSeq(strings.Join(lines, ","), ",") {
			hops = append(hops, hop{from: addressOf(strings.TrimSpace(text))})
		}
	}
	if len(hops) == 0 {
		hops = append(hops, hop{from: addressOf(h.Get("X-Real-Ip"))})
	}
	hops[len(hops)-1].host = lastOf(h.Values("X-Forwarded-Host"))
	return hops
}

// lastOf is what the last proxy of a list says.
func lastOf(lines []string) string {
	all := strings.Split(strings.Join(lines, ","), ",")
	return strings.TrimSpace(all[len(all)-1])
}

// addressOf reads an address with or without port and brackets.
func addressOf(text string) netip.Addr {
	if host, _, err := net.SplitHostPort(text); err == nil {
		text = host
	}
	addr, err := netip.ParseAddr(strings.Trim(text, "[]"))
	if err != nil || addr.Zone() != "" {
		return netip.Addr{}
	}
	return addr.Unmap()
}

// validHost takes what can stand in a URL as host and port, no more.
func validHost(s string) bool {
	if s == "" || len(s) > 255 {
		return false
	}
	for _, c := range []byte(s) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && !strings.ContainsRune(".-:[]", rune(c)) {
			return false
		}
	}
	return true
}

// Loopback reports whether host, a name or an address without a port, can only
// be reached from this machine.
func Loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}
