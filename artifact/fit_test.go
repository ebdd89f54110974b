package artifact_test

import (
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
		"another variant of amd64":        {"linux/amd64/v2", "linux/amd64/v3", false},
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
