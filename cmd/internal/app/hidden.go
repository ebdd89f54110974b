package app

import (
	"encoding/json"
	"net/url"
)

// Hidden is c without secrets, fit to be shown. Secrets are the passwords in
// URLs; keys are files and are named only.
func (c Config) Hidden() Config {
	for _, s := range []*string{&c.Storage, &c.DB, &c.PublicURL} {
		if u, err := url.Parse(*s); err == nil && u.User != nil {
			*s = u.Redacted()
		}
	}
	return c
}

// MarshalJSON writes durations as text, such as "24h0m0s".
func (g GC) MarshalJSON() ([]byte, error) {
	return json.Marshal(map[string]string{"every": g.Every.String(), "grace": g.Grace.String()})
}

// MarshalJSON writes durations as text, such as "10s".
func (l Limits) MarshalJSON() ([]byte, error) {
	return json.Marshal(map[string]any{
		"body": l.Body, "cache": l.Cache, "claims": l.Claims,
		"body_grace": l.BodyGrace.String(), "upload_rate": l.UploadRate, "connections": l.Connections, "requests": l.Requests,
		"read_header": l.ReadHeader.String(), "idle": l.Idle.String(), "drain": l.Drain.String(),
	})
}
