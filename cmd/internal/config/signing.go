package config

import (
	"encoding/json"
	"path/filepath"
	"time"

	"github.com/oarlock/oarlock/index/signed"
)

// Signing says how the signed catalog at oarlock/catalog is published.
type Signing struct {
	// Publish is "on" or "off".
	Publish string `koanf:"publish" json:"publish"`
	// Keys is the directory of its roots and keys, DATA/catalog-keys by default;
	// replicas share one.
	Keys string `koanf:"keys" json:"keys"`
	// How long each signature holds.
	Root      time.Duration `koanf:"root" json:"root"`
	Targets   time.Duration `koanf:"targets" json:"targets"`
	Snapshot  time.Duration `koanf:"snapshot" json:"snapshot"`
	Timestamp time.Duration `koanf:"timestamp" json:"timestamp"`
	// Quiet is how long no change must follow before one is published; AtMost is
	// how long one waits for that.
	Quiet  time.Duration `koanf:"quiet" json:"quiet"`
	AtMost time.Duration `koanf:"at_most" json:"at_most"`
}

func defaultSigning() Signing {
	const day = 24 * time.Hour
	return Signing{Publish: "on", Root: 365 * day, Targets: 90 * day, Snapshot: 7 * day, Timestamp: day, Quiet: time.Second, AtMost: 15 * time.Second}
}

// Lifetimes are how long what is signed holds.
func (s Signing) Lifetimes() signed.Lifetimes {
	return signed.Lifetimes{Targets: s.Targets, Snapshot: s.Snapshot, Timestamp: s.Timestamp}
}

// CatalogKeys is the directory of the catalog's keys.
func (c *Config) CatalogKeys() string {
	if c.Catalog.Keys != "" {
		return c.Catalog.Keys
	}
	return filepath.Join(c.Data, "catalog-keys")
}

func (c *Config) validateSigning(problem problemFunc) {
	c.validateSeal(problem)
	c.validateDesired(problem) // which the same key signs
	s := c.Catalog
	if s.Publish != "on" && s.Publish != "off" {
		problem("catalog.publish", "%q: expected on or off", s.Publish)
	}
	for _, one := range []struct {
		key   string
		value time.Duration
		least time.Duration
	}{{"root", s.Root, 24 * time.Hour}, {"targets", s.Targets, time.Hour}, {"snapshot", s.Snapshot, time.Hour},
		{"timestamp", s.Timestamp, time.Minute}, {"quiet", s.Quiet, time.Millisecond}, {"at_most", s.AtMost, time.Millisecond}} {
		if one.value < one.least {
			problem("catalog."+one.key, "%s: expected at least %s", one.value, one.least)
		}
	}
}

// MarshalJSON writes durations as text, such as "24h0m0s".
func (s Signing) MarshalJSON() ([]byte, error) {
	return json.Marshal(map[string]string{"publish": s.Publish, "keys": s.Keys, "root": s.Root.String(), "targets": s.Targets.String(),
		"snapshot": s.Snapshot.String(), "timestamp": s.Timestamp.String(), "quiet": s.Quiet.String(), "at_most": s.AtMost.String()})
}
