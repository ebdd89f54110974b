package index

import "github.com/opencontainers/go-digest"

// A Draft is a version that was not pushed yet. Layers are not sent.
type Draft struct {
	MediaType string   `json:"media_type,omitempty" doc:"Media type of the manifest; what it says by default."`
	Manifest  []byte   `json:"manifest" doc:"The manifest or image index, in base64." minLength:"1"`
	Parts     [][]byte `json:"parts,omitempty" doc:"The config, and of an image index the manifests and configs of its platforms, each in base64, in any order." maxItems:"1024"`
}

// A Refusal is one thing that a push would be refused for.
type Refusal struct {
	Code    string   `json:"code" doc:"The stable code that a push is answered with, in detail.code."`
	Status  int      `json:"status" doc:"The HTTP status of that answer."`
	OCICode string   `json:"oci_code,omitempty" doc:"The code of the distribution specification." example:"MANIFEST_INVALID"`
	Detail  string   `json:"detail"`
	Data    any      `json:"data,omitempty" doc:"What the answer says for programs, such as next_patch."`
	Fixes   []string `json:"fixes,omitempty"`
}

// Drafted is what the gate makes of a Draft.
type Drafted struct {
	ID       string        `json:"id"`
	Version  string        `json:"version"`
	Digest   digest.Digest `json:"digest"`
	OK       bool          `json:"ok" doc:"A push would be taken, as things are now."`
	Refusals []Refusal     `json:"refusals" doc:"In the order of the gate: a push is answered with the first."`
}
