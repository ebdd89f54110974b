package catalog

import (
	"hash/fnv"
	"testing"

	"github.com/oarlock/oarlock/artifact"
)

// publicVisibility hides a tenth of all plugins.
func publicVisibility() Visibility {
	return Visibility{Class: "public", Sees: func(id artifact.Name) bool {
		h := fnv.New32a()
		h.Write([]byte(id.Plugin()))
		return h.Sum32()%10 != 0
	}}
}

// The same questions as BenchmarkQueryBig, by somebody who may not see all.
func BenchmarkQueryBigHidden(b *testing.B) {
	live := NewLive(LiveOptions{First: &Generation{Number: 1, Snapshot: bigWorld()}})
	benchQueries(b, live.Visible(live.Current(), publicVisibility()).Snapshot, questions(newWorld(10, 60000), 2000))
}

// What the first reader of a class waits for, and what he does after a publish.
func BenchmarkVisible(b *testing.B) {
	s := bigWorld()
	b.Run("First", func(b *testing.B) {
		by := publicVisibility()
		for b.Loop() {
			live := NewLive(LiveOptions{First: &Generation{Number: 1, Snapshot: s}})
			live.Visible(live.Current(), by)
		}
	})
	b.Run("AfterPublish", func(b *testing.B) {
		next, w, by := s, newWorld(10, 60000), publicVisibility()
		live := NewLive(LiveOptions{Checks: []Check{}, First: &Generation{Number: 1, Snapshot: s}})
		live.Visible(live.Current(), by)
		n := 0
		for b.Loop() {
			b.StopTimer()
			next = next.With([]Plugin{w.plugin(300000 + n)}, nil)
			n++
			g, err := live.Swap(next)
			if err != nil {
				b.Fatal(err)
			}
			b.StartTimer()
			live.Visible(g, by)
		}
	})
}
