package signed

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index/catalog"
)

// krewEnv names a file of the krew set: JSON lines, gzipped, one version each.
const krewEnv = "KREW_SET"

// krewSet is a catalog like the one that the krew set gives.
func krewSet(b *testing.B) *catalog.Snapshot {
	path := os.Getenv(krewEnv)
	if path == "" {
		b.Skip(krewEnv + " is not set")
	}
	f := must(os.Open(path))
	defer f.Close()
	lines := bufio.NewScanner(must(gzip.NewReader(f)))
	lines.Buffer(nil, 16<<20)
	plugins := map[string]*catalog.Plugin{}
	for lines.Scan() {
		var one struct {
			ID               string            `json:"id"`
			Version          string            `json:"version"`
			ShortDescription string            `json:"shortDescription"`
			Description      string            `json:"description"`
			Homepage         string            `json:"homepage"`
			Platforms        []json.RawMessage `json:"platforms"`
		}
		if err := json.Unmarshal(lines.Bytes(), &one); err != nil {
			b.Fatal(err)
		}
		id, err := artifact.ParseName("krew/" + one.ID)
		v, bad := artifact.ParseVersion(strings.TrimPrefix(one.Version, "v"))
		if err != nil || bad != nil {
			continue
		}
		p := plugins[one.ID]
		if p == nil {
			p = &catalog.Plugin{ID: id}
			plugins[one.ID] = p
		}
		version := catalog.Version{Version: v, Digest: digest.FromString(one.ID + one.Version), MediaType: ocispec.MediaTypeImageIndex, ArtifactType: artifact.TypePlugin,
			Plugin: &artifact.Plugin{ID: id, Version: v, Title: one.ID, Description: one.ShortDescription + " " + one.Description, Homepage: one.Homepage, License: "Apache-2.0"}}
		for n := range one.Platforms {
			version.Builds = append(version.Builds, artifact.Build{Platform: must(artifact.ParsePlatform([]string{"linux/amd64", "linux/arm64", "darwin/amd64", "darwin/arm64", "windows/amd64"}[n%5])),
				Digest: digest.FromString(fmt.Sprint(one.ID, one.Version, n))})
		}
		p.Versions = append(p.Versions, version)
	}
	all := make([]catalog.Plugin, 0, len(plugins))
	for _, p := range plugins {
		all = append(all, *p)
	}
	return catalog.Empty().With(all, nil)
}

// BenchmarkPublish is what a generation costs: the first one, and one in which
// one plugin changed. Bytes are what was written.
func BenchmarkPublish(b *testing.B) {
	for name, set := range map[string]func(*testing.B) *catalog.Snapshot{
		"krew":     krewSet,
		"1000x10":  func(*testing.B) *catalog.Snapshot { return snapshotOf(1000, 10) },
		"10000x10": func(*testing.B) *catalog.Snapshot { return snapshotOf(10000, 10) },
	} {
		b.Run(name, func(b *testing.B) {
			whole := set(b)
			b.Logf("%d plugins, %d versions", whole.Len(), whole.Versions())
			b.Run("first", func(b *testing.B) {
				for b.Loop() {
					b.StopTimer()
					s := newSite(b)
					must(s.live.Swap(whole))
					b.StartTimer()
					b.ReportMetric(float64(s.publish(nil).Uploaded), "bytes")
				}
			})
			b.Run("one-changed", func(b *testing.B) {
				s := newSite(b)
				s.publish(whole)
				step := 0
				for b.Loop() {
					b.StopTimer()
					step++
					next := whole.With([]catalog.Plugin{pluginNamed("acme-3/plugin-3", 11, step)}, nil)
					must(s.live.Swap(next))
					b.StartTimer()
					b.ReportMetric(float64(s.publish(nil).Uploaded), "bytes")
				}
			})
			b.Run("open", func(b *testing.B) {
				s := newSite(b)
				s.publish(whole)
				state := b.TempDir()
				b.ReportMetric(float64(must(s.reader(s.pin(), state)).Status().Fetched), "bytes")
				for b.Loop() {
					must(s.reader(s.pin(), state))
				}
			})
			b.Run("refresh-one-changed", func(b *testing.B) {
				s := newSite(b)
				s.publish(whole)
				c := must(s.reader(s.pin(), b.TempDir()))
				step := 0
				for b.Loop() {
					b.StopTimer()
					step++
					must(s.live.Swap(whole.With([]catalog.Plugin{pluginNamed("acme-3/plugin-3", 11, step)}, nil)))
					s.publish(nil)
					b.StartTimer()
					must(0, c.Refresh(b.Context()))
					b.ReportMetric(float64(c.Status().Fetched), "bytes")
				}
			})
		})
	}
}
