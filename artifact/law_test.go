package artifact_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/oarlock/oarlock/artifact"
	"pgregory.net/rapid"
)

const (
	segment    = `[a-z](-?[a-z0-9]){1,20}`
	identifier = `(0|[1-9][0-9]{0,18}|[0-9]{0,3}[A-Za-z-][0-9A-Za-z-]{0,6})`
)

func names() *rapid.Generator[artifact.Name] {
	return rapid.Custom(func(t *rapid.T) artifact.Name {
		n, err := artifact.ParseName(rapid.StringMatching(segment+"/"+segment).Draw(t, "name"))
		if err != nil {
			t.Fatal(err)
		}
		return n
	})
}

func versions() *rapid.Generator[artifact.Version] {
	number := rapid.OneOf(rapid.Uint64Range(0, 3), rapid.Uint64())
	return rapid.Custom(func(t *rapid.T) artifact.Version {
		s := fmt.Sprintf("%d.%d.%d", number.Draw(t, "major"), number.Draw(t, "minor"), number.Draw(t, "patch"))
		s += rapid.StringMatching(`(-`+identifier+`(\.`+identifier+`)?)?(\+[0-9a-z]{1,3})?`).Draw(t, "rest")
		v, err := artifact.ParseVersion(s)
		if err != nil {
			t.Fatal(err)
		}
		return v
	})
}

func ranges() *rapid.Generator[artifact.Range] {
	return rapid.Custom(func(t *rapid.T) artifact.Range {
		r, err := artifact.ParseRange(rapid.StringMatching(`(\^|~|>=|<)?[0-9]{1,2}(\.[0-9])?( \|\| [<>]=?[0-9])?`).Draw(t, "range"))
		if err != nil {
			t.Fatal(err)
		}
		return r
	})
}

func words() *rapid.Generator[[]string] {
	word := rapid.StringMatching(`[^\s,]([^,\n\r]{0,8}[^\s,])?`).Filter(func(s string) bool { return strings.TrimSpace(s) == s && len(s) <= artifact.MaxListItem })
	return rapid.SliceOfNDistinct(word, 0, 4, rapid.ID[string])
}

func plugins() *rapid.Generator[*artifact.Plugin] {
	return rapid.Custom(func(t *rapid.T) *artifact.Plugin {
		text := rapid.StringN(0, 20, 100)
		p := &artifact.Plugin{
			ID: names().Draw(t, "id"), Version: versions().Draw(t, "version"),
			Title: text.Draw(t, "title"), Description: text.Draw(t, "description"), License: text.Draw(t, "license"),
			Vendor: text.Draw(t, "vendor"), Revision: text.Draw(t, "revision"), Tier: rapid.StringN(0, 10, 60).Draw(t, "tier"),
			Homepage:   rapid.StringMatching(`(https://[a-z]{1,8}/[a-z?=]{0,8})?`).Draw(t, "homepage"),
			Categories: words().Draw(t, "categories"), Keywords: words().Draw(t, "keywords"), Niches: words().Draw(t, "niches"),
			Engines: map[artifact.HostID]artifact.Range{},
		}
		if rapid.Bool().Draw(t, "has created") {
			created := time.Unix(rapid.Int64Range(0, 4e9).Draw(t, "created"), 0).UTC()
			p.Created = &created
		}
		for _, name := range words().Draw(t, "permissions") {
			p.Permissions = append(p.Permissions, artifact.Permission{Name: name})
		}
		for range rapid.IntRange(0, 3).Draw(t, "hosts") {
			id, err := artifact.ParseHostID(rapid.StringMatching(`[a-z0-9]{1,5}([-._][a-z0-9]{1,5})?`).Draw(t, "host"))
			if err != nil {
				t.Fatal(err)
			}
			p.Engines[id] = ranges().Draw(t, "host range")
		}
		for _, id := range rapid.SliceOfNDistinct(names(), 0, 3, rapid.ID[artifact.Name]).Draw(t, "dependencies") {
			if id != p.ID {
				p.Dependencies = append(p.Dependencies, artifact.Dependency{ID: id, Range: ranges().Draw(t, "range")})
			}
		}
		if problems := p.Check(); len(problems) > 0 {
			t.Fatalf("the generator made a plugin with %v", problems)
		}
		return p
	})
}

// same compares what two plugins say, whatever the order of sets.
func same(t *rapid.T, a, b *artifact.Plugin) string {
	plain := func(p *artifact.Plugin) any {
		q := *p
		q.Dependencies = slices.Clone(p.Dependencies)
		slices.SortFunc(q.Dependencies, func(a, b artifact.Dependency) int { return a.ID.Compare(b.ID) })
		raw, err := json.Marshal(q)
		if err != nil {
			t.Fatal(err)
		}
		var out any
		if err := json.Unmarshal(raw, &out); err != nil {
			t.Fatal(err)
		}
		return out
	}
	return cmp.Diff(plain(a), plain(b))
}

