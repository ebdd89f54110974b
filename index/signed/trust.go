package signed

import (
	"bytes"
	"context"
	"errors"
	"time"

	"github.com/theupdateframework/go-tuf/v2/metadata"
	"github.com/theupdateframework/go-tuf/v2/metadata/trustedmetadata"
)

// A walk goes from the pinned root to targets that can be believed, by the
// client workflow of TUF 1.0.31, §5.3 to §5.6.
type walk struct {
	fetcher
	l       *listing
	trusted *trustedmetadata.TrustedMetadata
	now     time.Time
}

// run does the whole workflow. What was trusted is remembered at each step, so
// that a registry cannot go back behind it, even where a later step fails.
func (w *walk) run(ctx context.Context, pin Pin) error {
	if err := w.root(ctx, pin); err != nil {
		return err
	}
	if err := w.timestamp(ctx); err != nil {
		return err
	}
	if err := w.snapshot(ctx); err != nil {
		return err
	}
	return w.targets(ctx)
}

func (w *walk) root(ctx context.Context, pin Pin) error {
	raw, err := w.pinned(ctx, pin)
	if err != nil {
		return err
	}
	if w.trusted, err = trustedmetadata.New(raw); err != nil {
		return refuse(RefusedKey, "the pinned root %s is not signed by its own keys: %s", pin, err)
	}
	w.trusted.RefTime = w.now
	for n := w.trusted.Root.Signed.Version + 1; n <= w.l.roots; n++ {
		if raw, err = w.file(ctx, w.l, rootName(n), maxRoot); err != nil {
			return err
		}
		if _, err := parseRoot(raw); err != nil {
			return refuse(RefusedMalformed, "%s: %s", rootName(n), err)
		}
		if _, err := w.trusted.UpdateRoot(raw); err != nil {
			return refusedMetadata(rootName(n), err, RefusedMalformed)
		}
	}
	before, err := w.memory.get("root.json")
	if err != nil {
		return err
	}
	if known, version := versionIn(before), w.trusted.Root.Signed.Version; known > version {
		return refuse(RefusedRollback, "the newest root is %d, this machine has seen root %d", version, known)
	}
	if at := w.trusted.Root.Signed.Expires; w.now.After(at) {
		return refuse(RefusedExpired, "root %d ended %s", w.trusted.Root.Signed.Version, at.Format(time.RFC3339))
	}
	return w.memory.raise("root.json", raw)
}

// pinned is the root to begin with.
func (w *walk) pinned(ctx context.Context, pin Pin) ([]byte, error) {
	if pin.raw != nil {
		return pin.raw, nil
	}
	if pin.digest == "" {
		return nil, refuse(RefusedKey, "no root is pinned, so nothing could be trusted")
	}
	for n := int64(1); n <= w.l.roots; n++ {
		if w.l.files[rootName(n)].Digest != pin.digest {
			continue
		}
		raw, err := w.file(ctx, w.l, rootName(n), maxRoot)
		if err != nil {
			return nil, err
		}
		if _, err := parseRoot(raw); err != nil {
			return nil, refuse(RefusedMalformed, "%s: %s", rootName(n), err)
		}
		return raw, nil
	}
	return nil, refuse(RefusedKey, "none of the %d roots that came is %s, which is pinned", w.l.roots, pin)
}

func (w *walk) timestamp(ctx context.Context) error {
	raw, err := w.file(ctx, w.l, timestampName, maxTimestamp)
	if err != nil {
		return err
	}
	came, err := readMetadata(raw, metadata.Timestamp())
	if err != nil || came.Signed.Meta[snapshotName] == nil {
		return refuse(RefusedMalformed, "%s: no timestamp that names a snapshot: %v", timestampName, err)
	}
	before, err := w.memory.get(timestampName)
	if err != nil {
		return err
	}
	if before != nil {
		_, err := w.trusted.UpdateTimestamp(before) // one that expired, or whose key was rotated away, says nothing
		ignore(err)
	}
	known := w.trusted.Timestamp
	switch _, err = w.trusted.UpdateTimestamp(raw); {
	case errors.Is(err, &metadata.ErrEqualVersionNumber{}) && !bytes.Equal(before, raw):
		return refuse(RefusedMixed, "timestamp %d came with other bytes than this machine has seen under that number", came.Signed.Version)
	case errors.Is(err, &metadata.ErrEqualVersionNumber{}):
		if w.now.After(came.Signed.Expires) {
			return w.expired("timestamp", came.Signed.Version, came.Signed.Expires)
		}
	case errors.Is(err, &metadata.ErrBadVersionNumber{}):
		return refuse(RefusedRollback, "timestamp %d of snapshot %d came, this machine has seen timestamp %d of snapshot %d", came.Signed.Version,
			came.Signed.Meta[snapshotName].Version, known.Signed.Version, known.Signed.Meta[snapshotName].Version)
	case errors.Is(err, &metadata.ErrExpiredMetadata{}):
		return w.expired("timestamp", came.Signed.Version, came.Signed.Expires)
	case err != nil:
		return refusedMetadata(timestampName, err, RefusedMalformed)
	}
	return w.remember(timestampName, raw, known != nil)
}

