package outbound

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/oarlock/oarlock/artifact"
)

// Options say what a client may do. The zero Options reach public addresses
// only, follow no redirect, and bound an answer by DefaultTimeout and
// DefaultBytes.
type Options struct {
	// Hosts are names or addresses, without a port, that the operator chose:
	// they may be anywhere, this machine included.
	Hosts []string
	// Networks that may be reached besides the public Internet.
	Networks []netip.Prefix
	// AnyAddressUnsafe reaches every address. It is for clients whose user
	// names the server and has no neighbours that trust the machine.
	AnyAddressUnsafe bool
	// Redirects is how many redirects are followed; 0 is none.
	Redirects int
	// Proxy, if any, chooses a proxy that the operator named. Behind one the
	// proxy decides which addresses are reached.
	Proxy func(*http.Request) (*url.URL, error)
	// Timeout bounds a request with its whole answer; 0 is DefaultTimeout, and
	// below 0 there is no bound but Pace.
	Timeout time.Duration
	// Bytes bounds the body of an answer; 0 is DefaultBytes, and below 0 the
	// caller bounds it.
	Bytes int64
	// Pace is how slowly an answer may come.
	Pace Pace
	// Resolver, if any, is asked what names lead to; nil is the system's. What it
	// says is looked at in each connection.
	Resolver *net.Resolver
	// TLS, if any, is the configuration of TLS.
	TLS *tls.Config
}

// The bounds of the zero Options.
const (
	DefaultTimeout = 30 * time.Second
	DefaultBytes   = 4 << 20
)

const (
	dialTimeout    = 10 * time.Second
	headerTimeout  = 5 * time.Minute // behind a body that was sent, which may have to be hashed; Pace bounds the rest
	maxHeaderBytes = 64 << 10
)

// New makes a client by o. An address that is refused gives an error that
// wraps artifact.ErrDenied; an answer that is too long, ErrInvalid.
func New(o Options) *http.Client {
	client := &http.Client{Transport: Transport(o), CheckRedirect: o.redirect}
	if o.Timeout == 0 {
		client.Timeout = DefaultTimeout
	} else if o.Timeout > 0 {
		client.Timeout = o.Timeout
	}
	return client
}

// Transport is that of New: all its bounds but Timeout and Redirects.
func Transport(o Options) http.RoundTripper {
	d := &dialer{o: o, hosts: map[string]bool{}}
	for _, h := range o.Hosts {
		d.hosts[canonicalHost(h)] = true
	}
	t := &http.Transport{
		DialContext:            d.dial,
		TLSClientConfig:        o.TLS,
		TLSHandshakeTimeout:    dialTimeout,
		ResponseHeaderTimeout:  headerTimeout,
		ExpectContinueTimeout:  time.Second,
		MaxResponseHeaderBytes: maxHeaderBytes,
		MaxIdleConnsPerHost:    16,
		IdleConnTimeout:        90 * time.Second,
		ForceAttemptHTTP2:      true,
	}
	if o.Proxy != nil {
		t.Proxy = d.proxy
	}
	return &bounded{next: t, bytes: o.Bytes, pace: o.Pace}
}

// redirect allows as many as o says, and none that leaves TLS.
func (o Options) redirect(to *http.Request, via []*http.Request) error {
	switch last := via[len(via)-1]; {
	case len(via) > o.Redirects:
		return fmt.Errorf("it leads to %s, expected at most %d redirects: %w", to.URL.Redacted(), o.Redirects, artifact.ErrDenied)
	case to.URL.Scheme != "https" && to.URL.Scheme != "http":
		return fmt.Errorf("it leads to the scheme %.20q, expected https: %w", to.URL.Scheme, artifact.ErrDenied)
	case last.URL.Scheme == "https" && to.URL.Scheme != "https":
		return fmt.Errorf("it leads from https to %s: %w", to.URL.Redacted(), artifact.ErrDenied)
	}
	return nil
}

// A dialer looks at each address just before it is connected to.
type dialer struct {
	o Options

	mu    sync.Mutex
	hosts map[string]bool // that may be anywhere
}

func (d *dialer) dial(ctx context.Context, network, address string) (net.Conn, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	dial := &net.Dialer{Timeout: dialTimeout, KeepAlive: 30 * time.Second, Resolver: d.o.Resolver}
	if !d.o.AnyAddressUnsafe && !d.named(host) {
		dial.ControlContext = d.control
	}
	return dial.DialContext(ctx, network, address)
}

func (d *dialer) named(host string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.hosts[canonicalHost(host)]
}

// control sees the address that the name was resolved to.
func (d *dialer) control(_ context.Context, network, address string, _ syscall.RawConn) error {
	if !strings.HasPrefix(network, "tcp") {
		return fmt.Errorf("network %q: expected tcp: %w", network, artifact.ErrDenied)
	}
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("address %q: %s: %w", address, err, artifact.ErrDenied)
	}
	return CheckAddress(at.Addr(), d.o.Networks...)
}

// proxy asks for the operator's proxy, which may be anywhere.
func (d *dialer) proxy(r *http.Request) (*url.URL, error) {
	u, err := d.o.Proxy(r)
	if err == nil && u != nil {
		d.mu.Lock()
		d.hosts[canonicalHost(u.Hostname())] = true
		d.mu.Unlock()
	}
	return u, err
}

func canonicalHost(h string) string {
	return strings.TrimSuffix(strings.ToLower(strings.Trim(h, "[]")), ".")
}
