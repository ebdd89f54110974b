package catalog

import (
	"slices"
	"testing"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
)

// named is a catalog of plugins acme/p0, acme/p1, … with these titles.
func named(t *testing.T, titles ...string) *Snapshot {
	t.Helper()
	var all []Plugin
	for i, title := range titles {
		id, err := artifact.ParseName("acme/p" + string(rune('a'+i)) + "x")
		if err != nil {
			t.Fatal(err)
		}
		v, err := artifact.ParseVersion("1.0.0")
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, Plugin{ID: id, Versions: []Version{{Version: v, Digest: digestOf(id.String()), Plugin: &artifact.Plugin{ID: id, Version: v, Title: title}}}})
	}
	return Empty().With(all, nil)
}

// Proves C4: text finds what has that name, first.
func TestTextFindsNames_C4(t *testing.T) {
	t.Parallel()
	s := named(t, "C++", "C#", "F#", ".NET", "Config fixer", "Node drain", "Kubectl ctx", "텍스트 편집기를 위한", "เครื่องมือภาษาไทย", "हिन्दी", "Policies", "Dot net files", "Indexes")
	for text, want := range map[string][]string{ // all that is found, in order
		"C++":           {"C++"},
		"c#":            {"C#"},
		"F#":            {"F#"},
		".NET":          {".NET"},
		"nodes":         {"Node drain"},
		"drains node":   {"Node drain"},
		"policy":        {"Policies"},
		"index":         {"Indexes"},
		"kubectx":       {},
		"kubctl":        {"Kubectl ctx"},
		"편집기":           {"텍스트 편집기를 위한"},
		"편집":            {"텍스트 편집기를 위한"},
		"편 텍스트":         {"텍스트 편집기를 위한"},
		"집기":            {"텍스트 편집기를 위한"},
		"편지":            {},
		"ภาษา":          {"เครื่องมือภาษาไทย"},
		"ไทย":           {"เครื่องมือภาษาไทย"},
		"หมา":           {},
		"हिन्दी":        {"हिन्दी"},
		"net dot files": {"Dot net files"},
	} {
		r, err := s.Query(Query{Text: text}, nil)
		if err != nil {
			t.Fatal(err)
		}
		got := []string{}
		for _, h := range r.Items {
			got = append(got, h.Version.Plugin.Title)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q finds %q, expected %q", text, got, want)
		}
	}
	r, err := s.Query(Query{Text: "c"}, nil)
	if err != nil || r.Total != 4 {
		t.Errorf("c finds %d, error %v, expected C++, C#, Config fixer and ctx", r.Total, err)
	}
}

// Proves C4: an expression is the licences of which one is enough.
func TestLicencesAreChoices_C4(t *testing.T) {
	t.Parallel()
	for expression, want := range map[string][]string{
		"MIT":                                  {"MIT"},
		"MIT OR Apache-2.0":                    {"MIT", "Apache-2.0"},
		"(MIT or Apache-2.0) AND BSD-3-Clause": {"BSD-3-Clause AND MIT", "Apache-2.0 AND BSD-3-Clause"},
		"GPL-2.0-only WITH Classpath-exception-2.0": {"GPL-2.0-only WITH Classpath-exception-2.0"},
		"MIT AND MIT":  {"MIT"},
		"MIT OR":       {"MIT OR"},
		"my own terms": {"my own terms"},
		"((((((((((((((((((MIT))))))))))))))))))":    {"((((((((((((((((((MIT))))))))))))))))))"},
		"(a OR b) AND (c OR d) AND (e OR f) AND (g)": {"a AND c AND e AND g", "a AND c AND f AND g", "a AND d AND e AND g", "a AND d AND f AND g", "b AND c AND e AND g", "b AND c AND f AND g", "b AND d AND e AND g", "b AND d AND f AND g"},
		"": nil,
	} {
		if got := licenseChoices(expression); !slices.Equal(got, want) {
			t.Errorf("%q: %q, expected %q", expression, got, want)
		}
	}
}

