package signature_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"sync"
	"testing"

	gcrname "github.com/google/go-containerregistry/pkg/name"
	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/policy/signature"
	"github.com/oarlock/oarlock/policy/trust"
	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	cosignbundle "github.com/sigstore/cosign/v2/pkg/cosign/bundle"
	"github.com/sigstore/cosign/v2/pkg/oci/static"
	"github.com/sigstore/cosign/v2/pkg/types"
	"github.com/sigstore/sigstore/pkg/cryptoutils"
	sigstore "github.com/sigstore/sigstore/pkg/signature"
	"github.com/sigstore/sigstore/pkg/signature/dsse"
	"github.com/sigstore/sigstore/pkg/signature/options"
	"github.com/sigstore/sigstore/pkg/signature/payload"
)

// store is the evidence of one repository in memory.
type store struct {
	mu    sync.Mutex
	tags  map[string]digest.Digest
	bytes map[digest.Digest][]byte
	types map[digest.Digest]string
	fault map[string]error // a tag, a digest, or "referrers"
	reads int
}

func newStore() *store {
	return &store{tags: map[string]digest.Digest{}, bytes: map[digest.Digest][]byte{}, types: map[digest.Digest]string{}, fault: map[string]error{}}
}

func (s *store) Tag(_ context.Context, tag string) (digest.Digest, error) {
	if err := s.fault[tag]; err != nil {
		return "", err
	}
	if d, ok := s.tags[tag]; ok {
		return d, nil
	}
	return "", fmt.Errorf("tag %q: %w", tag, artifact.ErrNotFound)
}

func (s *store) get(d digest.Digest) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reads++
	if err := s.fault[d.String()]; err != nil {
		return nil, err
	}
	if raw, ok := s.bytes[d]; ok {
		return raw, nil
	}
	return nil, fmt.Errorf("%s: %w", d, artifact.ErrNotFound)
}

func (s *store) Manifest(_ context.Context, d digest.Digest) (string, []byte, error) {
	raw, err := s.get(d)
	return s.types[d], raw, err
}

func (s *store) Blob(_ context.Context, d digest.Digest, limit int64) ([]byte, error) {
	raw, err := s.get(d)
	if err == nil && int64(len(raw)) > limit {
		return nil, fmt.Errorf("%s: more than %d bytes", d, limit)
	}
	return raw, err
}

func (s *store) Referrers(_ context.Context, d digest.Digest) ([]ocispec.Descriptor, error) {
	if err := s.fault["referrers"]; err != nil {
		return nil, err
	}
	var out []ocispec.Descriptor
	for of := range maps.Keys(s.types) {
		var m ocispec.Manifest
		if json.Unmarshal(s.bytes[of], &m) == nil && m.Subject != nil && m.Subject.Digest == d {
			if m.ArtifactType == "" {
				m.ArtifactType = m.Config.MediaType
			}
			out = append(out, ocispec.Descriptor{MediaType: s.types[of], Digest: of, ArtifactType: m.ArtifactType})
		}
	}
	return out, nil
}

func (s *store) blob(mediaType string, raw []byte) ocispec.Descriptor {
	d := ocispec.Descriptor{MediaType: mediaType, Digest: digest.FromBytes(raw), Size: int64(len(raw))}
	s.bytes[d.Digest] = raw
	return d
}

func (s *store) manifest(m any) ocispec.Descriptor {
	raw, err := json.Marshal(m)
	if err != nil {
		panic(err)
	}
	mediaType := ocispec.MediaTypeImageManifest
	if _, ok := m.(ocispec.Index); ok {
		mediaType = ocispec.MediaTypeImageIndex
	}
	d := s.blob(mediaType, raw)
	s.types[d.Digest] = mediaType
	return d
}

func imageManifest(artifactType string, layers ...ocispec.Descriptor) ocispec.Manifest {
	return ocispec.Manifest{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest,
		ArtifactType: artifactType, Config: ocispec.DescriptorEmptyJSON, Layers: layers}
}

// version stores a plugin version to be signed.
func (s *store) version(text string) ocispec.Descriptor {
	m := imageManifest(artifact.TypePlugin)
	m.Annotations = map[string]string{ocispec.AnnotationVersion: text}
	return s.manifest(m)
}

// The places where evidence is kept.
const (
	inTag      = "tag"
	inReferrer = "referrer"
	inFallback = "fallback tag"
	inBoth     = "referrer and fallback tag"
)

// attach stores a manifest of evidence about subject in a place.
func (s *store) attach(place string, subject ocispec.Descriptor, m ocispec.Manifest) digest.Digest {
	return s.attachAs("sig", place, subject, m)
}

