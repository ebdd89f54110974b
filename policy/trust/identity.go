package trust

import (
	"encoding/json"
	"fmt"
	"regexp"

	"github.com/opencontainers/go-digest"
)

// An Identity is whom a signing certificate must name: who vouched (the OpenID
// issuer) and for whom (the certificate's subject alternative name). Of each
// pair one is set; a pattern matches the whole text.
type Identity struct {
	Issuer         string `json:"issuer,omitempty"`
	IssuerPattern  string `json:"issuer_pattern,omitempty"`
	Subject        string `json:"subject,omitempty"`
	SubjectPattern string `json:"subject_pattern,omitempty"`
	// TransparencyLogOptional takes a signature that no log holds, where a
	// signed timestamp proves its time.
	TransparencyLogOptional bool `json:"transparency_log_optional,omitempty"`
	// CertificateLogOptional takes a certificate that no log holds.
	CertificateLogOptional bool `json:"certificate_log_optional,omitempty"`
}

type identityText struct {
	Issuer         string `yaml:"issuer"`
	IssuerPattern  string `yaml:"issuer_pattern"`
	Subject        string `yaml:"subject"`
	SubjectPattern string `yaml:"subject_pattern"`
}

func (r *reader) identity(place string, text signerText) Signer {
	if err := checkName(text.Name); err != nil {
		r.problem(place+".name", "%s", trimKind(err))
	}
	if !r.rooted {
		r.problem(place+".identity", "no trusted_roots: is there to check certificates by")
	}
	said := text.Identity
	id := &Identity{Issuer: said.Issuer, Subject: said.Subject,
		IssuerPattern:           r.pattern(place, "issuer", said.Issuer, said.IssuerPattern),
		SubjectPattern:          r.pattern(place, "subject", said.Subject, said.SubjectPattern),
		TransparencyLogOptional: r.optional(place+".transparency_log", text.TransparencyLog),
		CertificateLogOptional:  r.optional(place+".certificate_log", text.CertificateLog),
	}
	valid := r.validity(place, text.validityText)
	raw, err := json.Marshal(id)
	if err != nil {
		r.problem(place+".identity", "%s", err)
	}
	return Signer{Name: text.Name, Identity: id, Validity: valid, ID: digest.FromBytes(raw)}
}

// pattern anchors a pattern, so that it cannot match a part by mistake.
func (r *reader) pattern(place, what, exact, pattern string) string {
	if (exact == "") == (pattern == "") {
		r.problem(place+".identity", "expected either %s: or %s_pattern:", what, what)
		return ""
	}
	if pattern == "" {
		return ""
	}
	if _, err := regexp.Compile(pattern); err != nil {
		r.problem(fmt.Sprintf("%s.identity.%s_pattern", place, what), "%s", err)
	}
	return `\A(?:` + pattern + `)\z`
}

func (r *reader) optional(place, text string) bool {
	switch text {
	case "", "required":
	case "optional":
		return true
	default:
		r.problem(place, "%q, expected required or optional", text)
	}
	return false
}
