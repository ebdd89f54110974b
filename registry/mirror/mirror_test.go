package mirror

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/content"
	"oras.land/oras-go/v2/registry/remote/auth"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/artifact/artifacttest"
	"github.com/oarlock/oarlock/registry/backup"
	"github.com/oarlock/oarlock/registry/registrytest"
	"github.com/oarlock/oarlock/registry/remote"
	"github.com/oarlock/oarlock/registry/storage"
	"github.com/oarlock/oarlock/registry/storage/driver"
)

var anonymous = remote.Options{Credential: func(context.Context, string) (auth.Credential, error) { return auth.EmptyCredential, nil }}

type site struct {
	*registrytest.Server
	t testing.TB
}

func newSite(t testing.TB, o ...registrytest.Option) site {
	return site{registrytest.New(t, append(o, registrytest.InMemory())...), t}
}

func (s site) publish(v artifacttest.Version) ocispec.Descriptor {
	s.t.Helper()
	store, root := v.Store(s.t)
	if err := remote.Push(s.t.Context(), store, root, s.Host+"/"+v.ID+":"+v.Version, anonymous); err != nil {
		s.t.Fatal(err)
	}
	return root
}

// note pushes an artifact about subject, or about nothing, under a tag or none.
func (s site) note(repo, tag, text string, subject digest.Digest) digest.Digest {
	s.t.Helper()
	to, _, err := remote.Open(s.Host+"/"+repo, anonymous)
	if err != nil {
		s.t.Fatal(err)
	}
	to.SkipReferrersGC = true
	m := ocispec.Manifest{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest, ArtifactType: "application/vnd.example.note",
		Config: content.NewDescriptorFromBytes(ocispec.MediaTypeEmptyJSON, []byte("{}")), Layers: []ocispec.Descriptor{content.NewDescriptorFromBytes("text/plain", []byte(text))}}
	if subject != "" {
		m.Subject = &ocispec.Descriptor{MediaType: ocispec.MediaTypeImageManifest, Digest: subject, Size: 1}
	}
	raw, err := json.Marshal(m)
	if err != nil {
		s.t.Fatal(err)
	}
	d := content.NewDescriptorFromBytes(m.MediaType, raw)
	err = errors.Join(to.Push(s.t.Context(), m.Config, strings.NewReader("{}")), to.Push(s.t.Context(), m.Layers[0], strings.NewReader(text)))
	if tag == "" {
		err = errors.Join(err, to.Manifests().Push(s.t.Context(), d, bytes.NewReader(raw)))
	} else {
		err = errors.Join(err, to.Manifests().PushReference(s.t.Context(), d, bytes.NewReader(raw), tag))
	}
	if err != nil {
		s.t.Fatal(err)
	}
	return d.Digest
}

// fill makes versions, signatures of both kinds, and a referrer of a referrer.
func (s site) fill() (hello, child digest.Digest) {
	d := s.publish(artifacttest.Version{ID: "acme/hello", Version: "1.0.0"})
	s.publish(artifacttest.Version{ID: "acme/hello", Version: "2.0.0", Files: map[string]string{"two.txt": "two"}})
	native := s.publish(artifacttest.Version{ID: "acme/native", Version: "1.0.0", Platforms: []string{"linux/amd64", "linux/arm64"}})
	_, raw, err := s.Storage.Manifest(s.t.Context(), "acme/native", native.Digest)
	var index ocispec.Index
	if err := errors.Join(err, json.Unmarshal(raw, &index)); err != nil {
		s.t.Fatal(err)
	}
	child = index.Manifests[0].Digest
	s.note("acme/native", "", "sbom of one platform", child)
	bundle := s.note("acme/hello", "", "bundle", d.Digest)
	s.note("acme/hello", "", "about the bundle", bundle)
	s.note("acme/hello", artifact.DigestTag(d.Digest, "sig"), "signature", "")
	s.publish(artifacttest.Version{ID: "other/thing", Version: "1.0.0"})
	return d.Digest, child
}

func (s site) to(dst site, o Options) Report {
	s.t.Helper()
	o.From, o.To = anonymous, anonymous
	r, err := Run(s.t.Context(), s.Host, dst.Host, o)
	if err != nil {
		s.t.Fatal(err)
	}
	return r
}

