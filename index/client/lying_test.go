package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/client"
	"github.com/oarlock/oarlock/policy"
	"github.com/oarlock/oarlock/policy/signature"
	"github.com/oarlock/oarlock/policy/trust"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// A publisher signs with a key file, as people do, and is trusted by it.
type publisher struct {
	key   *signature.Key
	trust *trust.Policy
	judge *signature.Judge
}

func newPublisher(t testing.TB) *publisher {
	t.Helper()
	nobody := func(bool) ([]byte, error) { return nil, nil }
	pair, err := signature.GenerateKeyPair(nobody)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "acme.key")
	if err := os.WriteFile(path, pair.Private, 0o600); err != nil {
		t.Fatal(err)
	}
	p := &publisher{}
	if p.key, err = signature.OpenKey(t.Context(), path, nobody); err != nil {
		t.Fatal(err)
	}
	public, err := trust.ParseKey(pair.Public)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := trust.NewSigner("acme", public)
	if err != nil {
		t.Fatal(err)
	}
	p.trust = trust.Only(signer)
	return p.afresh(t)
}

// afresh is p with a judge that remembers nothing.
func (p *publisher) afresh(t testing.TB) *publisher {
	t.Helper()
	judge, err := signature.New(signature.Options{Trust: p.trust, CacheSize: 1})
	if err != nil {
		t.Fatal(err)
	}
	return &publisher{p.key, p.trust, judge}
}

func (p *publisher) sign(t testing.TB, reference, format string) {
	t.Helper()
	if _, err := signature.Sign(t.Context(), signature.SignOptions{Reference: reference, Opened: p.key, Format: format}); err != nil {
		t.Fatal(err)
	}
}

// Verify implements client.Verifier with the judge that the server has.
func (p *publisher) Verify(ctx context.Context, s client.Subject) (index.Signature, error) {
	got, err := p.judge.Judge(ctx, policy.Subject{Publisher: s.ID.Publisher(), Digest: s.Descriptor.Digest}, s.Evidence)
	if err != nil {
		return index.Signature{}, err
	}
	out := index.Signature{Status: index.SignatureStatus(got.Status), Signer: got.Signer, Format: got.Format}
	var why []string
	for _, f := range append(got.Evidence, got.Vote) {
		if !f.Outcome.Allowed() {
			why = append(why, f.Detail)
		}
	}
	switch text := strings.Join(why, "; "); got.Vote.Outcome {
	case policy.Allow:
		return out, nil
	case policy.Deny:
		return out, fmt.Errorf("%s: %w", text, artifact.ErrUnverified)
	default:
		return out, fmt.Errorf("could not tell: %s", text)
	}
}

// lie answers in the place of the honest server, or asks it.
type lie func(w http.ResponseWriter, r *http.Request, honest http.Handler)

func not(part string, status int) lie {
	return func(w http.ResponseWriter, r *http.Request, honest http.Handler) {
		if strings.Contains(r.URL.Path, part) {
			http.Error(w, `{"errors":[{"code":"MANIFEST_UNKNOWN","message":"it was never here"}]}`, status)
			return
		}
		honest.ServeHTTP(w, r)
	}
}

func both(a, b lie) lie {
	return func(w http.ResponseWriter, r *http.Request, honest http.Handler) {
		a(w, r, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { b(w, r, honest) }))
	}
}

// instead answers for what is asked with what is at another place.
func instead(asked, given string) lie {
	return func(w http.ResponseWriter, r *http.Request, honest http.Handler) {
		r.URL.Path = strings.Replace(r.URL.Path, asked, given, 1)
		honest.ServeHTTP(w, r)
	}
}

func cut(b []byte) []byte { return b[:len(b)/2] }

func noReferrers([]byte) []byte {
	return []byte(`{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}`)
}

// a scene is what the liar can choose from: a signed version for two platforms,
// its earlier signed one, an unsigned one, and another plugin of the publisher.
type scene struct {
	*shop
	version, child, otherChild, earlier, unsigned, foreign, layer digest.Digest
	tag                                                           string // of the signature
}

func newScene(t *testing.T, p *publisher, format string) *scene {
	t.Helper()
	two := release{plugin: map[string]any{"platforms": []string{"linux/amd64", "darwin/arm64"}},
		files: map[string]string{"platforms/linux-amd64/bin/tool": "#!linux", "platforms/darwin-arm64/bin/tool": "#!mac"}}
	s := &scene{shop: newShop(t)}
	s.earlier = s.publish(t, "acme/tool", "0.9.0", two)
	s.version = s.publish(t, "acme/tool", "1.0.0", two)
	s.unsigned = s.publish(t, "acme/tool", "1.1.0", two)
	s.foreign = s.publish(t, "acme/wiper", "1.0.0", two)
	s.smuggle(t, "acme/wiper", "acme/tool", s.foreign)
	for _, d := range []digest.Digest{s.earlier, s.version, s.foreign} {
		p.sign(t, s.host+"/acme/tool@"+d.String(), format)
	}
	s.tag = artifact.DigestTag(s.version, "sig")
	honest, err := s.pull(t, p, "@"+s.version.String(), "linux/amd64")
	if err != nil || honest.Signature.Signer != "acme" {
		t.Fatalf("an honest pull: %+v, %v", honest, err)
	}
	s.child = honest.PlatformDigest
	for _, path := range s.requests() {
		if _, blob, ok := strings.Cut(path, "GET /v2/acme/tool/blobs/"); ok {
			s.layer = digest.Digest(blob) // the last one asked for is a layer
		}
	}
	mac, err := s.pull(t, p, "@"+s.version.String(), "darwin/arm64")
	if err != nil {
		t.Fatal(err)
	}
	s.otherChild = mac.PlatformDigest
	return s
}

