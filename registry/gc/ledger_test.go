package gc_test

import (
	"encoding/json"
	"io/fs"
	"maps"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/oarlock/oarlock/registry/storage/driver"
)

type ref struct {
	repo string
	what string // a tag, or the digest of a referrer
}

// ledger is what was acknowledged and must be there.
type ledger struct {
	mu        sync.Mutex
	tags      map[ref]digest.Digest
	versions  []ref                 // those of tags that never change
	referrers map[ref]digest.Digest // to their subject
}

func newLedger() *ledger {
	return &ledger{tags: map[ref]digest.Digest{}, referrers: map[ref]digest.Digest{}}
}

func (l *ledger) tagged(repo, tag string, d digest.Digest, forever bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tags[ref{repo, tag}] = d
	if forever {
		l.versions = append(l.versions, ref{repo, tag})
	}
}

// untagged is said before a tag is changed or deleted.
func (l *ledger) untagged(repo, tag string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.tags, ref{repo, tag})
}

func (l *ledger) referred(repo string, d, subject digest.Digest) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.referrers[ref{repo, d.String()}] = subject
}

// version is one of those that were acknowledged.
func (l *ledger) version(r *rand.Rand) (repo string, d digest.Digest, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.versions) == 0 {
		return "", "", false
	}
	v := l.versions[r.IntN(len(l.versions))]
	return v.repo, l.tags[v], true
}

// found is what a client reaches, by repository.
type found struct{ manifests, blobs map[string]bool }

// pull reads everything that the tags of repo reach, as a client does, and
// checks each against its digest.
func (x *site) pull(repo string) found {
	x.t.Helper()
	f := found{map[string]bool{}, map[string]bool{}}
	var todo []digest.Digest
	if err := x.s.Storage.Tags(x.t.Context(), repo, func(_ string, d digest.Digest) error { todo = append(todo, d); return nil }); err != nil {
		x.t.Error(err)
	}
	for len(todo) > 0 {
		d := todo[0]
		todo = todo[1:]
		if f.manifests[d.Encoded()] {
			continue
		}
		f.manifests[d.Encoded()] = true
		a := x.get(repo, "manifests", d.String())
		if a.status != http.StatusOK || digest.FromBytes(a.body) != d {
			x.t.Errorf("reachable manifest %s@%s: status %d", repo, d, a.status)
			continue
		}
		var m struct {
			Config    *ocispec.Descriptor
			Layers    []ocispec.Descriptor
			Manifests []ocispec.Descriptor
			Subject   *ocispec.Descriptor
		}
		if err := json.Unmarshal(a.body, &m); err != nil {
			x.t.Error(err)
		}
		if m.Config != nil {
			m.Layers = append(m.Layers, *m.Config)
		}
		for _, l := range m.Layers {
			f.blobs[l.Digest.Encoded()] = true
			if b := x.get(repo, "blobs", l.Digest.String()); b.status != http.StatusOK || digest.FromBytes(b.body) != l.Digest {
				x.t.Errorf("blob %s of reachable manifest %s@%s: status %d", l.Digest, repo, d, b.status)
			}
		}
		for _, child := range m.Manifests {
			todo = append(todo, child.Digest)
		}
		if m.Subject != nil && x.get(repo, "manifests", m.Subject.Digest.String()).status == http.StatusOK {
			todo = append(todo, m.Subject.Digest)
		}
		list, err := x.s.Storage.Referrers(x.t.Context(), repo, d)
		if err != nil {
			x.t.Error(err)
		}
		for _, r := range list {
			todo = append(todo, r.Digest)
		}
	}
	return f
}

// verify asks that all of the ledger is there, that all that is reached can be
// pulled, and that nothing else is stored.
func (x *site) verify(l *ledger) {
	x.t.Helper()
	for r, want := range l.tags {
		if d, err := x.s.Storage.Resolve(x.t.Context(), r.repo, r.what); err != nil || d != want {
			x.t.Errorf("tag %s:%s means %q (%v), acknowledged as %s", r.repo, r.what, d, err, want)
		}
	}
	bytes, repos := map[string]bool{}, 0
	err := x.s.Storage.Repositories(x.t.Context(), func(repo string) error {
		repos++
		f := x.pull(repo)
		for r, subject := range l.referrers {
			if r.repo == repo && f.manifests[subject.Encoded()] && !f.manifests[digest.Digest(r.what).Encoded()] {
				x.t.Errorf("referrer %s of %s@%s is not listed", r.what, repo, subject)
			}
		}
		x.same(repo+": manifests", f.manifests, x.on(repo+"/_manifests/revisions", "link"))
		x.same(repo+": blobs", f.blobs, x.on(repo+"/_layers", "link"))
		maps.Copy(bytes, f.manifests)
		maps.Copy(bytes, f.blobs)
		return nil
	})
	if err != nil || repos == 0 {
		x.t.Errorf("%d repositories, %v", repos, err)
	}
	x.same("bytes", bytes, x.on("../blobs", "data"))
	if err := x.s.Checks.Fsck(x.t.Context(), func(d driver.Damage) { x.t.Errorf("damage: %v", &d) }); err != nil {
		x.t.Error(err)
	}
}

func (x *site) same(what string, want, got map[string]bool) {
	x.t.Helper()
	if diff := cmp.Diff(slices.Sorted(maps.Keys(want)), slices.Sorted(maps.Keys(got))); diff != "" {
		x.t.Errorf("%s, reached (-) and stored (+):\n%s", what, diff)
	}
}

// on lists the folders below dir that hold a file of that name.
func (x *site) on(dir, file string) map[string]bool {
	names := map[string]bool{}
	root := filepath.Join(x.dir, "docker/registry/v2/repositories", dir)
	err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() && e.Name() == file {
			names[filepath.Base(filepath.Dir(path))] = true
		}
		return err
	})
	if err != nil && !strings.Contains(err.Error(), "no such file") {
		x.t.Error(err)
	}
	return names
}

func TestVerifyFails_B8(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("checks the check")
	}
	x := newSite(t)
	x.push("free/x", "top", image("m", ""))
	x.verify(newLedger())
	probe := &site{client: &client{&quiet{TB: t}, x.do}, s: x.s, dir: x.dir}
	x.blob("free/x", "litter")
	if probe.verify(newLedger()); !probe.t.(*quiet).failed {
		t.Error("litter is not seen")
	}
	probe.t = &quiet{TB: t}
	l := newLedger()
	l.tagged("free/x", "gone", digest.FromString("x"), true)
	if probe.verify(l); !probe.t.(*quiet).failed {
		t.Error("a lost tag is not seen")
	}
}

// quiet remembers that a check failed.
type quiet struct {
	testing.TB
	failed bool
}

func (q *quiet) Errorf(string, ...any) { q.failed = true }
func (q *quiet) Error(...any)          { q.failed = true }