// world is every tag, manifest and referrer that clients see.
func (s site) world() map[string]string {
	s.t.Helper()
	out := map[string]string{}
	ctx := s.t.Context()
	err := s.Storage.Repositories(ctx, func(repo string) error {
		if err := s.Storage.Tags(ctx, repo, func(tag string, d digest.Digest) error { out[repo+":"+tag] = d.String(); return nil }); err != nil {
			return err
		}
		return backup.NewDump(s.Storage).Links(ctx, repo, func(l storage.Link) {
			if l.Kind != driver.ManifestLink {
				return
			}
			referrers, err := s.Storage.Referrers(ctx, repo, l.Digest)
			out[repo+"@"+l.Digest.String()] = fmt.Sprintf("%v %v", referrers, err)
		}, func(d driver.Damage) { s.t.Error(d) })
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return out
}

// TestMirrorHasWhatTheSourceHas_B10_H3 copies, copies again, checks, and copies
// what came later.
func TestMirrorHasWhatTheSourceHas_B10_H3(t *testing.T) {
	t.Parallel()
	src, dst := newSite(t), newSite(t)
	hello, child := src.fill()
	if r := src.to(dst, Options{Check: true}); r.Same() || len(r.Missing) == 0 || len(dst.world()) != 0 {
		t.Errorf("a check of an empty mirror: %+v, and it has %v", r, dst.world())
	}
	r := src.to(dst, Options{})
	if !r.Same() || r.Manifests == 0 || r.Tags != 5 {
		t.Errorf("the first run: %+v", r)
	}
	if d := cmp.Diff(src.world(), dst.world()); d != "" {
		t.Errorf("the mirror differs (-source +mirror):\n%s", d)
	}
	if r := src.to(dst, Options{}); !r.Same() || r.Manifests+r.Blobs+r.Tags != 0 {
		t.Errorf("the second run copied %+v", r)
	}
	src.note("acme/hello", "", "a later review", hello)
	src.note("acme/native", "", "a later review of a platform", child)
	if r := src.to(dst, Options{Check: true}); len(r.Missing) != 2 {
		t.Errorf("a check after two reviews: %+v", r)
	}
	if r := src.to(dst, Options{}); !r.Same() || r.Manifests != 2 || r.Tags != 0 {
		t.Errorf("the third run: %+v", r)
	}
	if d := cmp.Diff(src.world(), dst.world()); d != "" {
		t.Errorf("the mirror differs (-source +mirror):\n%s", d)
	}
	if r := src.to(dst, Options{Check: true}); !r.Same() || len(r.Extra) != 0 {
		t.Errorf("the last check: %+v", r)
	}
}

// TestWhatIsDifferentStays_H3: versions never move, ledgers never shrink.
func TestWhatIsDifferentStays_H3(t *testing.T) {
	t.Parallel()
	for name, free := range map[string][]registrytest.Option{"the rules of Oarlock": nil, "no rules": {registrytest.Free("acme")}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			src, dst := newSite(t, registrytest.Free("acme")), newSite(t, free...)
			want := src.publish(artifacttest.Version{ID: "acme/hello", Version: "1.0.0"})
			have := dst.publish(artifacttest.Version{ID: "acme/hello", Version: "1.0.0", Files: map[string]string{"x": "other"}})
			dst.publish(artifacttest.Version{ID: "acme/hello", Version: "9.0.0", Files: map[string]string{"x": "nine"}})
			for _, check := range []bool{true, false} {
				r := src.to(dst, Options{Check: check})
				if len(r.Different) != 1 || r.Different[0].Source != want.Digest || r.Different[0].Destination != have.Digest {
					t.Errorf("check %t: different %+v", check, r.Different)
				}
				if len(r.Extra) != 1 || r.Extra[0].Tag != "9.0.0" {
					t.Errorf("check %t: extra %+v", check, r.Extra)
				}
			}
			if d, err := dst.Storage.Resolve(t.Context(), "acme/hello", "1.0.0"); err != nil || d != have.Digest {
				t.Errorf("the version moved to %s, %v", d, err)
			}
		})
	}
}

