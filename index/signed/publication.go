package signed

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/theupdateframework/go-tuf/v2/metadata"
	"oras.land/oras-go/v2/errdef"
	"oras.land/oras-go/v2/registry"

	"github.com/oarlock/oarlock/artifact/durable"
	"github.com/oarlock/oarlock/index/catalog"
)

// A publication is the work of one Publish.
type publication struct {
	p        *Publisher
	ctx      context.Context
	ring     ring
	now      time.Time
	last     *release      // nil: the first
	replaces digest.Digest // what the tag meant when last was read
	counted  versions      // used so far
	uploaded int64
	there    map[digest.Digest]bool // what last holds, and what was put
}

// run makes the release that says what g says; where that is last, it is last.
func (j *publication) run(g *catalog.Generation) (*release, error) {
	rooted := j.last != nil && j.last.roots == int64(len(j.ring.roots))
	same := rooted && j.last.contents.CatalogDigest == g.Snapshot.Digest()
	life := j.p.o.Lifetimes
	targets := !same || j.due(j.last.targets.Signed.Expires, life.Targets)
	snapshot := targets || j.due(j.last.snapshot.Signed.Expires, life.Snapshot)
	if !snapshot && !j.due(j.last.timestamp.Signed.Expires, life.Timestamp) {
		return j.last, nil
	}
	j.there = map[digest.Digest]bool{}
	next := &release{listing: &listing{files: map[string]ocispec.Descriptor{}, roots: int64(len(j.ring.roots))}}
	if j.last != nil {
		for _, d := range j.last.files {
			j.there[d.Digest] = true
		}
	}
	if same {
		next.contents, next.sums = j.last.contents, j.last.sums
		for name, d := range j.last.files {
			next.files[name] = d
		}
	} else if err := j.fill(next, g); err != nil {
		return nil, err
	}
	if err := j.sign(next, targets, snapshot); err != nil {
		return nil, err
	}
	return next, j.commit(next)
}

func (j *publication) due(expires time.Time, lifetime time.Duration) bool {
	return expires.Sub(j.now) < lifetime/2
}

// fill puts the content of g: what changed since last.
func (j *publication) fill(next *release, g *catalog.Generation) error {
	next.contents = contentsOf(g)
	next.contents.LogCheckpoint = j.p.o.LogCheckpoint()
	if j.last != nil { // of another replica, which counts by itself, or from before a restore
		next.contents.Generation = max(next.contents.Generation, j.last.contents.Generation+1)
	}
	bits := next.contents.ShardBits
	next.sums = make([][32]byte, 1<<bits)
	known := j.last != nil && j.last.sums != nil && j.last.contents.ShardBits == bits
	for n := range next.sums {
		if err := j.ctx.Err(); err != nil {
			return err
		}
		shard := g.Snapshot.Shard(bits, n)
		next.sums[n] = shard.Sum()
		name := targetsFolder + shardName(bits, n)
		if known && j.last.sums[n] == next.sums[n] {
			next.files[name] = j.last.files[name]
			continue
		}
		packed, err := pack(shard.Append(nil))
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if err := j.put(next, TypeShard, name, packed); err != nil {
			return err
		}
	}
	raw, err := json.Marshal(next.contents)
	if err != nil {
		return err
	}
	return j.put(next, TypeContents, targetsFolder+contentsName, raw)
}

// sign writes the metadata that is to be new, and every root.
func (j *publication) sign(next *release, targets, snapshot bool) error {
	if err := j.reserve(targets, snapshot); err != nil {
		return err
	}
	for n, raw := range j.ring.roots {
		if err := j.put(next, TypeMetadata, rootName(int64(n+1)), raw); err != nil {
			return err
		}
	}
	life := j.p.o.Lifetimes
	if !targets {
		next.targets = j.last.targets
	} else {
		next.targets = metadata.Targets(expiry(j.now, life.Targets))
		next.targets.Signed.Version = j.counted.Targets
		for name, d := range next.files {
			if target, is := strings.CutPrefix(name, targetsFolder); is {
				file := metadata.TargetFile()
				file.Length, file.Hashes = d.Size, hashesOf(d.Digest.Encoded())
				next.targets.Signed.Targets[target] = file
			}
		}
		if err := writeRole(j, next, metadata.TARGETS, next.targets); err != nil {
			return err
		}
	}
	if !snapshot {
		next.snapshot = j.last.snapshot
	} else {
		next.snapshot = metadata.Snapshot(expiry(j.now, life.Snapshot))
		next.snapshot.Signed.Version = j.counted.Snapshot
		next.snapshot.Signed.Meta[targetsName] = fileMeta(next.targets.Signed.Version, next.files[targetsName])
		if err := writeRole(j, next, metadata.SNAPSHOT, next.snapshot); err != nil {
			return err
		}
	}
	next.timestamp = metadata.Timestamp(expiry(j.now, life.Timestamp))
	next.timestamp.Signed.Version = j.counted.Timestamp
	next.timestamp.Signed.Meta[snapshotName] = fileMeta(next.snapshot.Signed.Version, next.files[snapshotName])
	return writeRole(j, next, metadata.TIMESTAMP, next.timestamp)
}

