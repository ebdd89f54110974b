// Package ledgertest signs ledgers for tests and keeps them in memory.
package ledgertest

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/secure-systems-lab/go-securesystemslib/dsse"

	"github.com/oarlock/oarlock/artifact"
	format "github.com/oarlock/oarlock/artifact/ledger"
	"github.com/oarlock/oarlock/artifact/ledger/ledgertest"
	"github.com/oarlock/oarlock/policy/ledger"
	"github.com/oarlock/oarlock/policy/trust"
)

// A Key is a private key that signs statements.
type Key struct {
	*ledger.Signer
	// Trusted is its public half, as a trust policy names it.
	Trusted trust.Signer
	// PEM is its public half.
	PEM string
}

// NewKey makes a P-256 key.
func NewKey(t testing.TB, name string) Key {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return KeyOf(t, name, private)
}

// KeyOf is the Key of a private key.
func KeyOf(t testing.TB, name string, private crypto.Signer) Key {
	t.Helper()
	signer, err := ledger.NewSigner(private)
	if err != nil {
		t.Fatal(err)
	}
	trusted, err := trust.NewSigner(name, private.Public())
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(private.Public())
	if err != nil {
		t.Fatal(err)
	}
	return Key{signer, trusted, string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))}
}

// Sign signs a payload as ledgertest.Chain asks for it.
func (k Key) Sign(payload []byte) []format.Signature {
	sig, err := k.Signer.Sign(context.Background(), dsse.PAE(format.PayloadType, payload))
	if err != nil {
		panic(err)
	}
	return []format.Signature{{KeyID: k.ID().String(), Sig: sig}}
}

// Body is what a statement says that adds the key to a publisher.
func (k Key) Body(name string, from time.Time) format.Key {
	return format.Key{Name: name, PEM: k.PEM, ID: k.ID().String(), From: from}
}

// A Memory is a policy.Reader over what was put into it.
type Memory struct {
	mu        sync.Mutex
	Tags      map[string]digest.Digest
	Manifests map[digest.Digest][]byte
	Types     map[digest.Digest]string
	Blobs     map[digest.Digest][]byte
	Reads     int
}

// NewMemory is an empty one.
func NewMemory() *Memory {
	return &Memory{Tags: map[string]digest.Digest{}, Manifests: map[digest.Digest][]byte{}, Types: map[digest.Digest]string{}, Blobs: map[digest.Digest][]byte{}}
}

// Put stores a ledger under its tag.
func (m *Memory) Put(t testing.TB, c *ledgertest.Chain) {
	t.Helper()
	index := c.Index(t)
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, e := range c.Entries {
		m.Blobs[digest.FromBytes(e.Envelope)] = e.Envelope
		m.Manifests[e.Descriptor.Digest], m.Types[e.Descriptor.Digest] = e.Manifest, ocispec.MediaTypeImageManifest
	}
	d := digest.FromBytes(index)
	m.Manifests[d], m.Types[d] = index, ocispec.MediaTypeImageIndex
	m.Tags[c.Ref.Tag()] = d
}

// Tag implements policy.Reader.
func (m *Memory) Tag(_ context.Context, tag string) (digest.Digest, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if d, ok := m.Tags[tag]; ok {
		return d, nil
	}
	return "", fmt.Errorf("tag %q: %w", tag, artifact.ErrNotFound)
}

// Manifest implements policy.Reader.
func (m *Memory) Manifest(_ context.Context, d digest.Digest) (string, []byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.Reads++
	if raw, ok := m.Manifests[d]; ok {
		return m.Types[d], raw, nil
	}
	return "", nil, fmt.Errorf("%s: %w", d, artifact.ErrNotFound)
}

// Blob implements policy.Reader.
func (m *Memory) Blob(_ context.Context, d digest.Digest, limit int64) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	raw, ok := m.Blobs[d]
	if !ok || int64(len(raw)) > limit {
		return nil, fmt.Errorf("%s: %w", d, artifact.ErrNotFound)
	}
	return raw, nil
}

// Referrers implements policy.Reader; ledgers have none.
func (m *Memory) Referrers(context.Context, digest.Digest) ([]ocispec.Descriptor, error) {
	return nil, nil
}
