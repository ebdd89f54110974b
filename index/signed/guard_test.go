package signed

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/catalog"
	"github.com/oarlock/oarlock/index/client"
)

// hidingFrom is the visibility of everybody where some publishers are private.
func hidingFrom(private ...string) catalog.Visibility {
	return catalog.Visibility{Class: "without " + strings.Join(private, " "), Sees: func(id artifact.Name) bool { return !slices.Contains(private, id.Publisher()) }}
}

// stored reads the site's repository as it is stored.
func (s *site) stored() RepositoryReader {
	return must(client.OpenRepository("catalog.invalid/"+Repository, client.RepositoryOptions{HTTPClient: s.repo.Client.(*http.Client), PlainHTTP: true}))
}

// What was published before a right was taken is kept back by its bytes alone:
// manifest and shards that name what is private now, also as a replacement, and
// nothing else. Proves C7 and I7.
func TestAGuardKeepsBackWhatNamesTheHidden_C7_I7(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	superseded := pluginNamed("oak/old", 1, 0)
	superseded.State = index.StateDeprecated
	superseded.Moves = []index.Move{{State: index.StateDeprecated, By: "person:ada", Reason: "superseded", Replacement: "third/new"}}
	whole := catalog.Empty().With([]catalog.Plugin{pluginNamed("acme/hello", 1, 0), pluginNamed("acme/other", 1, 0), pluginNamed("secret/tool", 1, 0), superseded}, nil)
	first := s.publish(whole)
	before := must(s.pub.read(t.Context(), must(s.repo.Resolve(t.Context(), Tag)))).files
	by, public := hidingFrom(), error(nil)
	g := NewGuard(GuardOptions{Files: s.stored(), Public: func(context.Context) (catalog.Visibility, error) { return by, public }})
	refused := func() (names []string) {
		for name, d := range before {
			err := g.Check(t.Context(), d.Digest, true)
			if no, is := errors.AsType[*WithheldError](err); is && no.Newest == (s.pub.last.manifest.Digest == first.Manifest) {
				names = append(names, name)
			} else if err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		if no, is := errors.AsType[*WithheldError](g.Check(t.Context(), first.Manifest, false)); is != (len(names) > 0) || is && no.Newest != (s.pub.last.manifest.Digest == first.Manifest) {
			t.Errorf("manifest: %v, while %q are kept back", no, names)
		}
		slices.Sort(names)
		return names
	}
	if got := refused(); len(got) > 0 {
		t.Errorf("where all is public %q are kept back", got)
	}
	for private, plugin := range map[string]string{"secret": "secret/tool", "third": "oak/old"} {
		by = hidingFrom(private)
		if got, want := refused(), shardOf(whole, first.ShardBits, plugin); len(got) != 1 || got[0] != want {
			t.Errorf("where %s is private %q are kept back, expected %s, which names it", private, got, want)
		}
	}
	by = hidingFrom("secret")
	// Whoever asks for a manifest as a blob, or the other way round, changes nothing.
	anew := NewGuard(GuardOptions{Files: loose{s.stored()}, Public: g.o.Public})
	shard := before[shardOf(whole, first.ShardBits, "secret/tool")].Digest
	for d, blob := range map[digest.Digest]bool{first.Manifest: true, shard: false} {
		_ = anew.Check(t.Context(), d, blob)
		if _, kept := errors.AsType[*WithheldError](anew.Check(t.Context(), d, !blob)); !kept {
			t.Errorf("%s is given after it was asked for as what it is not", d)
		}
	}
	harmless := before[shardOf(whole, first.ShardBits, "acme/hello")].Digest
	_ = anew.Check(t.Context(), harmless, false)
	if err := anew.Check(t.Context(), harmless, true); err != nil && harmless != shard {
		t.Errorf("a shard that names nothing private is kept back after it was asked for as a manifest: %v", err)
	}
	s.publish(whole.With(nil, []artifact.Name{must(artifact.ParseName("secret/tool"))}))
	if got := refused(); len(got) != 1 {
		t.Errorf("once it was replaced %q are kept back", got)
	}
	if err := g.Newest(t.Context()); err != nil {
		t.Errorf("the newest names nothing that is private, and is refused: %v", err)
	}
	if by = catalog.Everything(); len(refused()) > 0 {
		t.Error("it is kept from who may know of everything")
	}
	by, public = catalog.Visibility{}, errors.New("the database does not answer")
	if err := g.Check(t.Context(), first.Manifest, false); !errors.Is(err, public) {
		t.Errorf("where it could not be told what is public: %v", err)
	}
	public = nil
	for n := range 1 << first.ShardBits {
		name := targetsFolder + shardName(first.ShardBits, n)
		_, kept := errors.AsType[*WithheldError](g.Check(t.Context(), before[name].Digest, true))
		if names := len(whole.Shard(first.ShardBits, n).Append(nil)) > 0; kept != names {
			t.Errorf("to who may know of nothing: %s is kept back: %t, it names something: %t", name, kept, names)
		}
	}
	for says, g := range map[string]*Guard{"no guard": nil, "one that was not told what is public": NewGuard(GuardOptions{Files: s.stored()})} {
		if err := g.Check(t.Context(), first.Manifest, false); !errors.Is(err, artifact.ErrDenied) {
			t.Errorf("%s: %v", says, err)
		}
	}
}

// loose gives a manifest as a blob and a blob as a manifest, as storage that looks
// at the digest alone would.
type loose struct{ RepositoryReader }

func (l loose) Manifest(ctx context.Context, d digest.Digest) (string, []byte, error) {
	if mediaType, raw, err := l.RepositoryReader.Manifest(ctx, d); err == nil {
		return mediaType, raw, nil
	}
	raw, err := l.RepositoryReader.Blob(ctx, d, maxShard)
	return "", raw, err
}

func (l loose) Blob(ctx context.Context, d digest.Digest, limit int64) ([]byte, error) {
	if raw, err := l.RepositoryReader.Blob(ctx, d, limit); err == nil {
		return raw, nil
	}
	_, raw, err := l.RepositoryReader.Manifest(ctx, d)
	return raw, err
}

// shardOf is the file that names a plugin.
func shardOf(s *catalog.Snapshot, bits int, id string) string {
	for n := range 1 << bits {
		if strings.Contains(string(s.Shard(bits, n).Append(nil)), id) {
			return targetsFolder + shardName(bits, n)
		}
	}
	panic("no shard holds " + id)
}

// replacing answers from another generation as soon as a shard is asked for.
type replacing struct {
	RepositoryReader
	replace func()
	gone    func(digest.Digest) bool
}

func (r *replacing) Blob(ctx context.Context, d digest.Digest, limit int64) ([]byte, error) {
	if r.gone(d) {
		r.replace()
		return nil, artifact.ErrNotFound
	}
	return r.RepositoryReader.Blob(ctx, d, limit)
}

// A host in the middle of a catalog that is given no more reads the one that took
// its place, and is not turned back by it. Proves C7.
func TestAReaderBeginsAgainWhereAPartIsGivenNoMore_C7(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	whole := snapshotOf(40, 1)
	old := s.publish(whole)
	shards := must(s.pub.read(t.Context(), must(s.repo.Resolve(t.Context(), Tag)))).files
	replaced := 0
	from := &replacing{RepositoryReader: s.stored(), replace: func() {
		if replaced++; replaced == 1 {
			s.publish(whole.With(nil, []artifact.Name{must(artifact.ParseName("acme-3/plugin-3"))}))
		}
	}, gone: func(d digest.Digest) bool {
		return d == shards[shardOf(whole, old.ShardBits, "acme-3/plugin-3")].Digest
	}}
	c, err := Open(t.Context(), Options{From: from, Root: s.pin(), State: t.TempDir(), Now: s.now})
	if err != nil {
		t.Fatalf("what was replaced meanwhile: %v", err)
	}
	if now := c.Status(); now.Generation <= old.Generation || now.Plugins != 39 || replaced == 0 {
		t.Errorf("it answers from %+v, the first was %+v", now, old)
	}
	from.gone = func(digest.Digest) bool { return true }
	s.time = s.time.Add(time.Hour)
	s.publish(whole)
	if err := c.Refresh(t.Context()); !errors.Is(err, artifact.ErrNotFound) {
		t.Errorf("where the newest itself is not given: %v", err)
	}
}

// A guard that finds too much in the newest has it published anew, without
// waiting for quiet. Proves C7.
func TestAGuardAsksForAPublicationAtOnce_C7(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	by := hidingFrom()
	public := func(context.Context) (catalog.Visibility, error) { return by, nil }
	g := NewGuard(GuardOptions{Files: s.stored(), Public: public})
	done := make(chan Published, 10)
	p := NewPublisher(PublisherOptions{To: s.repo, Keys: s.keys, Now: s.now, Guard: g, Quiet: time.Hour, AtMost: time.Hour,
		Public: func(ctx context.Context, whole *catalog.Generation) (*catalog.Generation, error) {
			return s.live.Visible(whole, by), nil
		},
		Done: func(p Published, err error) {
			if err != nil {
				t.Error(err)
			}
			done <- p
		}})
	if _, err := s.live.Swap(catalog.Empty().With([]catalog.Plugin{pluginNamed("acme/hello", 1, 0), pluginNamed("secret/tool", 1, 0)}, nil)); err != nil {
		t.Fatal(err)
	}
	first, err := p.Publish(t.Context(), s.live.Current())
	if err != nil || first.Plugins != 2 {
		t.Fatalf("%+v, %v", first, err)
	}
	by = hidingFrom("secret") // before Run begins: nothing else reads it then
	if err := g.Newest(t.Context()); err == nil {
		t.Fatal("the newest is given")
	}
	ready := make(chan struct{})
	close(ready)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); p.Run(ctx, s.live, ready) }()
	if next := <-done; next.Plugins != 1 {
		t.Errorf("published anew: %+v", next)
	}
	stop()
	<-ended
	if err := g.Newest(t.Context()); err != nil {
		t.Error(err)
	}
}
