package trust

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/oarlock/oarlock/artifact"
)

type fileRef struct {
	File string `yaml:"file"`
}

type signerText struct {
	Name            string        `yaml:"name"`
	Key             *keyText      `yaml:"key"`
	Keys            []keysText    `yaml:"keys"`
	Identity        *identityText `yaml:"identity"`
	TransparencyLog string        `yaml:"transparency_log"`
	CertificateLog  string        `yaml:"certificate_log"`
	validityText    `yaml:",inline"`
}

type keyText struct {
	PEM  string `yaml:"pem"`
	File string `yaml:"file"`
}

// keysText is one of several keys, each with a validity of its own.
type keysText struct {
	keyText      `yaml:",inline"`
	validityText `yaml:",inline"`
}

// signers are the keys of one signer, or its identity; none where there is a
// problem.
func (r *reader) signers(place string, text signerText) []Signer {
	before := len(r.problems)
	out := r.signersOf(place, text)
	if len(r.problems) > before {
		return nil
	}
	return out
}

func (r *reader) signersOf(place string, text signerText) []Signer {
	switch given := []bool{text.Key != nil, len(text.Keys) > 0, text.Identity != nil}; {
	case count(given) != 1:
		r.problem(place, "expected either key:, keys: or identity:")
		return nil
	case text.Identity != nil:
		return []Signer{r.identity(place, text)}
	case text.TransparencyLog != "" || text.CertificateLog != "":
		r.problem(place, "transparency_log and certificate_log are for identities")
		return nil
	case text.Key != nil:
		return []Signer{r.key(place, ".key", text.Name, *text.Key, r.validity(place, text.validityText))}
	case text.validityText != validityText{}:
		r.problem(place, "not_before, not_after and revoked: expected in each of keys:")
	}
	var out []Signer
	for i, one := range text.Keys {
		at := fmt.Sprintf(".keys[%d]", i)
		out = append(out, r.key(place, at, text.Name, one.keyText, r.validity(place+at, one.validityText)))
	}
	return out
}

func count(given []bool) (n int) {
	for _, one := range given {
		if one {
			n++
		}
	}
	return n
}

// key reads a key at a place within that of its signer.
func (r *reader) key(place, within, name string, text keyText, valid Validity) Signer {
	if (text.PEM == "") == (text.File == "") {
		r.problem(place+within, "expected either pem: with the public key or file: with its path")
		return Signer{}
	}
	raw := []byte(text.PEM)
	if text.File != "" {
		var ok bool
		if raw, ok = r.file(place+within+".file", text.File); !ok {
			return Signer{}
		}
	}
	key, err := ParseKey(raw)
	if err != nil {
		r.problem(place+within, "%s", trimKind(err))
		return Signer{}
	}
	signer, err := NewSigner(name, key)
	if err != nil {
		r.problem(place+".name", "%s", trimKind(err))
	}
	signer.Validity = valid
	return signer
}

func (r *reader) file(place, name string) ([]byte, bool) {
	raw, err := r.readFile(name)
	if err != nil {
		r.problem(place, "%s", fileProblem(name, err))
	}
	return raw, err == nil
}

// roots reads the trusted roots as far as to know that they are JSON.
func (r *reader) roots(refs []fileRef) [][]byte {
	var out [][]byte
	for i, ref := range refs {
		place := fmt.Sprintf("trusted_roots[%d].file", i)
		if ref.File == "" {
			r.problem(place, "missing: expected the path of a sigstore trusted root")
			continue
		}
		raw, ok := r.file(place, ref.File)
		if !ok {
			continue
		}
		if !json.Valid(raw) {
			r.problem(place, "%q is no JSON, expected a sigstore trusted root", ref.File)
			continue
		}
		r.rooted = true
		out = append(out, raw)
	}
	return out
}

func fileProblem(name string, err error) string {
	var path *fs.PathError
	if errors.As(err, &path) {
		err = path.Err
	}
	return fmt.Sprintf("%q: %s", name, err)
}

func trimKind(err error) string {
	return strings.TrimSuffix(err.Error(), ": "+artifact.ErrInvalid.Error())
}
