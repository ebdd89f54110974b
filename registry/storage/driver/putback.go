package driver

import (
	"context"
	"path"
	"strings"
	"sync"

	storagedriver "github.com/distribution/distribution/v3/registry/storage/driver"
	"github.com/opencontainers/go-digest"
)

// Where a collector keeps what it set aside, marked and is removing.
const (
	SetAsideRoot = "/oarlock/gc/links"
	SetAsideLeaf = "_condemned"
	MarkedRoot   = "/oarlock/gc/bytes"
	RemovedRoot  = "/oarlock/gc/removed"
)

// sweeping orders what a collector and those who bring things back do within
// one process. Between processes the order of the steps suffices to lose
// nothing: a link is set aside before it goes and put back before what was set
// aside goes, and bytes are looked at again after they were moved.
var sweeping sync.Mutex

// LockSweep takes that order for whoever changes what a collector set aside;
// unlock gives it back.
func LockSweep() (unlock func()) {
	sweeping.Lock()
	return sweeping.Unlock
}

// GetContent reads path, and brings back what a collector has set aside.
func (d *Driver) GetContent(ctx context.Context, path string) ([]byte, error) {
	content, err := d.read(ctx, path)
	if !IsNotFound(err) {
		return content, err
	}
	if aside, ok := setAsideFor(path); ok {
		return d.putBack(ctx, path, aside, err)
	}
	if blob, ok := BlobAt(path); ok {
		if back, err := d.moveBack(ctx, blob); err != nil || !back {
			return nil, orElse(err, storagedriver.PathNotFoundError{Path: path, DriverName: d.Name()})
		}
		return d.read(ctx, path)
	}
	return nil, err
}

// Stat looks at path. Whoever looks for bytes is about to rely on them, so a
// collector must not remove them.
func (d *Driver) Stat(ctx context.Context, path string) (storagedriver.FileInfo, error) {
	blob, ok := BlobAt(path)
	if !ok {
		return d.Look(ctx, path)
	}
	if err := d.Unmark(ctx, blob); err != nil {
		return nil, err
	}
	fi, err := d.Look(ctx, path)
	if !IsNotFound(err) {
		return fi, err
	}
	if back, backErr := d.moveBack(ctx, blob); backErr != nil || !back {
		return nil, orElse(backErr, err)
	}
	return d.Look(ctx, path)
}

func orElse(err, otherwise error) error {
	if err != nil {
		return err
	}
	return otherwise
}

// putBack puts the link at back from aside; missing when it is not there either.
func (d *Driver) putBack(ctx context.Context, at, aside string, missing error) ([]byte, error) {
	if _, err := d.Look(ctx, aside); IsNotFound(err) {
		return nil, missing
	} else if err != nil {
		return nil, err
	}
	sweeping.Lock()
	defer sweeping.Unlock()
	if content, err := d.read(ctx, at); !IsNotFound(err) {
		return content, err
	}
	content, err := d.read(ctx, aside)
	if IsNotFound(err) {
		return nil, missing
	}
	if err != nil {
		return nil, err
	}
	name, _ := LinkName(aside)
	told, err := ParseTombstone(aside, name, content)
	if err != nil {
		return nil, err
	}
	if d.readOnly {
		return []byte(told.Target), nil
	}
	if err := d.PutContent(atOnce(ctx), at, []byte(told.Target)); err != nil {
		return nil, err
	}
	for _, gone := range []string{MarkedPath(told.Target), aside} {
		if err := d.StorageDriver.Delete(ctx, gone); err != nil && !IsNotFound(err) {
			return nil, err
		}
	}
	return []byte(told.Target), nil
}

// Unmark takes back that blob may be removed.
func (d *Driver) Unmark(ctx context.Context, blob digest.Digest) error {
	at := MarkedPath(blob)
	if _, err := d.Look(ctx, at); IsNotFound(err) || err == nil && d.readOnly {
		return nil
	} else if err != nil {
		return err
	}
	sweeping.Lock()
	defer sweeping.Unlock()
	if err := d.StorageDriver.Delete(ctx, at); err != nil && !IsNotFound(err) {
		return err
	}
	return nil
}

// moveBack moves bytes back that are on their way out.
func (d *Driver) moveBack(ctx context.Context, blob digest.Digest) (bool, error) {
	at := RemovedPath(blob)
	if _, err := d.Look(ctx, at); IsNotFound(err) || err == nil && d.readOnly {
		return false, nil // of a kill in the blink of an eye; the next run moves them back
	} else if err != nil {
		return false, err
	}
	sweeping.Lock()
	defer sweeping.Unlock()
	return d.MoveBack(ctx, blob)
}

// MoveBack moves bytes back that are on their way out; the caller holds
// LockSweep. Somebody else may have done it.
func (d *Driver) MoveBack(ctx context.Context, blob digest.Digest) (bool, error) {
	if _, err := d.Look(ctx, BlobPath(blob)); err == nil {
		return true, nil
	}
	err := d.Move(ctx, RemovedPath(blob), BlobPath(blob))
	if err == nil {
		return true, nil
	}
	if _, there := d.Look(ctx, BlobPath(blob)); there == nil {
		return true, nil
	}
	if IsNotFound(err) {
		return false, nil
	}
	return false, err
}

// LinkDir holds the links of kind in repo.
func LinkDir(repo string, kind LinkKind) string {
	if kind == ManifestLink {
		return RevisionsDir(repo)
	}
	return path.Join(RepositoryRoot, repo, "_layers")
}

// LinkPath is the link of kind that makes d belong to repo.
func LinkPath(repo string, kind LinkKind, d digest.Digest) string {
	return path.Join(LinkDir(repo, kind), d.Algorithm().String(), d.Encoded(), "link")
}

// SetAsidePath is where the link of kind to d is once it was set aside.
func SetAsidePath(repo string, kind LinkKind, d digest.Digest) string {
	return path.Join(SetAsideRoot, repo, SetAsideLeaf, string(kind)+"s", d.Algorithm().String()+"-"+d.Encoded())
}

// setAsideFor says where the link at would be if it was set aside.
func setAsideFor(at string) (string, bool) {
	rest, ok := strings.CutPrefix(at, RepositoryRoot+"/")
	if !ok || !strings.HasSuffix(at, "/link") {
		return "", false
	}
	for kind, part := range map[LinkKind]string{ManifestLink: "/_manifests/revisions/", BlobLink: "/_layers/"} {
		repo, name, ok := strings.Cut(rest, part)
		alg, hex, two := strings.Cut(strings.TrimSuffix(name, "/link"), "/")
		if ok && two {
			return SetAsidePath(repo, kind, digest.NewDigestFromEncoded(digest.Algorithm(alg), hex)), true
		}
	}
	return "", false
}

// BlobAt reads the digest of a path of bytes.
func BlobAt(at string) (digest.Digest, bool) {
	rest, ok := strings.CutPrefix(at, BlobRoot+"/")
	if !ok || !strings.HasSuffix(rest, "/data") {
		return "", false
	}
	alg, rest, _ := strings.Cut(strings.TrimSuffix(rest, "/data"), "/")
	d := digest.NewDigestFromEncoded(digest.Algorithm(alg), path.Base(rest))
	return d, d.Validate() == nil
}

// MarkedPath is the file that says that the bytes of d may be removed.
func MarkedPath(d digest.Digest) string {
	return path.Join(MarkedRoot, d.Algorithm().String(), d.Encoded())
}

// RemovedPath is where the bytes of d are on their way out.
func RemovedPath(d digest.Digest) string {
	return path.Join(RemovedRoot, d.Algorithm().String(), d.Encoded())
}