func (s *scene) pull(t *testing.T, p *publisher, reference, on string) (*client.Pulled, error) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "out")
	got, err := newPuller(t, func(o *client.PullOptions) { o.Verifier, o.Platform = p, platform(t, on) }).Pull(t.Context(), s.host+"/acme/tool"+reference, dir)
	if _, gone := os.Stat(dir); err != nil && gone == nil {
		t.Error("something was unpacked")
	}
	return got, err
}

// A server that lies about anything is caught by a client with a key, before a
// byte is unpacked and, where the lie is about the signature, before a layer is
// asked for.
func TestALyingServerIsCaughtByTheKey_G1(t *testing.T) {
	t.Parallel()
	const unverified, untold = "unverified", "no kind"
	type row struct {
		lie      func(s *scene) lie
		by       string // reference; "" is by digest
		kind     string
		says     string
		noLayers bool
	}
	p := newPublisher(t)
	stripped := both(not(".sig", 404), swap("/referrers/", noReferrers))
	for title, row := range map[string]row{
		"the digest is answered with another signed version": {kind: unverified, says: "digest", noLayers: true,
			lie: func(s *scene) lie { return instead(s.version.String(), s.earlier.String()) }},
		"the tag is moved to a version that nobody signed": {by: ":1.0.0", kind: unverified, says: "no signature", noLayers: true,
			lie: func(s *scene) lie { return instead("/manifests/1.0.0", "/manifests/"+s.unsigned.String()) }},
		"the tag is moved to another plugin, which the publisher signed": {by: ":1.0.0", kind: unverified, says: `holds plugin "acme/wiper", expected "acme/tool"`, noLayers: true,
			lie: func(s *scene) lie { return instead("/manifests/1.0.0", "/manifests/"+s.foreign.String()) }},
		"the signature is left out": {kind: unverified, says: "no signature", noLayers: true, lie: func(*scene) lie { return stripped }},
		"the signatures cannot be listed": {kind: untold, says: "could not", noLayers: true,
			lie: func(*scene) lie { return both(not(".sig", 500), not("/referrers/", 500)) }},
		"the signature is that of another version": {kind: unverified, says: "", noLayers: true,
			lie: func(s *scene) lie {
				return both(instead(s.tag, artifact.DigestTag(s.earlier, "sig")), instead("/referrers/"+s.version.String(), "/referrers/"+s.earlier.String()))
			}},
		"the version's manifest is cut short":  {kind: unverified, says: "digest", noLayers: true, lie: func(s *scene) lie { return swap("/manifests/"+s.version.String(), cut) }},
		"the platform's manifest is cut short": {kind: unverified, says: "digest", noLayers: true, lie: func(s *scene) lie { return swap("/manifests/"+s.child.String(), cut) }},
		"a layer is cut short":                 {kind: untold, says: "", lie: func(s *scene) lie { return swap("/blobs/"+s.layer.String(), cut) }},
		"the build of another platform is given for ours": {kind: unverified, says: "digest", noLayers: true,
			lie: func(s *scene) lie {
				return instead("/manifests/"+s.child.String(), "/manifests/"+s.otherChild.String())
			}},
		"the image index names other builds": {kind: unverified, says: "digest", noLayers: true,
			lie: func(s *scene) lie {
				return swap("/manifests/"+s.version.String(), func(raw []byte) []byte {
					var list ocispec.Index
					if err := json.Unmarshal(raw, &list); err != nil {
						panic(err)
					}
					list.Manifests[0].Digest, list.Manifests[1].Digest = list.Manifests[1].Digest, list.Manifests[0].Digest
					out, _ := json.Marshal(list)
					return out
				})
			}},
	} {
		for _, format := range []string{policy.FormatCosignTag, policy.FormatBundle} {
			t.Run(title+", signed as "+format, func(t *testing.T) {
				t.Parallel()
				s := newScene(t, p, format)
				s.lies(row.lie(s))
				by := row.by
				if by == "" {
					by = "@" + s.version.String()
				}
				_, err := s.pull(t, p, by, "linux/amd64")
				if err == nil || !strings.HasPrefix(kinds(err), row.kind) || !strings.Contains(err.Error(), row.says) {
					t.Errorf("got %v, expected %s that says %q", err, row.kind, row.says)
				}
				for _, asked := range s.requests() {
					if row.noLayers && strings.Contains(asked, "/blobs/"+s.layer.String()) {
						t.Error("a layer was asked for")
					}
				}
			})
		}
	}
}

// A catalog that is older than the one that a store was filled from is caught
// where it would take the host back.
func TestAStaleCatalogIsCaught_G1(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.publish(t, "acme/tool", "1.0.0", release{})
	old := s.live.Current().Snapshot
	s.publish(t, "acme/tool", "1.1.0", release{})
	store := openStore(t, s, t.TempDir())
	install(t, store, "acme/tool")
	if _, err := s.live.Swap(old); err != nil {
		t.Fatal(err)
	}
	_, err := store.Update(t.Context())
	if kinds(err) != "unverified" || !strings.Contains(err.Error(), "stale") {
		t.Errorf("got %v, expected unverified that says stale", err)
	}
	if got := active(t, store); got != "acme/tool 1.1.0" {
		t.Errorf("active is %s", got)
	}
	s.lies(not("/versions/", 503))
	if _, err := store.Update(t.Context()); err == nil || errors.Is(err, artifact.ErrUnverified) {
		t.Errorf("got %v, expected that it could not be told", err)
	}
}
