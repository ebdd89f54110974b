package client

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
	"github.com/opencontainers/go-digest"
)

// StoreOptions of a Store. Only List works without Client and Puller.
type StoreOptions struct {
	// Client resolves what is asked for: a *Client, or a signed catalog.
	Client Catalog
	// Puller pulls and verifies it, for its platform.
	Puller *Puller
	// Host is the application that loads the plugins; empty is the one that the
	// store was filled for, and any in a store that was filled for none.
	Host index.HostQuery
	// Channel and Prerelease choose among the versions that fit.
	Channel    string
	Prerelease bool
	// MinimumAge is how long what is chosen anew has been public at least, such as
	// 72h; "" asks nothing.
	MinimumAge string
	// Origin is remembered with the next change, for whoever fills the store
	// again; the zero Origin leaves what is remembered.
	Origin Origin
	// Recover opens a store whose state is damaged or gone too. Of its methods only
	// InstallLocked then works, which brings back what a lock file names.
	Recover bool
	// Check says whether a version that is about to become active works. It is
	// called for each plugin that a change brings in, with its files in place,
	// dependencies first. An error keeps the earlier state. Nil checks nothing.
	Check func(ctx context.Context, i Installed) error
	// Keep is how many earlier states Rollback can go back through; 0 is 3.
	Keep int
	// Now is the clock; nil is time.Now.
	Now func() time.Time
	// Log hears what was swept and kept; nil is silent.
	Log *slog.Logger
}

// A Store keeps the plugins of one host in one directory. Any number of
// processes may use it: changes take turns, reading never waits. Every change
// happens whole or not at all, wherever it is cut.
type Store struct {
	dir         string
	options     StoreOptions
	host        artifact.HostID
	hostVersion artifact.HostVersion
}

// An Installed plugin is active: the host may load it from Dir.
type Installed struct {
	ID             artifact.Name    `json:"id"`
	Version        artifact.Version `json:"version"`
	Digest         digest.Digest    `json:"digest"`
	PlatformDigest digest.Digest    `json:"platform_digest"`
	Reference      string           `json:"reference"`
	RequestedBy    []string         `json:"requested_by"` // plugins, or "request"
	// Range is what was asked of it, such as "=1.2.0", which pins it; "" is any
	// version, or that only other plugins asked.
	Range     string           `json:"range,omitempty"`
	Signature index.Signature  `json:"signature"`
	Dir       string           `json:"dir"` // its files; must not be written to
	Plugin    *artifact.Plugin `json:"plugin"`
}

// storeNames are what a store holds besides its state.
var storeNames = []string{contentDir, stagingDir, lockFile, damagedFile}

// empty holds dir to being a store, or to holding nothing that is not one's: what
// a first change that was cut leaves behind, and names that begin with a dot.
func empty(dir string) error {
	if _, err := os.Stat(filepath.Join(dir, stateFile)); err == nil {
		return nil
	}
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("store %q: %w", dir, err)
	}
	for _, e := range entries {
		if name := e.Name(); !strings.HasPrefix(name, ".") && !slices.Contains(storeNames, name) {
			return fmt.Errorf("store %q: it holds %.80q and no %s, so it is a directory of something else: expected a store, or an empty or new directory: %w",
				dir, name, stateFile, artifact.ErrInvalid)
		}
	}
	return ownOnly(dir)
}

// A Change says what a call did.
type Change struct {
	Serial  int64   `json:"serial"` // of the state that is active now
	Changed []Moved `json:"changed"`
	// Ranges are of the plugins of which another range is asked from now on.
	Ranges []Reranged `json:"ranges,omitempty"`
	// Held did not go along, because they were withdrawn; the rest went on.
	Held      []Held      `json:"held,omitempty"`
	Installed []Installed `json:"installed"` // all that is active now, dependencies first
	// Restored stayed at their version, and their files came again, because they
	// were gone or not what was verified.
	Restored []artifact.Name `json:"restored,omitempty"`
	// Damaged are active, and their files are gone or not what was verified: of a
	// plan an update brings them again, and after a change they stay so, because they
	// were withdrawn or nobody was asked for them. They are not in Installed.
	Damaged []Damaged `json:"damaged,omitempty"`
	// Recovered is true where the state of the store was damaged or gone, and this
	// change brought back what a lock file names. A damaged state is kept as
	// state.json.damaged; there is no earlier state to go back to.
	Recovered bool `json:"recovered,omitempty"`
}

// A Reranged plugin is asked for in another range than before; "" is any version.
type Reranged struct {
	ID   string `json:"id"`
	From string `json:"from"`
	To   string `json:"to"`
}

// A Moved plugin has another version than before; an empty one means none.
type Moved struct {
	ID   artifact.Name `json:"id"`
	From string        `json:"from,omitempty"`
	To   string        `json:"to,omitempty"`
}

