package signature_test

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/policy"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/sigstore/cosign/v2/pkg/types"
)

// The forms in which a signature is kept.
const (
	simpleForm  = "simple signing"
	bundleForm  = "bundle of a statement"
	messageForm = "bundle of the manifest"
)

var forms = []string{simpleForm, bundleForm, messageForm}

// A way is one way for a signature to be good or bad, in each form that knows it.
type way struct {
	name   string
	build  map[string]func(*craft) ocispec.Manifest
	after  func(*craft, digest.Digest) // done to the store once it is attached
	bounds string                      // of the key, in the trust policy
	places []string                    // where it is kept; nil is everywhere
	outcome
	except map[string]outcome // for a form
}

// An outcome is what a judgement says: the status, and the code of the finding
// about the evidence.
type outcome struct {
	status policy.SignatureStatus
	code   string
}

func (w way) in(form string) outcome {
	if o, ok := w.except[form]; ok {
		return o
	}
	return w.outcome
}

// craft is what a way is made of.
type craft struct {
	t              testing.TB
	s              *store
	k, stranger    key
	subject, other ocispec.Descriptor
}

// good is a signature by k over d in a form.
func (c *craft) good(form string, k key, d ocispec.Descriptor) ocispec.Manifest {
	switch form {
	case simpleForm:
		return c.one(k, claim(c.t, d.Digest))
	case bundleForm:
		return c.sealed(k, statement(d.Digest, types.CosignSignPredicateType))
	}
	return c.s.bundleManifest(messageBundle(c.t, k, c.s.bytes[d.Digest], nil))
}

func (c *craft) one(k key, content []byte) ocispec.Manifest {
	return imageManifest(artifact.TypeCosignSignature, c.s.simple(c.t, k, content))
}

func (c *craft) changed(change func(*ocispec.Descriptor)) ocispec.Manifest {
	m := c.one(c.k, claim(c.t, c.subject.Digest))
	change(&m.Layers[0])
	return m
}

func (c *craft) sealed(k key, statement []byte) ocispec.Manifest {
	return c.s.bundleManifest(bundle(c.t, k, statement))
}

var errDisk = errors.New("input/output error")

// everyForm builds alike in every form.
func everyForm(build func(c *craft, form string) ocispec.Manifest) map[string]func(*craft) ocispec.Manifest {
	out := map[string]func(*craft) ocispec.Manifest{}
	for _, form := range forms {
		out[form] = func(c *craft) ocispec.Manifest { return build(c, form) }
	}
	return out
}

var good = everyForm(func(c *craft, form string) ocispec.Manifest { return c.good(form, c.k, c.subject) })

func ways() []way {
	return slices.Concat(waysOfSigning(), waysOfWriting(), waysOfReading(), waysOfTime())
}

// layer is the payload of the evidence that is attached as d.
func (c *craft) layer(d digest.Digest) digest.Digest {
	m, err := artifact.ParseManifest("", c.s.bytes[d])
	if err != nil {
		c.t.Fatal(err)
	}
	return m.Layers[0].Digest
}

// layerOf is the payload of a manifest that is not attached yet.
func (c *craft) layerOf(m ocispec.Manifest) []byte { return bytes.Clone(c.s.bytes[m.Layers[0].Digest]) }

// places are where each form is kept.
func (w way) placesOf(form string) []string {
	var out []string
	for _, place := range []string{inTag, inReferrer, inFallback, inBoth} {
		if (w.places == nil || slices.Contains(w.places, place)) && (form == simpleForm || place != inTag) {
			out = append(out, place)
		}
	}
	return out
}

// signs reports whether cosign signs so with the key: statements are not prehashed.
func (k key) signs(form string) bool {
	return k.name != "stranger" && (form != bundleForm || !strings.Contains(k.name, "prehashed"))
}

// TestMatrix_G1 is form × key × place × way.
func TestMatrix_G1(t *testing.T) {
	t.Parallel()
	for _, w := range ways() {
		for form := range w.build {
			for _, k := range keys() {
				for _, place := range w.placesOf(form) {
					if !k.signs(form) {
						continue
					}
					t.Run(fmt.Sprintf("%s/%s/%s/%s", w.name, form, k.name, place), func(t *testing.T) {
						t.Parallel()
						checkWay(t, w, form, k, place)
					})
				}
			}
		}
	}
}

