package signed

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/theupdateframework/go-tuf/v2/metadata"
	"oras.land/oras-go/v2/content"
	"oras.land/oras-go/v2/errdef"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/artifact/bounded"
)

// A release is one publication as its publisher knows it.
type release struct {
	*listing
	timestamp *metadata.Metadata[metadata.TimestampType]
	snapshot  *metadata.Metadata[metadata.SnapshotType]
	targets   *metadata.Metadata[metadata.TargetsType]
	contents  Contents
	sums      [][32]byte // of the shards; nil where they were not made here
}

func (r *release) published(uploaded int64) Published {
	expires := slices.MinFunc([]time.Time{r.timestamp.Signed.Expires, r.snapshot.Signed.Expires, r.targets.Signed.Expires}, time.Time.Compare)
	return Published{Contents: r.contents, Expires: expires, Manifest: r.manifest.Digest, Root: r.roots,
		Timestamp: r.timestamp.Signed.Version, Uploaded: uploaded}
}

// versions count what was signed, so that no number is used twice even where
// the registry lost its catalog.
type versions struct {
	Targets   int64 `json:"targets"`
	Snapshot  int64 `json:"snapshot"`
	Timestamp int64 `json:"timestamp"`
}

const versionsFile = "versions.json"

func readVersions(path string) (versions, error) {
	var v versions
	raw, err := bounded.ReadFile(path, bounded.Document)
	if errors.Is(err, fs.ErrNotExist) {
		return v, nil
	}
	if err != nil {
		return v, fmt.Errorf("%s: %w", path, err)
	}
	if json.Unmarshal(raw, &v) != nil {
		return v, fmt.Errorf("%s is damaged, it does not say which versions were signed: restore it from a backup, or remove it where the published catalog is the newest", path)
	}
	return v, nil
}

func (v versions) atLeast(r *release) versions {
	if r == nil {
		return v
	}
	return versions{max(v.Targets, r.targets.Signed.Version), max(v.Snapshot, r.snapshot.Signed.Version), max(v.Timestamp, r.timestamp.Signed.Version)}
}

// errForeign is a catalog that these keys must not replace.
var errForeign = errors.New("signed by another root")

// earlier reads what the registry holds; nil where there is nothing, or nothing
// that holds; seen is what the tag means. What other keys signed is an error: it is not ours to replace.
func (p *Publisher) earlier(ctx context.Context) (last *release, tagged digest.Digest, err error) {
	at, err := p.o.To.Resolve(ctx, Tag)
	if errors.Is(err, errdef.ErrNotFound) {
		return nil, "", nil
	}
	if err != nil {
		return nil, "", err
	}
	if p.last != nil && p.last.manifest.Digest == at.Digest {
		return p.last, at.Digest, p.ours(p.last.listing) // keys may have changed since
	}
	r, err := p.read(ctx, at)
	switch {
	case errors.Is(err, errForeign) && p.o.Anew:
		p.o.Log.WarnContext(ctx, "signed catalog: what another root signed is replaced", "alert", true, "manifest", at.Digest, "err", err)
		return nil, at.Digest, nil
	case errors.Is(err, errForeign) || err != nil && ctx.Err() != nil:
		return nil, "", err
	case err != nil:
		p.o.Log.ErrorContext(ctx, "signed catalog: what the registry holds does not hold, it is replaced", "alert", true, "manifest", at.Digest, "err", err)
		return nil, at.Digest, nil
	}
	return r, at.Digest, nil
}

func (p *Publisher) read(ctx context.Context, at ocispec.Descriptor) (*release, error) {
	if at.Size > artifact.MaxManifest {
		return nil, fmt.Errorf("manifest of %d bytes: %w", at.Size, artifact.ErrInvalid)
	}
	raw, err := content.FetchAll(ctx, p.o.To, at)
	if err != nil {
		return nil, err
	}
	l, err := parseListing(raw)
	if err != nil {
		return nil, err
	}
	l.manifest = at
	if err := p.ours(l); err != nil {
		return nil, err
	}
	root, err := parseRoot(p.o.Keys.ring().roots[l.roots-1])
	if err != nil {
		return nil, err
	}
	r := &release{listing: l, timestamp: metadata.Timestamp(), snapshot: metadata.Snapshot(), targets: metadata.Targets()}
	if err := errors.Join(
		readRole(ctx, p, l, root, metadata.TIMESTAMP, r.timestamp),
		readRole(ctx, p, l, root, metadata.SNAPSHOT, r.snapshot),
		readRole(ctx, p, l, root, metadata.TARGETS, r.targets)); err != nil {
		return nil, err
	}
	raw, err = p.file(ctx, l, targetsFolder+contentsName, maxContents)
	if err != nil {
		return nil, err
	}
	r.contents, err = parseContents(raw)
	return r, err
}

// ours holds the roots of l to those of the keys.
func (p *Publisher) ours(l *listing) error {
	have := p.o.Keys.ring().roots
	if l.roots == 0 {
		return fmt.Errorf("no root: %w", artifact.ErrInvalid)
	}
	if l.roots > int64(len(have)) {
		return fmt.Errorf("%s/%s has root %d, the keys in %s end with root %d: restore the newer ones: %w", Repository, Tag, l.roots, p.o.Keys.dir, len(have), errForeign)
	}
	for n := int64(1); n <= l.roots; n++ {
		if d, want := l.files[rootName(n)].Digest, digestOf(have[n-1]); d != "" && d != want {
			return fmt.Errorf("%s:%s has %s %s, the keys in %s have %s: set catalog.keys to those that published it, or delete it, or start once with --new-keys and an empty directory, to begin anew, and let every reader pin the new root: %w",
				Repository, Tag, rootName(n), d, p.o.Keys.dir, want, errForeign)
		}
	}
	return nil
}

func (p *Publisher) file(ctx context.Context, l *listing, name string, limit int64) ([]byte, error) {
	d, ok := l.files[name]
	if !ok || d.Size > limit {
		return nil, fmt.Errorf("%s: %d bytes, expected 1 to %d: %w", name, d.Size, limit, artifact.ErrInvalid)
	}
	return content.FetchAll(ctx, p.o.To, d)
}

// readRole reads metadata of a role that root must have signed. That it expired
// does not matter: it is about to be replaced.
func readRole[T metadata.Roles](ctx context.Context, p *Publisher, l *listing, root *metadata.Metadata[metadata.RootType], role string, into *metadata.Metadata[T]) error {
	raw, err := p.file(ctx, l, role+".json", maxTargets)
	if err != nil {
		return err
	}
	if _, err := readMetadata(raw, into); err != nil {
		return fmt.Errorf("%s: %w", role, err)
	}
	return root.VerifyDelegate(role, into)
}
