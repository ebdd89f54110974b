package publog

import (
	"encoding/base64"
	"fmt"
	"strings"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/mod/sumdb/note"
)

// A log signs which proof it attached to a version, since whoever may attach
// referrers can attach as many as he likes that say that they are of this log. What
// it signs is
//
//	text  = "oarlock log proof 1\n" subject "\n" layer "\n" size "\n"
//	value = layer SP size SP base64(signature of text)
//
// where subject is the digest of the version, and layer and size are those of the
// proof. No checkpoint begins so: an origin has no spaces.
const claimHeader = "oarlock log proof 1"

func claimText(subject digest.Digest, layer ocispec.Descriptor) []byte {
	return fmt.Appendf(nil, "%s\n%s\n%s\n%d\n", claimHeader, subject, layer.Digest, layer.Size)
}

// claim signs that layer is a proof about subject.
func (k *key) claim(subject digest.Digest, layer ocispec.Descriptor) (string, error) {
	sig, err := k.signer.Sign(claimText(subject, layer))
	return fmt.Sprintf("%s %d %s", layer.Digest, layer.Size, base64.StdEncoding.EncodeToString(sig)), err
}

// SignedProofs are the proofs about subject that the log with the key attached, among
// referrers: each once, as the layer to read, however many say that they have it. It
// verifies signatures and reads nothing, so it may be given any number of referrers.
func SignedProofs(referrers []ocispec.Descriptor, subject digest.Digest, by note.Verifier) []ocispec.Descriptor {
	var out []ocispec.Descriptor
	known := map[string]bool{}
	for _, d := range referrers {
		value := d.Annotations[KeySignature]
		if d.ArtifactType != TypeProof || value == "" || known[value] {
			continue
		}
		known[value] = true
		if layer, ok := parseClaim(value, subject, by); ok && !known[string(layer.Digest)] {
			known[string(layer.Digest)] = true
			out = append(out, layer)
		}
	}
	return out
}

func parseClaim(value string, subject digest.Digest, by note.Verifier) (ocispec.Descriptor, bool) {
	layer := ocispec.Descriptor{MediaType: TypeProof}
	parts := strings.Split(value, " ")
	if len(parts) != 3 || len(value) > 512 {
		return layer, false
	}
	layer.Digest = digest.Digest(parts[0])
	size, err := decimal(parts[1])
	if err != nil || size > maxProof || layer.Digest.Validate() != nil {
		return layer, false
	}
	layer.Size = size
	sig, err := base64.StdEncoding.Strict().DecodeString(parts[2])
	return layer, err == nil && by.Verify(claimText(subject, layer), sig)
}
