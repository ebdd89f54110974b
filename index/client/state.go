package client

import (
	"bytes"
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
	"github.com/oarlock/oarlock/artifact/durable"
	"github.com/oarlock/oarlock/index"
)

const (
	stateFile   = "state.json"
	stateFormat = 1
)

// A state is what state.json says: the active set and those before it, newest
// first.
type state struct {
	Current set   `json:"current"`
	Earlier []set `json:"earlier"`
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

	held  []Held          // of the change that came to it; not part of the state
	stays []artifact.Name // plugins that stay though the catalog does not give them
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
}

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
	raw, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return state{}, nil
	}
	if err != nil {
		return state{}, fmt.Errorf("store: %w", err)
	}
	damaged := func(format string, args ...any) (state, error) {
		return state{}, fmt.Errorf("store: %q is damaged: %s (restore it from a backup, or move it away and install again what %q names): %w",
			path, fmt.Sprintf(format, args...), filepath.Join(s.dir, lockFile), artifact.ErrUnverified)
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
