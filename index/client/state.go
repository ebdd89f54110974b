package client

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/artifact/bounded"
	"github.com/oarlock/oarlock/artifact/durable"
	"github.com/oarlock/oarlock/index"
)

const (
	stateFile   = "state.json"
	stateFormat = 1
	damagedFile = "state.json.damaged" // what was read as damaged before the store was brought back

	maxStoreFile = 64 << 20 // bytes of one file that a store keeps about itself
)

// A state is what state.json says: the active set and those before it, newest
// first.
type state struct {
	Current set   `json:"current"`
	Earlier []set `json:"earlier"`

	lost bool // it stands for one that cannot be read; not part of it
}

// A set is what is active together.
type set struct {
	Serial  int64        `json:"serial"` // rises with every change
	At      time.Time    `json:"at"`
	Action  string       `json:"action"` // install, update, remove, rollback
	Catalog index.Stamp  `json:"catalog"`
	Asked   Remembered   `json:"asked"`
	Wants   []index.Want `json:"wants"`
	Plugins []entry      `json:"plugins"` // dependencies first

	held    []Held                   // of the change that came to it; not part of the state
	age     string                   // that the catalog asks of what it chooses; "" is none
	stays   []artifact.Name          // plugins that stay though the catalog does not give them
	records map[string]digest.Digest // of all content that the state knows; not part of it
}

// An entry is one plugin of a set.
type entry struct {
	ID             artifact.Name    `json:"id"`
	Version        artifact.Version `json:"version"`
	Digest         digest.Digest    `json:"digest"`
	PlatformDigest digest.Digest    `json:"platform_digest"`
	Reference      string           `json:"reference"`
	RequestedBy    []string         `json:"requested_by"`
	Content        string           `json:"content"` // directory below content/
	// Record is the digest of record.json, which says what was verified; "" in a
	// store that an earlier version of this program filled.
	Record digest.Digest `json:"record,omitempty"`
	// Signature is who signed it, as of the last change; where Record is "" the
	// record has it.
	Signature *index.Signature `json:"signature,omitempty"`

	restored bool // by the change that came to it; not part of the state
}

// askedBy reports whether the plugin id asked for e.
func (e entry) askedBy(id artifact.Name) bool { return slices.Contains(e.RequestedBy, id.String()) }

func (s set) find(id artifact.Name) *entry {
	if at := slices.IndexFunc(s.Plugins, func(e entry) bool { return e.ID == id }); at >= 0 {
		return &s.Plugins[at]
	}
	return nil
}

// rangeOf is what was asked of e.
func (s set) rangeOf(e entry) string {
	if at := slices.IndexFunc(s.Wants, func(w index.Want) bool { return w.ID == e.ID.String() }); at >= 0 {
		return s.Wants[at].Range
	}
	return ""
}

// locked are the digests of s, but for those of free.
func (s set) locked(free []artifact.Name) []index.Locked {
	var out []index.Locked
	for _, e := range s.Plugins {
		if !slices.Contains(free, e.ID) {
			out = append(out, index.Locked{ID: e.ID.String(), Digest: e.Digest})
		}
	}
	return out
}

// sealed is state.json: the state and its digest, so that damage is noticed.
type sealed struct {
	Format int             `json:"format"`
	Digest digest.Digest   `json:"digest"` // of State without white space
	State  json.RawMessage `json:"state"`
}

// readState reads state.json; there is none before the first change.
func (s *Store) readState() (state, error) {
	path := filepath.Join(s.dir, stateFile)
	raw, err := bounded.ReadFile(path, maxStoreFile)
	if errors.Is(err, fs.ErrNotExist) {
		left := s.leftOver()
		if left == "" {
			return state{}, nil
		}
		// The state is written before the first content: it came meanwhile, or is lost.
		if raw, err = bounded.ReadFile(path, maxStoreFile); errors.Is(err, fs.ErrNotExist) {
			return state{}, fmt.Errorf("store: %q is not there, and %q is, so what is installed is not known (%s): %w", path, left, s.wayBack(), lostError{})
		}
	}
	if err != nil {
		return state{}, fmt.Errorf("store: %w", err)
	}
	if err := s.noLinks(); err != nil {
		return state{}, err
	}
	damaged := func(format string, args ...any) (state, error) {
		return state{}, fmt.Errorf("store: %q is damaged: %s (%s): %w", path, fmt.Sprintf(format, args...), s.wayBack(), lostError{})
	}
	var seal sealed
	if err := json.Unmarshal(raw, &seal); err != nil {
		return damaged("%s", err)
	}
	if seal.Format != stateFormat {
		return state{}, fmt.Errorf("store: %q has format %d, this program knows %d: %w", path, seal.Format, stateFormat, artifact.ErrInvalid)
	}
	var plain bytes.Buffer
	if err := json.Compact(&plain, seal.State); err != nil {
		return damaged("%s", err)
	}
	if got := digest.FromBytes(plain.Bytes()); got != seal.Digest {
		return damaged("its content has digest %s, it says %.100q", got, seal.Digest)
	}
	var st state
	if err := json.Unmarshal(seal.State, &st); err != nil {
		return damaged("%s", err)
	}
	return st, nil
}

// records are the digests of what was verified about content, by directory.
func (s state) records() map[string]digest.Digest {
	out := map[string]digest.Digest{}
	for _, one := range append([]set{s.Current}, s.Earlier...) {
		for _, e := range one.Plugins {
			out[e.Content] = cmp.Or(out[e.Content], e.Record)
		}
	}
	return out
}

// leftOver is what only a store with a state holds; "" is nothing of it.
func (s *Store) leftOver() string {
	content := filepath.Join(s.dir, contentDir)
	if info, err := os.Lstat(content); err == nil {
		if there, err := os.ReadDir(content); err != nil || len(there) > 0 || !info.IsDir() {
			return content
		}
	}
	if _, err := os.Lstat(filepath.Join(s.dir, lockFile)); err == nil {
		return filepath.Join(s.dir, lockFile)
	}
	return ""
}

// noLinks refuses a store whose content is elsewhere: what is below would be
// tidied up, and whoever owns that place chooses what the host loads.
func (s *Store) noLinks() error {
	content := filepath.Join(s.dir, contentDir)
	info, err := os.Lstat(content)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("store: %w", err)
	case !info.IsDir():
		return fmt.Errorf("store: %q is %s, expected a directory (put back the directory, or take away what is there: oarlock install or update then brings the content again): %w",
			content, bounded.Kind(info.Mode()), artifact.ErrUnverified)
	}
	return nil
}

// begun writes an empty state before the first content, so that content without
// a state is always one whose state was lost, and no change that was cut. Where it
// was lost it stays so until the change is made.
func (s *Store) begun() error {
	if s.leftOver() != "" {
		return nil
	}
	if _, err := os.Lstat(filepath.Join(s.dir, stateFile)); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return s.writeState(state{})
}

// writeState makes st the state: the one moment at which a change happens.
func (s *Store) writeState(st state) error {
	raw, err := json.Marshal(st)
	if err != nil {
		return err
	}
	out, err := json.MarshalIndent(sealed{stateFormat, digest.FromBytes(raw), raw}, "", "  ")
	if err != nil {
		return err
	}
	if err := durable.Replace(filepath.Join(s.dir, stateFile), append(out, '\n'), 0o644); err != nil {
		return fmt.Errorf("store: state: %w", err)
	}
	return nil
}