func TestALedgerOfTheMirrorIsNeverMadeShorter_H3(t *testing.T) {
	t.Parallel()
	free := registrytest.Free("acme")
	src, dst := newSite(t, free), newSite(t, free)
	var all []ocispec.Descriptor
	push := func(s site, n int, note string) digest.Digest {
		t.Helper()
		all = nil
		for i := range n {
			d := s.note("acme/hello", "", fmt.Sprint("statement ", note, i), "")
			_, raw, err := s.Storage.Manifest(t.Context(), "acme/hello", d)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, content.NewDescriptorFromBytes(ocispec.MediaTypeImageManifest, raw))
		}
		raw, err := json.Marshal(ocispec.Index{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageIndex, Manifests: all})
		if err != nil {
			t.Fatal(err)
		}
		to, _, err := remote.Open(s.Host+"/acme/hello", anonymous)
		if err != nil {
			t.Fatal(err)
		}
		d := content.NewDescriptorFromBytes(ocispec.MediaTypeImageIndex, raw)
		if err := to.Manifests().PushReference(t.Context(), d, bytes.NewReader(raw), artifact.StateTag); err != nil {
			t.Fatal(err)
		}
		return d.Digest
	}
	push(src, 1, "a")
	src.to(dst, Options{})
	longer := push(src, 2, "a")
	if r := src.to(dst, Options{}); !r.Same() || r.Tags != 1 {
		t.Errorf("a ledger that grew: %+v", r)
	}
	push(src, 1, "a")
	if r := src.to(dst, Options{}); len(r.Different) != 1 || !strings.Contains(r.Different[0].Detail, "only grows") {
		t.Errorf("a ledger that shrank: %+v", r)
	}
	push(src, 3, "b")
	if r := src.to(dst, Options{}); len(r.Different) != 1 {
		t.Errorf("another ledger: %+v", r)
	}
	if d, err := dst.Storage.Resolve(t.Context(), "acme/hello", artifact.StateTag); err != nil || d != longer {
		t.Errorf("the ledger of the mirror is %s, %v, expected %s", d, err, longer)
	}
}

func TestFilters_H3(t *testing.T) {
	t.Parallel()
	src := newSite(t)
	src.fill()
	before2, err := artifact.ParseRange("<2")
	if err != nil {
		t.Fatal(err)
	}
	for name, row := range map[string]struct {
		o    Options
		want []string
	}{
		"one publisher":                 {Options{Repositories: []string{"acme/*"}}, []string{"acme/hello:1.0.0", "acme/hello:2.0.0", "acme/hello:sig", "acme/native:1.0.0"}},
		"one repository":                {Options{Repositories: []string{"acme/native"}}, []string{"acme/native:1.0.0"}},
		"all but one":                   {Options{Except: []string{"acme/*"}}, []string{"other/thing:1.0.0"}},
		"versions, and what signs them": {Options{Repositories: []string{"acme/hello"}, Versions: before2}, []string{"acme/hello:1.0.0", "acme/hello:sig"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dst := newSite(t)
			if r := src.to(dst, row.o); !r.Same() {
				t.Errorf("%+v", r)
			}
			var got []string
			for at := range dst.world() {
				if tag, _, ok := strings.Cut(at, "@"); !ok {
					if strings.HasSuffix(tag, ".sig") {
						tag = strings.Split(tag, ":")[0] + ":sig"
					}
					got = append(got, tag)
				}
			}
			slices.Sort(got)
			if d := cmp.Diff(row.want, got); d != "" {
				t.Error(d)
			}
			if r := src.to(dst, row.o); r.Manifests+r.Tags != 0 {
				t.Errorf("again: %+v", r)
			}
		})
	}
}

