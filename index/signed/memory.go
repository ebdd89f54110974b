package signed

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/theupdateframework/go-tuf/v2/metadata"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/artifact/durable"
)

// memory is what a reader keeps in its directory: the newest metadata that it
// trusted, against rollback, and bytes by digest, so that it fetches little.
//
//	DIR/root.json, timestamp.json, snapshot.json
//	DIR/blobs/<hex of sha256>
//
// Only its owner may read it, since a catalog may be for few, and write to it,
// since who did could turn the reader back. Without a directory it is kept in
// memory only.
type memory struct {
	dir   string
	files map[string][]byte // where there is no directory
}

func openMemory(dir string) (*memory, error) {
	if dir == "" {
		return &memory{files: map[string][]byte{}}, nil
	}
	if err := os.MkdirAll(filepath.Join(dir, "blobs"), 0o700); err != nil {
		return nil, fmt.Errorf("catalog state: %w", err)
	}
	return &memory{dir: dir}, nil
}

func (m *memory) get(name string) ([]byte, error) {
	if m.dir == "" {
		return m.files[name], nil
	}
	raw, err := os.ReadFile(filepath.Join(m.dir, name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("catalog state: %w", err)
	}
	return raw, nil
}

func (m *memory) put(name string, raw []byte) error {
	if m.dir == "" {
		m.files[name] = raw
		return nil
	}
	if err := durable.Replace(filepath.Join(m.dir, name), raw, 0o600); err != nil {
		return fmt.Errorf("catalog state: %w", err)
	}
	return nil
}

// raise keeps metadata unless another process kept a higher version meanwhile.
func (m *memory) raise(name string, raw []byte) error {
	before, err := m.get(name)
	if err != nil || before != nil && versionIn(before) > versionIn(raw) {
		return err
	}
	return m.put(name, raw)
}

// versionIn is the version that metadata says, 0 where it says none.
func versionIn(raw []byte) int64 {
	var m struct {
		Signed struct {
			Version int64 `json:"version"`
		} `json:"signed"`
	}
	if json.Unmarshal(raw, &m) != nil {
		return 0
	}
	return m.Signed.Version
}

func blobFile(d digest.Digest) string { return filepath.Join("blobs", d.Encoded()) }

// blob is what d names where it is here whole.
func (m *memory) blob(d digest.Digest) []byte {
	raw, err := m.get(blobFile(d))
	if err != nil || raw == nil || digestOf(raw) != d {
		return nil
	}
	return raw
}

// sweep drops blobs that are not of l.
func (m *memory) sweep(l *listing) error {
	if m.dir == "" {
		return nil
	}
	keep := map[string]bool{l.manifest.Digest.Encoded(): true}
	for _, d := range l.files {
		keep[d.Digest.Encoded()] = true
	}
	there, err := os.ReadDir(filepath.Join(m.dir, "blobs"))
	if err != nil {
		return fmt.Errorf("catalog state: %w", err)
	}
	for _, f := range there {
		if keep[f.Name()] {
			continue
		}
		if err := os.Remove(filepath.Join(m.dir, "blobs", f.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("catalog state: %w", err)
		}
	}
	return nil
}

// A RepositoryReader gives what one repository of a registry holds. Bytes match their
// digest, or the error wraps artifact.ErrUnverified; more bytes than asked for
// wrap ErrInvalid. What index/client.OpenRepository opens is one.
type RepositoryReader interface {
	Tag(ctx context.Context, tag string) (digest.Digest, error)
	Manifest(ctx context.Context, d digest.Digest) (mediaType string, content []byte, err error)
	Blob(ctx context.Context, d digest.Digest, limit int64) ([]byte, error)
}

// A fetcher reads files of one release, from memory where they are there.
type fetcher struct {
	from    RepositoryReader
	memory  *memory
	fetched int64         // bytes that came from the registry
	at      digest.Digest // of the manifest that the tag meant
}

func (f *fetcher) listing(ctx context.Context) (*listing, error) {
	at, err := f.from.Tag(ctx, Tag)
	if err != nil {
		return nil, fmt.Errorf("catalog: %w", err)
	}
	f.at = at
	raw := f.memory.blob(at)
	if raw == nil {
		if _, raw, err = f.from.Manifest(ctx, at); err != nil {
			return nil, refusedBytes("manifest", artifact.MaxManifest, err)
		}
		f.fetched += int64(len(raw))
		if err := f.memory.put(blobFile(at), raw); err != nil {
			return nil, err
		}
	}
	l, err := parseListing(raw)
	if err != nil {
		return nil, refuse(RefusedMalformed, "%s", err)
	}
	l.manifest = ocispec.Descriptor{MediaType: ocispec.MediaTypeImageManifest, Digest: at, Size: int64(len(raw))}
	return l, nil
}

// file is a layer of at most limit bytes.
func (f *fetcher) file(ctx context.Context, l *listing, name string, limit int64) ([]byte, error) {
	d, ok := l.files[name]
	if !ok {
		return nil, refuse(RefusedMalformed, "the manifest %s names no %s", l.manifest.Digest, name)
	}
	if d.Size > limit {
		return nil, refuse(RefusedEndless, "%s: %d bytes, expected at most %d", name, d.Size, limit)
	}
	return f.blob(ctx, name, d.Digest, d.Size)
}

// blob is what d names, of exactly size bytes.
func (f *fetcher) blob(ctx context.Context, name string, d digest.Digest, size int64) ([]byte, error) {
	if raw := f.memory.blob(d); raw != nil && int64(len(raw)) == size {
		return raw, nil
	}
	raw, err := f.from.Blob(ctx, d, size)
	if err != nil {
		return nil, refusedBytes(name, size, err)
	}
	if int64(len(raw)) != size {
		return nil, refuse(RefusedTampered, "%s: %d bytes came, %d were signed", name, len(raw), size)
	}
	f.fetched += size
	return raw, f.memory.put(blobFile(d), raw)
}

// refusedBytes says which attack an error of a RepositoryReader is, if it is one.
func refusedBytes(name string, size int64, err error) error {
	switch {
	case errors.Is(err, artifact.ErrUnverified):
		return refuse(RefusedTampered, "%s: %s", name, err)
	case errors.Is(err, artifact.ErrInvalid):
		return refuse(RefusedEndless, "%s: more than %d bytes: %s", name, size, err)
	}
	return fmt.Errorf("catalog: %s: %w", name, err)
}

// signedDigest is of the bytes that a target must have.
func signedDigest(f *metadata.TargetFiles) (digest.Digest, bool) {
	if f == nil || f.Length < 0 {
		return "", false
	}
	d := digest.NewDigestFromEncoded(digest.SHA256, f.Hashes["sha256"].String())
	return d, d.Validate() == nil
}
