package signature_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/policy"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/sigstore/cosign/v2/pkg/oci/static"
	"github.com/sigstore/cosign/v2/pkg/types"
)

// A way is one way for a signature to be good or bad, in the two forms; nil
// where the form does not know it.
type way struct {
	name   string
	simple func(*craft) ocispec.Manifest
	bundle func(*craft) ocispec.Manifest
	after  func(*craft, digest.Digest) // done to the store once it is attached
	status policy.SignatureStatus
	code   string // of the finding about the evidence
}

// craft is what a way is made of.
type craft struct {
	t              testing.TB
	s              *store
	k, stranger    key
	subject, other ocispec.Descriptor
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

func ways() []way {
	good := func(c *craft) ocispec.Manifest { return c.one(c.k, claim(c.t, c.subject.Digest)) }
	goodBundle := func(c *craft) ocispec.Manifest {
		return c.sealed(c.k, statement(c.subject.Digest, types.CosignSignPredicateType))
	}
	return []way{
		{"good", good, goodBundle, nil, policy.Verified, policy.CodeEvidenceVerified},
		{"by an unknown key",
			func(c *craft) ocispec.Manifest { return c.one(c.stranger, claim(c.t, c.subject.Digest)) },
			func(c *craft) ocispec.Manifest {
				return c.sealed(c.stranger, statement(c.subject.Digest, types.CosignSignPredicateType))
			}, nil, policy.Unverified, policy.CodeUnknownSigner},
		{"for another digest",
			func(c *craft) ocispec.Manifest { return c.one(c.k, claim(c.t, c.other.Digest)) },
			func(c *craft) ocispec.Manifest {
				return c.sealed(c.k, statement(c.other.Digest, types.CosignSignPredicateType))
			}, nil, policy.Invalid, policy.CodeOtherDigest},
		{"replayed with the digest exchanged",
			func(c *craft) ocispec.Manifest {
				m := c.one(c.k, claim(c.t, c.other.Digest))
				forged := c.s.blob(artifact.TypeSimpleSigning, claim(c.t, c.subject.Digest))
				forged.Annotations = m.Layers[0].Annotations
				m.Layers[0] = forged
				return m
			},
			func(c *craft) ocispec.Manifest {
				raw := bundle(c.t, c.k, statement(c.other.Digest, types.CosignSignPredicateType))
				return c.s.bundleManifest(reseal(c.t, raw, statement(c.subject.Digest, types.CosignSignPredicateType)))
			}, nil, policy.Unverified, policy.CodeUnknownSigner},
		{"of a payload that is no JSON",
			func(c *craft) ocispec.Manifest { return c.one(c.k, []byte(`{"critical":`)) },
			func(c *craft) ocispec.Manifest { return c.sealed(c.k, []byte(`{"_type":`)) },
			nil, policy.Invalid, policy.CodeMalformed},
		{"of a payload that says nothing",
			func(c *craft) ocispec.Manifest { return c.one(c.k, []byte(`{}`)) },
			func(c *craft) ocispec.Manifest {
				return c.sealed(c.k, []byte(`{"_type":"https://in-toto.io/Statement/v1"}`))
			},
			nil, policy.Invalid, ""},
		{"that is not base64",
			func(c *craft) ocispec.Manifest {
				return c.changed(func(l *ocispec.Descriptor) { l.Annotations[static.SignatureAnnotationKey] = "%%%" })
			}, nil, nil, policy.Invalid, policy.CodeMalformed},
		{"that is empty",
			func(c *craft) ocispec.Manifest { return c.changed(func(l *ocispec.Descriptor) { l.Annotations = nil }) },
			func(c *craft) ocispec.Manifest { return c.s.bundleManifest([]byte(`{}`)) },
			nil, policy.Invalid, policy.CodeMalformed},
		{"that is cut",
			func(c *craft) ocispec.Manifest {
				return c.changed(func(l *ocispec.Descriptor) {
					l.Annotations[static.SignatureAnnotationKey] = l.Annotations[static.SignatureAnnotationKey][:8]
				})
			},
			func(c *craft) ocispec.Manifest {
				raw := bundle(c.t, c.k, statement(c.subject.Digest, types.CosignSignPredicateType))
				return c.s.bundleManifest(raw[:len(raw)/2])
			}, nil, "", ""},
		{"of another media type",
			func(c *craft) ocispec.Manifest {
				return c.changed(func(l *ocispec.Descriptor) { l.MediaType = "application/json" })
			}, nil, nil, policy.Invalid, policy.CodeMalformed},
		{"in a manifest without layers",
			func(c *craft) ocispec.Manifest { return imageManifest(artifact.TypeCosignSignature) },
			func(c *craft) ocispec.Manifest { return imageManifest(artifact.TypeBundle) },
			nil, policy.Invalid, policy.CodeMalformed},
		{"larger than allowed",
			func(c *craft) ocispec.Manifest {
				content := append(claim(c.t, c.subject.Digest), bytes.Repeat([]byte(" "), 64<<10)...)
				return c.one(c.k, content)
			},
			func(c *craft) ocispec.Manifest {
				raw := bundle(c.t, c.k, statement(c.subject.Digest, types.CosignSignPredicateType))
				return c.s.bundleManifest(append(raw, bytes.Repeat([]byte(" "), 1<<20)...))
			}, nil, policy.Invalid, policy.CodeTooLarge},
		{"in a manifest larger than allowed",
			func(c *craft) ocispec.Manifest {
				m := good(c)
				m.Annotations = map[string]string{"filler": strings.Repeat("x", 1<<20)}
				return m
			},
			func(c *craft) ocispec.Manifest {
				m := goodBundle(c)
				m.Annotations = map[string]string{"filler": strings.Repeat("x", 1<<20)}
				return m
			}, nil, policy.Invalid, policy.CodeTooLarge},
		{"about another subject",
			func(c *craft) ocispec.Manifest { m := good(c); m.Subject = &c.other; return m },
			func(c *craft) ocispec.Manifest { m := goodBundle(c); m.Subject = &c.other; return m },
			nil, "", ""},
		{"whose payload is gone", good, goodBundle,
			func(c *craft, d digest.Digest) { delete(c.s.bytes, c.layer(d)) }, "", policy.CodeEvidenceUnread},
		{"whose payload cannot be read", good, goodBundle,
			func(c *craft, d digest.Digest) { c.s.fault[c.layer(d).String()] = errDisk }, "", policy.CodeEvidenceUnread},
		{"whose payload is damaged", good, goodBundle,
			func(c *craft, d digest.Digest) { l := c.layer(d); c.s.bytes[l] = bytes.ToUpper(c.s.bytes[l]) }, "", policy.CodeEvidenceUnread},
		{"whose manifest cannot be read", good, goodBundle,
			func(c *craft, d digest.Digest) { c.s.fault[d.String()] = errDisk }, "", policy.CodeEvidenceUnread},
		{"whose manifest is damaged", good, goodBundle,
			func(c *craft, d digest.Digest) {
				raw := bytes.Clone(c.s.bytes[d])
				c.s.bytes[d] = append(raw, ' ')
			}, "", policy.CodeEvidenceUnread},
		{"that is an attestation", nil,
			func(c *craft) ocispec.Manifest {
				return c.sealed(c.k, statement(c.subject.Digest, "https://cyclonedx.org/bom"))
			},
			nil, policy.Unsigned, ""},
	}
}

// layer is the payload of the evidence that is attached as d.
func (c *craft) layer(d digest.Digest) digest.Digest {
	m, err := artifact.ParseManifest("", c.s.bytes[d])
	if err != nil {
		c.t.Fatal(err)
	}
	return m.Layers[0].Digest
}

// TestMatrix_G1 is form × key × place × way.
func TestMatrix_G1(t *testing.T) {
	t.Parallel()
	for _, w := range ways() {
		for form, places := range map[string][]string{
			"simple signing": {inTag, inReferrer, inFallback, inBoth},
			"bundle":         {inReferrer, inFallback, inBoth},
		} {
			for _, k := range keys() {
				for _, place := range places {
					if k.name == "stranger" || form == "bundle" && (w.bundle == nil || strings.Contains(k.name, "prehashed")) ||
						form == "simple signing" && w.simple == nil {
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
	build, format := w.bundle, policy.FormatBundle
	if form == "simple signing" {
		if build, format = w.simple, policy.FormatCosignReferrer; place == inTag {
			format = policy.FormatCosignTag
		}
	}
	d := c.s.attach(place, c.subject, build(c))
	if w.after != nil {
		w.after(c, d)
	}
	want := w.status
	switch w.name {
	case "that is cut":
		if want = policy.Unverified; form == "bundle" {
			want = policy.Invalid
		}
	case "about another subject": // attach sets the right subject, where it sets one
		if want = policy.Invalid; place == inReferrer || place == inBoth {
			want = policy.Verified
		}
	}
	j := judgeOf(t, k)
	sig, err := j.Judge(t.Context(), policy.Subject{Publisher: "acme", Digest: c.subject.Digest}, listed{c.s, c.subject.Digest, d, place})
	if err != nil {
		t.Fatal(err)
	}
	if sig.Status != want {
		t.Fatalf("status: got %q, want %q: %+v", sig.Status, want, sig.Evidence)
	}
	outcome := map[policy.SignatureStatus]policy.Outcome{policy.Verified: policy.Allow, "": policy.Unknown}[want]
	if outcome == policy.Unknown && want != "" {
		outcome = policy.Deny
	}
	if sig.Vote.Outcome != outcome || sig.Vote.Detail == "" || sig.Verdict().Outcome() != outcome {
		t.Errorf("vote: got %+v, want %v", sig.Vote, outcome)
	}
	if want == policy.Verified && (sig.Signer != k.name || sig.Format != format) {
		t.Errorf("got signer %q in %q, want %q in %q", sig.Signer, sig.Format, k.name, format)
	}
	if w.code == "" {
		return
	}
	if len(sig.Evidence) != 1 || sig.Evidence[0].Code != w.code || sig.Evidence[0].Digest != d || sig.Evidence[0].Detail == "" {
		t.Errorf("evidence: got %+v, want one finding %s about %s", sig.Evidence, w.code, d)
	}
}
