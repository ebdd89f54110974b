package attest

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/policy"
	"github.com/opencontainers/go-digest"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// The predicate types that are understood.
const (
	TypeCycloneDX     = "https://cyclonedx.org/bom"
	TypeSPDX          = "https://spdx.dev/Document"
	TypeProvenanceV1  = "https://slsa.dev/provenance/v1"
	TypeProvenanceV02 = "https://slsa.dev/provenance/v0.2"
	TypeTestResult    = "https://in-toto.io/attestation/test-result/v0.1"
	TypeCosignVuln    = "https://cosign.sigstore.dev/attestation/vuln/v1"
	TypeVulns         = "https://in-toto.io/attestation/vulns/v0.2"
	TypeReview        = policy.TypeReview
)

// A predicate is one type that is understood.
type predicate struct {
	kind    string
	schemas func(map[string]any) ([]string, error) // that it must follow, by their places
	read    func(map[string]any) (claims, error)   // what a schema cannot say
}

// cycloneDXVersions are the versions of CycloneDX that are understood.
var cycloneDXVersions = []string{"1.4", "1.5", "1.6", "1.7"}

// schema is a predicate type that follows schemas of ours or of others.
func schema(places ...string) func(map[string]any) ([]string, error) {
	return func(map[string]any) ([]string, error) { return places, nil }
}

// cycloneDX follows the schema of the version that it says it is of. A
// predicate type that names a version takes no other.
func cycloneDX(only string) func(map[string]any) ([]string, error) {
	return func(doc map[string]any) ([]string, error) {
		version, takes := text(doc, "specVersion"), cycloneDXVersions
		if only != "" {
			takes = []string{only}
		}
		if !slices.Contains(takes, version) {
			return nil, fmt.Errorf("specVersion: %.40q, expected one of %s", version, strings.Join(takes, ", "))
		}
		return []string{cycloneDXAt + "bom-" + version + ".schema.json"}, nil
	}
}

var predicates = func() map[string]predicate {
	all := map[string]predicate{
		TypeCycloneDX:     {policy.KindSBOM, cycloneDX(""), readCycloneDX},
		TypeSPDX:          {policy.KindSBOM, schema(spdxAt, oursAt+"spdx"), readSPDX},
		TypeProvenanceV1:  {policy.KindProvenance, schema(oursAt + "provenance-v1"), readProvenanceV1},
		TypeProvenanceV02: {policy.KindProvenance, schema(oursAt + "provenance-v0.2"), readProvenanceV02},
		TypeTestResult:    {policy.KindTestResult, schema(oursAt + "test-result"), readTestResult},
		TypeCosignVuln:    {policy.KindVulnerabilities, schema(oursAt + "vuln"), readNothing},
		TypeVulns:         {policy.KindVulnerabilities, schema(oursAt + "vulns"), readNothing},
		TypeReview:        {policy.KindReview, schema(oursAt + "review"), readReview},
	}
	for _, version := range cycloneDXVersions {
		all[TypeCycloneDX+"/v"+version] = predicate{policy.KindSBOM, cycloneDX(version), readCycloneDX}
	}
	all[TypeSPDX+"/v2.3"] = all[TypeSPDX]
	return all
}()

// names are cosign's and our own short names of predicate types.
var names = map[string]string{
	"cyclonedx": TypeCycloneDX, "spdx": TypeSPDX, "spdxjson": TypeSPDX,
	"slsaprovenance": TypeProvenanceV02, "slsaprovenance02": TypeProvenanceV02, "slsaprovenance1": TypeProvenanceV1,
	"vuln": TypeCosignVuln, "link": "https://in-toto.io/Link/v1", "openvex": "https://openvex.dev/ns",
	"provenance": TypeProvenanceV1, "test-result": TypeTestResult, "vulnerabilities": TypeVulns, "review": TypeReview,
}

// Names are the short names that TypeOf knows, sorted.
func Names() []string {
	var out []string
	for name := range names {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}

// TypeOf is the predicate type behind a short name of cosign's or ours, or the
// URI itself. Errors wrap artifact.ErrInvalid.
func TypeOf(name string) (string, error) {
	if uri := names[name]; uri != "" {
		return uri, nil
	}
	if scheme, rest, ok := strings.Cut(name, "://"); ok && scheme != "" && rest != "" && !strings.ContainsAny(name, " \t\n\"") {
		return name, nil
	}
	return "", fmt.Errorf("predicate type %.200q: expected %s, or a URI: %w", name, strings.Join(Names(), ", "), artifact.ErrInvalid)
}

// KindOf is the kind of a predicate type, or "" for one that is not understood.
func KindOf(predicateType string) string { return predicates[predicateType].kind }

// Check says whether content follows the schema of a predicate type; of one
// that is not understood, whether it is a JSON object. Errors wrap
// artifact.ErrInvalid.
func Check(predicateType string, content []byte) error {
	_, err := read(predicateType, content)
	return err
}

// CheckNew is Check of what is about to be signed: a review that says that it
// was made later than now, with five minutes for clocks that differ, is refused,
// since it would count when that time has come and outlast what the same reviewer
// says until then. Errors wrap artifact.ErrInvalid.
func CheckNew(predicateType string, content []byte, now time.Time) error {
	f, err := read(predicateType, content)
	if err != nil || KindOf(predicateType) != policy.KindReview || !f.at.After(now.Add(reviewSkew)) {
		return err
	}
	return fmt.Errorf("predicate %s: reviewed_at: %s is not yet, expected when the review was made, at the latest now, %s: %w",
		predicateType, f.at.UTC().Format(time.RFC3339), now.UTC().Format(time.RFC3339), artifact.ErrInvalid)
}

// claims are what decides, of all that a predicate says.
type claims struct {
	builder string
	failed  string // why it does not meet a requirement, or ""
	// Of a review: who says that it is by them, when they say that it was made,
	// whether that is not yet, which depends on when it is asked, and which of
	// their own reviews it stands in for.
	reviewer string
	at       time.Time
	early    bool
	replaces []digest.Digest
}

func read(predicateType string, content []byte) (claims, error) {
	invalid := func(err error) (claims, error) {
		return claims{}, fmt.Errorf("predicate %s: %s: %w", predicateType, problem(err), artifact.ErrInvalid)
	}
	if err := artifact.CheckStrict(content, nil); err != nil {
		return invalid(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(content))
	if err != nil {
		return invalid(err)
	}
	object, ok := doc.(map[string]any)
	if !ok {
		return invalid(errors.New("no JSON object"))
	}
	p, known := predicates[predicateType]
	if !known {
		return claims{}, nil
	}
	places, err := p.schemas(object)
	if err != nil {
		return invalid(err)
	}
	for _, place := range places {
		if err := schemaAt[place]().Validate(doc); err != nil {
			return invalid(err)
		}
	}
	f, err := p.read(object)
	if err != nil {
		return invalid(err)
	}
	return f, nil
}
