package catalog

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/oarlock/oarlock/artifact"
	"pgregory.net/rapid"
)

func shardsOf(s *Snapshot, bits int) []string {
	out := make([]string, 1<<bits)
	for n := range out {
		out[n] = string(s.Shard(bits, n).Append(nil))
	}
	return out
}

// C7: whatever the number of shards, they are the whole catalog.
func TestShardsAssembleToTheSameCatalog_C7(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s, _ := history(t)
		bits := rapid.IntRange(0, MaxShardBits).Draw(t, "bits")
		again, err := Assemble(bits, shardsOf(s, bits), january(4))
		if err != nil {
			t.Fatal(err)
		}
		if again.Digest() != s.Digest() || again.tree.count != s.tree.count {
			t.Fatalf("digest %s of %+v, expected %s of %+v", again.Digest(), again.tree.count, s.Digest(), s.tree.count)
		}
		q := drawQuery(t)
		if d := cmp.Diff(show(claimed(s, january(4)).Query(q, numbers{})), show(again.Query(q, numbers{}))); d != "" {
			t.Fatalf("%+v (- whole, + assembled):\n%s", q, d)
		}
	})
}

// C7: taking over the shards that differ is the same as assembling them all.
func TestReplacedShardsGiveTheNextCatalog_C7(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		before, _ := history(t)
		after := before.With(rapid.SliceOfN(rapid.Custom(drawPlugin), 0, 3).Draw(t, "changed"), []artifact.Name{name(pick(t, worldNames...))})
		bits := rapid.IntRange(0, MaxShardBits).Draw(t, "bits")
		held, err := Assemble(bits, shardsOf(before, bits), january(4))
		if err != nil {
			t.Fatal(err)
		}
		differ := map[int]string{}
		for n := range 1 << bits {
			if before.Shard(bits, n).Sum() != after.Shard(bits, n).Sum() {
				differ[n] = string(after.Shard(bits, n).Append(nil))
			}
		}
		got, err := held.Replace(bits, differ, january(6))
		if err != nil {
			t.Fatal(err)
		}
		if got.Digest() != after.Digest() || got.tree.count != after.tree.count {
			t.Fatalf("%d shards: digest %s of %+v, expected %s of %+v", len(differ), got.Digest(), got.tree.count, after.Digest(), after.tree.count)
		}
		q := drawQuery(t)
		if d := cmp.Diff(show(claimed(after, january(6)).Query(q, numbers{})), show(got.Query(q, numbers{}))); d != "" {
			t.Fatalf("%+v (- next, + replaced):\n%s", q, d)
		}
	})
}

func TestChangeOfOnePluginChangesOneShard_C7(t *testing.T) {
	t.Parallel()
	before := newWorld(3, 600).snapshot(500)
	var first *Plugin
	for p := range before.Plugins {
		first = p
		break
	}
	changed := *first
	changed.Channels = nil
	changed.State = "deprecated"
	after := before.With([]Plugin{changed}, nil)
	const bits = 5
	differ := 0
	for n := range 1 << bits {
		same := before.Shard(bits, n).Sum() == after.Shard(bits, n).Sum()
		if alike := string(before.Shard(bits, n).Append(nil)) == string(after.Shard(bits, n).Append(nil)); alike != same {
			t.Errorf("shard %d: sums equal %t, bytes equal %t", n, same, alike)
		}
		if !same {
			differ++
		}
	}
	if differ != 1 {
		t.Errorf("%d shards differ, expected 1", differ)
	}
}

func TestForeignShardsAreRefused_C7(t *testing.T) {
	t.Parallel()
	s := Empty().With([]Plugin{one("acme/hello"), one("acme/other"), one("examples/hello")}, nil)
	good := shardsOf(s, 1)
	full := 0
	if good[0] == "" {
		full = 1
	}
	for name, shards := range map[string][]string{
		"one shard too few":                good[:1],
		"shards in the wrong order":        {good[1], good[0]},
		"a shard that is cut":              shortened(good, full),
		"a shard with a plugin twice":      doubled(good, full),
		"a length that no record can have": {"\xff\xff\xff\xff\x0f", ""},
	} {
		if _, err := Assemble(1, shards, time.Time{}); !errors.Is(err, artifact.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Assemble(MaxShardBits+1, nil, time.Time{}); !errors.Is(err, artifact.ErrInvalid) {
		t.Errorf("too many bits: %v", err)
	}
}

func shortened(shards []string, n int) []string {
	out := []string{shards[0], shards[1]}
	out[n] = out[n][:len(out[n])-1]
	return out
}

func doubled(shards []string, n int) []string {
	out := []string{shards[0], shards[1]}
	out[n] = strings.Repeat(out[n], 2)
	return out
}

func FuzzAssemble(f *testing.F) {
	s := Empty().With([]Plugin{one("acme/hello"), one("acme/other"), one("examples/hello")}, nil)
	for _, raw := range shardsOf(s, 0) {
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		got, err := Assemble(0, []string{raw}, time.Time{})
		if err != nil {
			if !errors.Is(err, artifact.ErrInvalid) {
				t.Fatalf("error of another kind: %v", err)
			}
			return
		}
		for p := range got.Plugins {
			if _, err := got.Why(p.ID, Fit{}); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := got.Query(Query{Text: "hello"}, nil); err != nil {
			t.Fatal(err)
		}
	})
}
