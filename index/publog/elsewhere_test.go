package publog_test

import (
	"context"
	"errors"
	"iter"
	"log/slog"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/artifact/clock"
	"github.com/oarlock/oarlock/index/publog"
	"github.com/oarlock/oarlock/index/store"
)

// A mirrorBench is a mirror whose registry has the versions 0 to 2 of acme/hello, of which
// the log of another site has 0 and 1, with their proofs.
type mirrorBench struct {
	*publog.Elsewhere
	shelf   *shelf
	db      *store.Store
	hand    *clock.Hand
	own     *publog.Log
	trusted []string

	mu      sync.Mutex
	changed []string
	cut     error // of every list of referrers
}

func (b *mirrorBench) Referrers(ctx context.Context, repo string, d digest.Digest) ([]ocispec.Descriptor, error) {
	if b.cut != nil {
		return nil, b.cut
	}
	return b.shelf.Referrers(ctx, repo, d)
}

func (b *mirrorBench) Manifest(ctx context.Context, repo, reference string) (ocispec.Descriptor, []byte, error) {
	return b.shelf.Manifest(ctx, repo, reference)
}

func (b *mirrorBench) Blob(ctx context.Context, repo string, d digest.Digest, limit int64) ([]byte, error) {
	return b.shelf.Blob(ctx, repo, d, limit)
}

// source is the log of another site, whose proofs of versions are in the shelf.
func (b *mirrorBench) source(t *testing.T, secret string, from, to int) *publog.Log {
	t.Helper()
	o := options(opened(t, filepath.Join(t.TempDir(), "there.db")), &record{})
	o.Secret, o.Host = []byte(secret), "there.example.org"
	l := logOf(t, o)
	write(t, l, from, to)
	b.shelf.holdVersions(from, to)
	if err := carrierOf(l, b.shelf).Carry(t.Context()); err != nil {
		t.Fatal(err)
	}
	return l
}

func openMirrorBench(t *testing.T) (*mirrorBench, *publog.Log) {
	t.Helper()
	b := &mirrorBench{shelf: newShelf(), db: opened(t, filepath.Join(t.TempDir(), "here.db")), hand: clock.NewHand(noon.Add(time.Hour))}
	b.own = logOf(t, options(b.db, &record{}))
	there := b.source(t, "secret of another site", 0, 2)
	b.again()
	return b, there
}

// again makes one that knows nothing, as after a restart.
func (b *mirrorBench) again() {
	b.Elsewhere = publog.NewElsewhere(publog.ElsewhereOptions{
		Log: b.own, Trusted: func() []string { return b.trusted }, From: b, Store: b.db, Clock: b.hand.Clock(), Logger: slog.New(slog.DiscardHandler),
		Listed: func() iter.Seq2[string, digest.Digest] {
			return func(yield func(string, digest.Digest) bool) {
				for n := range 3 {
					if !yield("acme/hello", published(n).Digest) {
						return
					}
				}
			}
		},
		Changed: func(plugin string) {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.changed = append(b.changed, plugin)
		},
	})
}

// knows wants the nth version known to be public since its leaf, or not known.
func (b *mirrorBench) knows(t *testing.T, what string, wanted ...bool) {
	t.Helper()
	id, err := artifact.ParseName("acme/hello")
	if err != nil {
		t.Fatal(err)
	}
	for n, want := range wanted {
		at, ok := b.Published(id, published(n).Digest)
		if ok != want || ok && !at.Equal(published(n).At) {
			t.Errorf("%s: version %d is public since %v, %t; expected %t", what, n, at, ok, want)
		}
	}
}

