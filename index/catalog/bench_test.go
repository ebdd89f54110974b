package catalog

import (
	"bytes"
	"fmt"
	"io"
	"runtime"
	"testing"
	"time"
)

// questions are of the kind that hosts ask: host version, text and facets.
func questions(w *world, n int) []Query {
	out := make([]Query, n)
	for i := range out {
		q := Query{Fit: Fit{Host: host(bigHosts[w.r.IntN(5)]), HostVersion: hostVersion(fmt.Sprintf("%d.%d.0", w.r.IntN(12), w.r.IntN(4)))},
			Text: w.word(), Facets: []string{FacetCategory}}
		if w.r.IntN(2) == 0 {
			q.Platform = platformOf("linux/amd64")
		}
		switch w.r.IntN(4) {
		case 0:
			q.Text = w.words[w.r.IntN(len(w.words))] + " " + w.word()
		case 1:
			q.Text = q.Text[:max(3, len(q.Text)/2)]
		case 2:
			q.Text = q.Text[1:] // a typo
			q.Categories = []string{fmt.Sprintf("category-%d", w.r.IntN(40))}
		}
		out[i] = q
	}
	return out
}

func benchQueries(b *testing.B, s *Snapshot, all []Query) {
	for _, q := range all[:min(len(all), 500)] { // views and typos are remembered while a server runs
		if _, err := s.Query(q, nil); err != nil {
			b.Fatal(err)
		}
	}
	timed(b, func(i int) {
		if _, err := s.Query(all[i%len(all)], nil); err != nil {
			b.Fatal(err)
		}
	})
}

func BenchmarkQueryKrewLike(b *testing.B) {
	benchQueries(b, krewLike(), questions(newWorld(12, 4000), 2000))
}

func BenchmarkQueryBig(b *testing.B) {
	benchQueries(b, bigWorld(), questions(newWorld(10, 60000), 2000))
}

func BenchmarkQueryBigAllFacets(b *testing.B) {
	all := questions(newWorld(10, 60000), 2000)
	for i := range all {
		all[i].Facets = AllFacets
	}
	benchQueries(b, bigWorld(), all)
}

func BenchmarkQueryBigNoText(b *testing.B) {
	all := questions(newWorld(10, 60000), 2000)
	for i := range all {
		all[i].Text = ""
	}
	benchQueries(b, bigWorld(), all)
}

// Every question has a host version that was not asked before.
func BenchmarkQueryBigNewHostVersion(b *testing.B) {
	all := questions(newWorld(10, 60000), 2000)
	s := bigWorld()
	timed(b, func(i int) {
		q := all[i%len(all)]
		q.HostVersion = hostVersion(fmt.Sprintf("%d.%d.%d", i%12, i%4, i))
		if _, err := s.Query(q, nil); err != nil {
			b.Fatal(err)
		}
	})
}

func BenchmarkQueryBigParallel(b *testing.B) {
	s, all := bigWorld(), questions(newWorld(10, 60000), 2000)
	b.RunParallel(func(pb *testing.PB) {
		for i := 0; pb.Next(); i++ {
			if _, err := s.Query(all[i%len(all)], nil); err != nil {
				b.Error(err)
			}
		}
	})
}

// One publish: a new version of a plugin, and every tenth a new plugin.
func BenchmarkWith(b *testing.B) {
	for name, first := range map[string]func() *Snapshot{"KrewLike": krewLike, "Big": bigWorld} {
		b.Run(name, func(b *testing.B) {
			s, w := first(), newWorld(10, 60000)
			n := s.Len()
			var changed []Plugin
			for i := range 2000 {
				p := w.plugin(n + i)
				if i%10 > 0 {
					was := s.decode(s.shelf.entry(uint32(w.r.IntN(n))))
					again := *was
					again.Versions = append([]Version{w.version(was.ID, *was.Versions[0].Plugin, 40+i)}, was.Versions...)
					p = again
				}
				changed = append(changed, p)
			}
			timed(b, func(i int) { s = s.With(changed[i%len(changed):][:1], nil) })
		})
	}
}

// A swap with its health checks, and the first answer after it.
func BenchmarkSwapAndAsk(b *testing.B) {
	s, w := bigWorld(), newWorld(10, 60000)
	live, all := NewLive(LiveOptions{First: &Generation{Number: 1, Snapshot: s}}), questions(newWorld(10, 60000), 50)
	timed(b, func(i int) {
		s = s.With([]Plugin{w.plugin(200000 + i)}, nil)
		g, err := live.Swap(s)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := g.Snapshot.Query(all[i%len(all)], nil); err != nil {
			b.Fatal(err)
		}
	})
}

func BenchmarkDigest(b *testing.B) {
	s := bigWorld()
	for b.Loop() {
		if s.tree.resealed(emptyTree) != s.tree.sum {
			b.Fatal("digest differs")
		}
	}
}

func BenchmarkSave(b *testing.B) {
	g := &Generation{Number: 1, Snapshot: bigWorld()}
	for b.Loop() {
		if err := Save(io.Discard, g); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkLoad(b *testing.B) {
	for name, s := range map[string]func() *Snapshot{"KrewLike": krewLike, "Big": bigWorld} {
		b.Run(name, func(b *testing.B) {
			var buf bytes.Buffer
			if err := Save(&buf, &Generation{Number: 1, Snapshot: s()}); err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(buf.Len())/1e6, "MB")
			for b.Loop() {
				if _, err := Load(bytes.NewReader(buf.Bytes())); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkMemory reports what a loaded catalog of 100,000 plugins with 10
// versions each takes.
func BenchmarkMemory(b *testing.B) {
	var buf bytes.Buffer
	if err := Save(&buf, &Generation{Number: 1, At: time.Unix(0, 0), Snapshot: bigWorld()}); err != nil {
		b.Fatal(err)
	}
	var before, after runtime.MemStats
	for b.Loop() {
		runtime.GC()
		runtime.ReadMemStats(&before)
		g, err := Load(bytes.NewReader(buf.Bytes()))
		if err != nil {
			b.Fatal(err)
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		runtime.KeepAlive(g)
	}
	b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/(1<<20), "MiB-live")
	b.ReportMetric(float64(after.Sys)/(1<<20), "MiB-from-OS")
}
