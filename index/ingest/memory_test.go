package ingest_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/policy"
)

// memory is a registry's content in memory, with faults by name.
type memory struct {
	mu     sync.Mutex
	repos  map[string]*repository
	faults map[string]error // "repositories", "tags <repo>", or a digest
	reads  map[digest.Digest]int
}

type repository struct {
	tags  map[string]digest.Digest
	bytes map[digest.Digest][]byte
	types map[digest.Digest]string // of manifests
}

var errDisk = errors.New("input/output error")

func newMemory() *memory {
	return &memory{repos: map[string]*repository{}, faults: map[string]error{}, reads: map[digest.Digest]int{}}
}

func (m *memory) repo(name string) *repository {
	r := m.repos[name]
	if r == nil {
		r = &repository{map[string]digest.Digest{}, map[digest.Digest][]byte{}, map[digest.Digest]string{}}
		m.repos[name] = r
	}
	return r
}

func (m *memory) Repositories(ctx context.Context, fn func(string) error) error {
	m.mu.Lock()
	names, err := slices.Sorted(maps.Keys(m.repos)), m.faults["repositories"]
	m.mu.Unlock()
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := fn(name); err != nil {
			return err
		}
	}
	return ctx.Err()
}

func (m *memory) Tags(_ context.Context, repo string, fn func(string, digest.Digest) error) error {
	m.mu.Lock()
	r, err := m.repos[repo], m.faults["tags "+repo]
	var tags map[string]digest.Digest
	if r != nil {
		tags = maps.Clone(r.tags)
	}
	m.mu.Unlock()
	switch {
	case err != nil && !errors.Is(err, artifact.ErrUnverified):
		return err
	case r == nil:
		return fmt.Errorf("repository %q: %w", repo, artifact.ErrNotFound)
	}
	for tag, d := range tags {
		if err := fn(tag, d); err != nil {
			return err
		}
	}
	return err
}

func (m *memory) Revisions(_ context.Context, repo string, fn func(digest.Digest) error) error {
	m.mu.Lock()
	var all []digest.Digest
	if r := m.repos[repo]; r != nil {
		all = slices.Collect(maps.Keys(r.types))
	}
	err := m.faults["revisions "+repo]
	m.mu.Unlock()
	for _, d := range all {
		if err := fn(d); err != nil {
			return err
		}
	}
	return err
}

func (m *memory) get(repo string, d digest.Digest) ([]byte, error) {
	m.reads[d]++
	if err := m.faults[d.String()]; err != nil {
		return nil, err
	}
	if r := m.repos[repo]; r != nil && r.bytes[d] != nil {
		return r.bytes[d], nil
	}
	return nil, fmt.Errorf("%s in %q: %w", d, repo, artifact.ErrNotFound)
}

func (m *memory) Manifest(_ context.Context, repo string, d digest.Digest) (string, []byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	raw, err := m.get(repo, d)
	if err != nil {
		return "", nil, err
	}
	return m.repos[repo].types[d], raw, nil
}

func (m *memory) Blob(_ context.Context, repo string, d digest.Digest, limit int64) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	raw, err := m.get(repo, d)
	if err == nil && int64(len(raw)) > limit {
		return nil, fmt.Errorf("%s: more than %d bytes: %w", d, limit, artifact.ErrInvalid)
	}
	return raw, err
}

func (m *memory) Referrers(_ context.Context, repo string, d digest.Digest) ([]ocispec.Descriptor, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.faults["referrers "+d.String()]; err != nil {
		return nil, err
	}
	var out []ocispec.Descriptor
	r := m.repo(repo)
	for _, of := range slices.Sorted(maps.Keys(r.types)) {
		var manifest ocispec.Manifest
		if err := json.Unmarshal(r.bytes[of], &manifest); err == nil && manifest.Subject != nil && manifest.Subject.Digest == d {
			out = append(out, ocispec.Descriptor{MediaType: r.types[of], Digest: of, ArtifactType: manifest.ArtifactType})
		}
	}
	return out, nil
}

// fault makes the named thing fail until it is cleared with nil.
func (m *memory) fault(name string, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.faults[name] = err
}

func (m *memory) read(d digest.Digest) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.reads[d]
}

func (m *memory) blob(repo string, content []byte) digest.Digest {
	m.mu.Lock()
	defer m.mu.Unlock()
	d := digest.FromBytes(content)
	m.repo(repo).bytes[d] = content
	return d
}

