package ledger

import (
	"encoding/base64"
	"encoding/json"
	"fmt"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/oarlock/oarlock/artifact"
)

// MaxEnvelope is the largest envelope of a statement in bytes, and
// MaxSignatures how many signatures one may have.
const (
	MaxEnvelope   = 256 << 10
	MaxSignatures = 8
)

// An Envelope is a DSSE envelope whose payload was decoded and whose
// signatures were not verified.
//
// Source: github.com/secure-systems-lab/dsse, envelope.md, version 1.
type Envelope struct {
	Payload    []byte
	Signatures []Signature
}

// A Signature is one of an Envelope.
type Signature struct {
	KeyID string // a hint; anybody can write it
	Sig   []byte
}

type envelopeText struct {
	PayloadType string          `json:"payloadType"`
	Payload     string          `json:"payload"`
	Signatures  []signatureText `json:"signatures"`
}

type signatureText struct {
	KeyID string `json:"keyid"`
	Sig   string `json:"sig"`
}

// ParseEnvelope reads the envelope of a statement. Errors wrap artifact.ErrInvalid.
func ParseEnvelope(raw []byte) (*Envelope, error) {
	if len(raw) > MaxEnvelope {
		return nil, badEnvelope("%d bytes, expected at most %d", len(raw), MaxEnvelope)
	}
	var text envelopeText
	if err := artifact.UnmarshalStrict(raw, &text); err != nil {
		return nil, badEnvelope("%s", err)
	}
	switch n := len(text.Signatures); {
	case text.PayloadType != PayloadType:
		return nil, badEnvelope("payload type %.100q, expected %q", text.PayloadType, PayloadType)
	case n == 0 || n > MaxSignatures:
		return nil, badEnvelope("%d signatures, expected 1 to %d", n, MaxSignatures)
	}
	e := &Envelope{}
	var err error
	if e.Payload, err = decode(text.Payload); err != nil {
		return nil, badEnvelope("payload: %s", err)
	}
	for i, s := range text.Signatures {
		sig, err := decode(s.Sig)
		if err != nil || len(sig) == 0 {
			return nil, badEnvelope("signature %d is no base64", i)
		}
		e.Signatures = append(e.Signatures, Signature{s.KeyID, sig})
	}
	return e, nil
}

// decode reads base64 of either alphabet, as the specification has it.
func decode(s string) ([]byte, error) {
	raw, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		raw, err = base64.URLEncoding.DecodeString(s)
	}
	return raw, err
}

// Bytes writes e.
func (e *Envelope) Bytes() ([]byte, error) {
	text := envelopeText{PayloadType: PayloadType, Payload: base64.StdEncoding.EncodeToString(e.Payload)}
	for _, s := range e.Signatures {
		text.Signatures = append(text.Signatures, signatureText{s.KeyID, base64.StdEncoding.EncodeToString(s.Sig)})
	}
	raw, err := json.Marshal(text)
	if err == nil && len(raw) > MaxEnvelope {
		err = badEnvelope("%d bytes, expected at most %d", len(raw), MaxEnvelope)
	}
	return raw, err
}

func badEnvelope(format string, args ...any) error {
	return fmt.Errorf("envelope: "+format+": %w", append(args, artifact.ErrInvalid)...)
}

// BuildManifest is the manifest of the statement in an envelope, the same
// bytes for the same envelope, and its descriptor in a ledger.
func BuildManifest(envelope []byte) (content []byte, d ocispec.Descriptor, err error) {
	content, err = json.Marshal(ocispec.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest,
		ArtifactType: artifact.TypeStatement, Config: ocispec.DescriptorEmptyJSON,
		Layers: []ocispec.Descriptor{{MediaType: artifact.TypeDSSE, Digest: digest.FromBytes(envelope), Size: int64(len(envelope))}},
	})
	d = ocispec.Descriptor{MediaType: ocispec.MediaTypeImageManifest, Digest: digest.FromBytes(content), Size: int64(len(content)), ArtifactType: artifact.TypeStatement}
	return content, d, err
}

// ParseManifest reads the manifest of a statement and gives the descriptor of
// its envelope. Errors wrap artifact.ErrInvalid.
func ParseManifest(mediaType string, content []byte) (envelope ocispec.Descriptor, err error) {
	m, err := artifact.ParseManifest(mediaType, content)
	switch {
	case err != nil:
		return envelope, err
	case m.IsIndex() || m.ArtifactType != artifact.TypeStatement:
		return envelope, fmt.Errorf("manifest: type %.100q (%s), expected a statement, %q: %w", m.ArtifactType, m.Descriptor.MediaType, artifact.TypeStatement, artifact.ErrInvalid)
	case len(m.Layers) != 1 || m.Layers[0].MediaType != artifact.TypeDSSE:
		return envelope, fmt.Errorf("manifest: expected one layer of type %q: %w", artifact.TypeDSSE, artifact.ErrInvalid)
	case m.Layers[0].Size > MaxEnvelope:
		return envelope, fmt.Errorf("manifest: the envelope has %d bytes, expected at most %d: %w", m.Layers[0].Size, MaxEnvelope, artifact.ErrInvalid)
	}
	return m.Layers[0], nil
}
