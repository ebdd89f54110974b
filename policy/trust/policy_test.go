package trust_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/policy"
	"github.com/oarlock/oarlock/policy/trust"
)

// The documented example is what the parser accepts (G3).
func TestTheExampleFileIsValid_G3(t *testing.T) {
	t.Parallel()
	p, err := trust.Load(filepath.Join("testdata", "example.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	type view struct {
		Name      string
		Required  bool
		Threshold int
		Signers   []string
	}
	var got []view
	for _, publisher := range []string{"acme", "examples", "somebody-else"} {
		ns := p.For(publisher)
		v := view{ns.Name, ns.Required(), ns.Threshold, nil}
		for _, s := range ns.Signers {
			v.Signers = append(v.Signers, s.Name)
		}
		got = append(got, v)
	}
	want := []view{
		{"acme", true, 1, []string{"acme release key", "acme ci"}},
		{"examples", true, 2, []string{"examples release key", "examples review key"}},
		{"*", false, 1, []string{"site key"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("example (-want +got):\n%s", diff)
	}
}

func TestNobodySpeaksForAnUnknownNamespace_G3(t *testing.T) {
	t.Parallel()
	p := parse(t, "namespaces: {acme: {signers: [{name: k, key: {file: acme-ci.pub}}]}}")
	if ns := p.For("other"); ns != nil || !ns.Required() {
		t.Errorf("namespace other: got %v, want none, which requires a signature", ns)
	}
	var none *trust.Policy
	if ns := none.For("acme"); ns != nil {
		t.Errorf("no policy: got %v, want none", ns)
	}
}

const roots = "trusted_roots: [{file: trusted_root.json}]\n"

func TestEveryProblemIsToldAtOnce(t *testing.T) {
	t.Parallel()
	small, _ := rsa.GenerateKey(rand.Reader, 1024)
	p224, _ := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	for name, row := range map[string]struct {
		text string
		want []string
	}{
		"an empty file":                    {"", []string{"namespaces: missing"}},
		"no YAML at all":                   {"\t{", []string{"yaml: "}},
		"two documents":                    {"namespaces: {acme: {signature: optional}}\n---\n{}", []string{"more than one document"}},
		"an unknown key":                   {"namespaces: {acme: {signature: optional, sig: x}}", []string{"unknown key \"sig\""}},
		"a name that is no publisher":      {"namespaces: {ACME: {signature: optional}}", []string{"namespaces.ACME: publisher \"ACME\""}},
		"a requirement without signers":    {"namespaces: {acme: }", []string{"namespaces.acme.signers: missing"}},
		"a key of both kinds, or none":     {"namespaces: {acme: {signers: [{name: a, key: {pem: x, file: y}}, {name: b}]}}", []string{"signers[0].key: expected either", "signers[1]: expected either"}},
		"a file that is not there":         {"namespaces: {acme: {signers: [{name: a, key: {file: nowhere.pub}}]}}", []string{`"nowhere.pub": no such file or directory`}},
		"a key that is no PEM":             {"namespaces: {acme: {signers: [{name: a, key: {pem: hello}}]}}", []string{"no PEM block"}},
		"a private key":                    {"namespaces: {acme: {signers: [{name: a, key: {pem: " + quoted("PRIVATE KEY", []byte("x")) + "}}]}}", []string{`PEM block "PRIVATE KEY"`}},
		"a broken key":                     {"namespaces: {acme: {signers: [{name: a, key: {pem: " + quoted("PUBLIC KEY", []byte("x")) + "}}]}}", []string{"signers[0].key: public key:"}},
		"an RSA key that is too short":     {"namespaces: {acme: {signers: [{name: a, key: {pem: " + public(t, &small.PublicKey) + "}}]}}", []string{"RSA of 1024 bits"}},
		"a curve that nobody signs with":   {"namespaces: {acme: {signers: [{name: a, key: {pem: " + public(t, &p224.PublicKey) + "}}]}}", []string{"curve P-224"}},
		"a signer without a name":          {"namespaces: {acme: {signers: [{key: {file: acme-ci.pub}}]}}", []string{"signers[0].name"}},
		"one key under two names":          {"namespaces: {acme: {signers: [{name: a, key: {file: acme-ci.pub}}, {name: b, key: {file: acme-ci.pub}}]}}", []string{`"b" has the same key or identity as "a"`}},
		"one name for two keys":            {"namespaces: {acme: {signers: [{name: a, key: {file: acme-ci.pub}}, {name: a, key: {file: site.pub}}]}}", []string{`"a" is there twice`}},
		"a threshold nobody can reach":     {"namespaces: {acme: {threshold: 2, signers: [{name: a, key: {file: site.pub}}]}}", []string{"threshold: 2, expected 1 to 1"}},
		"a threshold of nothing":           {"namespaces: {acme: {threshold: 0, signers: [{name: a, key: {file: site.pub}}]}}", []string{"threshold: 0, expected 1 to 1"}},
		"a key and an identity":            {"namespaces: {acme: {signers: [{name: a, key: {file: site.pub}, identity: {issuer: x, subject: y}}]}}", []string{"signers[0]: expected either key:, keys: or identity:"}},
		"an identity without a root":       {"namespaces: {acme: {signers: [{name: a, identity: {issuer: x, subject: y}}]}}", []string{"no trusted_roots"}},
		"half an identity":                 {roots + "namespaces: {acme: {signers: [{name: a, identity: {issuer: x}}]}}", []string{"identity: expected either subject: or subject_pattern:"}},
		"both forms of one half":           {roots + "namespaces: {acme: {signers: [{name: a, identity: {issuer: x, issuer_pattern: x, subject: y}}]}}", []string{"identity: expected either issuer: or issuer_pattern:"}},
		"a pattern that is none":           {roots + "namespaces: {acme: {signers: [{name: a, identity: {issuer: x, subject_pattern: '('}}]}}", []string{"identity.subject_pattern:"}},
		"a log that is neither":            {roots + "namespaces: {acme: {signers: [{name: a, identity: {issuer: x, subject: y}, transparency_log: no}]}}", []string{`transparency_log: "no"`}},
		"a log for a key":                  {"namespaces: {acme: {signers: [{name: a, key: {file: site.pub}, transparency_log: required}]}}", []string{"are for identities"}},
		"a root that is not there":         {"trusted_roots: [{file: nowhere.json}, {}]\nnamespaces: {acme: {signature: optional}}", []string{`"nowhere.json"`, "trusted_roots[1].file: missing"}},
		"a root that is no JSON":           {"trusted_roots: [{file: site.pub}]\nnamespaces: {acme: {signature: optional}}", []string{"is no JSON"}},
		"an attestation of no known type":  {attesting("{type: bom}"), []string{`attestations[0].type: "bom", expected sbom`}},
		"an unknown key of an attestation": {attesting("{type: sbom, needed: true}"), []string{"unknown key \"needed\""}},
		"a builder of an SBOM":             {attesting("{type: sbom, builder: x}"), []string{"attestations[0].builder: only a provenance"}},
		"a builder in both forms":          {attesting("{type: provenance, builder: x, builder_pattern: x}"), []string{"either builder: or builder_pattern:"}},
		"a builder pattern that is none":   {attesting("{type: provenance, builder_pattern: '('}"), []string{"attestations[0].builder_pattern:"}},
		"a review by the only signer":      {attesting("{type: review}"), []string{"attestations[0]: nobody can review: \"a\" alone is trusted"}},
		"a review by the publisher alone":  {"namespaces: {acme: {ledger_keys: true, attestations: [{type: '" + policy.TypeReview + "'}]}}", []string{"attestations[0]: nobody can review: the keys of a publisher's ledger"}},
		"a reviewer who is no signer":      {attesting("{type: sbom, signers: [a, b]}"), []string{`attestations[0].signers[1]: "b", expected the name of a signer of the namespace: "a"`}},
		"attestations that nobody signs":   {"namespaces: {acme: {signature: optional, attestations: [{type: sbom}]}}", []string{"attestations: nobody is trusted"}},
		"values of other kinds":            {"namespaces: {acme: hello, globex: {threshold: many, signers: {a: b}}}", []string{`line 1: "hello", expected a mapping, with keys such as`, `line 1: "many", expected a whole number`, "line 1: a mapping, expected a list of signers", "namespaces.globex.signers: missing"}},
		"three problems in two namespaces": {"namespaces: {acme: {signature: maybe}, x: {}}", []string{`namespaces.acme.signature: "maybe"`, "namespaces.acme.signers: missing", "namespaces.x: publisher", "namespaces.x.signers: missing"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := trust.Parse([]byte(row.text), readKey)
			var problems *artifact.ProblemsError
			if !errors.As(err, &problems) || !errors.Is(err, artifact.ErrInvalid) {
				t.Fatalf("got error %v, want problems", err)
			}
			if len(problems.Problems) != len(row.want) {
				t.Errorf("got %d problems, want %d: %v", len(problems.Problems), len(row.want), err)
			}
			for _, want := range row.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q does not say %q", err, want)
				}
			}
		})
	}
}

func TestDigestIsOfWhatIsTrusted(t *testing.T) {
	t.Parallel()
	inline, err := os.ReadFile(filepath.Join("testdata", "keys", "acme-ci.pub"))
	if err != nil {
		t.Fatal(err)
	}
	base := parse(t, "namespaces: {acme: {signers: [{name: a, key: {file: acme-ci.pub}}, {name: b, key: {file: site.pub}}]}}")
	for name, row := range map[string]struct {
		text string
		same bool
	}{
		"the order of signers and the place of a key say nothing": {"# a comment\nnamespaces: {acme: {signature: required, signers: [{name: b, key: {file: site.pub}}, {name: a, key: {pem: " + yamlText(string(inline)) + "}}]}}", true},
		"another threshold is another policy":                     {"namespaces: {acme: {threshold: 2, signers: [{name: a, key: {file: acme-ci.pub}}, {name: b, key: {file: site.pub}}]}}", false},
		"optional is another policy":                              {"namespaces: {acme: {signature: optional, signers: [{name: a, key: {file: acme-ci.pub}}, {name: b, key: {file: site.pub}}]}}", false},
		"another name for a key is another policy":                {"namespaces: {acme: {signers: [{name: c, key: {file: acme-ci.pub}}, {name: b, key: {file: site.pub}}]}}", false},
		"another key is another policy":                           {"namespaces: {acme: {signers: [{name: a, key: {file: acme-release.pub}}, {name: b, key: {file: site.pub}}]}}", false},
		"an identity is another policy":                           {roots + "namespaces: {acme: {signers: [{name: a, identity: {issuer: x, subject: y}}, {name: b, key: {file: site.pub}}]}}", false},
		"a required attestation is another policy":                {"namespaces: {acme: {attestations: [{type: sbom}], signers: [{name: a, key: {file: acme-ci.pub}}, {name: b, key: {file: site.pub}}]}}", false},
		"another namespace is another policy":                     {"namespaces: {acmee: {signers: [{name: a, key: {file: acme-ci.pub}}, {name: b, key: {file: site.pub}}]}}", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := parse(t, row.text).Digest() == base.Digest(); got != row.same {
				t.Errorf("same digest: got %v, want %v", got, row.same)
			}
		})
	}
	if (&trust.Policy{}).For("acme").Digest() == base.For("acme").Digest() {
		t.Error("trusting nobody has the digest of trusting somebody")
	}
}

