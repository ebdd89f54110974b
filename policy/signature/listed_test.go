package signature_test

import (
	"context"
	"encoding/json"
	"slices"
	"testing"

	"github.com/oarlock/oarlock/artifact"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// listed lists a referrer from a link, as registries do, even when its
// manifest cannot be read any more.
type listed struct {
	*store
	subject, evidence digest.Digest
	place             string
}

func (l listed) Referrers(ctx context.Context, d digest.Digest) ([]ocispec.Descriptor, error) {
	out, err := l.store.Referrers(ctx, d)
	known := slices.ContainsFunc(out, func(d ocispec.Descriptor) bool { return d.Digest == l.evidence })
	if err == nil && d == l.subject && !known && (l.place == inReferrer || l.place == inBoth) {
		out = append(out, ocispec.Descriptor{MediaType: ocispec.MediaTypeImageManifest, Digest: l.evidence, ArtifactType: artifact.TypeCosignSignature})
	}
	return out, err
}

// reseal exchanges the payload of a bundle and leaves its signature.
func reseal(t testing.TB, raw, payload []byte) []byte {
	t.Helper()
	var b map[string]any
	if err := json.Unmarshal(raw, &b); err != nil {
		t.Fatal(err)
	}
	b["dsseEnvelope"].(map[string]any)["payload"] = payload
	out, err := json.Marshal(b)
	if err != nil {
		t.Fatal(err)
	}
	return out
}