// TestACutRunIsFinishedByTheNext_H3 ends runs after each number of manifests.
func TestACutRunIsFinishedByTheNext_H3(t *testing.T) {
	t.Parallel()
	src, dst := newSite(t), newSite(t)
	src.fill()
	for n := 1; ; n++ {
		ctx, cut := context.WithCancel(t.Context())
		o := Options{From: anonymous, To: anonymous, Parallel: 1}
		o.Progress = func(p Report) {
			if p.Manifests+p.Blobs >= n {
				cut()
			}
		}
		_, err := Run(ctx, src.Host, dst.Host, o)
		cut()
		if err == nil {
			break
		}
		if !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		err = dst.Checks.Fsck(t.Context(), func(d driver.Damage) { t.Errorf("after a cut at %d: %+v", n, d) })
		if err != nil {
			t.Fatal(err)
		}
	}
	if r := src.to(dst, Options{}); !r.Same() {
		t.Errorf("%+v", r)
	}
	if d := cmp.Diff(src.world(), dst.world()); d != "" {
		t.Errorf("the mirror differs (-source +mirror):\n%s", d)
	}
}

// TestALyingSourceIsNamed_H3 swaps the bytes of one blob on the way.
func TestALyingSourceIsNamed_H3(t *testing.T) {
	t.Parallel()
	src, dst := newSite(t), newSite(t)
	src.fill()
	lie := digest.FromString("signature")
	var lied atomic.Bool
	from := anonymous
	from.HTTPClient = &http.Client{Transport: transport(func(r *http.Request) (*http.Response, error) {
		resp, err := web.Transport.RoundTrip(r)
		if err == nil && strings.HasSuffix(r.URL.Path, lie.String()) {
			lied.Store(true)
			_ = resp.Body.Close()
			resp.Body = body{strings.NewReader("Signature")}
		}
		return resp, err
	})}
	r, err := Run(t.Context(), src.Host, dst.Host, Options{From: from, To: anonymous})
	if err != nil || !lied.Load() || len(r.Failed) != 1 || !strings.Contains(r.Failed[0].Detail, lie.String()) {
		t.Errorf("lied %t, %+v, %v", lied.Load(), r.Failed, err)
	}
	if _, err := dst.Storage.Resolve(t.Context(), "acme/native", "1.0.0"); err != nil {
		t.Errorf("what was well: %v", err)
	}
	for at := range dst.world() {
		if strings.HasSuffix(at, ".sig") {
			t.Errorf("%s was set", at)
		}
	}
}

type transport func(*http.Request) (*http.Response, error)

func (t transport) RoundTrip(r *http.Request) (*http.Response, error) { return t(r) }

type body struct{ *strings.Reader }

func (body) Close() error { return nil }

func TestPlacesAndPatterns(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		from, to string
		o        Options
	}{
		"to itself":          {"a.example", "a.example/", Options{}},
		"with a scheme":      {"https://a.example", "b.example", Options{}},
		"nothing":            {"", "b.example", Options{}},
		"a pattern":          {"a.example", "b.example", Options{Repositories: []string{"acme/["}}},
		"a path of slashes":  {"a.example", "b.example", Options{Except: []string{"/acme"}}},
		"a tag in the place": {"a.example/acme/hello:1.0.0", "b.example", Options{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := Run(t.Context(), row.from, row.to, row.o); !errors.Is(err, artifact.ErrInvalid) {
				t.Error(err)
			}
		})
	}
}

// TestChannelsArePromoted_B3_H3: a mirror with rules takes a channel by
// promotion only.
func TestChannelsArePromoted_B3_H3(t *testing.T) {
	t.Parallel()
	src, dst := newSite(t), newSite(t)
	d := src.publish(artifacttest.Version{ID: "acme/hello", Version: "1.0.0"})
	if err := src.SetChannel(t.Context(), "acme/hello", "stable", d.Digest); err != nil {
		t.Fatal(err)
	}
	if r := src.to(dst, Options{}); len(r.Failed) != 1 || r.Failed[0].Tag != "stable" {
		t.Errorf("without promotion: %+v", r)
	}
	promote := func(ctx context.Context, repo, channel string, v artifact.Version) error {
		to, err := dst.Storage.Resolve(ctx, repo, v.Tag())
		return errors.Join(err, dst.SetChannel(ctx, repo, channel, to))
	}
	if r := src.to(dst, Options{Promote: promote}); !r.Same() || r.Tags != 1 {
		t.Errorf("with promotion: %+v", r)
	}
	if got, err := dst.Storage.Resolve(t.Context(), "acme/hello", "stable"); err != nil || got != d.Digest {
		t.Errorf("stable is %s, %v", got, err)
	}
}