func checkWay(t *testing.T, w way, form string, k key, place string) {
	c := &craft{t: t, s: newStore(), k: k, stranger: keys()["stranger"]}
	c.subject, c.other = c.s.version("1.0.0"), c.s.version("2.0.0")
	format := policy.FormatBundle
	if form == simpleForm {
		if format = policy.FormatCosignReferrer; place == inTag {
			format = policy.FormatCosignTag
		}
	}
	d := c.s.attach(place, c.subject, w.build[form](c))
	if w.after != nil {
		w.after(c, d)
	}
	j, signer := judgeOf(t, k), k.name
	if w.bounds != "" {
		j, signer = witnesses().bounding(t, k, w.bounds), "k"
	}
	sig, err := j.Judge(t.Context(), policy.Subject{Publisher: "acme", Digest: c.subject.Digest}, listed{c.s, c.subject.Digest, d, place})
	if err != nil {
		t.Fatal(err)
	}
	want := w.in(form)
	if sig.Status != want.status {
		t.Fatalf("status: got %q, want %q: %+v", sig.Status, want.status, sig.Evidence)
	}
	vote := map[policy.SignatureStatus]policy.Outcome{policy.Verified: policy.Allow, "": policy.Unknown,
		policy.Unverified: policy.Deny, policy.Invalid: policy.Deny, policy.Unsigned: policy.Deny}[want.status]
	if sig.Vote.Outcome != vote || sig.Vote.Detail == "" || sig.Verdict().Outcome() != vote {
		t.Errorf("vote: got %+v, want %v", sig.Vote, vote)
	}
	if want.status == policy.Verified && (sig.Signer != signer || sig.Format != format) {
		t.Errorf("got signer %q in %q, want %q in %q", sig.Signer, sig.Format, signer, format)
	}
	if want.code == "" {
		return
	}
	if len(sig.Evidence) != 1 || sig.Evidence[0].Code != want.code || sig.Evidence[0].Digest != d || sig.Evidence[0].Detail == "" {
		t.Errorf("evidence: got %+v, want one finding %s about %s", sig.Evidence, want.code, d)
	}
}

var update = flag.Bool("update", false, "write the tables of docs/trust.md anew")

// TestTheTablesAreDocumented_G1 holds docs/trust.md to what TestMatrix_G1 and
// TestIdentities_G1 prove.
func TestTheTablesAreDocumented_G1(t *testing.T) {
	t.Parallel()
	path := filepath.Join("..", "..", "docs", "trust.md")
	page, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	want := string(page)
	for name, table := range map[string]string{"matrix": matrixTable(), "identities": identityTable()} {
		before, rest, opened := strings.Cut(want, "<!-- "+name+" -->\n")
		_, after, closed := strings.Cut(rest, "<!-- end of "+name+" -->")
		if !opened || !closed {
			t.Fatalf("%s: no place for the table %s", path, name)
		}
		want = before + "<!-- " + name + " -->\n" + table + "<!-- end of " + name + " -->" + after
	}
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(string(page), want); diff != "" {
		t.Errorf("%s is not what the tests prove, run go test ./policy/signature -run Documented -update (-page +proven):\n%s", path, diff)
	}
}

// matrixTable has a row for each way, and a column for each form.
func matrixTable() string {
	var b strings.Builder
	fmt.Fprintf(&b, "| a signature | %s |\n|%s\n", strings.Join(forms, " | "), strings.Repeat("---|", len(forms)+1))
	for _, w := range ways() {
		fmt.Fprintf(&b, "| %s |", w.name)
		for _, form := range forms {
			cell := "—"
			if w.build[form] != nil {
				cell = w.in(form).String()
			}
			fmt.Fprintf(&b, " %s |", cell)
		}
		b.WriteString("\n")
	}
	return b.String()
}

func (o outcome) String() string {
	said := string(o.status)
	if said == "" {
		said = "could not tell"
	}
	if o.status == policy.Verified {
		said = "**verified**"
	}
	if o.code != "" && o.status != policy.Verified {
		said += ": `" + o.code + "`"
	}
	return said
}
