package trust

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/oarlock/oarlock/policy"
)

// An Attestation says which attestations of one type count in a namespace,
// and whether its versions must have one.
type Attestation struct {
	// Type is a kind such as policy.KindSBOM, or the URI of a predicate type.
	Type     string `json:"type"`
	Required bool   `json:"required,omitempty"`
	// Builder is who must have built, exactly; BuilderPattern is an anchored
	// regular expression instead. Both are "" where any builder will do.
	Builder        string `json:"builder,omitempty"`
	BuilderPattern string `json:"builder_pattern,omitempty"`
	builders       *regexp.Regexp
	// Signers are the names of the namespace's signers whose attestations of this
	// type count; none is all of them.
	Signers []string `json:"signers,omitempty"`
}

// Kinds are what Attestation.Type may be besides a URI.
var Kinds = []string{policy.KindSBOM, policy.KindProvenance, policy.KindTestResult, policy.KindVulnerabilities, policy.KindReview}

// Is reports whether an attestation of that kind and predicate type is of this type.
func (a Attestation) Is(kind, predicateType string) bool {
	return a.Type == predicateType || a.Type == kind && kind != ""
}

// Reviews reports whether a is about reviews, which nobody makes of what they
// signed themselves.
func (a Attestation) Reviews() bool { return a.Is(policy.KindReview, policy.TypeReview) }

// AsksForSigner reports whether not every signer of the namespace will do.
func (a Attestation) AsksForSigner() bool { return len(a.Signers) > 0 }

// TakesSigner reports whether what a signer of that name attests counts.
func (a Attestation) TakesSigner(name string) bool {
	return !a.AsksForSigner() || slices.Contains(a.Signers, name)
}

// AsksForBuilder reports whether not every builder will do.
func (a Attestation) AsksForBuilder() bool { return a.Builder != "" || a.builders != nil }

// Takes reports whether what builder built counts.
func (a Attestation) Takes(builder string) bool {
	if a.builders != nil {
		return a.builders.MatchString(builder)
	}
	return a.Builder == "" || a.Builder == builder
}

type attestationText struct {
	Type           string   `yaml:"type"`
	Required       *bool    `yaml:"required"`
	Builder        string   `yaml:"builder"`
	BuilderPattern string   `yaml:"builder_pattern"`
	Signers        []string `yaml:"signers"`
}

func (r *reader) attestation(place string, text attestationText) Attestation {
	a := Attestation{Type: text.Type, Required: text.Required == nil || *text.Required, Builder: text.Builder, Signers: text.Signers}
	if !slices.Contains(Kinds, text.Type) && !absolute(text.Type) {
		r.problem(place+".type", "%q, expected %s, or the URI of a predicate type", text.Type, strings.Join(Kinds, ", "))
	}
	if text.Builder == "" && text.BuilderPattern == "" {
		return a
	}
	if text.Type != policy.KindProvenance && !strings.HasPrefix(text.Type, "https://slsa.dev/provenance/") {
		r.problem(place+".builder", "only a provenance names a builder, and the type is %q", text.Type)
	}
	if text.Builder != "" && text.BuilderPattern != "" {
		r.problem(place+".builder", "expected either builder: or builder_pattern:")
		return a
	}
	if text.BuilderPattern != "" {
		a.BuilderPattern = fmt.Sprintf(`\A(?:%s)\z`, text.BuilderPattern)
		if _, err := regexp.Compile(text.BuilderPattern); err != nil {
			r.problem(place+".builder_pattern", "%s", err)
			return a
		}
		a.builders = regexp.MustCompile(a.BuilderPattern)
	}
	return a
}

func absolute(text string) bool {
	u, err := url.Parse(text)
	return err == nil && u.IsAbs() && (u.Host != "" || u.Opaque != "")
}

// attested checks whose attestations of one type count: signers of the namespace
// and, of a review that is required, one who may be another than who signed the
// version. With too few signers that can never be.
func (r *reader) attested(place string, ns *Namespace, a Attestation) {
	names := map[string]bool{}
	var known []string
	for _, s := range ns.Signers {
		if !names[s.Name] {
			names[s.Name], known = true, append(known, fmt.Sprintf("%q", s.Name))
		}
	}
	for i, name := range a.Signers {
		if !names[name] {
			r.problem(fmt.Sprintf("%s.signers[%d]", place, i), "%q, expected the name of a signer of the namespace: %s", name, orNone(known))
		}
	}
	others := len(names)
	if ns.LedgerKeys {
		others++ // the publisher, who signs versions and reviews none
	}
	switch alone := ns.Optional && a.AsksForSigner(); {
	case !a.Required || !a.Reviews():
	case len(names) == 0:
		r.problem(place, "nobody can review: the keys of a publisher's ledger are its own, and nobody reviews what they sign; expected signers: too")
	case others < 2 && !alone:
		r.problem(place, "nobody can review: %s alone is trusted to sign, and nobody reviews what they sign; expected another signer", known[0])
	}
}

func orNone(all []string) string {
	if len(all) == 0 {
		return "there is none"
	}
	return strings.Join(all, ", ")
}
