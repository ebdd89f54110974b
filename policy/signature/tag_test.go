package signature_test

import (
	"fmt"
	"testing"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/policy"
	"github.com/oarlock/oarlock/policy/attest"
	"github.com/oarlock/oarlock/policy/attest/attesttest"
)

// Proves F14: whoever may push may replace the manifest of a .sig or .att tag as
// long as its layers stay, so what it says of itself takes no signature away,
// and no review.
func TestATagSaysNothingOfItself_F14(t *testing.T) {
	t.Parallel()
	changes := map[string]func(*craft, *ocispec.Manifest){
		"as it was":            func(*craft, *ocispec.Manifest) {},
		"another subject":      func(c *craft, m *ocispec.Manifest) { m.Subject = &c.other },
		"the type of a bundle": func(_ *craft, m *ocispec.Manifest) { m.ArtifactType = artifact.TypeBundle },
		"another type":         func(_ *craft, m *ocispec.Manifest) { m.ArtifactType = "application/x-junk" },
		"a bundle that is none": func(c *craft, m *ocispec.Manifest) {
			m.Layers = append(m.Layers, c.s.blob(artifact.TypeBundle, []byte("{}")))
		},
		"a layer of junk": func(c *craft, m *ocispec.Manifest) {
			m.Layers = append(m.Layers, c.s.blob("application/x-junk", []byte("junk")))
		},
	}
	for name, change := range changes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := &craft{t: t, s: newStore(), k: keys()["ecdsa-p256"], stranger: keys()["stranger"]}
			reviewer := keys()["ed25519"] // nobody reviews what they signed
			c.subject, c.other = c.s.version("1.0.0"), c.s.version("2.0.0")
			m := c.good(simpleForm, c.k, c.subject)
			change(c, &m)
			c.s.attach(inTag, c.subject, m)
			if sig := judge(t, judgeOf(t, c.k), c.s, c.subject.Digest); sig.Status != policy.Verified {
				t.Errorf(".sig: got %q: %+v", sig.Status, sig.Evidence)
			}
			const review = "https://oarlock.dev/attestation/review/v1"
			kind := attest.KindOf(review)
			att := imageManifest("", c.s.blob(artifact.TypeDSSE, envelope(t, reviewer, says(c.subject.Digest, review, attesttest.Good[review]))))
			change(c, &att)
			d := c.s.attachAs("att", inTag, c.subject, att)
			j, err := attest.New(judgeWith(t, fmt.Sprintf("namespaces: {acme: {signers: [{name: a, key: {file: %s}}, {name: b, key: {file: %s}}], attestations: [{type: %q, signers: [b]}]}}", c.k.name, reviewer.name, kind)), 0)
			if err != nil {
				t.Fatal(err)
			}
			got, err := j.Judge(t.Context(), policy.Subject{Publisher: "acme", Digest: c.subject.Digest}, attests{listed{c.s, c.subject.Digest, d, inTag}})
			if err != nil {
				t.Fatal(err)
			}
			if len(got.All) != 1 || !got.All[0].Verified || len(got.Votes) != 1 || !got.Votes[0].Outcome.Allowed() {
				t.Errorf(".att: got %+v", got)
			}
		})
	}
}
