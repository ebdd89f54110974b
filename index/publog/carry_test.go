package publog_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index/publog"
)

// shelf is a registry in memory.
type shelf struct {
	mu        sync.Mutex
	manifests map[string][]byte // by repository and digest
	tags      map[string]digest.Digest
	blobs     map[string][]byte
	referrers map[string][]ocispec.Descriptor
	pushed    int
	fail      error // of every push
}

func newShelf() *shelf {
	return &shelf{manifests: map[string][]byte{}, tags: map[string]digest.Digest{}, blobs: map[string][]byte{}, referrers: map[string][]ocispec.Descriptor{}}
}

func (s *shelf) Manifest(_ context.Context, repo, reference string) (ocispec.Descriptor, []byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := digest.Digest(reference)
	if tagged, ok := s.tags[repo+":"+reference]; ok {
		d = tagged
	}
	raw, ok := s.manifests[repo+"@"+d.String()]
	if !ok {
		return ocispec.Descriptor{}, nil, fmt.Errorf("%s %s: %w", repo, reference, artifact.ErrNotFound)
	}
	return ocispec.Descriptor{MediaType: ocispec.MediaTypeImageManifest, Digest: d, Size: int64(len(raw))}, raw, nil
}

func (s *shelf) Blob(_ context.Context, repo string, d digest.Digest, _ int64) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	raw, ok := s.blobs[repo+"@"+d.String()]
	if !ok {
		return nil, fmt.Errorf("%s %s: %w", repo, d, artifact.ErrNotFound)
	}
	return raw, nil
}

func (s *shelf) Referrers(_ context.Context, repo string, d digest.Digest) ([]ocispec.Descriptor, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.referrers[repo+"@"+d.String()], nil
}

func (s *shelf) PushBlob(_ context.Context, repo string, content []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.blobs[repo+"@"+digest.FromBytes(content).String()] = content
	s.pushed++
	return s.fail
}

func (s *shelf) PushManifest(_ context.Context, repo, reference, _ string, content []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail != nil {
		return s.fail
	}
	s.pushed++
	d := digest.FromBytes(content)
	s.manifests[repo+"@"+d.String()] = content
	if reference != d.String() {
		s.tags[repo+":"+reference] = d
	}
	var m ocispec.Manifest
	if err := artifact.UnmarshalStrict(content, &m); err == nil && m.Subject != nil {
		key := repo + "@" + m.Subject.Digest.String()
		s.referrers[key] = append(s.referrers[key], ocispec.Descriptor{MediaType: m.MediaType, ArtifactType: m.ArtifactType, Digest: d, Size: int64(len(content)), Annotations: m.Annotations})
	}
	return nil
}

// holdVersions has the registry hold the versions that events publish.
func (s *shelf) holdVersions(from, to int) {
	for n := from; n < to; n++ {
		s.manifests[published(n).Plugin+"@"+published(n).Digest.String()] = []byte(fmt.Sprint(n))
	}
}

func carrierOf(l *publog.Log, s *shelf) *publog.Carrier {
	return publog.NewCarrier(publog.CarrierOptions{Log: l, To: s, Lock: nobodyElse, Logger: slog.New(slog.DiscardHandler)})
}

func nobodyElse(context.Context) (func(), error) { return func() {}, nil }

// attached reads and verifies the proofs that a version has.
func attached(t *testing.T, s *shelf, l *publog.Log, n int) (out []publog.Event) {
	t.Helper()
	for _, p := range proofsOf(t, s, n) {
		proved, _, err := p.Verify(l.Verifier())
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, proved)
	}
	return out
}

// proofsOf reads the proofs that a version has.
func proofsOf(t *testing.T, s *shelf, n int) (out []publog.Proof) {
	t.Helper()
	e := published(n)
	all, err := s.Referrers(t.Context(), e.Plugin, e.Digest)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range all {
		_, raw, err := s.Manifest(t.Context(), e.Plugin, d.Digest.String())
		if err != nil {
			t.Fatal(err)
		}
		layer, err := publog.ProofLayer(raw)
		if err != nil {
			t.Fatal(err)
		}
		text, err := s.Blob(t.Context(), e.Plugin, layer.Digest, layer.Size)
		if err != nil {
			t.Fatal(err)
		}
		p, err := publog.ParseProof(string(text))
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, p)
	}
	return out
}

