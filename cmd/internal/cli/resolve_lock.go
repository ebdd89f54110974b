package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/artifact/bounded"
	"github.com/oarlock/oarlock/artifact/durable"
	"github.com/oarlock/oarlock/index"
)

// lockFile is what resolve --lock keeps: the answer as the API gives it, without
// the generation that it came from.
type lockFile struct {
	Resolved []index.Resolved `json:"resolved"`
}

// readLock reads the lock file at path; one that is not there is empty, unless
// it must be. What is not a lock file is an error, so that none is written over.
func readLock(path string, must bool) (lockFile, error) {
	var f lockFile
	if path == "" {
		return f, nil
	}
	raw, err := bounded.ReadFile(path, bounded.Document)
	switch {
	case errors.Is(err, fs.ErrNotExist) && must:
		return f, fmt.Errorf("lock %s: it is not there, and --frozen makes none: %w", path, artifact.ErrNotFound)
	case errors.Is(err, fs.ErrNotExist):
		return f, nil
	case err != nil:
		return f, fmt.Errorf("lock: %w", err)
	}
	if f, err = parseLock(raw); err != nil {
		return f, fmt.Errorf("lock %s: it is left as it is, because it is not what \"oarlock resolve --lock\" writes (%s); name another file: %w", path, err, artifact.ErrInvalid)
	}
	return f, nil
}

func parseLock(raw []byte) (lockFile, error) {
	var f lockFile
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(&f); err != nil {
		return f, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return f, errors.New("it goes on after its end")
	}
	if f.Resolved == nil {
		return f, errors.New("it has no list \"resolved\"")
	}
	for n, r := range f.Resolved {
		if _, err := artifact.ParseName(r.ID); err != nil {
			return f, fmt.Errorf("resolved[%d]: %w", n, err)
		}
		if err := r.Digest.Validate(); err != nil {
			return f, fmt.Errorf("resolved[%d]: %s: digest %.100q: %w", n, r.ID, r.Digest, err)
		}
	}
	return f, nil
}

func (f lockFile) locked() []index.Locked {
	out := make([]index.Locked, 0, len(f.Resolved))
	for _, r := range f.Resolved {
		out = append(out, index.Locked{ID: r.ID, Digest: r.Digest})
	}
	return out
}

// A lockChange is one plugin of which the lock file and the answer say
// something else. Reason is "gone" where the catalog no longer has the digest,
// "moved" where it is not chosen any more, "dropped" where nothing needs the
// plugin, and "added" where the lock file does not have it.
type lockChange struct {
	ID         string        `json:"id"`
	Reason     string        `json:"reason"`
	Version    string        `json:"version,omitempty"`
	Digest     digest.Digest `json:"digest,omitempty"`
	NowVersion string        `json:"now_version,omitempty"`
	NowDigest  digest.Digest `json:"now_digest,omitempty"`
}

func (c lockChange) String() string {
	was, now := fmt.Sprintf("%s %s (%s)", c.ID, c.Version, c.Digest), fmt.Sprintf("%s (%s)", c.NowVersion, c.NowDigest)
	switch {
	case c.Reason == "added":
		return fmt.Sprintf("%s %s is not in it", c.ID, now)
	case c.Reason == "dropped":
		return was + " is not needed any more"
	case c.Reason == "gone" && c.NowVersion == "":
		return was + " is gone from the catalog"
	case c.Reason == "gone":
		return was + " is gone from the catalog, in its place comes " + now
	}
	return was + " gives way to " + now
}

// whyAsker says of every version of a plugin whether it is in an answer.
type whyAsker interface {
	Why(ctx context.Context, id artifact.Name, q index.Query) (*index.Why, error)
}

// changes are the plugins of which f and the answer differ; with added, those
// that f does not have too.
func (f lockFile) changes(ctx context.Context, cl whyAsker, got *index.Resolution, host index.Query, added bool) ([]lockChange, error) {
	var out []lockChange
	for _, was := range f.Resolved {
		c := lockChange{ID: was.ID, Reason: "dropped", Version: was.Version, Digest: was.Digest}
		if at := slices.IndexFunc(got.Resolved, func(r index.Resolved) bool { return r.ID == was.ID }); at >= 0 {
			now := got.Resolved[at]
			if now.Digest == was.Digest {
				continue
			}
			c.Reason, c.NowVersion, c.NowDigest = "moved", now.Version, now.Digest
		}
		gone, err := isGone(ctx, cl, was, host)
		if err != nil {
			return nil, err
		}
		if gone {
			c.Reason = "gone"
		}
		out = append(out, c)
	}
	for _, now := range got.Resolved {
		if added && !slices.ContainsFunc(f.Resolved, func(r index.Resolved) bool { return r.ID == now.ID }) {
			out = append(out, lockChange{ID: now.ID, Reason: "added", NowVersion: now.Version, NowDigest: now.Digest})
		}
	}
	return out, nil
}

func isGone(ctx context.Context, cl whyAsker, was index.Resolved, host index.Query) (bool, error) {
	id, err := artifact.ParseName(was.ID)
	if err != nil {
		return false, err
	}
	why, err := cl.Why(ctx, id, host)
	if errors.Is(err, artifact.ErrNotFound) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	return !slices.ContainsFunc(why.Versions, func(v index.WhyVersion) bool { return v.Digest == was.Digest }), nil
}

func frozenError(path string, changed []lockChange) error {
	all := make([]string, len(changed))
	for i, c := range changed {
		all[i] = c.String()
	}
	return fmt.Errorf("resolve: lock %s is frozen and the answer is another: %s; it is left as it is, without --frozen it is written anew: %w",
		path, strings.Join(all, "; "), artifact.ErrConflict)
}

// writeLock replaces the file whole and durably.
func writeLock(path string, r *index.Resolution) error {
	held := slices.Clone(r.Resolved)
	for i := range held {
		held[i].Notices = nil // they change, and what is locked does not
	}
	if err := durable.ReplaceBy(path, 0o644, func(w io.Writer) error { return encodeJSON(w, lockFile{held}) }); err != nil {
		return fmt.Errorf("lock: %w", err)
	}
	return nil
}
