package ingest_test

import (
	"encoding/base64"
	"fmt"
	"testing"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
)

// TestJunkCostsWhatIsNew_G1: somebody who may push adds junk to the signatures
// of a version. Each push costs one verification, however much is there, the
// version stays verified, and a rebuild by somebody who remembers nothing gives
// the same catalog.
func TestJunkCostsWhatIsNew_G1(t *testing.T) {
	t.Parallel()
	const repo, there = "acme/crowd", 40
	site := newSigned(t)
	if err := site.blob(repo, []byte("{}")); err != nil {
		t.Fatal(err)
	}
	if err := site.publish(repo, "1.0.0", true); err != nil {
		t.Fatal(err)
	}
	policy := site.trusting(t, "signer")
	signed, in, live := site.serve(t, policy)
	subject, err := site.Storage.Resolve(t.Context(), repo, "1.0.0")
	if err != nil {
		t.Fatal(err)
	}
	tag := artifact.DigestTag(subject, "sig")
	at, err := site.Storage.Resolve(t.Context(), repo, tag)
	if err != nil {
		t.Fatal(err)
	}
	mediaType, raw, err := site.Storage.Manifest(t.Context(), repo, at)
	if err != nil {
		t.Fatal(err)
	}
	m, err := artifact.ParseManifest(mediaType, raw)
	if err != nil {
		t.Fatal(err)
	}
	layers := m.Layers
	push := func(n int) {
		payload := fmt.Appendf(nil, `{"critical":{"identity":{"docker-reference":""},"image":{"docker-manifest-digest":%q},"type":"junk %d"},"optional":null}`, subject, n)
		if err := site.blob(repo, payload); err != nil {
			t.Fatal(err)
		}
		layers = append(layers, ocispec.Descriptor{MediaType: artifact.TypeSimpleSigning, Digest: digest.FromBytes(payload), Size: int64(len(payload)),
			Annotations: map[string]string{"dev.cosignproject.cosign/signature": base64.StdEncoding.EncodeToString([]byte("junk"))}})
		if _, err := site.manifest(repo, tag, ocispec.Manifest{Layers: layers}); err != nil {
			t.Fatal(err)
		}
		in.Touch(repo, subject)
		if err := in.Settled(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	for n := range there {
		push(n)
	}
	for n := range 3 {
		before := signed.Verifications()
		push(there + n)
		if more := signed.Verifications() - before; more != 1 {
			t.Errorf("one piece beside %d costs %d verifications", there+n, more)
		}
	}
	id, err := artifact.ParseName(repo)
	if err != nil {
		t.Fatal(err)
	}
	plugin, ok := live.Current().Snapshot.Plugin(id)
	if !ok || len(plugin.Versions) != 1 {
		t.Fatalf("got %+v", plugin)
	}
	v := plugin.Versions[0]
	if v.Signature.Status != index.SignatureVerified || len(v.Pending) != 0 {
		t.Errorf("the version is %+v, %+v", v.Signature, v.Pending)
	}
	if c, err := in.Check(t.Context()); err != nil || c.Serving != c.Rebuilt || len(c.Differ) != 0 {
		t.Errorf("rebuilt by the same: %+v, %v", c, err)
	}
	_, _, other := site.serve(t, policy)
	if got, want := other.Current().Snapshot.Digest(), live.Current().Snapshot.Digest(); got != want {
		t.Errorf("one that remembers nothing builds %s, want %s", got, want)
	}
}
