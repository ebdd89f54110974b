package client

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

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

// A Lockfile names the exact digests that belong together: what was asked, and
// what that came to. A store keeps one for what is active, and "oarlock resolve
// --lock" writes one for an answer. Its JSON is for people and version control.
type Lockfile struct {
	Format        int             `json:"format,omitempty"` // 0 is the one that had only Resolved
	Host          index.HostQuery `json:"host"`
	Platform      string          `json:"platform,omitempty"`
	Channel       string          `json:"channel,omitempty"`
	Prerelease    bool            `json:"prerelease,omitempty"`
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
	// RequestedBy are plugins, or "request"; absent in what earlier versions of
	// this program wrote for a store.
	RequestedBy []string `json:"requested_by,omitempty"`
}

// NewLockfile is r as the answer to q. It does not say which catalog gave the
// answer, so that the same answer is the same file.
func NewLockfile(q index.ResolveRequest, r *index.Resolution) *Lockfile {
	l := &Lockfile{Format: lockFormat, Host: q.Host, Platform: q.Platform, Channel: q.Channel, Prerelease: q.Prerelease, Plugins: q.Plugins, Resolved: []LockedPlugin{}}
	for _, one := range r.Resolved {
		l.Resolved = append(l.Resolved, LockedPlugin{one.ID, one.Version, one.Digest, one.PlatformDigest, one.Reference, one.RequestedBy})
	}
	return l
}

// ReadLockfile reads the lock file at path. Errors wrap artifact.ErrInvalid
// where it is not one, ErrNotFound where there is none.
func ReadLockfile(path string) (*Lockfile, error) {
	raw, err := bounded.ReadFile(path, maxStoreFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("lock file %q: it is not there: %w", path, artifact.ErrNotFound)
	}
	if err != nil {
		return nil, err
	}
	l, err := ParseLockfile(raw)
	if err != nil {
		return nil, fmt.Errorf("lock file %q: %w", path, err)
	}
	return l, nil
}

// ParseLockfile reads a lock file of a store or of "oarlock resolve --lock", also
// of earlier versions. What it says more is an error, so that the file of another
// program is not taken for one. Errors wrap artifact.ErrInvalid.
func ParseLockfile(raw []byte) (*Lockfile, error) {
	l := &Lockfile{}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(l); err != nil {
		return nil, fmt.Errorf("%s: %w", err, artifact.ErrInvalid)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("it goes on after its end: %w", artifact.ErrInvalid)
	}
	if err := l.check(); err != nil {
		return nil, fmt.Errorf("%s: %w", err, artifact.ErrInvalid)
	}
	return l, nil
}

// check holds a lock file to itself.
func (l *Lockfile) check() error {
	switch {
	case l.Format != 0 && l.Format != lockFormat:
		return fmt.Errorf("format %d, expected %d", l.Format, lockFormat)
	case l.Resolved == nil && l.Format == 0:
		return errors.New("it has no list \"resolved\"")
	}
	there := map[string]bool{}
	for n, r := range l.Resolved {
		if _, err := artifact.ParseName(r.ID); err != nil {
			return fmt.Errorf("resolved[%d]: %w", n, err)
		}
		if err := r.Digest.Validate(); err != nil {
			return fmt.Errorf("resolved[%d]: %s: digest %.100q: %w", n, r.ID, r.Digest, err)
		}
		if there[r.ID] {
			return fmt.Errorf("resolved[%d]: %s is there twice", n, r.ID)
		}
		there[r.ID] = true
	}
	for n, w := range l.Plugins {
		if _, err := withWants(nil, []index.Want{w}); err != nil {
			return fmt.Errorf("plugins[%d]: %w", n, err)
		}
		if !there[w.ID] {
			return fmt.Errorf("plugins[%d]: %s is not among resolved", n, w.ID)
		}
	}
	return nil
}

// roots are the plugins that the lock file was asked for. One that says neither
// that nor who needs what asks for all it holds.
func (l *Lockfile) roots() []index.Want {
	if len(l.Plugins) > 0 {
		return slices.Clone(l.Plugins)
	}
	var all, roots []index.Want
	for _, r := range l.Resolved {
		all = append(all, index.Want{ID: r.ID})
		if slices.Contains(r.RequestedBy, byRequest) {
			roots = append(roots, index.Want{ID: r.ID})
		}
	}
	if len(roots) == 0 {
		return all
	}
	return roots
}

// Holds reports whether l has a digest for a plugin.
func (l *Lockfile) Holds(id artifact.Name) bool { return l.find(id.String()) != nil }

// Asked is what l was asked with, as a store remembers it.
func (l *Lockfile) Asked() Remembered {
	return Remembered{Host: l.Host, Platform: l.Platform, Channel: l.Channel, Prerelease: l.Prerelease}
}

// find is what the lock file holds of a plugin; nil is nothing.
func (l *Lockfile) find(id string) *LockedPlugin {
	if at := slices.IndexFunc(l.Resolved, func(r LockedPlugin) bool { return r.ID == id }); at >= 0 {
		return &l.Resolved[at]
	}
	return nil
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

// lockfileOf is the lock file of now.
func (s *Store) lockfileOf(now set) ([]byte, error) {
	asked := now.Asked
	if asked == (Remembered{}) && s.options.Puller != nil { // a state from before it was remembered
		asked = s.asks()
	}
	l := &Lockfile{Format: lockFormat, Host: asked.Host, Platform: asked.Platform, Channel: asked.Channel, Prerelease: asked.Prerelease,
		CatalogDigest: now.Catalog.CatalogDigest, Plugins: now.Wants}
	for _, e := range now.Plugins {
		l.Resolved = append(l.Resolved, LockedPlugin{e.ID.String(), e.Version.String(), e.Digest, e.PlatformDigest, e.Reference, e.RequestedBy})
	}
	return l.bytes()
}

// CheckLockfile holds the store's lock file to what is active. It is what brings a
// store back whose state is lost, so that damage of it is worth knowing before; the
// next change writes it again. Errors wrap artifact.ErrUnverified.
func (s *Store) CheckLockfile() error {
	st, err := s.readState()
	if err != nil || st.Current.Serial == 0 {
		return err
	}
	path, odd := filepath.Join(s.dir, lockFile), ""
	have, err := bounded.ReadFile(path, maxStoreFile)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		odd = "it is gone"
	case errors.Is(err, artifact.ErrInvalid):
		odd = err.Error()
	case err != nil:
		return fmt.Errorf("store: lock file: %w", err)
	default:
		l, err := ParseLockfile(have)
		if err != nil {
			odd = strings.TrimSuffix(err.Error(), ": "+artifact.ErrInvalid.Error())
		} else if !l.names(st.Current) {
			odd = "it names something else than what is installed"
		}
	}
	if odd == "" {
		return nil
	}
	return fmt.Errorf("store: lock file %q: %s (the next change writes it again; until then it brings nothing back): %w", path, odd, artifact.ErrUnverified)
}

// names reports whether l holds what is in now, at its digests, and no more.
func (l *Lockfile) names(now set) bool {
	return len(l.Resolved) == len(now.Plugins) && !slices.ContainsFunc(now.Plugins, func(e entry) bool {
		there := l.find(e.ID.String())
		return there == nil || there.Digest != e.Digest
	})
}

// writeLockfile derives the store's lock file from what is active, if it does
// not say so already.
func (s *Store) writeLockfile(now set) error {
	raw, err := s.lockfileOf(now)
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
