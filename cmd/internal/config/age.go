package config

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
)

// MinimumAge says how long a version must have been public before the catalog
// chooses it, whatever a question asks.
type MinimumAge struct {
	Least time.Duration `koanf:"least" json:"least"` // 0 asks nothing
	// Publishers are those whose versions need not be of any age.
	Publishers []string `koanf:"publishers" json:"publishers"`
	// SecurityFixes says that the first version above one that its publisher yanked
	// for a vulnerability need not be of any age.
	SecurityFixes bool `koanf:"security_fixes" json:"security_fixes"`
}

// MarshalJSON writes durations as text, such as "72h0m0s".
func (a MinimumAge) MarshalJSON() ([]byte, error) {
	return json.Marshal(map[string]any{"least": a.Least.String(), "publishers": append([]string{}, a.Publishers...), "security_fixes": a.SecurityFixes})
}

func (c *Config) validateMinimumAge(problem problemFunc) {
	if a := c.MinimumAge.Least; a < 0 || a > index.MaxMinimumAge {
		problem("minimum_age.least", "%s: expected 0 for none, or up to ten years", a)
	}
	for _, p := range c.MinimumAge.Publishers {
		if id, err := artifact.ParseName(p + "/any"); err != nil || strings.Contains(p, "/") || id.Publisher() != p {
			problem("minimum_age.publishers", "%.60q: expected the name of a publisher such as acme", p)
		}
	}
}