func fileMeta(version int64, d ocispec.Descriptor) *metadata.MetaFiles {
	f := metadata.MetaFile(version)
	f.Length, f.Hashes = d.Size, hashesOf(d.Digest.Encoded())
	return f
}

func writeRole[T metadata.Roles](j *publication, next *release, role string, m *metadata.Metadata[T]) error {
	raw, err := seal(m, j.ring.of(role))
	if err != nil {
		return fmt.Errorf("%s: %w", role, err)
	}
	return j.put(next, TypeMetadata, role+".json", raw)
}

// put pushes a layer, unless the registry has it for sure.
func (j *publication) put(next *release, mediaType, title string, raw []byte) error {
	d := layer(mediaType, title, raw)
	next.files[title] = d
	return j.push(d, raw)
}

func (j *publication) push(d ocispec.Descriptor, raw []byte) error {
	if j.there[d.Digest] {
		return nil
	}
	if err := j.p.o.To.Push(j.ctx, d, bytes.NewReader(raw)); err != nil && !errors.Is(err, errdef.ErrAlreadyExists) {
		return fmt.Errorf("push %s: %w", d.Annotations[ocispec.AnnotationTitle], err)
	}
	j.there[d.Digest] = true
	j.uploaded += d.Size
	return nil
}

// commit makes the tag mean next: until then nobody sees anything of it. The
// numbers are written down before, so that a cut uses none twice.
func (j *publication) commit(next *release) error {
	if err := j.push(ocispec.DescriptorEmptyJSON, ocispec.DescriptorEmptyJSON.Data); err != nil {
		return err
	}
	layers := make([]ocispec.Descriptor, 0, len(next.files))
	for _, d := range next.files {
		layers = append(layers, d)
	}
	slices.SortFunc(layers, byTitle)
	raw, err := manifestOf(layers, map[string]string{
		ocispec.AnnotationCreated: j.now.Format(time.RFC3339),
		KeyGeneration:             strconv.FormatInt(next.contents.Generation, 10),
		KeyDigest:                 next.contents.CatalogDigest.String(),
		KeyExpires:                next.published(0).Expires.Format(time.RFC3339),
	})
	if err != nil {
		return err
	}
	counted, err := json.Marshal(j.counted)
	if err != nil {
		return err
	}
	if err := durable.Replace(filepath.Join(j.p.o.Keys.dir, versionsFile), counted, 0o600); err != nil {
		return err
	}
	next.manifest = ocispec.Descriptor{MediaType: ocispec.MediaTypeImageManifest, ArtifactType: TypeCatalog, Digest: digestOf(raw), Size: int64(len(raw))}
	j.uploaded += int64(len(raw))
	if j.p.o.Replace != nil {
		return j.p.o.Replace(j.ctx, next.manifest, raw, j.replaces)
	}
	if direct, ok := j.p.o.To.(registry.ReferencePusher); ok {
		return direct.PushReference(j.ctx, next.manifest, bytes.NewReader(raw), Tag)
	}
	if err := j.p.o.To.Push(j.ctx, next.manifest, bytes.NewReader(raw)); err != nil && !errors.Is(err, errdef.ErrAlreadyExists) {
		return err
	}
	return j.p.o.To.Tag(j.ctx, next.manifest, Tag)
}

func byTitle(a, b ocispec.Descriptor) int {
	return strings.Compare(a.Annotations[ocispec.AnnotationTitle], b.Annotations[ocispec.AnnotationTitle])
}
