package publisher

import (
	"context"
	"errors"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/oarlock/oarlock/artifact"
	format "github.com/oarlock/oarlock/artifact/ledger"
	"github.com/oarlock/oarlock/policy"
)

// Whose is the publisher whose ledger the manifest or blob d belongs to, in the
// repository of ledgers; "" is nobody's: the empty config, which says nothing. What
// is no part of a ledger is artifact.ErrNotFound, since nobody knows of whom it
// speaks.
func Whose(ctx context.Context, r policy.Reader, d digest.Digest, blob bool) (string, error) {
	if blob {
		return whoseEnvelope(ctx, r, d)
	}
	mediaType, raw, err := r.Manifest(ctx, d)
	if err != nil {
		return "", err
	}
	if list, err := format.ParseList(mediaType, raw); err == nil {
		if len(list.Statements) == 0 {
			return "", nil
		}
		d = list.Statements[0].Digest
		if mediaType, raw, err = r.Manifest(ctx, d); err != nil {
			return "", err
		}
	}
	envelope, err := format.ParseManifest(mediaType, raw)
	if err != nil {
		return "", artifact.ErrNotFound
	}
	return whoseEnvelope(ctx, r, envelope.Digest)
}

func whoseEnvelope(ctx context.Context, r policy.Reader, d digest.Digest) (string, error) {
	if d == ocispec.DescriptorEmptyJSON.Digest {
		return "", nil
	}
	raw, err := r.Blob(ctx, d, format.MaxEnvelope)
	if err != nil && !errors.Is(err, artifact.ErrInvalid) {
		return "", err
	}
	e, err := format.ParseEnvelope(raw)
	if err != nil {
		return "", artifact.ErrNotFound
	}
	s, err := format.ParseStatement(e.Payload)
	if err != nil {
		return "", artifact.ErrNotFound
	}
	return s.Ledger.Publisher(), nil
}
