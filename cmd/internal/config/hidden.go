package config

import (
	"encoding/json"
	"net"
	"net/url"
	"reflect"

	"github.com/oarlock/oarlock/cmd/internal/edge"
)

// Hidden is c without secrets, fit to be shown. Secrets are in URLs, as
// passwords and parameters; keys are files and are named only.
func (c Config) Hidden() Config {
	redactAll(reflect.ValueOf(&c).Elem())
	return c
}

// Warnings are what is no mistake and still wants to be known.
func (c *Config) Warnings() []string { return append(c.plainWarnings(), c.drillWarnings()...) }

func (c *Config) plainWarnings() []string {
	u, err := url.Parse(c.PublicURL)
	if err != nil || c.TLSCert != "" || u.Scheme == "https" {
		return nil
	}
	host, _, err := net.SplitHostPort(c.Listen)
	if err == nil && edge.Loopback(host) && (u.Host == "" || edge.Loopback(u.Hostname())) {
		return nil
	}
	return []string{"plain HTTP outside of this machine: tokens and passwords can be read on the way: set tls_cert and tls_key, or public_url to the https:// URL of the proxy that speaks TLS"}
}

// MarshalJSON writes durations as text, such as "10s".
func (l Limits) MarshalJSON() ([]byte, error) {
	return json.Marshal(map[string]any{
		"body": l.Body, "cache": l.Cache, "claims": l.Claims, "tokens": l.Tokens, "reserve": l.Reserve,
		"unready": l.Unready.String(), "connections_per_address": l.ConnectionsPerAddress,
		"body_grace": l.BodyGrace.String(), "upload_rate": l.UploadRate, "connections": l.Connections, "requests": l.Requests,
		"read_header": l.ReadHeader.String(), "idle": l.Idle.String(), "drain": l.Drain.String(),
	})
}
