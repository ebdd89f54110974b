package artifact_test

import (
	"cmp"
	"errors"
	"testing"

	"github.com/oarlock/oarlock/artifact"
)

func TestHostsFitRanges_C2(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		engines, host string
		want          bool
	}{
		"inside":                                 {">=1.4 <3", "2.1.0", true},
		"at the lower end":                       {">=1.4 <3", "1.4", true},
		"at the upper end":                       {">=1.4 <3", "3.0.0", false},
		"in the second alternative":              {"^1 || ^3", "v3.2", true},
		"between two alternatives":               {"^1 || ^3", "2.0.0", false},
		"a prerelease host inside":               {">=1 <3", "2.0.0-rc.1", true},
		"a prerelease host before the lower end": {">=2.0.0", "2.0.0-rc.1", false},
		"a prerelease host of the next major":    {"^1.4", "2.0.0-rc.1", false},
		"a prerelease host just before the end":  {">=1 <2", "2.0.0-rc.1", true},
		"build metadata does not count":          {"=2.0.0", "2.0.0+5", true},
		"anything":                               {"*", "0.0.1-dev", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, err := artifact.FromAnnotations(said(artifact.KeyEngine+"acme", row.engines))
			if err != nil {
				t.Fatal(err)
			}
			host, _ := artifact.ParseHostID("acme")
			version, err := artifact.ParseHostVersion(row.host)
			if err != nil {
				t.Fatal(err)
			}
			if got := p.FitsHost(host, version); got != row.want {
				t.Errorf("%q fits %s: %v, expected %v", row.engines, row.host, got, row.want)
			}
			other, _ := artifact.ParseHostID("other")
			if p.FitsHost(other, version) {
				t.Error("it fits a host that it does not name")
			}
		})
	}
}

func TestPrereleasesAreInARangeOnlyWhenAsked_D1(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		text, version string
		asked, want   bool
	}{
		"a release":                               {"^1.2", "1.3.0", false, true},
		"a prerelease unasked":                    {"^1.2", "1.3.0-rc.1", false, false},
		"a prerelease asked for":                  {"^1.2", "1.3.0-rc.1", true, true},
		"a prerelease that the range names":       {">=1.3.0-rc.1", "1.3.0-rc.2", false, true},
		"a prerelease before what the range says": {">=1.3.0", "1.3.0-rc.1", true, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, err := artifact.ParseRange(row.text)
			if err != nil {
				t.Fatal(err)
			}
			v, err := artifact.ParseVersion(row.version)
			if err != nil {
				t.Fatal(err)
			}
			if got := r.Contains(v, row.asked); got != row.want {
				t.Errorf("%q holds %s, asked %v: %v, expected %v", row.text, row.version, row.asked, got, row.want)
			}
		})
	}
}

func TestMachinesRunWhatWasBuiltForThem_A3(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		machine, built string
		want           bool
	}{
		"the same":                        {"linux/amd64", "linux/amd64", true},
		"another os":                      {"linux/amd64", "darwin/amd64", false},
		"another arch":                    {"linux/amd64", "linux/arm64", false},
		"built for any":                   {"linux/amd64", "", true},
		"a machine that was not asked":    {"", "linux/amd64", true},
		"a lower variant of arm":          {"linux/arm/v7", "linux/arm/v6", true},
		"a higher variant of arm":         {"linux/arm/v6", "linux/arm/v7", false},
		"a higher level of amd64":         {"linux/amd64/v2", "linux/amd64/v3", false},
		"a lower level of amd64":          {"linux/amd64/v3", "linux/amd64/v2", true},
		"the lowest level of amd64":       {"linux/amd64/v4", "linux/amd64/v1", true},
		"plain amd64 is the lowest level": {"linux/amd64", "linux/amd64/v2", false},
		"v1 of amd64 is plain amd64":      {"linux/amd64", "linux/amd64/v1", true},
		"a level that is not known":       {"linux/amd64/v4", "linux/amd64/haswell", false},
		"arm by number, not as text":      {"linux/arm/v10", "linux/arm/v7", true},
		"plain arm is v7":                 {"linux/arm", "linux/arm/v8", false},
		"arm variants without v":          {"linux/arm/7", "linux/arm/v6", true},
		"arm64 by its minor":              {"linux/arm64/v8.10", "linux/arm64/v8.9", true},
		"armv9 has armv8.5":               {"linux/arm64/v9", "linux/arm64/v8.5", true},
		"armv9 lacks armv8.6":             {"linux/arm64/v9", "linux/arm64/v8.6", false},
		"armv8.9 is not armv9":            {"linux/arm64/v8.9", "linux/arm64/v9", false},
		"plain arm64 is v8":               {"linux/arm64", "linux/arm64/v8.2", false},
		"mips without variant takes all":  {"linux/mips", "linux/mips/softfloat", true},
		"a build without variant":         {"linux/arm/v7", "linux/arm", true},
		"a question without variant":      {"linux/arm", "linux/arm/v7", true},
		"arm64 by the name of the kernel": {"linux/aarch64", "linux/arm64/v8", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var machine, built artifact.Platform
			if err := machine.UnmarshalText([]byte(row.machine)); err != nil {
				t.Fatal(err)
			}
			if err := built.UnmarshalText([]byte(row.built)); err != nil {
				t.Fatal(err)
			}
			if got := machine.Runs(built); got != row.want {
				t.Errorf("%q runs %q: %v, expected %v", row.machine, row.built, got, row.want)
			}
		})
	}
}

