package catalog

import (
	"fmt"
	"time"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
	"github.com/opencontainers/go-digest"
	"pgregory.net/rapid"
)

// must unwraps a parsed value that the test wrote itself.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func name(s string) artifact.Name               { return must(artifact.ParseName(s)) }
func version(s string) artifact.Version         { return must(artifact.ParseVersion(s)) }
func rangeOf(s string) artifact.Range           { return must(artifact.ParseRange(s)) }
func host(s string) artifact.HostID             { return must(artifact.ParseHostID(s)) }
func hostVersion(s string) artifact.HostVersion { return must(artifact.ParseHostVersion(s)) }
func digestOf(parts ...any) digest.Digest       { return digest.FromString(fmt.Sprint(parts...)) }
func pick[T any](t *rapid.T, from ...T) T       { return rapid.SampledFrom(from).Draw(t, "pick") }
func some(t *rapid.T, from ...string) []string {
	return rapid.SliceOfNDistinct(rapid.SampledFrom(from), 0, 2, rapid.ID).Draw(t, "some")
}
func platformOf(s string) (p artifact.Platform) { must(p, p.UnmarshalText([]byte(s))); return p }
func likely(t *rapid.T, of int) bool            { return rapid.IntRange(0, of).Draw(t, "likely") > 0 }
func maybe[T any](t *rapid.T, from ...T) (none T) {
	if rapid.Bool().Draw(t, "maybe") {
		return none
	}
	return pick(t, from...)
}

// The small world that random plugins and questions are drawn from, so that
// they meet often.
var (
	worldNames      = []string{"acme/hello", "acme/hello-world", "acme/kube-view", "examples/hello", "examples/view", "oak-lab/kubectl", "oak-lab/lens", "acme/lens2"}
	worldVersions   = []string{"0.1.0", "1.0.0-beta.1", "1.0.0", "1.2.0", "1.2.0+build.5", "2.0.0-rc.1", "2.0.0"}
	worldHosts      = []string{"acme-editor", "shell"}
	worldHostAt     = []string{"1", "1.4.2", "2.0.0-rc.1", "2.0.0", "v3.1", "3.0.0-0"}
	worldRanges     = []string{">=1 <3", "^2", "^1.4 || ^3", ">=2.0.0-0", "*", "~1.4", "1 - 2"}
	worldPlatforms  = []string{"", "linux/amd64", "linux/arm64", "linux/arm/v6", "linux/arm/v7", "linux/arm", "darwin/arm64"}
	worldChannels   = []string{"stable", "beta"}
	worldCategories = []string{"networking", "Networking", "storage", "ui", "UI"}
	worldLicenses   = []string{"MIT", "mit", "Apache-2.0", "MIT OR Apache-2.0", "(BSD-3-Clause and MIT) OR Zlib", "LicenseRef-own terms"}
	worldNiches     = []string{"health", "finance"}
	worldBuilders   = []string{"https://ci.example.org", "https://other.example.org"}
	worldTiers      = []string{"free", "pro"}
	worldWords      = []string{"Hello", "World", "Kubernetes", "cluster view", "Größe", "日本", "kubectl", "lens", "lenses", "networking", "C++ tools", "C#", "텍스트 편집기", "ภาษาไทย"}
	worldStates     = []index.PluginState{index.StateActive, index.StateActive, index.StateActive, index.StateDeprecated, index.StateSuspended, index.StateRemoved}
)

func drawVersion(t *rapid.T, id artifact.Name, v string) Version {
	at := time.Date(2026, 1, rapid.IntRange(1, 9).Draw(t, "day"), 0, 0, 0, 0, time.UTC)
	m := &artifact.Plugin{ID: id, Version: version(v), Title: maybe(t, worldWords...), Description: maybe(t, worldWords...),
		Keywords: some(t, worldWords...), Categories: some(t, worldCategories...), Niches: some(t, worldNiches...),
		License: maybe(t, worldLicenses...), Tier: maybe(t, worldTiers...), Engines: map[artifact.HostID]artifact.Range{}}
	if likely(t, 3) {
		m.Created = &at
	}
	for _, h := range some(t, worldHosts...) {
		m.Engines[host(h)] = rangeOf(pick(t, worldRanges...))
	}
	out := Version{Version: m.Version, Digest: digestOf(id, v), Plugin: m, Size: 100,
		MediaType: "application/vnd.oci.image.manifest.v1+json", ArtifactType: artifact.TypePlugin,
		Signature: index.Signature{Status: pick(t, index.SignatureVerified, index.SignatureUnsigned)}}
	if likely(t, 3) {
		out.PublishedAt = time.Date(2027, 1, rapid.IntRange(1, 9).Draw(t, "published"), 0, 0, 0, 0, time.UTC)
	}
	for _, p := range some(t, worldPlatforms...) {
		out.Builds = append(out.Builds, artifact.Build{Platform: platformOf(p), Digest: digestOf(id, v, p)})
	}
	for _, kind := range some(t, "sbom", "provenance") {
		a := index.Attestation{PredicateType: "https://example.org/" + kind, Kind: kind, Digest: digestOf(id, v, kind), Verified: likely(t, 3)}
		if kind == "provenance" {
			a.Builder = maybe(t, worldBuilders...)
		}
		out.Attestations = append(out.Attestations, a)
	}
	if !likely(t, 5) {
		out.Pending = []index.Reason{{Code: index.ReasonUnsigned, Detail: "no signature"}}
	}
	if !likely(t, 5) {
		out.Yanked = &index.Yanked{At: at, Reason: "broken", By: maybe(t, "person:ada")}
	}
	if !likely(t, 9) {
		out.Plugin = nil
	}
	return out
}

