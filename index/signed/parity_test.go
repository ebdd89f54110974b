package signed

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/api"
	"github.com/oarlock/oarlock/index/catalog"
	"github.com/oarlock/oarlock/index/client"
)

// manifold is a catalog with something of every kind.
func manifold() *catalog.Snapshot {
	old := pluginNamed("acme/old", 2, 0)
	old.State = index.StateDeprecated
	gone := pluginNamed("acme/gone", 1, 0)
	gone.State = index.StateRemoved
	waits := pluginNamed("acme/waits", 2, 0)
	waits.Versions[1].Pending = []index.Reason{{Code: index.ReasonUnsigned, Detail: "there is no signature"}}
	broken := pluginNamed("examples/broken", 1, 0)
	broken.Broken = []catalog.Broken{{Tag: "9.9.9", Digest: digest.FromString("9"), Reasons: []index.Reason{{Code: index.ReasonMalformed, Detail: "no manifest"}}}}
	needs := pluginNamed("examples/needs", 1, 0)
	needs.Versions[0].Plugin.Dependencies = []artifact.Dependency{{ID: must(artifact.ParseName("acme/old")), Range: must(artifact.ParseRange("^1"))}}
	cannot := pluginNamed("examples/cannot", 1, 0)
	cannot.Versions[0].Plugin.Dependencies = []artifact.Dependency{{ID: must(artifact.ParseName("acme/old")), Range: must(artifact.ParseRange("^7"))}}
	whole := snapshotOf(60, 3).With([]catalog.Plugin{old, gone, waits, broken, needs, cannot}, nil)
	var came []catalog.Plugin // when each was made: what the site alone knows, and what is signed, are the same then
	for p := range whole.Plugins {
		for i := range p.Versions {
			p.Versions[i].PublishedAt = *p.Versions[i].Plugin.Created
		}
		came = append(came, *p)
	}
	return whole.With(came, nil)
}

// signedWords are an answer without what is not signed: when versions came to
// the site.
func signedWords(answer string) string {
	return regexp.MustCompile(`(?m)^ *"published_at": .*\n`).ReplaceAllString(answer, "")
}

// C7: a question has one answer, whoever is asked: the HTTP API, or the signed
// catalog with no index service.
func TestBothCatalogsAnswerTheSame_C7(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.publish(manifold())
	server := httptest.NewServer(api.New(api.Options{Live: s.live, Ready: func() error { return nil }, Visibility: api.EverythingUnsafe,
		PublicURL: "http://" + s.registry.Host, Log: slog.New(slog.NewTextHandler(t.Output(), nil))}))
	t.Cleanup(server.Close)
	online := must(client.New(server.URL, client.Options{}))
	offline, err := s.reader(s.pin(), "")
	if err != nil {
		t.Fatal(err)
	}
	for name, ask := range questions(t) {
		t.Run(name, func(t *testing.T) {
			want, wantErr := ask(online)
			got, err := ask(offline)
			if d := cmp.Diff(code(wantErr), code(err)); d != "" {
				t.Fatalf("errors (- HTTP, + signed): %v, %v\n%s", wantErr, err, d)
			}
			if wantErr != nil {
				return
			}
			if d := cmp.Diff(signedWords(asJSON(t, want)), asJSON(t, got)); d != "" {
				t.Errorf("answers (- HTTP, + signed):\n%s", d)
			}
		})
	}
}