// Proves G6: the registry carries the log. Each version has its proof, once, also
// where a replica or a restart does it again, and where attaching failed before; the
// copy is whole, extends the one before, and writes only what is new.
func TestTheRegistryCarriesTheLog_G6(t *testing.T) {
	t.Parallel()
	store := opened(t, filepath.Join(t.TempDir(), "x.db"))
	r, s := &record{}, newShelf()
	l := logOf(t, options(store, r))
	seen, before := "", 0
	for _, to := range []int{1, 3, 300, 301, 700} {
		s.holdVersions(0, to)
		write(t, l, 0, to)
		s.fail = errors.New("the disk is full")
		if err := carrierOf(l, s).Carry(t.Context()); !errors.Is(err, s.fail) {
			t.Fatalf("a push that failed: %v", err)
		}
		s.fail = nil
		for range 2 { // another replica, or a restart
			if err := carrierOf(l, s).Carry(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		c, err := publog.OpenCopy(t.Context(), s)
		if err != nil {
			t.Fatal(err)
		}
		v, err := publog.Verify(t.Context(), c.Fetch, l.Verifier(), seen)
		if err != nil || v.Checkpoint.N != int64(to) {
			t.Fatalf("copy of %d: %d leaves, %v", to, v.Checkpoint.N, err)
		}
		seen, before = v.Signed, s.pushed
	}
	for n := range 700 {
		if got := attached(t, s, l, n); len(got) != 1 || got[0] != published(n) {
			t.Fatalf("proofs of %d: %+v", n, got)
		}
	}
	write(t, l, 700, 701) // and nobody has the version
	if err := carrierOf(l, s).Carry(t.Context()); err != nil {
		t.Fatal(err)
	}
	if cost := s.pushed - before; cost > 12 {
		t.Errorf("one more leaf costs %d pushes", cost)
	}
	for name, raw := range s.blobs {
		if strings.HasPrefix(name, publog.Repository) && strings.Contains(string(raw), "acme") {
			t.Errorf("%s names a plugin: %.200q", name, raw)
		}
	}
}

// A copy that somebody changed is caught by who verifies it.
func TestAChangedCopyIsCaught_G6(t *testing.T) {
	t.Parallel()
	s := newShelf()
	l := logOf(t, options(opened(t, filepath.Join(t.TempDir(), "x.db")), &record{}))
	write(t, l, 0, 260)
	if err := carrierOf(l, s).Carry(t.Context()); err != nil {
		t.Fatal(err)
	}
	for name, was := range s.blobs {
		if len(was) < 3 {
			continue
		}
		changed := append([]byte(nil), was...)
		changed[len(changed)/2] ^= 1
		s.blobs[name] = changed
		c, err := publog.OpenCopy(t.Context(), s)
		if err == nil {
			_, err = publog.Verify(t.Context(), c.Fetch, l.Verifier(), "")
		}
		_, open := publog.OpenCheckpoint(string(was), l.Verifier())
		if sealed := len(was)%34 != 0 && len(was)%32 != 0 && open != nil; !sealed && !errors.Is(err, artifact.ErrUnverified) {
			t.Errorf("a blob of %d bytes was changed: %v", len(was), err)
		}
		s.blobs[name] = was
	}
}

// Proves G6: what says that it is a proof of this log, and is none, keeps the real
// one from no version and from no reader, however many there are, also where it has the
// annotations of the real one; and each version has that once.
func TestForgedProofsKeepNoneAway_G6(t *testing.T) {
	t.Parallel()
	l, s := logOf(t, options(opened(t, filepath.Join(t.TempDir(), "x.db")), &record{})), newShelf()
	s.holdVersions(0, 1)
	e := published(0)
	forge := func(n int, annotations map[string]string) {
		t.Helper()
		forged, err := json.Marshal(ocispec.Manifest{MediaType: ocispec.MediaTypeImageManifest, ArtifactType: publog.TypeProof,
			Layers:      []ocispec.Descriptor{{MediaType: publog.TypeProof, Digest: digest.FromString(fmt.Sprint("none", n)), Size: 4}},
			Subject:     &ocispec.Descriptor{MediaType: ocispec.MediaTypeImageManifest, Digest: e.Digest, Size: 1},
			Annotations: annotations})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.PushManifest(t.Context(), e.Plugin, digest.FromBytes(forged).String(), ocispec.MediaTypeImageManifest, forged); err != nil {
			t.Fatal(err)
		}
	}
	const many = 100
	for n := range many {
		forge(n, map[string]string{publog.KeyOrigin: l.Verifier().Name(), publog.KeyIndex: "0", publog.KeySignature: digest.FromString("x").String() + " 3 AAAA"})
	}
	write(t, l, 0, 1)
	if err := carrierOf(l, s).Carry(t.Context()); err != nil {
		t.Fatal(err)
	}
	key := e.Plugin + "@" + e.Digest.String()
	for n := range many {
		forge(many+n, s.referrers[key][many].Annotations)
	}
	slices.Reverse(s.referrers[key])
	delete(s.tags, publog.Repository+":"+publog.Tag) // nothing is known of what was attached
	if err := carrierOf(l, s).Carry(t.Context()); err != nil {
		t.Fatal(err)
	}
	all, err := s.Referrers(t.Context(), e.Plugin, e.Digest)
	if err != nil || len(all) != 2*many+1 {
		t.Errorf("%d referrers, expected no second proof: %v", len(all), err)
	}
	signed := publog.SignedProofs(all, e.Digest, l.Verifier())
	if len(signed) != 1 {
		t.Fatalf("a reader finds %+v", signed)
	}
	text, err := s.Blob(t.Context(), e.Plugin, signed[0].Digest, signed[0].Size)
	if err != nil {
		t.Fatal(err)
	}
	p, err := publog.ParseProof(string(text))
	if err != nil {
		t.Fatal(err)
	}
	if got, _, err := p.Verify(l.Verifier()); err != nil || got != e {
		t.Errorf("proved %+v: %v", got, err)
	}
	if of := publog.SignedProofs(all, published(1).Digest, l.Verifier()); len(of) != 0 {
		t.Errorf("they are proofs of another version too: %+v", of)
	}
	s.blobs[e.Plugin+"@"+signed[0].Digest.String()] = []byte("damaged")
	delete(s.tags, publog.Repository+":"+publog.Tag)
	if err := carrierOf(l, s).Carry(t.Context()); err != nil {
		t.Fatal(err)
	}
	if now := s.blobs[e.Plugin+"@"+signed[0].Digest.String()]; string(now) != string(text) {
		t.Error("a damaged proof was not written anew")
	}
}

// What a registry says that a log is, is refused or read, and no path of it is more than
// it holds.
func FuzzCopy(f *testing.F) {
	f.Add([]byte(`{"artifactType":"application/vnd.oarlock.log.v1","manifests":[{"artifactType":"application/vnd.oarlock.log.part.v1","digest":"`+
		digest.FromString("part").String()+`","annotations":{"dev.oarlock.log.part":"0","dev.oarlock.log.size":"3"}}],"annotations":{"dev.oarlock.log.size":"3"}}`),
		[]byte(`{"layers":[{"digest":"x","size":-1,"annotations":{"org.opencontainers.image.title":"tile/0/000.p/3"}}]}`))
	f.Add([]byte(`{}`), []byte(`{}`))
	f.Fuzz(func(t *testing.T, index, part []byte) {
		s := newShelf()
		is := digest.FromBytes(index)
		s.tags[publog.Repository+":"+publog.Tag], s.manifests[publog.Repository+"@"+is.String()] = is, index
		s.manifests[publog.Repository+"@"+digest.FromString("part").String()] = part
		c, err := publog.OpenCopy(t.Context(), s)
		if err != nil {
			if !errors.Is(err, artifact.ErrInvalid) && !errors.Is(err, artifact.ErrNotFound) {
				t.Errorf("%v", err)
			}
			return
		}
		for _, path := range []string{"checkpoint", "tile/0/000.p/3", "tile/entries/000", "tile/entries/x999/x999/999"} {
			if raw, err := c.Fetch(t.Context(), path); err == nil {
				t.Errorf("%s is %q", path, raw)
			}
		}
	})
}