func TestAnnotationsSayWhatTheManifestSays_A1(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := plugins().Draw(t, "plugin")
		back, err := artifact.FromAnnotations(p.Annotations())
		if err != nil {
			t.Fatal(err)
		}
		if diff := same(t, p, back); diff != "" {
			t.Errorf("through annotations (-before +after):\n%s", diff)
		}
		if d := artifact.Disagreements(p, p.Annotations()); len(d) > 0 {
			t.Errorf("it disagrees with itself: %v", d)
		}
	})
}

func TestThePluginManifestSurvivesItsJSON_A2(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := plugins().Draw(t, "plugin")
		raw, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		back, err := artifact.ParsePlugin(raw)
		if err != nil {
			t.Fatalf("%s: %v", raw, err)
		}
		if diff := same(t, p, back); diff != "" {
			t.Errorf("through JSON (-before +after):\n%s", diff)
		}
	})
}

func TestAChangedAnnotationIsADisagreement_A1(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := plugins().Draw(t, "plugin")
		a := p.Annotations()
		keys := slices.Sorted(func(yield func(string) bool) {
			for k := range a {
				if !yield(k) {
					return
				}
			}
		})
		key := rapid.SampledFrom(keys).Draw(t, "key")
		a[key] += "x"
		d := artifact.Disagreements(p, a)
		if len(d) != 1 || d[0].Place != key || d[0].Fix == "" {
			t.Errorf("%s changed: %v, expected one problem there with its mend", key, d)
		}
	})
}

func TestVersionTagsRoundTrip_B2(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		v := versions().Draw(t, "version")
		tag, err := artifact.ParseTag(v.Tag())
		if err != nil || tag.Kind() != artifact.TagVersion || tag.Version().String() != v.String() {
			t.Errorf("%s became the tag %s, which is %v, %v", v, v.Tag(), tag, err)
		}
		raw, _ := v.MarshalText()
		var back artifact.Version
		if err := back.UnmarshalText(raw); err != nil || back.Compare(v) != 0 {
			t.Errorf("%s came back as %s, %v", v, back, err)
		}
	})
}

// The order decides what "newest" means, so it must be one order everywhere.
func TestVersionsHaveATotalOrder_D1(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := versions().Draw(t, "a"), versions().Draw(t, "b"), versions().Draw(t, "c")
		if a.Compare(b) != -b.Compare(a) {
			t.Errorf("%s and %s: %d one way, %d the other", a, b, a.Compare(b), b.Compare(a))
		}
		if (a.Compare(b) == 0) != (a.String() == b.String()) {
			t.Errorf("%s and %s compare %d", a, b, a.Compare(b))
		}
		if a.Compare(b) <= 0 && b.Compare(c) <= 0 && a.Compare(c) > 0 {
			t.Errorf("%s ≤ %s ≤ %s, but not %s ≤ %s", a, b, c, a, c)
		}
	})
}

func TestVersionPrecedence_D1(t *testing.T) {
	t.Parallel()
	// The example of SemVer 2.0.0 §11, and what its rules say beyond.
	rising := []string{"0.9.0", "1.0.0-1", "1.0.0-9", "1.0.0-10", "1.0.0-18446744073709551615",
		"1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta", "1.0.0-beta.2", "1.0.0-beta.11",
		"1.0.0-rc.1", "1.0.0", "1.0.0+1", "1.0.0+2", "1.0.1-0", "1.0.1", "2.0.0"}
	var parsed []artifact.Version
	for _, s := range rising {
		v, err := artifact.ParseVersion(s)
		if err != nil {
			t.Fatal(err)
		}
		parsed = append(parsed, v)
	}
	for i := range parsed {
		for j := range parsed {
			if got, want := parsed[i].Compare(parsed[j]), cmpInt(i, j); got != want {
				t.Errorf("%s against %s: %d, expected %d", parsed[i], parsed[j], got, want)
			}
		}
		if (artifact.Version{}).Compare(parsed[i]) != -1 {
			t.Errorf("the zero Version does not come before %s", parsed[i])
		}
	}
}

func cmpInt(a, b int) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func TestTheOrderOfPlatformsAndTags(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.StringMatching(`[a-z0-9_.]{1,6}/[a-z0-9_.]{1,6}(/[a-z0-9_.]{1,4})?`).Draw(t, "platform")
		p, err := artifact.ParsePlatform(s)
		if err != nil {
			t.Fatal(err)
		}
		back, err := artifact.PlatformOf(p.OCI())
		if err != nil || back != p {
			t.Errorf("%s came back from OCI as %s, %v", p, back, err)
		}
	})
}