// code is what a program sees of a refusal.
func code(err error) string {
	var p *index.Problem
	if errors.As(err, &p) {
		return strings.Join([]string{p.Code, p.Title, p.Explanation, fmt.Sprint(p.Hints)}, "|")
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

func questions(t *testing.T) map[string]func(client.Catalog) (any, error) {
	ctx := t.Context()
	search := func(q index.Query) func(client.Catalog) (any, error) {
		return func(c client.Catalog) (any, error) { return c.Search(ctx, q) }
	}
	show := func(id string, q index.Query) func(client.Catalog) (any, error) {
		return func(c client.Catalog) (any, error) { return c.Show(ctx, must(artifact.ParseName(id)), q) }
	}
	why := func(id string, q index.Query) func(client.Catalog) (any, error) {
		return func(c client.Catalog) (any, error) { return c.Why(ctx, must(artifact.ParseName(id)), q) }
	}
	version := func(id, v string) func(client.Catalog) (any, error) {
		return func(c client.Catalog) (any, error) {
			return c.Version(ctx, must(artifact.ParseName(id)), must(artifact.ParseVersion(v)))
		}
	}
	resolve := func(r index.ResolveRequest) func(client.Catalog) (any, error) {
		return func(c client.Catalog) (any, error) { return c.Resolve(ctx, r) }
	}
	editor := index.Query{Host: "acme-editor", HostVersion: "2"}
	return map[string]func(client.Catalog) (any, error){
		"everything":                  search(index.Query{}),
		"words":                       search(index.Query{Text: "plugin-7", Facets: []string{"publisher", "license"}}),
		"a host":                      search(editor),
		"a host that none fits":       search(index.Query{Host: "acme-editor", HostVersion: "9"}),
		"filters":                     search(index.Query{Publisher: "acme-1, acme-2", License: "Apache-2.0", Verified: "true", Sort: "updated", Limit: 3}),
		"what was updated last":       search(index.Query{Sort: "updated", Limit: 7}),
		"a state":                     search(index.Query{State: "deprecated"}),
		"a channel":                   search(index.Query{Channel: "stable"}),
		"more than a page":            search(index.Query{Limit: 9999}),
		"the second page":             func(c client.Catalog) (any, error) { return secondPage(t, c) },
		"an unknown state":            search(index.Query{State: "gone"}),
		"an unknown order":            search(index.Query{Sort: "size"}),
		"an unknown facet":            search(index.Query{Facets: []string{"size"}}),
		"a cursor of nothing":         search(index.Query{Cursor: "x"}),
		"verified that is no bool":    search(index.Query{Verified: "perhaps"}),
		"a host version without host": search(index.Query{HostVersion: "2"}),
		"a host version that is none": search(index.Query{Host: "acme-editor", HostVersion: "two"}),
		"a platform that is none":     search(index.Query{Platform: "x"}),
		"a generation to come":        search(index.Query{Generation: 99}),
		"a plugin":                    show("acme/old", index.Query{}),
		"a plugin for a host":         show("acme/old", editor),
		"a plugin that was removed":   show("acme/gone", index.Query{}),
		"a plugin that fits nobody":   show("acme/old", index.Query{Host: "other"}),
		"a plugin that is not there":  show("acme/nobody", index.Query{}),
		"why":                         why("acme/waits", editor),
		"why, with a broken tag":      why("examples/broken", index.Query{}),
		"why of nothing":              why("acme/nobody", index.Query{}),
		"a version":                   version("acme/waits", "1.1.0"),
		"a version that is not there": version("acme/waits", "7.0.0"),
		"a closure":                   resolve(index.ResolveRequest{Plugins: []index.Want{{ID: "examples/needs"}}}),
		"a closure for a host":        resolve(index.ResolveRequest{Host: index.HostQuery{ID: "acme-editor", Version: "2"}, Platform: "linux/amd64", Plugins: []index.Want{{ID: "examples/needs", Range: "^1"}}}),
		"a closure that cannot be":    resolve(index.ResolveRequest{Plugins: []index.Want{{ID: "examples/cannot"}}}),
		"a closure of nothing":        resolve(index.ResolveRequest{Plugins: []index.Want{}}),
		"a range that is none":        resolve(index.ResolveRequest{Plugins: []index.Want{{ID: "acme/old", Range: "%"}}}),
	}
}

func secondPage(t *testing.T, c client.Catalog) (any, error) {
	first, err := c.Search(t.Context(), index.Query{Limit: 7})
	if err != nil {
		return nil, err
	}
	return c.Search(t.Context(), index.Query{Limit: 7, Cursor: first.NextCursor})
}