// Proves A3: the best build that a machine runs comes first, whatever the order of builds.
func TestTheBestBuildComesFirst_A3(t *testing.T) {
	t.Parallel()
	for machine, builds := range map[string][]string{ // best first
		"linux/amd64/v4":   {"linux/amd64/v4", "linux/amd64/v3", "linux/amd64/v2", "linux/amd64", ""},
		"linux/amd64":      {"linux/amd64", ""},
		"linux/arm/v10":    {"linux/arm/v10", "linux/arm/v9", "linux/arm/v7", "linux/arm/v6", "linux/arm", ""},
		"linux/arm64/v9.5": {"linux/arm64/v9.5", "linux/arm64/v9", "linux/arm64/v8.10", "linux/arm64/v8.9", "linux/arm64", ""},
	} {
		var p artifact.Platform
		if err := p.UnmarshalText([]byte(machine)); err != nil {
			t.Fatal(err)
		}
		for i := range builds {
			for j := range builds {
				var a, b artifact.Platform
				if err := errors.Join(a.UnmarshalText([]byte(builds[i])), b.UnmarshalText([]byte(builds[j]))); err != nil {
					t.Fatal(err)
				}
				if !p.Runs(a) {
					t.Errorf("%s does not run %q", machine, builds[i])
				}
				if got, want := p.Better(a, b), cmp.Compare(j, i); got != want {
					t.Errorf("on %s, %q against %q: %d, expected %d", machine, builds[i], builds[j], got, want)
				}
			}
		}
	}
}

// Proves D1: a version that is named whole is exactly that version, whatever is published beside it.
func TestAVersionNamedWholeIsExact_D1(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		text, version string
		want          bool
	}{
		"itself":                                  {"=1.0.0", "1.0.0", true},
		"with a build":                            {"=1.0.0", "1.0.0+10", false},
		"bare, with a build":                      {"1.0.0", "1.0.0+10", false},
		"its build":                               {"1.0.0+10", "1.0.0+10", true},
		"another build":                           {"= 1.0.0+10", "1.0.0+9", false},
		"no build":                                {"=1.0.0+10", "1.0.0", false},
		"with a v":                                {"=v1.0.0", "1.0.0+1", false},
		"a prerelease":                            {"=1.0.0-rc.1", "1.0.0-rc.1+2", false},
		"in an alternative":                       {"^2 || =1.0.0", "1.0.0+1", false},
		"in one of two alternatives":              {"^1 || =1.0.0", "1.0.0+1", true},
		"with a bound beside it":                  {">=1.0.0, =1.0.0", "1.0.0+1", false},
		"a bound goes by precedence":              {">=1.0.0 <1.0.1", "1.0.0+1", true},
		"an end of a hyphen range too":            {"1.0.0 - 1.0.0", "1.0.0+1", true},
		"not equal leaves out every build":        {"!=1.0.0", "1.0.0+1", false},
		"a caret goes by precedence":              {"^1.0.0", "1.0.0+1", true},
		"what is not whole goes by precedence":    {"=1.0", "1.0.0+1", true},
		"an operator with a space before its end": {">= 1.0.0", "1.0.0+1", true},
	} {
		r, err := artifact.ParseRange(row.text)
		if err != nil {
			t.Fatal(err)
		}
		v, err := artifact.ParseVersion(row.version)
		if err != nil {
			t.Fatal(err)
		}
		if got := r.Contains(v, v.IsPrerelease()); got != row.want {
			t.Errorf("%s: %q holds %s: %v, expected %v", name, row.text, row.version, got, row.want)
		}
	}
}

// Proves A2: build metadata has one order, numbers as numbers.
func TestBuildsAreInOrder_A2(t *testing.T) {
	t.Parallel()
	ordered := []string{"1.0.0", "1.0.0+01", "1.0.0+1", "1.0.0+9", "1.0.0+9.1", "1.0.0+10", "1.0.0+99999999999999999999", "1.0.0+a", "1.0.0+a.2", "1.0.0+a.10", "1.0.1"}
	for i := range ordered {
		for j := range ordered {
			a, errA := artifact.ParseVersion(ordered[i])
			b, errB := artifact.ParseVersion(ordered[j])
			if err := errors.Join(errA, errB); err != nil {
				t.Fatal(err)
			}
			if got := a.Compare(b); got != cmp.Compare(i, j) {
				t.Errorf("%s against %s: %d, expected %d", a, b, got, cmp.Compare(i, j))
			}
		}
	}
}
