package cli

import (
	"context"
	"crypto/tls"
	"net"
	"strings"
	"time"

	"github.com/oarlock/oarlock/registry/remote"
)

// scheme is how a registry or server without "://" is spoken to: https, but for
// loopback addresses that do not answer in TLS. --plain-http, true or false,
// has the last word.
func (c *console) scheme(ctx context.Context, host string) string {
	switch {
	case c.plainHTTP:
		return "http"
	case c.plainTold, !remote.Loopback(host), c.answersTLS(ctx, host):
		return "https"
	}
	return "http"
}

// loopbackTLS reports whether a registry on a loopback address speaks TLS.
func (c *console) loopbackTLS(ctx context.Context, host string) bool {
	return remote.Loopback(host) && c.scheme(ctx, host) == "https"
}

// tlsWait is how long a server on this machine may take for its first word.
const tlsWait = time.Second

// answersTLS begins a handshake. Whose certificate it is does not matter here:
// the connections that follow verify it.
func (c *console) answersTLS(ctx context.Context, host string) bool {
	if known, ok := c.tls[host]; ok {
		return known
	}
	at := host
	if _, _, err := net.SplitHostPort(host); err != nil {
		at = net.JoinHostPort(strings.Trim(host, "[]"), "443")
	}
	ctx, cancel := context.WithTimeout(ctx, tlsWait)
	defer cancel()
	dialer := tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true}} //nolint:gosec // only whether it speaks TLS
	conn, err := dialer.DialContext(ctx, "tcp", at)
	if err == nil {
		conn.Close()
	}
	if c.tls == nil {
		c.tls = map[string]bool{}
	}
	c.tls[host] = err == nil
	return err == nil
}
