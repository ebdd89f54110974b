package catalog

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
	"github.com/opencontainers/go-digest"
)

// A world makes plugins like those of a big public catalog: few words are
// common and most are rare, most versions of a plugin say the same.
type world struct {
	r        *rand.Rand
	zipf     *rand.Zipf
	words    []string
	versions int
}

func newWorld(versions, words int) *world {
	r := rand.New(rand.NewPCG(1, 2))
	w := &world{r: r, versions: versions, zipf: rand.NewZipf(r, 1.1, 8, uint64(words-1))}
	syllables := []string{"ka", "ro", "mi", "net", "ti", "sto", "lu", "ber", "con", "pa", "ve", "da", "gra", "qui", "zen", "for", "my", "ex", "ol", "um"}
	seen := map[string]bool{}
	for len(w.words) < words {
		s := ""
		for range 2 + r.IntN(3) {
			s += syllables[r.IntN(len(syllables))]
		}
		if !seen[s] {
			seen[s] = true
			w.words = append(w.words, s)
		}
	}
	return w
}

func (w *world) word() string { return w.words[w.zipf.Uint64()] }

func (w *world) text(n int) string {
	out := make([]string, n)
	for i := range out {
		out[i] = w.word()
	}
	return strings.Join(out, " ")
}

var (
	bigHosts     = []string{"acme-editor", "acme-shell", "acme-build", "acme-chat", "acme-map"}
	bigPlatforms = [][]string{{""}, {"linux/amd64"}, {"linux/amd64", "linux/arm64"}, {"linux/amd64", "linux/arm64", "darwin/arm64", "darwin/amd64", "windows/amd64"}, {"darwin/arm64"}, {"linux/arm/v7", "linux/arm64"}}
	bigRanges    = func() (out []artifact.Range) {
		for major := range 12 {
			out = append(out, rangeOf(fmt.Sprintf("^%d", major)), rangeOf(fmt.Sprintf(">=%d.%d <%d", major, major%4, major+3)),
				rangeOf(fmt.Sprintf("^%d.2 || ^%d", major, major+2)), rangeOf(fmt.Sprintf(">=%d.0.0-0", major)), rangeOf(fmt.Sprintf("~%d.1", major)))
		}
		return out
	}()
)

func (w *world) plugin(n int) Plugin {
	p := Plugin{ID: name(fmt.Sprintf("%s-%d/%s-%d", w.words[n%1000], n%12000, w.word(), n)), State: index.StateActive, Channels: map[string]digest.Digest{}}
	if w.r.IntN(50) == 0 {
		p.State = index.StateDeprecated
	}
	m := artifact.Plugin{ID: p.ID, Title: w.text(2), Description: w.text(14), Keywords: []string{w.word(), w.word(), w.word()},
		Categories: []string{fmt.Sprintf("category-%d", w.r.IntN(40))}, License: []string{"MIT", "Apache-2.0", "BSD-3-Clause", "MPL-2.0"}[w.r.IntN(4)],
		Tier: []string{"", "free", "pro"}[w.r.IntN(3)], Homepage: "https://example.com/" + p.ID.String(), Repository: "https://git.example.com/" + p.ID.String()}
	if w.r.IntN(3) == 0 {
		m.Niches = []string{fmt.Sprintf("niche-%d", w.r.IntN(10))}
		m.Categories = append(m.Categories, fmt.Sprintf("category-%d", w.r.IntN(40)))
	}
	h := w.r.IntN(len(bigHosts))
	base, platforms := w.r.IntN(len(bigRanges)), bigPlatforms[w.r.IntN(len(bigPlatforms))]
	for i := range w.versions {
		v := w.version(p.ID, m, i)
		v.Plugin.Engines = map[artifact.HostID]artifact.Range{host(bigHosts[h]): bigRanges[(base+i/3)%len(bigRanges)], host(bigHosts[(h+1)%5]): bigRanges[(base+i/4)%len(bigRanges)]}
		for _, one := range platforms {
			d := v.Digest
			if len(platforms) > 1 {
				d = digestOf(p.ID, i, one)
			}
			v.Builds = append(v.Builds, artifact.Build{Platform: platformOf(one), Digest: d})
		}
		p.Versions = append(p.Versions, v)
	}
	p.Channels["stable"], p.Channels["beta"] = p.Versions[max(w.versions-2, 0)].Digest, p.Versions[w.versions-1].Digest
	return p
}

func (w *world) version(id artifact.Name, m artifact.Plugin, i int) Version {
	text := fmt.Sprintf("%d.%d.%d", i/4, i%4, w.r.IntN(5))
	if i == w.versions-1 {
		text = fmt.Sprintf("%d.0.0-rc.1", i/4+1)
	}
	at := time.Date(2025, 1, 1, 0, w.r.IntN(700000), 0, 0, time.UTC)
	m.Version, m.Created = version(text), &at
	d := digestOf(id, i)
	return Version{Version: m.Version, Digest: d, Config: digestOf(id, i, "config"), MediaType: "application/vnd.oci.image.manifest.v1+json", ArtifactType: artifact.TypePlugin,
		Size: int64(w.r.IntN(1 << 24)), Plugin: &m, PublishedAt: at.Add(time.Hour), Signature: index.Signature{Status: index.SignatureVerified, Signer: "release key", Format: "cosign-tag"}}
}

func (w *world) snapshot(plugins int) *Snapshot {
	s := Empty()
	for from := 0; from < plugins; from += 2000 {
		var batch []Plugin
		for n := from; n < min(from+2000, plugins); n++ {
			batch = append(batch, w.plugin(n))
		}
		s = s.With(batch, nil)
	}
	return s
}

var (
	krewLike = sync.OnceValue(func() *Snapshot { return newWorld(12, 4000).snapshot(412) })
	bigWorld = sync.OnceValue(func() *Snapshot { return newWorld(10, 60000).snapshot(100000) })
)

// timed runs do b.N times and reports the slowest hundredth, by the clock and
// by the processor time that it took, which other work on the machine does not
// change.
func timed(b *testing.B, do func(i int)) {
	b.Helper()
	b.ReportAllocs()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	took, busy := make([]time.Duration, 0, b.N), make([]time.Duration, 0, b.N)
	for i := 0; b.Loop(); i++ {
		start, used := time.Now(), processorTime()
		do(i)
		took, busy = append(took, time.Since(start)), append(busy, processorTime()-used)
	}
	slices.Sort(took)
	slices.Sort(busy)
	report := func(name string, d time.Duration) { b.ReportMetric(float64(d.Microseconds()), name) }
	report("p99-µs", took[len(took)*99/100])
	report("p50-µs", took[len(took)/2])
	report("p99-cpu-µs", busy[len(busy)*99/100])
	report("p50-cpu-µs", busy[len(busy)/2])
}
