package cli

import (
	"strings"
	"testing"

	"github.com/oarlock/oarlock/artifact"
)

const someDigest = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

// Proves L3: what is written in the catalog's grammar where a registry's is
// expected is told in the right one, and the other way round.
func TestWhatIsWrittenInTheOtherGrammarIsToldInTheRightOne_L3(t *testing.T) {
	t.Parallel()
	c := &console{server: "https://plugins.example.org"}
	for typed, say := range map[string]string{
		"acme/hello":                           "plugins.example.org/acme/hello:VERSION",
		"acme/hello@1.0.0":                     "plugins.example.org/acme/hello:1.0.0",
		"acme/hello:1.0.0":                     "plugins.example.org/acme/hello:1.0.0",
		"acme/hello@1.0.0+a.1":                 "plugins.example.org/acme/hello:1.0.0_a.1",
		"acme/hello@^1.2":                      "plugins.example.org/acme/hello:VERSION",
		"acme/hello:stable":                    "plugins.example.org/acme/hello:stable",
		"acme/hello@" + someDigest:             "plugins.example.org/acme/hello@" + someDigest,
		"127.0.0.1:7117/acme/hello@1.0.0":      "127.0.0.1:7117/acme/hello:1.0.0",
		"registry.test/team/acme/hello@1.0.0":  "registry.test/team/acme/hello:1.0.0",
		"registry.test/acme/hello:^1.2":        "registry.test/acme/hello:VERSION",
		"https://registry.test/acme/hello:1.0": "registry.test/acme/hello:VERSION",
		"oci://registry.test/acme/hello:1.0.0": "registry.test/acme/hello:1.0.0",
	} {
		if err := c.reference(typed); err == nil || !strings.HasSuffix(err.Error(), ": say "+say) || exitCode(err) != exitUsage {
			t.Errorf("a reference %q: %v, want the advice %q", typed, err, say)
		}
	}
	for typed, say := range map[string]string{
		"acme/hello:1.0.0":                        "acme/hello@1.0.0",
		"acme/hello:1.0.0_a.1":                    "acme/hello@1.0.0+a.1",
		"127.0.0.1:7117/acme/hello":               "acme/hello",
		"127.0.0.1:7117/acme/hello:1.0.0":         "acme/hello@1.0.0",
		"127.0.0.1:7117/acme/hello@1.0.0":         "acme/hello@1.0.0",
		"registry.test/acme/hello@^1.2":           "acme/hello@^1.2",
		"registry.test/acme/hello:stable":         "acme/hello",
		"registry.test/acme/hello@" + someDigest:  "acme/hello",
		"oci://registry.test/team/acme/hello:1.0": "acme/hello@1.0",
	} {
		if _, err := parsePlugin(typed); err == nil || !strings.HasSuffix(err.Error(), ": "+say) || exitCode(err) != exitUsage {
			t.Errorf("a plugin %q: %v, want the advice %q", typed, err, say)
		}
	}
	for typed, say := range map[string]string{
		"127.0.0.1:7117/acme/hello:1.0.0":        "acme/hello@1.0.0",
		"registry.test/acme/hello":               "acme/hello",
		"acme/hello:1.0.0":                       "acme/hello@1.0.0",
		"registry.test/acme/hello@" + someDigest: "acme/hello@" + someDigest,
	} {
		if _, _, err := blockable(typed); err == nil || !strings.HasSuffix(err.Error(), ": say "+say) {
			t.Errorf("a block of %q: %v, want the advice %q", typed, err, say)
		}
	}
	for typed, say := range map[string]string{
		"acme/hello@1.0.0":                "--repository acme/hello --versions '=1.0.0'",
		"127.0.0.1:7117/acme/hello:1.0.0": "127.0.0.1:7117 and --repository acme/hello --versions '=1.0.0'",
	} {
		if err := place("mirror", typed); err == nil || !strings.HasSuffix(err.Error(), ": say "+say) {
			t.Errorf("a mirror of %q: %v, want the advice %q", typed, err, say)
		}
	}
}

// What is right in its own grammar is not questioned.
func TestWhatIsRightInItsGrammarPasses(t *testing.T) {
	t.Parallel()
	c := &console{}
	for _, typed := range []string{"127.0.0.1:7117/acme/hello:1.0.0", "localhost/acme/hello:1.0.0", "registry/acme/hello:1.0.0_a", "registry/acme/hello:1.0.0+a",
		"r.test/acme/hello@" + someDigest, "r.test/acme/hello:1.0.0@" + someDigest, "r.test/acme/hello", "r.test/team/acme/hello:stable",
		"127.0.0.1:7117/oarlock/publishers:acme", "[::1]:7117/acme/hello:1.0.0", "r.test/single:tag"} {
		if err := c.reference(typed); err != nil {
			t.Errorf("a reference %q: %v", typed, err)
		}
	}
	for _, typed := range []string{"r.test", "127.0.0.1:7117", "r.test/folder", "registry:5000/acme", "registry/plugins"} {
		if err := place("mirror", typed); err != nil {
			t.Errorf("a mirror of %q: %v", typed, err)
		}
	}
	for _, typed := range []string{"acme/hello", "acme/hello@1.0.0", "scratch/deep/er", "acme/hello@" + someDigest, someDigest} {
		if _, _, err := blockable(typed); err != nil {
			t.Errorf("a block of %q: %v", typed, err)
		}
	}
}

func FuzzSpell(f *testing.F) {
	for _, s := range []string{"acme/hello@1.0.0", "h:1/acme/hello:1.0.0", "oci://h/a/b@sha256:0", "@", "//:", "a/b@@"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		typed, ok := spell(s)
		if !ok {
			return
		}
		if p, err := parsePlugin(typed.asPlugin()); err != nil || p.id != typed.id {
			t.Fatalf("%q: the advice %q is no plugin: %v", s, typed.asPlugin(), err)
		}
		if v, err := artifact.ParseVersion(typed.text); err == nil && typed.registry == "" {
			if err := (&console{}).reference(typed.asReference("r.test")); err != nil {
				t.Fatalf("%q: the advice for version %s is no reference: %v", s, v, err)
			}
		}
	})
}