func attesting(one string) string {
	return "namespaces: {acme: {signers: [{name: a, key: {file: site.pub}}], attestations: [" + one + "]}}"
}

func TestABuilderCountsWhole_A5(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		entry, builder string
		takes          bool
	}{
		"any builder where none is named":     {"{type: provenance}", "https://ci.example.org", true},
		"the builder that is named":           {"{type: provenance, builder: https://ci.example.org}", "https://ci.example.org", true},
		"one that begins like it":             {"{type: provenance, builder: https://ci.example.org}", "https://ci.example.org.evil", false},
		"one that the pattern matches":        {`{type: provenance, builder_pattern: 'https://ci\.example\.org/.*'}`, "https://ci.example.org/x", true},
		"one in which a part matches":         {`{type: provenance, builder_pattern: 'https://ci\.example\.org'}`, "https://ci.example.org/x", false},
		"one of two, of which neither begins": {`{type: provenance, builder_pattern: 'a|b'}`, "ab", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			entries := parse(t, attesting(row.entry)).For("acme").Attestations
			if len(entries) != 1 || !entries[0].Required || entries[0].Takes(row.builder) != row.takes {
				t.Errorf("got %+v, which takes %q: %v, want %v", entries, row.builder, entries[0].Takes(row.builder), row.takes)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	example, err := os.ReadFile(filepath.Join("testdata", "example.yaml"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(example)
	f.Add([]byte("namespaces: {acme: , '*': {signers: [{}, {key: {}}]}}"))
	f.Add([]byte("a: &a [*a]"))
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := trust.Parse(text, readKey)
		if err != nil {
			if !errors.Is(err, artifact.ErrInvalid) {
				t.Fatalf("%q is no invalid", err)
			}
			return
		}
		for _, ns := range p.Namespaces() {
			if ns.Threshold < 1 || ns.Required() && len(ns.Signers) < ns.Threshold {
				t.Fatalf("namespace %q: %d signers for a threshold of %d", ns.Name, len(ns.Signers), ns.Threshold)
			}
			if ns.Digest() == "" {
				t.Fatalf("namespace %q has no digest", ns.Name)
			}
		}
	})
}

func parse(t *testing.T, text string) *trust.Policy {
	t.Helper()
	p, err := trust.Parse([]byte(text), readKey)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func readKey(name string) ([]byte, error) {
	if filepath.Base(name) == "trusted_root.json" {
		return []byte(`{"mediaType":"application/vnd.dev.sigstore.trustedroot+json;version=0.1"}`), nil
	}
	return fs.ReadFile(os.DirFS("testdata/keys"), filepath.Base(name))
}

func public(t *testing.T, key any) string {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return quoted("PUBLIC KEY", der)
}

func quoted(kind string, der []byte) string {
	return yamlText(string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})))
}

func yamlText(s string) string { return `"` + strings.ReplaceAll(s, "\n", `\n`) + `"` }
