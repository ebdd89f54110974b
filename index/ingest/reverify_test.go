package ingest_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/sync/errgroup"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index/catalog"
	"github.com/oarlock/oarlock/index/ingest"
	"github.com/oarlock/oarlock/policy"
	"github.com/oarlock/oarlock/policy/attest"
	"github.com/oarlock/oarlock/policy/signature"
	"github.com/oarlock/oarlock/policy/trust"
	"github.com/oarlock/oarlock/registry/registrytest"
)

// processorTime reports what each iteration costs the processors, whatever else
// they do meanwhile.
func processorTime(b *testing.B) (done func()) {
	spent := func() time.Duration {
		var u syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
			b.Fatal(err)
		}
		return time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	before := spent()
	return func() { b.ReportMetric(float64((spent()-before).Milliseconds())/float64(b.N), "cpu-ms/op") }
}

// verifierOf is who signed and what is attested, as a server judges.
type verifierOf struct {
	signed   *signature.Judge
	attested *attest.Judge
}

func (j verifierOf) Signature(ctx context.Context, s policy.Subject, r policy.Reader) (policy.Signature, error) {
	return j.signed.Judge(ctx, s, r)
}

func (j verifierOf) Attestations(ctx context.Context, s policy.Subject, r policy.Reader) (policy.Attestations, error) {
	return j.attested.Judge(ctx, s, r)
}

func (verifierOf) CountsLedger(string) bool { return false }

func (j verifierOf) Digest() digest.Digest { return j.attested.Digest() }

// BenchmarkRejudge10000 signs ten thousand versions in a registry on disk, half
// of them in cosign's tag and half as bundles, and judges all of them by
// another trust policy: one that was never heard of, and one that was.
func BenchmarkRejudge10000(b *testing.B) {
	const plugins, versions = 1000, 10
	site := newSigned(b)
	site.fill(b, plugins, versions)
	policies := make([]*trust.Policy, 2)
	for i := range policies {
		policies[i] = site.trusting(b, fmt.Sprintf("signer %d", i))
	}
	signed, in, live := site.serve(b, policies[0])
	judge := func(b *testing.B, p *trust.Policy) {
		b.Helper()
		if err := signed.SetTrust(p); err != nil {
			b.Fatal(err)
		}
		report, err := in.Reverify(b.Context())
		if err != nil || report.Versions != plugins*versions || live.Current().Snapshot.Pending() != 0 {
			b.Fatalf("%+v, %v, %d pending", report, err, live.Current().Snapshot.Pending())
		}
	}
	b.Run("cold", func(b *testing.B) {
		defer processorTime(b)()
		for i := 0; b.Loop(); i++ {
			judge(b, site.trusting(b, fmt.Sprintf("another signer %d", i)))
		}
	})
	b.Run("warm", func(b *testing.B) {
		judge(b, policies[1])
		defer processorTime(b)()
		for i := 0; b.Loop(); i++ {
			judge(b, policies[i%2])
		}
	})
}

// signedSite is a registry on disk, and the key that signs there.
type signedSite struct {
	*registrytest.Server
	key *ecdsa.PrivateKey
}

func newSigned(t testing.TB) signedSite {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return signedSite{registrytest.New(t), key}
}