func (s *store) attachAs(suffix, place string, subject ocispec.Descriptor, m ocispec.Manifest) digest.Digest {
	if place == inTag {
		d := s.manifest(m).Digest
		s.tags[artifact.DigestTag(subject.Digest, suffix)] = d
		return d
	}
	if place == inReferrer || place == inBoth {
		m.Subject = &subject
	}
	d := s.manifest(m)
	if place != inReferrer {
		// What registries without the API write, down to the wrong type.
		index := ocispec.Index{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageIndex}
		if old, ok := s.tags[artifact.DigestTag(subject.Digest, "")]; ok {
			if err := json.Unmarshal(s.bytes[old], &index); err != nil {
				panic(err)
			}
		}
		d.ArtifactType = "application/vnd.oci.empty.v1+json"
		index.Manifests = append(index.Manifests, d)
		s.tags[artifact.DigestTag(subject.Digest, "")] = s.manifest(index).Digest
	}
	return d.Digest
}

// A key is a signer of a test.
type key struct {
	name string
	sigstore.SignerVerifier
	alone *sync.Mutex // the library's RSA-PSS signer writes to its options
}

func (k key) SignMessage(message io.Reader, opts ...sigstore.SignOption) ([]byte, error) {
	k.alone.Lock()
	defer k.alone.Unlock()
	return k.SignerVerifier.SignMessage(message, opts...)
}

var keys = sync.OnceValue(func() map[string]key {
	out := map[string]key{}
	add := func(name string, private crypto.PrivateKey, opts ...sigstore.LoadOption) {
		signer, err := sigstore.LoadSignerVerifierWithOpts(private, opts...)
		if err != nil {
			panic(err)
		}
		out[name] = key{name, signer, new(sync.Mutex)}
	}
	for name, curve := range map[string]elliptic.Curve{"ecdsa-p256": elliptic.P256(), "ecdsa-p384": elliptic.P384(), "ecdsa-p521": elliptic.P521()} {
		private, err := ecdsa.GenerateKey(curve, rand.Reader)
		if err != nil {
			panic(err)
		}
		add(name, private, options.WithHash(crypto.SHA256))
		if curve == elliptic.P384() {
			add("ecdsa-p384 with SHA-384", private, options.WithHash(crypto.SHA384))
		}
	}
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		panic(err)
	}
	add("ed25519", ed)
	add("ed25519 prehashed", ed, options.WithED25519ph())
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	add("rsa", private, options.WithHash(crypto.SHA256))
	add("rsa-pss", private, options.WithHash(crypto.SHA256), options.WithRSAPSS(&rsa.PSSOptions{Hash: crypto.SHA256}))
	other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	add("stranger", other, options.WithHash(crypto.SHA256))
	return out
})

func (k key) signer(t testing.TB) trust.Signer {
	t.Helper()
	public, err := k.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	s, err := trust.NewSigner(k.name, public)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func judgeOf(t testing.TB, trusted ...key) *signature.Judge {
	t.Helper()
	var signers []trust.Signer
	for _, k := range trusted {
		signers = append(signers, k.signer(t))
	}
	j, err := signature.New(signature.Options{Trust: trust.Only(signers...)})
	if err != nil {
		t.Fatal(err)
	}
	return j
}

// claim is the payload that cosign signs for d.
func claim(t testing.TB, d digest.Digest) []byte {
	t.Helper()
	image, err := gcrname.NewDigest("localhost:5000/acme/hello@" + d.String())
	if err != nil {
		t.Fatal(err)
	}
	raw, err := payload.Cosign{Image: image}.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// simple is the layer of a signature by k over content.
func (s *store) simple(t testing.TB, k key, content []byte) ocispec.Descriptor {
	t.Helper()
	raw, err := k.SignMessage(bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	layer := s.blob(artifact.TypeSimpleSigning, content)
	layer.Annotations = map[string]string{static.SignatureAnnotationKey: base64.StdEncoding.EncodeToString(raw)}
	return layer
}

// statement is what cosign 3 signs for d.
func statement(d digest.Digest, predicate string) []byte {
	return fmt.Appendf(nil, `{"_type":"https://in-toto.io/Statement/v1","subject":[{"digest":{"sha256":%q}}],"predicateType":%q,"predicate":{}}`, d.Encoded(), predicate)
}

// bundle is a sigstore bundle by k over a statement.
func bundle(t testing.TB, k key, statement []byte) []byte {
	t.Helper()
	envelope, err := dsse.WrapSigner(k, types.IntotoPayloadType).SignMessage(bytes.NewReader(statement))
	if err != nil {
		t.Fatal(err)
	}
	public, err := k.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	raw, err := cosignbundle.MakeNewBundle(public, nil, statement, envelope, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func (s *store) bundleManifest(raw []byte) ocispec.Manifest {
	return imageManifest(artifact.TypeBundle, s.blob(artifact.TypeBundle, raw))
}

func publicPEM(t testing.TB, k key) []byte {
	t.Helper()
	public, err := k.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	raw, err := cryptoutils.MarshalPublicKeyToPEM(public)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}
