package client

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/artifact/bounded"
	"github.com/oarlock/oarlock/artifact/durable"
	"github.com/oarlock/oarlock/index"
)

const (
	lockFile   = "oarlock-lock.json"
	lockFormat = 1
)

// A Lockfile names the exact digests that belong together: what was asked for
// and what that came to. A store keeps one for what is active.
type Lockfile struct {
	Format        int             `json:"format"`
	Host          index.HostQuery `json:"host"`
	Platform      string          `json:"platform,omitempty"`
	CatalogDigest digest.Digest   `json:"catalog_digest,omitempty"`
	Plugins       []index.Want    `json:"plugins"`
	Resolved      []LockedPlugin  `json:"resolved"`
}

// A LockedPlugin is one exact digest of a Lockfile.
type LockedPlugin struct {
	ID             string        `json:"id"`
	Version        string        `json:"version"`
	Digest         digest.Digest `json:"digest"`
	PlatformDigest digest.Digest `json:"platform_digest,omitempty"`
	Reference      string        `json:"reference"`
}

// NewLockfile is r as the answer to q.
func NewLockfile(q index.ResolveRequest, r *index.Resolution) *Lockfile {
	l := &Lockfile{Format: lockFormat, Host: q.Host, Platform: q.Platform, CatalogDigest: r.CatalogDigest, Plugins: q.Plugins}
	for _, one := range r.Resolved {
		l.Resolved = append(l.Resolved, LockedPlugin{one.ID, one.Version, one.Digest, one.PlatformDigest, one.Reference})
	}
	return l
}

// ReadLockfile reads the lock file at path. Errors wrap artifact.ErrInvalid
// where it is not one, ErrNotFound where there is none.
func ReadLockfile(path string) (*Lockfile, error) {
	raw, err := bounded.ReadFile(path, maxStoreFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("lock file %q: %w", path, artifact.ErrNotFound)
	}
	if err != nil {
		return nil, err
	}
	l := &Lockfile{}
	if err := json.Unmarshal(raw, l); err != nil {
		return nil, fmt.Errorf("lock file %q: %s: %w", path, err, artifact.ErrInvalid)
	}
	if l.Format != lockFormat {
		return nil, fmt.Errorf("lock file %q: format %d, expected %d: %w", path, l.Format, lockFormat, artifact.ErrInvalid)
	}
	for n, one := range l.Resolved {
		if err := one.Digest.Validate(); err != nil {
			return nil, fmt.Errorf("lock file %q: resolved[%d]: digest %.100q: %s: %w", path, n, one.Digest, err, artifact.ErrInvalid)
		}
	}
	return l, nil
}

// Write puts the lock file at path, whole or not at all.
func (l *Lockfile) Write(path string) error {
	raw, err := l.bytes()
	if err != nil {
		return err
	}
	return durable.Replace(path, raw, 0o644)
}

func (l *Lockfile) bytes() ([]byte, error) {
	raw, err := json.MarshalIndent(l, "", "  ")
	return append(raw, '\n'), err
}

// Locked is what a resolve request says to stay at these digests.
func (l *Lockfile) Locked() []index.Locked {
	out := make([]index.Locked, 0, len(l.Resolved))
	for _, one := range l.Resolved {
		out = append(out, index.Locked{ID: one.ID, Digest: one.Digest})
	}
	return out
}

// writeLockfile derives the store's lock file from what is active, if it does
// not say so already.
func (s *Store) writeLockfile(now set) error {
	asked := now.Asked
	if asked == (Remembered{}) && s.options.Puller != nil { // a state from before it was remembered
		asked = s.asks()
	}
	l := &Lockfile{Format: lockFormat, Host: asked.Host, Platform: asked.Platform, CatalogDigest: now.Catalog.CatalogDigest, Plugins: now.Wants}
	for _, e := range now.Plugins {
		l.Resolved = append(l.Resolved, LockedPlugin{e.ID.String(), e.Version.String(), e.Digest, e.PlatformDigest, e.Reference})
	}
	raw, err := l.bytes()
	if err != nil {
		return err
	}
	path := filepath.Join(s.dir, lockFile)
	if have, err := bounded.ReadFile(path, maxStoreFile); err == nil && bytes.Equal(have, raw) {
		return nil
	}
	if err := durable.Replace(path, raw, 0o644); err != nil {
		return fmt.Errorf("store: lock file: %w", err)
	}
	return nil
}
