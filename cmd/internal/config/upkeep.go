package config

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/oarlock/oarlock/artifact/outbound"
)

// GC says when garbage is collected.
type GC struct {
	Every time.Duration `koanf:"every" json:"every"` // 0 leaves it to oarlock gc
	Grace time.Duration `koanf:"grace" json:"grace"` // how long what nothing reaches is kept
}

// Scrub says when all stored bytes are hashed again.
type Scrub struct {
	Every          time.Duration `koanf:"every" json:"every"`                       // 0 leaves it to oarlock scrub
	BytesPerSecond int64         `koanf:"bytes_per_second" json:"bytes_per_second"` // 0 does not limit
}

// defaultScrub reads 12 TB a week at most.
var defaultScrub = Scrub{Every: 7 * 24 * time.Hour, BytesPerSecond: 20 << 20}

// An Origin is a registry to fetch damaged bytes from.
type Origin struct {
	URL string
	// Host of URL, with its port.
	Host string
	// PlainHTTP says that URL is no https one.
	PlainHTTP bool
	// Reach is what may be reached to fetch from it: its host, wherever it is.
	Reach outbound.Options
}

// Origins are those of c.RepairFrom.
func (c *Config) Origins() ([]Origin, error) {
	var all []Origin
	reach, err := c.Outbound.Options()
	if err != nil {
		return nil, nil // said under its own key
	}
	for _, s := range c.RepairFrom {
		o, err := parseOrigin(s, reach)
		if err != nil {
			return nil, err
		}
		all = append(all, o)
	}
	return all, nil
}

func parseOrigin(s string, reach outbound.Options) (Origin, error) {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || strings.Trim(u.Path, "/") != "" || u.Scheme != "https" && u.Scheme != "http" {
		return Origin{}, fmt.Errorf("%q: expected the URL of a registry such as https://mirror.example.org", s)
	}
	reach.Hosts = append(slices.Clone(reach.Hosts), u.Hostname())
	return Origin{URL: s, Host: u.Host, PlainHTTP: u.Scheme == "http", Reach: reach}, nil
}

func (c *Config) validateScrub(problem problemFunc) {
	if c.Scrub.Every < 0 {
		problem("scrub.every", "%s: expected 0 for never, or more", c.Scrub.Every)
	}
	if c.Scrub.BytesPerSecond < 0 {
		problem("scrub.bytes_per_second", "%d: expected 0 for no limit, or more", c.Scrub.BytesPerSecond)
	}
	if _, err := c.Origins(); err != nil {
		problem("repair_from", "%s", err)
	}
}

// MarshalJSON writes durations as text, such as "168h0m0s".
func (s Scrub) MarshalJSON() ([]byte, error) {
	return json.Marshal(map[string]any{"every": s.Every.String(), "bytes_per_second": s.BytesPerSecond})
}

// MarshalJSON writes durations as text, such as "24h0m0s".
func (g GC) MarshalJSON() ([]byte, error) {
	return json.Marshal(map[string]string{"every": g.Every.String(), "grace": g.Grace.String()})
}
