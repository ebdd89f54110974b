package registry

import (
	"context"
	"path"
	"strings"
	"sync"

	storagedriver "github.com/distribution/distribution/v3/registry/storage/driver"
	"github.com/opencontainers/go-digest"
)

const (
	condemnedRoot = "/oarlock/gc/links"
	condemnedLeaf = "_condemned"
	doomedRoot    = "/oarlock/gc/bytes"
	removedRoot   = "/oarlock/gc/removed"
)

// sweeping orders what a collector and those who bring things back do within
// one process. Between processes the order of the steps suffices to lose
// nothing: a link is set aside before it goes and put back before what was set
// aside goes, and bytes are looked at again after they were moved.
var sweeping sync.Mutex

// GetContent reads path, and brings back what a collector has set aside.
func (d *driver) GetContent(ctx context.Context, path string) ([]byte, error) {
	content, err := d.read(ctx, path)
	if !isNotFound(err) {
		return content, err
	}
	if aside, ok := condemnedFor(path); ok {
		return d.revive(ctx, path, aside, err)
	}
	if blob, ok := blobAt(path); ok {
		if back, err := d.bringBack(ctx, blob); err != nil || !back {
			return nil, orElse(err, storagedriver.PathNotFoundError{Path: path, DriverName: d.Name()})
		}
		return d.read(ctx, path)
	}
	return nil, err
}

// Stat looks at path. Whoever looks for bytes is about to rely on them, so a
// collector must not remove them.
func (d *driver) Stat(ctx context.Context, path string) (storagedriver.FileInfo, error) {
	blob, ok := blobAt(path)
	if !ok {
		return d.look(ctx, path)
	}
	if err := d.spare(ctx, blob); err != nil {
		return nil, err
	}
	fi, err := d.look(ctx, path)
	if !isNotFound(err) {
		return fi, err
	}
	if back, backErr := d.bringBack(ctx, blob); backErr != nil || !back {
		return nil, orElse(backErr, err)
	}
	return d.look(ctx, path)
}

func orElse(err, otherwise error) error {
	if err != nil {
		return err
	}
	return otherwise
}

// revive puts the link at back from aside; missing when it is not there either.
func (d *driver) revive(ctx context.Context, at, aside string, missing error) ([]byte, error) {
	if _, err := d.look(ctx, aside); isNotFound(err) {
		return nil, missing
	} else if err != nil {
		return nil, err
	}
	sweeping.Lock()
	defer sweeping.Unlock()
	if content, err := d.read(ctx, at); !isNotFound(err) {
		return content, err
	}
	content, err := d.read(ctx, aside)
	if isNotFound(err) {
		return nil, missing
	}
	if err != nil {
		return nil, err
	}
	name, _ := linkName(aside)
	told, err := parseSentence(aside, name, content)
	if err != nil {
		return nil, err
	}
	if d.readOnly {
		return []byte(told.Target), nil
	}
	if err := d.PutContent(atOnce(ctx), at, []byte(told.Target)); err != nil {
		return nil, err
	}
	for _, gone := range []string{doomedPath(told.Target), aside} {
		if err := d.StorageDriver.Delete(ctx, gone); err != nil && !isNotFound(err) {
			return nil, err
		}
	}
	return []byte(told.Target), nil
}

// spare takes back that blob may be removed.
func (d *driver) spare(ctx context.Context, blob digest.Digest) error {
	at := doomedPath(blob)
	if _, err := d.look(ctx, at); isNotFound(err) || err == nil && d.readOnly {
		return nil
	} else if err != nil {
		return err
	}
	sweeping.Lock()
	defer sweeping.Unlock()
	if err := d.StorageDriver.Delete(ctx, at); err != nil && !isNotFound(err) {
		return err
	}
	return nil
}

// bringBack moves bytes back that are on their way out.
func (d *driver) bringBack(ctx context.Context, blob digest.Digest) (bool, error) {
	at := removedPath(blob)
	if _, err := d.look(ctx, at); isNotFound(err) || err == nil && d.readOnly {
		return false, nil // of a kill in the blink of an eye; the next run moves them back
	} else if err != nil {
		return false, err
	}
	sweeping.Lock()
	defer sweeping.Unlock()
	return d.restoreBytes(ctx, blob)
}

// restoreBytes is bringBack under the lock. Somebody else may have done it.
func (d *driver) restoreBytes(ctx context.Context, blob digest.Digest) (bool, error) {
	if _, err := d.look(ctx, blobPath(blob)); err == nil {
		return true, nil
	}
	err := d.Move(ctx, removedPath(blob), blobPath(blob))
	if err == nil {
		return true, nil
	}
	if _, there := d.look(ctx, blobPath(blob)); there == nil {
		return true, nil
	}
	if isNotFound(err) {
		return false, nil
	}
	return false, err
}

func linkDir(repo string, kind LinkKind) string {
	if kind == ManifestLink {
		return revisionsDir(repo)
	}
	return path.Join(repositoryRoot, repo, "_layers")
}

func linkPath(repo string, kind LinkKind, d digest.Digest) string {
	return path.Join(linkDir(repo, kind), d.Algorithm().String(), d.Encoded(), "link")
}

func condemnedPath(repo string, kind LinkKind, d digest.Digest) string {
	return path.Join(condemnedRoot, repo, condemnedLeaf, string(kind)+"s", d.Algorithm().String()+"-"+d.Encoded())
}

// condemnedFor says where the link at would be if it was set aside.
func condemnedFor(at string) (string, bool) {
	rest, ok := strings.CutPrefix(at, repositoryRoot+"/")
	if !ok || !strings.HasSuffix(at, "/link") {
		return "", false
	}
	for kind, part := range map[LinkKind]string{ManifestLink: "/_manifests/revisions/", BlobLink: "/_layers/"} {
		repo, name, ok := strings.Cut(rest, part)
		alg, hex, two := strings.Cut(strings.TrimSuffix(name, "/link"), "/")
		if ok && two {
			return condemnedPath(repo, kind, digest.NewDigestFromEncoded(digest.Algorithm(alg), hex)), true
		}
	}
	return "", false
}

// blobAt reads the digest of a path of bytes.
func blobAt(at string) (digest.Digest, bool) {
	rest, ok := strings.CutPrefix(at, blobRoot+"/")
	if !ok || !strings.HasSuffix(rest, "/data") {
		return "", false
	}
	alg, rest, _ := strings.Cut(strings.TrimSuffix(rest, "/data"), "/")
	d := digest.NewDigestFromEncoded(digest.Algorithm(alg), path.Base(rest))
	return d, d.Validate() == nil
}

func doomedPath(d digest.Digest) string {
	return path.Join(doomedRoot, d.Algorithm().String(), d.Encoded())
}

func removedPath(d digest.Digest) string {
	return path.Join(removedRoot, d.Algorithm().String(), d.Encoded())
}