func drawPlugin(t *rapid.T) Plugin {
	p := Plugin{ID: name(pick(t, worldNames...)), State: pick(t, worldStates...), Channels: map[string]digest.Digest{}}
	versions := rapid.SliceOfNDistinct(rapid.SampledFrom(worldVersions), 0, 4, rapid.ID).Draw(t, "versions")
	for _, v := range versions {
		p.Versions = append(p.Versions, drawVersion(t, p.ID, v))
	}
	for _, c := range some(t, worldChannels...) {
		p.Channels[c] = digestOf(p.ID, pick(t, worldVersions...))
	}
	if p.State != index.StateActive && p.State != "" {
		at := time.Date(2026, 2, rapid.IntRange(1, 9).Draw(t, "since"), 0, 0, 0, 0, time.UTC)
		p.Moves = []index.Move{{State: p.State, At: at, By: "person:ada", Reason: "broken", Text: maybe(t, "it deletes files"), Replacement: maybe(t, append([]string{"acme/next"}, worldNames...)...), Guide: maybe(t, "https://acme.example/next"), Existing: maybe(t, "keep")}}
		if likely(t, 2) {
			p.Moves[0].EndOfLife, p.Moves[0].Until = &at, &at
		}
	}
	p.Source = index.SourceBadge{Name: maybe(t, "upstream"), Badge: maybe(t, "private")}
	if !likely(t, 3) {
		p.Broken = []Broken{{Tag: "3.0.0", Digest: digestOf("broken"), Reasons: []index.Reason{{Code: index.ReasonMalformed, Detail: "no version"}}}}
	}
	return p
}

func drawFit(t *rapid.T) Fit {
	f := Fit{Platform: platformOf(maybe(t, worldPlatforms...)), Channel: "", Prerelease: rapid.Bool().Draw(t, "prerelease")}
	if !likely(t, 3) {
		f.Channel = pick(t, "stable", "beta", "nightly")
	}
	if rapid.Bool().Draw(t, "host") {
		f.Host = host(pick(t, "acme-editor", "shell", "nobody"))
		if likely(t, 2) {
			f.HostVersion = hostVersion(pick(t, worldHostAt...))
		}
	}
	if !likely(t, 3) {
		f.Age = &Age{Least: time.Duration(rapid.IntRange(1, 9).Draw(t, "age")) * time.Hour, Now: worldNoon.Add(5 * time.Hour), Ages: worldAges[rapid.IntRange(0, 2).Draw(t, "exempt")]}
	}
	return f
}

func drawQuery(t *rapid.T) Query {
	q := Query{Fit: drawFit(t), Limit: rapid.IntRange(1, 4).Draw(t, "limit"), Generation: 7, Facets: pick(t, AllFacets, []string{FacetCategory, FacetVerified}, nil),
		Sort: pick(t, "", SortRelevance, SortName, SortUpdated, SortDownloads, SortRating)}
	if rapid.Bool().Draw(t, "text") {
		q.Text = pick(t, "hello", "hel", "helo", "kubectl", "kubernets", "kubrenetse", "view cluster", "acme/hello", "world hello", "grosse", "日", "!!", "acme", "lens 2", "zzz", "C++", "c", "kubectx", "lenses", "편집", "ไทย", "집 hello")
	}
	q.Categories, q.Licenses, q.Niches = filterOf(t, worldCategories), filterOf(t, worldLicenses), filterOf(t, worldNiches)
	q.Tiers, q.Publishers, q.States = filterOf(t, worldTiers), filterOf(t, []string{"acme", "oak-lab"}), filterOf(t, []string{"active", "deprecated", "suspended"})
	q.Has, q.Builders = filterOf(t, []string{"sbom", "provenance", "https://example.org/sbom"}), filterOf(t, worldBuilders)
	if !likely(t, 4) {
		yes := rapid.Bool().Draw(t, "verified")
		q.Verified = &yes
	}
	q.Signatures = filterOf(t, []string{"verified", "Unsigned"})
	if !likely(t, 6) {
		yes := rapid.Bool().Draw(t, "publisher verified")
		q.PublisherVerified = &yes
	}
	if !likely(t, 6) {
		q.Source = pick(t, "upstream", "Private", "registry", "nowhere")
	}
	return q
}

func filterOf(t *rapid.T, from []string) []string {
	if likely(t, 4) {
		return nil
	}
	return some(t, append([]string{"unheard-of"}, from...)...)
}

// numbers are site-local facts for sorting.
type numbers struct{}

func (numbers) Downloads(id artifact.Name) int64 { return int64(len(id.Plugin())) }

func (numbers) Rating(id artifact.Name) (float64, int64) { return float64(len(id.Publisher())) / 2, 3 }
