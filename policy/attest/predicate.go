package attest

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/policy"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"golang.org/x/text/language"
	"golang.org/x/text/message"
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
	TypeReview        = "https://oarlock.dev/attestation/review/v1"
)

// A predicate is one type that is understood.
type predicate struct {
	kind, schema string
	read         func(map[string]any) (facts, error) // what a schema cannot say
}

var predicates = map[string]predicate{
	TypeCycloneDX:           {policy.KindSBOM, "cyclonedx", readCycloneDX},
	TypeCycloneDX + "/v1.4": {policy.KindSBOM, "cyclonedx", readCycloneDX},
	TypeCycloneDX + "/v1.5": {policy.KindSBOM, "cyclonedx", readCycloneDX},
	TypeCycloneDX + "/v1.6": {policy.KindSBOM, "cyclonedx", readCycloneDX},
	TypeSPDX:                {policy.KindSBOM, "spdx", readSPDX},
	TypeSPDX + "/v2.3":      {policy.KindSBOM, "spdx", readSPDX},
	TypeProvenanceV1:        {policy.KindProvenance, "provenance-v1", readProvenanceV1},
	TypeProvenanceV02:       {policy.KindProvenance, "provenance-v0.2", readProvenanceV02},
	TypeTestResult:          {policy.KindTestResult, "test-result", readTestResult},
	TypeCosignVuln:          {policy.KindVulnerabilities, "vuln", readNothing},
	TypeVulns:               {policy.KindVulnerabilities, "vulns", readNothing},
	TypeReview:              {policy.KindReview, "review", readReview},
}

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

// facts are what decides, of all that a predicate says.
type facts struct {
	builder string
	failed  string // why it does not meet a requirement, or ""
	at      time.Time
}

//go:embed schema/*.json
var schemaFiles embed.FS

var schemas = sync.OnceValue(func() map[string]*jsonschema.Schema {
	out := map[string]*jsonschema.Schema{}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	for _, p := range predicates {
		file := "schema/" + p.schema + ".json"
		raw, err := schemaFiles.ReadFile(file)
		if err != nil {
			panic(err)
		}
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
		if err == nil && out[p.schema] == nil {
			err = c.AddResource("oarlock:"+file, doc)
		}
		if err != nil {
			panic(err)
		}
		out[p.schema] = c.MustCompile("oarlock:" + file)
	}
	return out
})

func read(predicateType string, content []byte) (facts, error) {
	invalid := func(err error) (facts, error) {
		return facts{}, fmt.Errorf("predicate %s: %s: %w", predicateType, problem(err), artifact.ErrInvalid)
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
		return facts{}, nil
	}
	if err := schemas()[p.schema].Validate(doc); err != nil {
		return invalid(err)
	}
	f, err := p.read(object)
	if err != nil {
		return invalid(err)
	}
	return f, nil
}

// problem is the first thing that does not follow a schema, with its place.
func problem(err error) string {
	var all *jsonschema.ValidationError
	if !errors.As(err, &all) {
		return fmt.Sprintf("%.300s", err)
	}
	for len(all.Causes) > 0 {
		all = all.Causes[0]
	}
	place := strings.Join(all.InstanceLocation, ".")
	if place == "" {
		place = "the document"
	}
	return fmt.Sprintf("%.200s: %.300s", place, all.ErrorKind.LocalizedString(message.NewPrinter(language.English)))
}