func (b *mirrorBench) look(t *testing.T) {
	t.Helper()
	if err := b.Look(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// Proves D8 and G6: a proof counts when the log that it is of is named, from then on, for
// the version that it is about, and for other replicas and after a restart too.
func TestAProofOfALogThatIsNamedSaysSinceWhen_D8_G6(t *testing.T) {
	t.Parallel()
	b, there := openMirrorBench(t)
	b.look(t)
	b.knows(t, "no log is named", false, false, false)
	b.trusted = []string{there.Key()}
	b.look(t)
	b.knows(t, "the log is named", true, true, false)
	if !slices.Equal(b.changed, []string{"", "acme/hello", "acme/hello"}) {
		t.Errorf("it was told of changes of %q", b.changed)
	}
	b.cut = errors.New("the registry is away")
	b.again()
	if err := b.Read(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.knows(t, "after a restart, or at another replica", true, true, false)
	b.trusted = nil
	if err := b.Read(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.knows(t, "the log is named no more", false, false, false)
	other := logOf(t, func() publog.Options {
		o := options(opened(t, filepath.Join(t.TempDir(), "x.db")), &record{})
		o.Secret, o.Host = []byte("a third site"), "there.example.org"
		return o
	}())
	b.trusted, b.cut = []string{other.Key()}, nil
	b.look(t)
	b.knows(t, "a log of that name with another key is named", false, false, false)
}

// Proves D8: a proof that comes later counts when it comes, and what could not be read is
// looked at again.
func TestAProofThatComesLater_D8(t *testing.T) {
	t.Parallel()
	b, there := openMirrorBench(t)
	b.trusted = []string{there.Key()}
	b.look(t)
	write(t, there, 2, 3)
	b.shelf.holdVersions(2, 3)
	if err := carrierOf(there, b.shelf).Carry(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.look(t)
	b.knows(t, "nobody said that a proof came", true, true, false)
	b.cut = errors.New("the registry is away")
	b.Note("acme/hello", published(2).Digest)
	if err := b.Look(t.Context()); !errors.Is(err, b.cut) {
		t.Errorf("what could not be read: %v", err)
	}
	b.cut = nil
	b.look(t)
	b.knows(t, "it was looked at again", true, true, true)
}

// Proves D8 against somebody hostile: neither a proof of another version, nor one that
// was damaged, nor one under a foreign name, nor a row that somebody wrote into the
// database makes a version older; and junk keeps no good proof away.
func TestNobodyMakesAVersionOlder_D8(t *testing.T) {
	t.Parallel()
	b, there := openMirrorBench(t)
	b.trusted = []string{there.Key()}
	// The proof of version 0 as a referrer of version 2, and of 0 in another repository.
	good, err := b.shelf.Referrers(t.Context(), "acme/hello", published(0).Digest)
	if err != nil || len(good) != 1 {
		t.Fatal(err, good)
	}
	_, raw, err := b.shelf.Manifest(t.Context(), "acme/hello", good[0].Digest.String())
	if err != nil {
		t.Fatal(err)
	}
	b.shelf.referrers["acme/hello@"+published(2).Digest.String()] = good
	layer, err := publog.ProofLayer(raw)
	if err != nil {
		t.Fatal(err)
	}
	key := "acme/hello@" + layer.Digest.String()
	b.shelf.manifests["mallory/hello@"+good[0].Digest.String()] = raw
	b.shelf.blobs["mallory/hello@"+layer.Digest.String()] = b.shelf.blobs[key]
	b.shelf.referrers["mallory/hello@"+published(0).Digest.String()] = good
	b.look(t)
	b.Note("mallory/hello", published(0).Digest)
	b.look(t)
	b.knows(t, "proofs of others", true, true, false)
	if id, err := artifact.ParseName("mallory/hello"); err == nil {
		if at, ok := b.Published(id, published(0).Digest); ok {
			t.Errorf("the proof of another plugin makes it public since %v", at)
		}
	}
	forged := publog.ProvedTime{Plugin: "acme/hello", Digest: published(2).Digest, Log: there.Key(), At: noon.Add(-time.Hour * 1000), Vouched: make([]byte, 32)}
	if err := b.db.AddProved(t.Context(), forged); err != nil {
		t.Fatal(err)
	}
	b.hand.Advance(time.Minute)
	if err := b.Read(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.knows(t, "a row that somebody wrote", true, true, false)

	damaged, there := openMirrorBench(t)
	damaged.trusted = []string{there.Key()}
	for at := range damaged.shelf.blobs {
		damaged.shelf.blobs[at] = append([]byte("x"), damaged.shelf.blobs[at]...)
	}
	damaged.look(t)
	damaged.knows(t, "damaged proofs", false, false, false)
}
