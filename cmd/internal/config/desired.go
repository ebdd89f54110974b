package config

import (
	"encoding/json"
	"time"
)

// Desired says for how long the desired state of a host is good.
type Desired struct {
	// Lifetime is how long a document is current; it is signed anew when half of it is over.
	Lifetime time.Duration `koanf:"lifetime" json:"lifetime"`
	// Grace is how long a host goes on by it after that where nobody answers.
	Grace time.Duration `koanf:"grace" json:"grace"`
}

// MarshalJSON writes durations as text, such as "24h0m0s".
func (d Desired) MarshalJSON() ([]byte, error) {
	return json.Marshal(map[string]string{"lifetime": d.Lifetime.String(), "grace": d.Grace.String()})
}

func (c *Config) validateDesired(problem problemFunc) {
	if l := c.Desired.Lifetime; l < time.Minute || l > 90*24*time.Hour {
		problem("desired.lifetime", "%s: expected 1m to 2160h", l)
	}
	if g := c.Desired.Grace; g < 0 || g > 365*24*time.Hour {
		problem("desired.grace", "%s: expected 0 for none, or up to a year", g)
	}
}