// remember keeps what was trusted. What was kept before, and is not trusted any
// more because its key was rotated away, does not hold it back.
func (w *walk) remember(name string, raw []byte, over bool) error {
	if over {
		return w.memory.raise(name, raw)
	}
	return w.memory.put(name, raw)
}

func (w *walk) expired(role string, version int64, at time.Time) error {
	return refuse(RefusedExpired, "%s %d ended %s, it is %s now", role, version, at.Format(time.RFC3339), w.now.UTC().Format(time.RFC3339))
}

func (w *walk) snapshot(ctx context.Context) error {
	raw, err := w.file(ctx, w.l, snapshotName, maxSnapshot)
	if err != nil {
		return err
	}
	came, err := readMetadata(raw, metadata.Snapshot())
	if err != nil || came.Signed.Meta[targetsName] == nil {
		return refuse(RefusedMalformed, "%s: no snapshot that names targets: %v", snapshotName, err)
	}
	before, err := w.memory.get(snapshotName)
	if err != nil {
		return err
	}
	if before != nil {
		_, err := w.trusted.UpdateSnapshot(before, true) // for its versions alone
		ignore(err)
	}
	var known *metadata.MetaFiles
	if w.trusted.Snapshot != nil {
		known = w.trusted.Snapshot.Signed.Meta[targetsName]
	}
	switch _, err = w.trusted.UpdateSnapshot(raw, false); {
	case errors.Is(err, &metadata.ErrExpiredMetadata{}):
		return w.expired("snapshot", came.Signed.Version, came.Signed.Expires)
	case errors.Is(err, &metadata.ErrBadVersionNumber{}) && known != nil && came.Signed.Meta[targetsName].Version < known.Version:
		return refuse(RefusedRollback, "snapshot %d of targets %d came, this machine has seen targets %d", came.Signed.Version, came.Signed.Meta[targetsName].Version, known.Version)
	case err != nil:
		return refusedMetadata(snapshotName, err, RefusedMixed)
	}
	return w.remember(snapshotName, raw, known != nil)
}

func (w *walk) targets(ctx context.Context) error {
	raw, err := w.file(ctx, w.l, targetsName, maxTargets)
	if err != nil {
		return err
	}
	if _, err := readMetadata(raw, metadata.Targets()); err != nil {
		return refuse(RefusedMalformed, "%s: %v", targetsName, err)
	}
	switch came, err := w.trusted.UpdateTargets(raw); {
	case errors.Is(err, &metadata.ErrExpiredMetadata{}):
		if m, bad := readMetadata(raw, metadata.Targets()); bad == nil {
			return w.expired("targets", m.Signed.Version, m.Signed.Expires)
		}
		return refusedMetadata(targetsName, err, RefusedExpired)
	case err != nil:
		return refusedMetadata(targetsName, err, RefusedMixed)
	case came.Signed.Targets == nil:
		return refuse(RefusedMalformed, "%s names nothing", targetsName)
	}
	return nil
}

// expires is when the first of what was trusted ends.
func (w *walk) expires() time.Time {
	at := w.trusted.Root.Signed.Expires
	for _, other := range []time.Time{w.trusted.Timestamp.Signed.Expires, w.trusted.Snapshot.Signed.Expires, w.trusted.Targets[metadata.TARGETS].Signed.Expires} {
		if other.Before(at) {
			at = other
		}
	}
	return at
}

// refusedMetadata says which attack an error of go-tuf is. A wrong version or
// hash means what the caller says.
func refusedMetadata(name string, err error, version string) error {
	switch {
	case errors.Is(err, &metadata.ErrUnsignedMetadata{}), errors.Is(err, &metadata.ErrValue{}):
		return refuse(RefusedKey, "%s: too few of the keys that the trusted root names signed it: %s", name, err)
	case errors.Is(err, &metadata.ErrLengthOrHashMismatch{}):
		return refuse(RefusedMixed, "%s is not the one that belongs to the rest: %s", name, err)
	case errors.Is(err, &metadata.ErrBadVersionNumber{}):
		return refuse(version, "%s: %s", name, err)
	case errors.Is(err, &metadata.ErrExpiredMetadata{}):
		return refuse(RefusedExpired, "%s: %s", name, err)
	}
	return refuse(RefusedMalformed, "%s: %s", name, err)
}

func ignore(error) {}
