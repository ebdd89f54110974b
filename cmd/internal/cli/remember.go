package cli

import (
	"errors"
	"os"
	"path/filepath"
	"strings"

	"github.com/oarlock/oarlock/index/client"
)

// recall fills what neither a flag nor the environment says with what the store
// was asked with before.
func (s *storeFlags) recall(c *console) (client.Remembered, error) {
	r, err := client.ReadRemembered(s.dir)
	whose := "the store remembers"
	switch {
	case s.lock != nil && (errors.Is(err, client.ErrLost) || err == nil && r == client.Remembered{}):
		r, whose = s.lock.Asked(), "the lock file says"
	case err != nil:
		return r, err
	}
	told := s.flags.Changed
	if !told("host") {
		s.host.host = r.Host.ID
	}
	if !told("host-version") && s.host.host == r.Host.ID {
		s.host.hostVersion = r.Host.Version
	}
	if !told("platform") {
		s.host.platform = r.Platform
	}
	if !told("channel") {
		s.host.channel = r.Channel
	}
	if !told("prerelease") {
		s.host.prerelease = r.Prerelease
	}
	if !told("minimum-age") {
		s.host.minimumAge = r.MinimumAge
	}
	if c.server == "" && c.signed.catalog == "" && c.signed.root == "" && os.Getenv(catalogEnv) == "" {
		c.server, c.signed.catalog, c.signed.root = r.Server, r.Catalog, r.Root
		c.recalled = r.Catalog != "" || r.Server != "" && hostOf(r.Server) != hostOf(localServer)
	}
	if !s.trust.given() && !s.trust.insecure {
		s.trust.policy, s.trust.key = r.Policy, r.Key
	}
	if r.Host.ID != "" && !told("host") && !s.quiet {
		c.note("for %s %s, as %s", r.Host.ID, s.host.hostVersion, whose)
	}
	return r, nil
}

// registry is where what is installed comes from.
func (s *storeFlags) registry(c *console) string {
	if c.signed.catalog != "" {
		return registryOf(c.signed.catalog)
	}
	return hostOf(c.serverURL())
}

// origin is what the store will remember: where it was filled from, and whom
// that trusted. A run that asked nobody who signed changes nobody's policy.
func (s *storeFlags) origin(c *console, before client.Remembered) (client.Origin, error) {
	o := client.Origin{Policy: before.Policy, Key: before.Key}
	if c.signed.catalog != "" {
		o.Catalog, o.Root = c.signed.catalog, c.signed.root
	} else {
		o.Server = c.serverURL()
	}
	if !s.trust.insecure {
		o.Policy, o.Key = s.trust.policy, ""
		if s.trust.key != "" {
			o.Policy, o.Key = "", s.trust.key
		}
	}
	for _, path := range []*string{&o.Policy, &o.Key, &o.Root} {
		if *path == "" || strings.HasPrefix(*path, "sha256:") {
			continue
		}
		abs, err := filepath.Abs(*path)
		if err != nil {
			return o, err
		}
		*path = abs
	}
	return o, nil
}