// OpenStore opens the store in dir, which is made if it is not there; a directory
// of something else is an artifact.ErrInvalid. It reads
// the state once, so that a damaged one is named at once: such an error wraps
// artifact.ErrUnverified and says what can be done. Nothing needs closing.
func OpenStore(dir string, options StoreOptions) (*Store, error) {
	if options.Keep < 0 {
		return nil, fmt.Errorf("store %q: keep %d, expected 0 or more: %w", dir, options.Keep, artifact.ErrInvalid)
	}
	if options.Keep == 0 {
		options.Keep = 3
	}
	if options.Now == nil {
		options.Now = time.Now
	}
	if options.Log == nil {
		options.Log = slog.New(slog.DiscardHandler)
	}
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	if err := empty(abs); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(abs, 0o755); err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	s := &Store{dir: abs, options: options}
	st, err := s.readState()
	if err != nil && !(options.Recover && errors.Is(err, ErrLost)) {
		return nil, err
	}
	s.options.recall(st.Current.Asked)
	if err := s.readHost(); err != nil {
		return nil, err
	}
	return s, nil
}

func (s *Store) readHost() (err error) {
	if s.options.Host.ID != "" {
		if s.host, err = artifact.ParseHostID(s.options.Host.ID); err != nil {
			return err
		}
	}
	if s.options.Host.Version != "" {
		s.hostVersion, err = artifact.ParseHostVersion(s.options.Host.Version)
	}
	return err
}

// Dir is the store's directory.
func (s *Store) Dir() string { return s.dir }

// List is what is active, dependencies first. Files that are gone, were added or
// have another type, mode or size than what was verified are a *DamagedError, which
// wraps artifact.ErrUnverified and names every such plugin; what holds comes beside
// it. Files that were written to since are read again.
func (s *Store) List(context.Context) ([]Installed, error) {
	state, err := s.readState()
	if err != nil {
		return nil, err
	}
	return s.installed(state.Current, namesAndSizes)
}

// Verify is List that reads every byte of what is installed.
func (s *Store) Verify(context.Context) ([]Installed, error) {
	state, err := s.readState()
	if err != nil {
		return nil, err
	}
	for _, e := range state.Current.Plugins {
		if e.Record == "" {
			return nil, fmt.Errorf("store: %s %s was installed by an earlier version of this program, which wrote no digests of its files down (oarlock install or update brings it again): %w",
				e.ID, e.Version, artifact.ErrUnverified)
		}
	}
	return s.installed(state.Current, everyByte)
}

// Install adds plugins, or changes the range of those that were asked for
// before, with all that they need. Everything else stays at its digest as long
// as that satisfies every range. What stays is verified again: whom one trusts
// may have changed since it came, and then the change is refused. What was
// withdrawn is in Change.Held, and does not keep the rest from going on, unless
// nothing of what is asked is left. The error wraps artifact.ErrConflict where no
// set of versions satisfies all.
func (s *Store) Install(ctx context.Context, wants ...index.Want) (*Change, error) {
	if len(wants) == 0 {
		return nil, fmt.Errorf("install: no plugin named: %w", artifact.ErrInvalid)
	}
	return s.change(ctx, "install", func(ctx context.Context, now set) (set, error) {
		next, err := withWants(now.Wants, wants)
		if err != nil {
			return set{}, err
		}
		return s.settled(ctx, now, next, now.locked(nil))
	})
}

// Update brings the named plugins, or without names all, to the newest
// versions that satisfy every range. Others move only where they must. What
// stays is verified again, as by Install; what was withdrawn and cannot move is
// in Change.Held and stays.
func (s *Store) Update(ctx context.Context, ids ...artifact.Name) (*Change, error) {
	return s.change(ctx, "update", func(ctx context.Context, now set) (set, error) { return s.updated(ctx, now, ids) })
}

// updated is what an update of ids, or of all, would come to.
func (s *Store) updated(ctx context.Context, now set, ids []artifact.Name) (set, error) {
	for _, id := range ids {
		if now.find(id) == nil {
			return set{}, fmt.Errorf("update: %s is not installed: %w", id, artifact.ErrNotFound)
		}
	}
	if len(now.Wants) == 0 {
		return now, nil
	}
	if len(ids) == 0 {
		return s.settled(ctx, now, now.Wants, nil)
	}
	return s.settled(ctx, now, now.Wants, now.locked(ids))
}

// Remove takes plugins out that were asked for, with all that only they need. It
// asks nobody: what stays keeps its version, and what of it is damaged is in
// Change.Damaged.
// The error wraps artifact.ErrNotFound for one that was not asked for.
func (s *Store) Remove(ctx context.Context, ids ...artifact.Name) (*Change, error) {
	return s.remove(ctx, ids)
}

// Rollback makes the state before the last change active again, without the
// network: what it needs is still there. The error wraps artifact.ErrNotFound
// where there is no earlier state.
func (s *Store) Rollback(ctx context.Context) (*Change, error) {
	return s.rollback(ctx)
}
