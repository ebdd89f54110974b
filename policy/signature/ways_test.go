package signature_test

import (
	"bytes"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/sigstore/cosign/v2/pkg/oci/static"
	"github.com/sigstore/cosign/v2/pkg/types"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/policy"
	"github.com/oarlock/oarlock/policy/signature"
)

// waysOfSigning are about who signed what.
func waysOfSigning() []way {
	return []way{
		{name: "good", build: good, outcome: outcome{policy.Verified, policy.CodeEvidenceVerified}},
		{name: "good, and names no digest", build: map[string]func(*craft) ocispec.Manifest{
			messageForm: func(c *craft) ocispec.Manifest {
				return c.s.bundleManifest(messageBundle(c.t, c.k, c.s.bytes[c.subject.Digest], func(m map[string]any) { m["messageDigest"] = map[string]any{} }))
			},
		}, outcome: outcome{policy.Verified, policy.CodeEvidenceVerified}},
		{name: "by an unknown key", build: everyForm(func(c *craft, form string) ocispec.Manifest { return c.good(form, c.stranger, c.subject) }),
			outcome: outcome{policy.Unverified, policy.CodeUnknownSigner}},
		{name: "for another digest", build: everyForm(func(c *craft, form string) ocispec.Manifest { return c.good(form, c.k, c.other) }),
			outcome: outcome{policy.Invalid, policy.CodeOtherDigest}},
		{name: "replayed with the digest exchanged", build: map[string]func(*craft) ocispec.Manifest{
			simpleForm: func(c *craft) ocispec.Manifest {
				m := c.one(c.k, claim(c.t, c.other.Digest))
				forged := c.s.blob(artifact.TypeSimpleSigning, claim(c.t, c.subject.Digest))
				forged.Annotations = m.Layers[0].Annotations
				m.Layers[0] = forged
				return m
			},
			bundleForm: func(c *craft) ocispec.Manifest {
				raw := bundle(c.t, c.k, statement(c.other.Digest, types.CosignSignPredicateType))
				return c.s.bundleManifest(reseal(c.t, raw, statement(c.subject.Digest, types.CosignSignPredicateType)))
			},
			messageForm: func(c *craft) ocispec.Manifest {
				return c.s.bundleManifest(messageBundle(c.t, c.k, c.s.bytes[c.other.Digest], func(m map[string]any) {
					m["messageDigest"] = messageDigest(c.k, c.s.bytes[c.subject.Digest])
				}))
			},
		}, outcome: outcome{policy.Unverified, policy.CodeUnknownSigner}},
		{name: "about another subject", build: everyForm(func(c *craft, form string) ocispec.Manifest {
			m := c.good(form, c.k, c.subject)
			m.Subject = &c.other
			return m
		}), places: []string{inFallback}, outcome: outcome{policy.Invalid, policy.CodeOtherDigest}}, // of a tag it does not count: TestATagSaysNothingOfItself
		{name: "that is an attestation", build: map[string]func(*craft) ocispec.Manifest{
			bundleForm: func(c *craft) ocispec.Manifest {
				return c.sealed(c.k, statement(c.subject.Digest, "https://cyclonedx.org/bom"))
			},
		}, outcome: outcome{policy.Unsigned, ""}},
	}
}

// waysOfWriting are about bytes that are not what they should be.
func waysOfWriting() []way {
	malformed := outcome{policy.Invalid, policy.CodeMalformed}
	only := func(form string, build func(*craft) ocispec.Manifest) map[string]func(*craft) ocispec.Manifest {
		return map[string]func(*craft) ocispec.Manifest{form: build}
	}
	filled := everyForm(func(c *craft, form string) ocispec.Manifest {
		m := c.good(form, c.k, c.subject)
		m.Annotations = map[string]string{"filler": strings.Repeat("x", signature.MaxEvidenceManifest)}
		return m
	})
	large := everyForm(func(c *craft, form string) ocispec.Manifest {
		return c.s.bundleManifest(append(c.layerOf(c.good(form, c.k, c.subject)), bytes.Repeat([]byte(" "), 1<<20)...))
	})
	large[simpleForm] = func(c *craft) ocispec.Manifest {
		return c.one(c.k, append(claim(c.t, c.subject.Digest), bytes.Repeat([]byte(" "), 64<<10)...))
	}
	cut := everyForm(func(c *craft, form string) ocispec.Manifest {
		raw := c.layerOf(c.good(form, c.k, c.subject))
		return c.s.bundleManifest(raw[:len(raw)/2])
	})
	cut[simpleForm] = func(c *craft) ocispec.Manifest {
		return c.changed(func(l *ocispec.Descriptor) {
			l.Annotations[static.SignatureAnnotationKey] = l.Annotations[static.SignatureAnnotationKey][:8]
		})
	}
	return []way{
		{name: "of a payload that is no JSON", build: map[string]func(*craft) ocispec.Manifest{
			simpleForm: func(c *craft) ocispec.Manifest { return c.one(c.k, []byte(`{"critical":`)) },
			bundleForm: func(c *craft) ocispec.Manifest { return c.sealed(c.k, []byte(`{"_type":`)) },
		}, outcome: malformed},
		{name: "of a payload that says nothing", build: map[string]func(*craft) ocispec.Manifest{
			simpleForm: func(c *craft) ocispec.Manifest { return c.one(c.k, []byte(`{}`)) },
			bundleForm: func(c *craft) ocispec.Manifest {
				return c.sealed(c.k, []byte(`{"_type":"https://in-toto.io/Statement/v1"}`))
			},
		}, outcome: malformed, except: map[string]outcome{simpleForm: {policy.Invalid, policy.CodeOtherDigest}}},
		{name: "with a digest of another kind", build: only(messageForm, func(c *craft) ocispec.Manifest {
			return c.s.bundleManifest(messageBundle(c.t, c.k, c.s.bytes[c.subject.Digest], func(m map[string]any) {
				m["messageDigest"].(map[string]any)["algorithm"] = "SHA3_256"
			}))
		}), outcome: malformed},
		{name: "that is not base64", build: only(simpleForm, func(c *craft) ocispec.Manifest {
			return c.changed(func(l *ocispec.Descriptor) { l.Annotations[static.SignatureAnnotationKey] = "%%%" })
		}), outcome: malformed},
		{name: "that is empty", build: map[string]func(*craft) ocispec.Manifest{
			simpleForm: func(c *craft) ocispec.Manifest { return c.changed(func(l *ocispec.Descriptor) { l.Annotations = nil }) },
			bundleForm: func(c *craft) ocispec.Manifest { return c.s.bundleManifest([]byte(`{}`)) },
			messageForm: func(c *craft) ocispec.Manifest {
				return c.s.bundleManifest(messageBundle(c.t, c.k, c.s.bytes[c.subject.Digest], func(m map[string]any) { clear(m) }))
			},
		}, outcome: malformed},
		{name: "that is cut", build: cut, outcome: malformed, except: map[string]outcome{simpleForm: {policy.Unverified, policy.CodeUnknownSigner}}},
		{name: "of another media type", build: only(simpleForm, func(c *craft) ocispec.Manifest {
			return c.changed(func(l *ocispec.Descriptor) { l.MediaType = "application/json" })
		}), outcome: malformed},
		{name: "in a manifest without layers", build: map[string]func(*craft) ocispec.Manifest{
			simpleForm: func(*craft) ocispec.Manifest { return imageManifest(artifact.TypeCosignSignature) },
			bundleForm: func(*craft) ocispec.Manifest { return imageManifest(artifact.TypeBundle) },
		}, outcome: malformed},
		{name: "larger than allowed", build: large, outcome: outcome{policy.Invalid, policy.CodeTooLarge}},
		{name: "in a manifest larger than allowed", build: filled, outcome: outcome{"", policy.CodeEvidenceUnread}},
	}
}