func (s signedSite) trusting(t testing.TB, name string) *trust.Policy {
	t.Helper()
	signer, err := trust.NewSigner(name, &s.key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	return trust.Only(signer)
}

// serve follows the registry as a server does.
func (s signedSite) serve(t testing.TB, p *trust.Policy) (*signature.Judge, *ingest.Ingester, *catalog.Live) {
	t.Helper()
	signed, err := signature.New(signature.Options{Trust: p})
	if err != nil {
		t.Fatal(err)
	}
	attested, err := attest.New(signed, 0)
	if err != nil {
		t.Fatal(err)
	}
	live := catalog.NewLive(catalog.LiveOptions{})
	in, err := ingest.New(ingest.Options{Source: s.Storage, Withheld: ingest.NothingWithheld, Live: live, Verifier: verifierOf{signed, attested}, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	var done sync.WaitGroup
	done.Go(func() {
		if err := in.Run(ctx); err != nil {
			t.Errorf("run: %v", err)
		}
	})
	t.Cleanup(func() { stop(); done.Wait() })
	<-in.ReadyC()
	return signed, in, live
}

func (s signedSite) fill(t testing.TB, plugins, versions int) {
	t.Helper()
	var g errgroup.Group
	g.SetLimit(16)
	for p := range plugins {
		g.Go(func() error {
			repo := fmt.Sprintf("acme/plugin-%d", p)
			if err := s.blob(repo, []byte("{}")); err != nil {
				return err
			}
			for v := range versions {
				if err := s.publish(repo, fmt.Sprintf("1.%d.0", v), v%2 == 0); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
}

func (s signedSite) publish(repo, version string, tagged bool) error {
	d, err := s.manifest(repo, version, ocispec.Manifest{ArtifactType: artifact.TypePlugin, Layers: []ocispec.Descriptor{ocispec.DescriptorEmptyJSON}, Annotations: map[string]string{
		"dev.oarlock.plugin.id": repo, "dev.oarlock.plugin.engine.acme-editor": ">=2.0.0 <3.0.0", ocispec.AnnotationVersion: version,
		ocispec.AnnotationTitle: "Plugin", ocispec.AnnotationLicenses: "MIT", ocispec.AnnotationCreated: "2026-01-02T15:04:05Z"}})
	if err != nil {
		return err
	}
	if tagged {
		return s.sign(repo, d)
	}
	return s.bundle(repo, d)
}

func (s signedSite) signature(message []byte) ([]byte, error) {
	sum := sha256.Sum256(message)
	return ecdsa.SignASN1(rand.Reader, s.key, sum[:])
}

// sign signs as cosign 2 does.
func (s signedSite) sign(repo string, d ocispec.Descriptor) error {
	payload := fmt.Appendf(nil, `{"critical":{"identity":{"docker-reference":""},"image":{"docker-manifest-digest":%q},"type":"cosign container image signature"},"optional":null}`, d.Digest)
	raw, err := s.signature(payload)
	if err != nil {
		return err
	}
	if err := s.blob(repo, payload); err != nil {
		return err
	}
	layer := ocispec.Descriptor{MediaType: artifact.TypeSimpleSigning, Digest: digest.FromBytes(payload), Size: int64(len(payload)),
		Annotations: map[string]string{"dev.cosignproject.cosign/signature": base64.StdEncoding.EncodeToString(raw)}}
	_, err = s.manifest(repo, artifact.DigestTag(d.Digest, "sig"), ocispec.Manifest{Layers: []ocispec.Descriptor{layer}})
	return err
}

// bundle signs as cosign 3 does.
func (s signedSite) bundle(repo string, d ocispec.Descriptor) error {
	const payloadType = "application/vnd.in-toto+json"
	payload := fmt.Appendf(nil, `{"_type":"https://in-toto.io/Statement/v1","subject":[{"digest":{"sha256":%q}}],"predicateType":"https://sigstore.dev/cosign/sign/v1","predicate":{}}`, d.Digest.Encoded())
	raw, err := s.signature(fmt.Appendf(nil, "DSSEv1 %d %s %d %s", len(payloadType), payloadType, len(payload), payload))
	if err != nil {
		return err
	}
	bundle, err := json.Marshal(map[string]any{"mediaType": artifact.TypeBundle,
		"verificationMaterial": map[string]any{"publicKey": map[string]any{"hint": "hint"}},
		"dsseEnvelope":         map[string]any{"payload": payload, "payloadType": payloadType, "signatures": []any{map[string]any{"sig": raw}}}})
	if err != nil {
		return err
	}
	if err := s.blob(repo, bundle); err != nil {
		return err
	}
	layer := ocispec.Descriptor{MediaType: artifact.TypeBundle, Digest: digest.FromBytes(bundle), Size: int64(len(bundle))}
	_, err = s.manifest(repo, "", ocispec.Manifest{ArtifactType: artifact.TypeBundle, Layers: []ocispec.Descriptor{layer}, Subject: &d})
	return err
}

// manifest puts a manifest at a tag, or at its digest where tag is "".
func (s signedSite) manifest(repo, tag string, m ocispec.Manifest) (ocispec.Descriptor, error) {
	m.Versioned, m.MediaType, m.Config = specs.Versioned{SchemaVersion: 2}, ocispec.MediaTypeImageManifest, ocispec.DescriptorEmptyJSON
	raw, err := json.Marshal(m)
	if err != nil {
		return ocispec.Descriptor{}, err
	}
	d := ocispec.Descriptor{MediaType: m.MediaType, Digest: digest.FromBytes(raw), Size: int64(len(raw))}
	if tag == "" {
		tag = d.Digest.String()
	}
	_, err = s.send(http.MethodPut, s.URL+"/v2/"+repo+"/manifests/"+tag, m.MediaType, raw)
	return d, err
}

func (s signedSite) blob(repo string, content []byte) error {
	at, err := s.send(http.MethodPost, s.URL+"/v2/"+repo+"/blobs/uploads/", "", nil)
	if err != nil {
		return err
	}
	join := "?"
	if strings.Contains(at, "?") {
		join = "&"
	}
	_, err = s.send(http.MethodPut, at+join+"digest="+digest.FromBytes(content).String(), "application/octet-stream", content)
	return err
}

// send gives where the answer leads to.
func (s signedSite) send(method, url, mediaType string, body []byte) (string, error) {
	r, err := http.NewRequest(method, url, bytes.NewReader(body))
	if err != nil {
		return "", err
	}
	if mediaType != "" {
		r.Header.Set("Content-Type", mediaType)
	}
	resp, err := web.Do(r)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode >= 300 {
		return "", fmt.Errorf("%s %s: %s: %v: %s", method, url, resp.Status, err, text)
	}
	at := resp.Header.Get("Location")
	if strings.HasPrefix(at, "/") {
		at = s.URL + at
	}
	return at, nil
}