// Proves C4: filters and facets do not care about case, and licences are looked into.
func TestFiltersDoNotCareAboutCase_C4(t *testing.T) {
	t.Parallel()
	s := named(t, "one", "two", "three")
	var changed []Plugin
	for p := range s.Plugins {
		q := *p
		m := *p.Versions[0].Plugin
		switch m.Title {
		case "one":
			m.License, m.Categories, m.Tier = "MIT OR Apache-2.0", []string{"Tools", "tools"}, "Pro"
		case "two":
			m.License, m.Categories = "mit", []string{"tools"}
			q.Publisher.Verified = true
		case "three":
			m.License, m.Categories = "MIT AND Zlib", []string{"TOOLS"}
		}
		q.Versions = slices.Clone(p.Versions)
		q.Versions[0].Plugin = &m
		q.Versions[0].Signature.Status = index.SignatureUnsigned
		changed = append(changed, q)
	}
	s = s.With(changed, nil)
	yes := true
	for name, row := range map[string]struct {
		q    Query
		want int
	}{
		"a licence":                   {Query{Licenses: []string{"MIT"}}, 2},
		"another case":                {Query{Licenses: []string{"apache-2.0"}}, 1},
		"an expression is its choice": {Query{Licenses: []string{"Zlib AND MIT"}}, 1},
		"a category":                  {Query{Categories: []string{"tOOLs"}}, 3},
		"a publisher":                 {Query{Publishers: []string{"ACME"}}, 3},
		"a tier":                      {Query{Tiers: []string{"pro"}}, 1},
		"a signature":                 {Query{Signatures: []string{"Unsigned"}}, 3},
		"a verified publisher":        {Query{PublisherVerified: &yes}, 1},
	} {
		if r, err := s.Query(row.q, nil); err != nil || r.Total != row.want {
			t.Errorf("%s: %d found, error %v, expected %d", name, r.Total, err, row.want)
		}
	}
	r, err := s.Query(Query{Facets: []string{FacetCategory, FacetLicense}}, nil)
	if err != nil || len(r.Facets[FacetCategory]) != 1 || r.Facets[FacetCategory]["tools"] != 3 {
		t.Errorf("categories: %v, error %v, expected one value in the spelling of most", r.Facets[FacetCategory], err)
	}
	if got := r.Facets[FacetLicense]; got["MIT"]+got["mit"] != 2 || got["Apache-2.0"] != 1 || got["MIT AND Zlib"] != 1 {
		t.Errorf("licences: %v", got)
	}
}

// Proves C4: a plugin of prereleases alone is shown, and says how to get them.
func TestPrereleasesAloneAreShownWithAHint_C4(t *testing.T) {
	t.Parallel()
	id, err := artifact.ParseName("acme/early")
	if err != nil {
		t.Fatal(err)
	}
	v, err := artifact.ParseVersion("1.0.0-rc.1")
	if err != nil {
		t.Fatal(err)
	}
	p := Plugin{ID: id, State: index.StateActive, Versions: []Version{{Version: v, Digest: digestOf("early")}}}
	if _, ok := Empty().With([]Plugin{p}, nil).Newest(id, Fit{}); ok {
		t.Error("a prerelease is chosen unasked")
	}
	shown, ok := p.Shown(Fit{})
	if !ok || shown.Version.Compare(v) != 0 {
		t.Fatalf("shown: %v, %v", shown, ok)
	}
	d := RowEncoder{}.EncodeDetail(Hit{Plugin: &p, Version: shown}, Fit{}, "")
	if len(d.Notices) != 1 || d.Notices[0].Kind != index.ReasonPrerelease {
		t.Errorf("notices: %+v", d.Notices)
	}
	if d.Downloads != nil || d.Rating != nil || d.Reviews != nil || d.SecurityReviewed != nil || d.Source.Badge != "" {
		t.Errorf("facts that nobody counted: %+v", d.Row)
	}
	p.Versions[0].Pending = []index.Reason{{Code: index.ReasonUnsigned}}
	if _, ok := p.Shown(Fit{}); ok {
		t.Error("a pending prerelease is shown")
	}
}