func (m *memory) manifest(repo, tag string, manifest any) ocispec.Descriptor {
	raw, err := json.Marshal(manifest)
	if err != nil {
		panic(err)
	}
	mediaType := ocispec.MediaTypeImageManifest
	if _, ok := manifest.(ocispec.Index); ok {
		mediaType = ocispec.MediaTypeImageIndex
	}
	d := digest.FromBytes(raw)
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.repo(repo)
	r.bytes[d], r.types[d] = raw, mediaType
	if tag != "" {
		r.tags[tag] = d
	}
	return ocispec.Descriptor{MediaType: mediaType, Digest: d, Size: int64(len(raw))}
}

func (m *memory) tag(repo, tag string, d digest.Digest) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.repo(repo).tags[tag] = d
}

func (m *memory) untag(repo, tag string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.repo(repo).tags, tag)
}

// config pushes a plugin manifest as a config blob.
func (m *memory) config(repo, version, readme string) ocispec.Descriptor {
	raw, err := json.Marshal(map[string]any{"id": repo, "version": version, "description": "plugin " + repo,
		"readme": readme, "engines": map[string]string{"acme-editor": ">=1 <3"}})
	if err != nil {
		panic(err)
	}
	return ocispec.Descriptor{MediaType: artifact.TypeConfig, Digest: m.blob(repo, raw), Size: int64(len(raw))}
}

func versionManifest(config ocispec.Descriptor) ocispec.Manifest {
	return ocispec.Manifest{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest,
		ArtifactType: artifact.TypePlugin, Config: config, Layers: []ocispec.Descriptor{ocispec.DescriptorEmptyJSON}}
}

// publish pushes a version of a single manifest.
func (m *memory) publish(repo, version string) ocispec.Descriptor {
	return m.manifest(repo, versionTag(version), versionManifest(m.config(repo, version, "")))
}

// signer attaches a signature by signer, in the tag or as a referrer.
func (m *memory) sign(repo string, subject ocispec.Descriptor, signer string, asTag bool) digest.Digest {
	manifest := versionManifest(ocispec.DescriptorEmptyJSON)
	manifest.ArtifactType = artifact.TypeCosignSignature
	manifest.Annotations = map[string]string{"signer": signer}
	if asTag {
		return m.manifest(repo, artifact.DigestTag(subject.Digest, "sig"), manifest).Digest
	}
	manifest.Subject = &subject
	return m.manifest(repo, "", manifest).Digest
}

// annotationVerifier trusts the annotation signer=good of any evidence. It looks
// at evidence through the same reader as the real judge.
type annotationVerifier struct{}

func (annotationVerifier) Digest() digest.Digest { return digest.FromString("annotation") }

func (annotationVerifier) Attestations(context.Context, policy.Subject, policy.Reader) (policy.Attestations, error) {
	return policy.Attestations{}, nil
}

func (annotationVerifier) CountsLedger(string) bool { return false }

func (annotationVerifier) Signature(ctx context.Context, s policy.Subject, r policy.Reader) (policy.Signature, error) {
	var all []digest.Digest
	unread := func(err error) (policy.Signature, error) {
		return policy.Signature{Vote: policy.Finding{Code: policy.CodeUnreadable, Detail: err.Error()}}, ctx.Err()
	}
	if d, err := r.Tag(ctx, artifact.DigestTag(s.Digest, "sig")); err == nil {
		all = append(all, d)
	} else if !errors.Is(err, artifact.ErrNotFound) {
		return unread(err)
	}
	referrers, err := r.Referrers(ctx, s.Digest)
	if err != nil {
		return unread(err)
	}
	for _, d := range referrers {
		all = append(all, d.Digest)
	}
	status, code := policy.Unsigned, policy.CodeUnsigned
	for _, d := range all {
		_, raw, err := r.Manifest(ctx, d)
		if err != nil {
			return unread(err)
		}
		m, err := artifact.ParseManifest("", raw)
		switch {
		case err != nil:
			status, code = policy.Invalid, policy.CodeInvalid
		case m.Annotations["signer"] == "good":
			return policy.Signature{Status: policy.Verified, Signer: "good", Format: policy.FormatCosignTag,
				Vote: policy.Finding{Code: policy.CodeVerified, Outcome: policy.Allow}}, nil
		default:
			status, code = policy.Unverified, policy.CodeUnverified
		}
	}
	return policy.Signature{Status: status, Vote: policy.Finding{Code: code, Outcome: policy.Deny, Detail: string(status)}}, nil
}

func mustName(t testing.TB, s string) artifact.Name {
	t.Helper()
	n, err := artifact.ParseName(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func versionTag(version string) string {
	v, err := artifact.ParseVersion(version)
	if err != nil {
		panic(err)
	}
	return v.Tag()
}
