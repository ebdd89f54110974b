package signed

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/theupdateframework/go-tuf/v2/metadata"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index/catalog"
)

func FuzzManifest(f *testing.F) {
	d := layer(TypeMetadata, "1.root.json", []byte("{}"))
	f.Add(must(manifestOf([]ocispec.Descriptor{d, layer(TypeShard, targetsFolder+"shard-0.zst", nil)}, map[string]string{KeyGeneration: "1"})))
	f.Add([]byte(`{"artifactType":"` + TypeCatalog + `","layers":[{"size":-1}]}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		l, err := parseListing(raw)
		if err != nil {
			if !errors.Is(err, artifact.ErrInvalid) {
				t.Fatalf("error of another kind: %v", err)
			}
			return
		}
		for name, d := range l.files {
			if d.Digest.Validate() != nil || d.Size < 0 || name == "" {
				t.Fatalf("%q: %+v", name, d)
			}
		}
		if l.roots > 0 {
			if _, ok := l.files[rootName(l.roots)]; !ok {
				t.Fatalf("root %d is not there", l.roots)
			}
		}
	})
}

func FuzzShard(f *testing.F) {
	for n := range 2 {
		f.Add(must(pack(snapshotOf(4, 2).Shard(1, n).Append(nil))))
	}
	f.Add([]byte{0x28, 0xb5, 0x2f, 0xfd})
	f.Fuzz(func(t *testing.T, packed []byte) {
		raw, err := unpack(packed)
		if err == nil {
			_, err = catalog.Assemble(0, []string{raw}, time.Time{})
		}
		if err != nil && !errors.Is(err, artifact.ErrInvalid) {
			t.Fatalf("error of another kind: %v", err)
		}
	})
}

func FuzzContents(f *testing.F) {
	f.Add([]byte(`{"generation":1,"catalog_digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","generated_at":"2026-03-01T12:00:00Z","shard_bits":3}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if c, err := parseContents(raw); err == nil && (c.ShardBits < 0 || c.ShardBits > catalog.MaxShardBits) {
			t.Fatalf("%+v", c)
		} else if err != nil && !errors.Is(err, artifact.ErrInvalid) {
			t.Fatalf("error of another kind: %v", err)
		}
	})
}

// shelf is a RepositoryReader of one artifact.
type shelf map[digest.Digest][]byte

func (s shelf) Tag(context.Context, string) (digest.Digest, error) { return "sha256:manifest", nil }

func (s shelf) Manifest(context.Context, digest.Digest) (string, []byte, error) {
	return "", s["sha256:manifest"], nil
}

func (s shelf) Blob(_ context.Context, d digest.Digest, _ int64) ([]byte, error) {
	return s[d], nil
}

// FuzzMetadata gives a reader a root, timestamp, snapshot and targets of
// somebody who may sign anything: a root that is signed by a key that it names
// itself, and the rest by that key. Nothing of it may do more than be refused.
func FuzzMetadata(f *testing.F) {
	keys := must(MakeKeys(f.TempDir(), KeyOptions{Now: func() time.Time { return time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC) }}))
	raw := func(m interface{ ToBytes(bool) ([]byte, error) }) []byte { return must(m.ToBytes(false)) }
	f.Add(keys.Root(), raw(metadata.Timestamp()), raw(metadata.Snapshot()), raw(metadata.Targets()))
	f.Add([]byte(`{"signed":{"_type":"root","version":2,"roles":{"root":null},"keys":{"a":null}}}`), []byte(`{"signed":{"_type":"timestamp","meta":{"snapshot.json":null}}}`),
		[]byte(`{"signed":{"_type":"snapshot","meta":null}}`), []byte(`{"signed":{"_type":"targets","targets":null}}`))
	ring := keys.ring()
	f.Fuzz(func(t *testing.T, root, timestamp, snapshot, targets []byte) {
		sealed := func(role string, raw []byte) []byte { // as somebody who has the key would
			var out []byte
			var err error
			switch role {
			case metadata.ROOT:
				m := metadata.Root()
				if _, err = m.FromBytes(raw); err == nil {
					out, err = seal(m, ring.of(role))
				}
			case metadata.TIMESTAMP:
				m := metadata.Timestamp()
				if _, err = m.FromBytes(raw); err == nil {
					out, err = seal(m, ring.of(role))
				}
			case metadata.SNAPSHOT:
				m := metadata.Snapshot()
				if _, err = m.FromBytes(raw); err == nil {
					out, err = seal(m, ring.of(role))
				}
			default:
				m := metadata.Targets()
				if _, err = m.FromBytes(raw); err == nil {
					out, err = seal(m, ring.of(role))
				}
			}
			if err != nil {
				return raw
			}
			return out
		}
		s := shelf{}
		var layers []ocispec.Descriptor
		for name, raw := range map[string][]byte{"1.root.json": keys.Root(), "2.root.json": sealed(metadata.ROOT, root), timestampName: sealed(metadata.TIMESTAMP, timestamp),
			snapshotName: sealed(metadata.SNAPSHOT, snapshot), targetsName: sealed(metadata.TARGETS, targets)} {
			d := layer(TypeMetadata, name, raw)
			layers, s[d.Digest] = append(layers, d), raw
		}
		s["sha256:manifest"] = must(manifestOf(layers, nil))
		_, err := Open(t.Context(), Options{From: s, Root: must(PinRoot(keys.Root())), Now: func() time.Time { return time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC) }})
		if err == nil {
			t.Fatal("a catalog without contents was believed")
		}
		if !errors.Is(err, artifact.ErrUnverified) {
			t.Fatalf("error of another kind: %v", err)
		}
	})
}
