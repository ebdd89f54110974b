package catalog

import (
	"hash/fnv"
	"testing"

	"github.com/oarlock/oarlock/artifact"
)

// publicSight hides a tenth of all plugins.
func publicSight() Sight {
	return Sight{Class: "public", Sees: func(id artifact.Name) bool {
		h := fnv.New32a()
		h.Write([]byte(id.Plugin()))
		return h.Sum32()%10 != 0
	}}
}

// The same questions as BenchmarkQueryBig, by somebody who may not see all.
func BenchmarkQueryBigHidden(b *testing.B) {
	live := NewLive(LiveOptions{First: &Generation{Number: 1, Snapshot: bigWorld()}})
	benchQueries(b, live.Seen(live.Current(), publicSight()).Snapshot, questions(newWorld(10, 60000), 2000))
}

// What the first reader of a class waits for, and what he does after a publish.
func BenchmarkSeen(b *testing.B) {
	s := bigWorld()
	b.Run("First", func(b *testing.B) {
		by := publicSight()
		for b.Loop() {
			live := NewLive(LiveOptions{First: &Generation{Number: 1, Snapshot: s}})
			live.Seen(live.Current(), by)
		}
	})
	b.Run("AfterPublish", func(b *testing.B) {
		next, w, by := s, newWorld(10, 60000), publicSight()
		live := NewLive(LiveOptions{Checks: []Check{}, First: &Generation{Number: 1, Snapshot: s}})
		live.Seen(live.Current(), by)
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
			live.Seen(g, by)
		}
	})
}
