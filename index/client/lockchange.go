package client

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
)

// Why a lock file and the catalog's answer differ in a plugin.
const (
	LockGone    = "gone"    // the catalog does not have the digest any more
	LockRefused = "refused" // it has the digest, and does not give it
	LockMoved   = "moved"   // it gives another one instead
	LockDropped = "dropped" // nothing needs the plugin
	LockAdded   = "added"   // the lock file does not have the plugin
)

// A LockChange is one plugin of which a lock file and the catalog's answer say
// something else.
type LockChange struct {
	ID         string        `json:"id"`
	Reason     string        `json:"reason"` // gone, refused, moved, dropped, added
	Version    string        `json:"version,omitempty"`
	Digest     digest.Digest `json:"digest,omitempty"`
	NowVersion string        `json:"now_version,omitempty"`
	NowDigest  digest.Digest `json:"now_digest,omitempty"`
	// Detail says in a sentence why the catalog does not give the digest.
	Detail string `json:"detail,omitempty"`
}

// String is the change as a sentence.
func (c LockChange) String() string {
	was, now := fmt.Sprintf("%s %s (%s)", c.ID, c.Version, c.Digest), fmt.Sprintf("%s (%s)", c.NowVersion, c.NowDigest)
	if c.Detail != "" {
		was += ": " + c.Detail + ";"
	}
	switch c.Reason {
	case LockAdded:
		return fmt.Sprintf("%s %s is not in it", c.ID, now)
	case LockDropped:
		return was + " is not needed any more"
	case LockRefused:
		return was + " is not given any more"
	case LockGone:
		if c.NowVersion == "" {
			return was + " is gone from the catalog"
		}
		return was + " is gone from the catalog, in its place comes " + now
	}
	return was + " gives way to " + now
}

// WhyAsker says of every version of a plugin whether it is in an answer.
type WhyAsker interface {
	Why(ctx context.Context, id artifact.Name, q index.Query) (*index.Why, error)
}

// Changes are the plugins of which l and an answer to q differ, in the order of l.
// With added, those that l does not have follow.
func (l *Lockfile) Changes(ctx context.Context, cl WhyAsker, got []index.Resolved, q index.Query, added bool) ([]LockChange, error) {
	all := l.compare(got)
	if !added {
		all = slices.DeleteFunc(all, func(c LockChange) bool { return c.Reason == LockAdded })
	}
	return all, explain(ctx, cl, all, q)
}

// compare is Changes before the catalog was asked why.
func (l *Lockfile) compare(got []index.Resolved) []LockChange {
	now := map[string]index.Resolved{}
	for _, r := range got {
		now[r.ID] = r
	}
	var out []LockChange
	for _, was := range l.Resolved {
		r, there := now[was.ID]
		delete(now, was.ID)
		switch {
		case !there:
			out = append(out, LockChange{ID: was.ID, Reason: LockDropped, Version: was.Version, Digest: was.Digest})
		case r.Digest != was.Digest:
			out = append(out, LockChange{ID: was.ID, Reason: LockMoved, Version: was.Version, Digest: was.Digest, NowVersion: r.Version, NowDigest: r.Digest})
		}
	}
	for _, r := range got {
		if _, added := now[r.ID]; added {
			out = append(out, LockChange{ID: r.ID, Reason: LockAdded, NowVersion: r.Version, NowDigest: r.Digest})
		}
	}
	return out
}

// explain asks the catalog what became of what is not as it was locked.
func explain(ctx context.Context, cl WhyAsker, all []LockChange, q index.Query) error {
	for n, c := range all {
		if c.Reason == LockAdded {
			continue
		}
		there, detail, err := given(ctx, cl, LockedPlugin{ID: c.ID, Version: c.Version, Digest: c.Digest}, q)
		switch {
		case err != nil:
			return err
		case !there:
			all[n].Reason = LockGone
		case c.Reason == LockMoved:
			all[n].Detail = detail
		}
	}
	return nil
}

// given reports whether the catalog has what was locked, and why it does not give
// it; "" is that it does.
func given(ctx context.Context, cl WhyAsker, was LockedPlugin, q index.Query) (there bool, detail string, err error) {
	id, err := artifact.ParseName(was.ID)
	if err != nil {
		return false, "", err
	}
	why, err := cl.Why(ctx, id, q)
	if errors.Is(err, artifact.ErrNotFound) {
		return false, "", nil
	}
	if err != nil {
		return false, "", err
	}
	at := slices.IndexFunc(why.Versions, func(v index.WhyVersion) bool {
		return v.Digest == was.Digest || v.Digest == "" && v.Version == was.Version && was.Version != "" // what may not be pulled is told without its digest
	})
	if at < 0 {
		return false, "", nil
	}
	var said []string
	for _, r := range why.Versions[at].Reasons {
		if r.Code != index.ReasonOlder {
			said = append(said, r.Detail)
		}
	}
	return true, strings.Join(said, "; "), nil
}
