package catalog

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/oarlock/oarlock/artifact"
	"pgregory.net/rapid"
)

func saved(t testing.TB, s *Snapshot) []byte {
	var b bytes.Buffer
	if err := Save(&b, &Generation{Number: 12, Snapshot: s, At: time.Unix(1e9, 5).UTC(), Beside: []byte("beside it")}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// resummed is a checkpoint whose header has the sum that it should have.
func resummed(t testing.TB, b []byte) []byte {
	t.Helper()
	head := &writer{b: slices.Clone(b[:len(checkpointMagic)])}
	r := &reader{s: string(b[len(checkpointMagic):])}
	r.int()
	r.time()
	r.take(sha256.Size)
	r.uint()
	if r.err != nil {
		t.Fatal(r.err)
	}
	head.b = append(head.b, r.s[:r.pos]...)
	sum := sha256.Sum256(head.b)
	copy(b[len(head.b):], sum[:])
	return b
}

func TestLoadGivesBackWhatWasSaved_C1(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		s, _ := history(rt)
		g, err := Load(bytes.NewReader(saved(t, s)))
		if err != nil {
			rt.Fatal(err)
		}
		if string(g.Beside) != "beside it" {
			rt.Fatalf("beside it: %q", g.Beside)
		}
		if g.Number != 12 || !g.At.Equal(time.Unix(1e9, 5)) || g.Snapshot.Digest() != s.Digest() || g.Snapshot.tree.count != s.tree.count {
			rt.Fatalf("generation %d at %v with digest %s, expected 12 with %s", g.Number, g.At, g.Snapshot.Digest(), s.Digest())
		}
		q := drawQuery(rt)
		if d := cmp.Diff(show(s.Query(q, numbers{})), show(g.Snapshot.Query(q, numbers{}))); d != "" {
			rt.Fatalf("%+v (- saved, + loaded):\n%s", q, d)
		}
	})
}

func TestDamagedCheckpointIsRefused(t *testing.T) {
	t.Parallel()
	whole := saved(t, Empty().With([]Plugin{one("acme/hello"), dated("acme/other", time.Unix(5, 0), time.Unix(9, 0))}, nil))
	for i := range whole {
		flipped := bytes.Clone(whole)
		flipped[i] ^= 0x20
		if _, err := Load(bytes.NewReader(flipped)); !errors.Is(err, artifact.ErrInvalid) {
			t.Fatalf("byte %d changed: %v", i, err)
		}
		if _, err := Load(bytes.NewReader(whole[:i])); !errors.Is(err, artifact.ErrInvalid) {
			t.Fatalf("cut to %d bytes: %v", i, err)
		}
	}
	if _, err := Load(bytes.NewReader(append(bytes.Clone(whole), 0))); !errors.Is(err, artifact.ErrInvalid) {
		t.Fatalf("a byte too many: %v", err)
	}
}

func TestCheckpointFileIsReplacedWhole(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "catalog")
	if _, err := LoadFile(path); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("without file: %v", err)
	}
	for n, id := range []string{"acme/hello", "acme/other"} {
		if err := SaveFile(path, &Generation{Number: int64(n), Snapshot: Empty().With([]Plugin{one(id)}, nil)}); err != nil {
			t.Fatal(err)
		}
	}
	g, err := LoadFile(path)
	if err != nil || g.Number != 1 {
		t.Fatalf("%+v, %v", g, err)
	}
	if left, err := os.ReadDir(filepath.Dir(path)); err != nil || len(left) != 1 {
		t.Fatalf("left beside the checkpoint: %v, %v", left, err)
	}
	if err := SaveFile(filepath.Join(path, "x", "y"), g); err == nil {
		t.Fatal("a folder that cannot be: no error")
	}
}

func FuzzLoad(f *testing.F) {
	f.Add(saved(f, Empty()))
	f.Add(saved(f, Empty().With([]Plugin{one("acme/hello"), one("acme/other")}, nil)))
	f.Fuzz(func(t *testing.T, b []byte) {
		g, err := Load(bytes.NewReader(b))
		if (err == nil) == (g == nil) || err != nil && !errors.Is(err, artifact.ErrInvalid) {
			t.Fatalf("generation %v, error %v", g, err)
		}
	})
}

// FuzzRecord reaches what lies behind the checksums of a checkpoint.
func FuzzRecord(f *testing.F) {
	p := one("acme/hello")
	p = p.normal()
	record, _ := encodeRecord(&p)
	f.Add(string(record))
	f.Fuzz(func(t *testing.T, s string) {
		empty := Empty()
		p, masks, err := skimRecord(s, empty.words)
		if err != nil {
			return
		}
		next := empty.with([]draft{draftOf(p, s, masks, empty.words, 0)})
		if _, err := next.Query(Query{Text: "one", Facets: AllFacets}, nil); err != nil {
			t.Fatal(err)
		}
	})
}
