package catalog

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
	"github.com/opencontainers/go-digest"
)

func TestQueryRefusesWhatItCannotAnswer(t *testing.T) {
	t.Parallel()
	for name, q := range map[string]Query{
		"an unknown order":         {Sort: "colour"},
		"an unknown facet":         {Facets: []string{"colour"}},
		"a page too large":         {Limit: MaxLimit + 1},
		"a negative page":          {Limit: -1},
		"too many values":          {Categories: make([]string, MaxValues+1)},
		"a value too long":         {Builders: []string{strings.Repeat("x", maxText+1)}},
		"a text too long":          {Text: strings.Repeat("x", maxText+1)},
		"a cursor that is none":    {Cursor: "next, please"},
		"a cursor without a place": {Cursor: cursor{}.String()},
	} {
		if _, err := Empty().Query(q, nil); !errors.Is(err, artifact.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestCursorContinuesItsOwnQuestionOnly_C4(t *testing.T) {
	t.Parallel()
	s := Empty().With([]Plugin{one("acme/hello"), one("acme/other"), one("acme/third")}, nil)
	first, err := s.Query(Query{Limit: 1, Generation: 3}, nil)
	if err != nil || first.NextCursor == "" {
		t.Fatalf("%+v, %v", first, err)
	}
	if _, err := s.Query(Query{Limit: 1, Text: "one", Cursor: first.NextCursor}, nil); !errors.Is(err, artifact.ErrInvalid) {
		t.Fatalf("another question: %v", err)
	}
	later := s.With([]Plugin{one("acme/fourth")}, nil)
	if _, err := later.Query(Query{Limit: 1, Cursor: first.NextCursor}, nil); !errors.Is(err, ErrGenerationGone) {
		t.Fatalf("another catalog: %v", err)
	}
	if r, err := s.Query(Query{Limit: 5, Cursor: first.NextCursor}, nil); err != nil || len(r.Items) != 2 {
		t.Fatalf("a larger next page: %+v, %v", r, err)
	}
}

func FuzzCursor(f *testing.F) {
	s := Empty().With([]Plugin{one("acme/hello"), one("acme/other")}, nil)
	r, err := s.Query(Query{Limit: 1, Generation: 3}, nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(r.NextCursor)
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		if c, err := parseCursor(text); err == nil && c.String() != text {
			t.Fatalf("%q is read as %q", text, c)
		}
		_, err := s.Query(Query{Limit: 1, Cursor: text}, nil)
		if err != nil && !errors.Is(err, artifact.ErrInvalid) && !errors.Is(err, ErrGenerationGone) {
			t.Fatal(err)
		}
	})
}

func titled(id, title, description string, keywords ...string) Plugin {
	p := one(id)
	p.Versions[0].Plugin = &artifact.Plugin{Title: title, Description: description, Keywords: keywords}
	return p
}

func found(t *testing.T, s *Snapshot, text string) []string {
	t.Helper()
	r, err := s.Query(Query{Text: text}, nil)
	if err != nil {
		t.Fatal(err)
	}
	out := []string{}
	for _, h := range r.Items {
		out = append(out, h.Plugin.ID.Plugin())
	}
	return out
}

func TestTextSearch_C4(t *testing.T) {
	t.Parallel()
	s := Empty().With([]Plugin{
		titled("acme/kube-view", "View", "shows clusters"),
		titled("acme/viewer", "Viewer", ""),
		titled("acme/lens", "Lens", "a view into clusters", "cluster"),
		titled("acme/radar", "Radar", "", "view"),
		titled("acme/groesse", "Größe messen", "日本語 text"),
		titled("examples/kubectl-tree", "Kubectl Tree", "hierarchy"),
	}, nil)
	for name, c := range map[string]struct {
		text string
		want []string
	}{
		"the exact name comes before a name that begins so, a keyword and a description": {"view", []string{"kube-view", "viewer", "radar", "lens"}},
		"the whole id finds one plugin":             {"acme/lens", []string{"lens"}},
		"every word must be there":                  {"clusters view", []string{"kube-view", "lens"}},
		"the last word may be still being typed":    {"kubectl hier", []string{"kubectl-tree"}},
		"a word before the last may not":            {"kube hierarchy", []string{}},
		"a letter left out is forgiven":             {"kubctl tree", []string{"kubectl-tree"}},
		"two letters swapped are forgiven":          {"kubetcl", []string{"kubectl-tree"}},
		"two typos are forgiven in a long word":     {"heirachy", []string{"kubectl-tree"}},
		"no typo is forgiven in a short word":       {"lns", []string{}},
		"accents and case do not matter":            {"GROSSE", []string{"groesse"}},
		"text without spaces is found by its signs": {"本", []string{"groesse"}},
		"text without words finds nothing":          {"!?", []string{}},
	} {
		if d := cmp.Diff(c.want, found(t, s, c.text)); d != "" {
			t.Errorf("%s: %q (- wanted, + found):\n%s", name, c.text, d)
		}
	}
}

func TestChannelIsExactlyWhatItPointsTo_D1(t *testing.T) {
	t.Parallel()
	p := one("acme/hello")
	p.Versions = append(p.Versions, Version{Version: version("2.0.0-rc.1"), Digest: digestOf("rc"), Plugin: &artifact.Plugin{}})
	p.Channels = map[string]digest.Digest{"beta": digestOf("rc"), "lost": digestOf("nothing")}
	s := Empty().With([]Plugin{p}, nil)
	for _, c := range []struct {
		fit  Fit
		want string
	}{
		{Fit{}, "1.0.0"}, {Fit{Prerelease: true}, "2.0.0-rc.1"}, {Fit{Channel: "beta"}, "2.0.0-rc.1"}, {Fit{Channel: "lost"}, ""}, {Fit{Channel: "none"}, ""},
	} {
		got := ""
		if v, ok := s.Newest(p.ID, c.fit); ok {
			got = v.Version.String()
		}
		if got != c.want {
			t.Errorf("%+v: %q, expected %q", c.fit, got, c.want)
		}
	}
}

func TestWhyNamesEveryReason_C9(t *testing.T) {
	t.Parallel()
	p := one("acme/hello")
	p.Versions[0].Plugin.Engines = map[artifact.HostID]artifact.Range{host("acme-editor"): rangeOf(">=2 <3")}
	p.Versions[0].Builds = []artifact.Build{{Platform: platformOf("linux/amd64"), Digest: digestOf(1)}}
	p.Versions = append(p.Versions,
		Version{Version: version("1.1.0"), Digest: digestOf(2), Plugin: p.Versions[0].Plugin, Builds: p.Versions[0].Builds},
		Version{Version: version("2.0.0-rc.1"), Digest: digestOf(3), Plugin: &artifact.Plugin{}, Pending: []index.Reason{{Code: index.ReasonUnsigned, Detail: "no signature"}}})
	p.Broken = []Broken{{Tag: "3.0.0", Digest: digestOf(4), Reasons: []index.Reason{{Code: index.ReasonMalformed, Detail: "no version"}}}}
	s := Empty().With([]Plugin{p}, nil)
	codes := func(f Fit) string {
		all, err := s.Why(p.ID, f)
		if err != nil {
			t.Fatal(err)
		}
		var lines []string
		for _, w := range all {
			line := w.Version
			if w.Included {
				line += " included"
			}
			for _, r := range w.Reasons {
				line += " " + r.Code
			}
			lines = append(lines, line)
		}
		return strings.Join(lines, "\n")
	}
	good := Fit{Host: host("acme-editor"), HostVersion: hostVersion("2.1"), Platform: platformOf("linux/amd64")}
	if d := cmp.Diff("2.0.0-rc.1 unsigned host_not_named prerelease_not_asked\n1.1.0 included\n1.0.0 older_than_chosen\n3.0.0 malformed", codes(good)); d != "" {
		t.Error(d)
	}
	bad := Fit{Host: host("acme-editor"), HostVersion: hostVersion("3"), Platform: platformOf("darwin/arm64"), Channel: "beta"}
	if d := cmp.Diff("2.0.0-rc.1 unsigned host_not_named not_in_channel\n1.1.0 host_incompatible platform_unsupported not_in_channel\n1.0.0 host_incompatible platform_unsupported not_in_channel\n3.0.0 malformed", codes(bad)); d != "" {
		t.Error(d)
	}
	if _, err := s.Why(name("acme/unknown"), Fit{}); !errors.Is(err, artifact.ErrNotFound) {
		t.Errorf("unknown plugin: %v", err)
	}
}