// waysOfReading are about a store that fails.
func waysOfReading() []way {
	unread := outcome{"", policy.CodeEvidenceUnread}
	return []way{
		{name: "whose payload is gone", build: good, outcome: unread,
			after: func(c *craft, d digest.Digest) { delete(c.s.bytes, c.layer(d)) }},
		{name: "whose payload cannot be read", build: good, outcome: unread,
			after: func(c *craft, d digest.Digest) { c.s.fault[c.layer(d).String()] = errDisk }},
		{name: "whose payload is damaged", build: good, outcome: unread,
			after: func(c *craft, d digest.Digest) { l := c.layer(d); c.s.bytes[l] = bytes.ToUpper(c.s.bytes[l]) }},
		{name: "whose manifest cannot be read", build: good, outcome: unread,
			after: func(c *craft, d digest.Digest) { c.s.fault[d.String()] = errDisk }},
		{name: "whose manifest is damaged", build: good, outcome: unread,
			after: func(c *craft, d digest.Digest) { c.s.bytes[d] = append(bytes.Clone(c.s.bytes[d]), ' ') }},
		{name: "of a manifest that cannot be read", build: map[string]func(*craft) ocispec.Manifest{messageForm: good[messageForm]}, outcome: unread,
			after: func(c *craft, _ digest.Digest) { c.s.fault[c.subject.Digest.String()] = errDisk }},
	}
}

// witnesses is the instance that stamps the signatures of waysOfTime: of now.
var witnesses = sync.OnceValue(func() instance { return newInstance(panicking{}) })

// panicking is a test that is not running yet.
type panicking struct{ testing.TB }

func (panicking) Helper()           {}
func (panicking) Fatal(args ...any) { panic(args) }

// waysOfTime are about keys that count for a time only.
func waysOfTime() []way {
	now := time.Now()
	from := func(d time.Duration) string { return "'" + now.Add(d).UTC().Format(time.RFC3339) + "'" }
	stamped := everyForm(func(c *craft, form string) ocispec.Manifest {
		m := c.good(form, c.k, c.subject)
		return c.stamped(form, m)
	})
	return []way{
		{name: "by a revoked key, with a timestamp from before", build: stamped, bounds: ", revoked: {from: " + from(time.Hour) + ", before: keep}",
			outcome: outcome{policy.Verified, policy.CodeEvidenceVerified}},
		{name: "by a revoked key, with a timestamp from after", build: stamped, bounds: ", revoked: {from: " + from(-time.Hour) + ", before: keep}",
			outcome: outcome{policy.Unverified, policy.CodeRevoked}},
		{name: "by a revoked key, without a timestamp", build: good, bounds: ", revoked: {from: " + from(time.Hour) + ", before: keep}",
			outcome: outcome{policy.Unverified, policy.CodeTimeUnproven}},
		{name: "by a key that is revoked with all it signed", build: stamped, bounds: ", revoked: {from: " + from(time.Hour) + ", before: deny}",
			outcome: outcome{policy.Unverified, policy.CodeRevoked}},
		{name: "by a key within its time", build: stamped, bounds: ", not_before: " + from(-time.Hour) + ", not_after: " + from(time.Hour),
			outcome: outcome{policy.Verified, policy.CodeEvidenceVerified}},
		{name: "by a key whose time has ended", build: stamped, bounds: ", not_after: " + from(-time.Hour),
			outcome: outcome{policy.Unverified, policy.CodeOutsideValidity}},
		{name: "by a key whose time has not begun", build: stamped, bounds: ", not_before: " + from(time.Hour),
			outcome: outcome{policy.Unverified, policy.CodeOutsideValidity}},
	}
}
