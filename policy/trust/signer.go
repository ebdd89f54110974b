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
	Identity        *identityText `yaml:"identity"`
	TransparencyLog string        `yaml:"transparency_log"`
	CertificateLog  string        `yaml:"certificate_log"`
}

type keyText struct {
	PEM  string `yaml:"pem"`
	File string `yaml:"file"`
}

func (r *reader) signer(place string, text signerText) (Signer, bool) {
	if (text.Key == nil) == (text.Identity == nil) {
		r.problem(place, "expected either key: or identity:")
		return Signer{}, false
	}
	if text.Identity != nil {
		return r.identity(place, text)
	}
	if text.TransparencyLog != "" || text.CertificateLog != "" {
		r.problem(place, "transparency_log and certificate_log are for identities")
		return Signer{}, false
	}
	if (text.Key.PEM == "") == (text.Key.File == "") {
		r.problem(place+".key", "expected either pem: with the public key or file: with its path")
		return Signer{}, false
	}
	raw := []byte(text.Key.PEM)
	if text.Key.File != "" {
		var ok bool
		if raw, ok = r.file(place+".key.file", text.Key.File); !ok {
			return Signer{}, false
		}
	}
	key, err := ParseKey(raw)
	if err != nil {
		r.problem(place+".key", "%s", trimKind(err))
		return Signer{}, false
	}
	signer, err := NewSigner(text.Name, key)
	if err != nil {
		r.problem(place+".name", "%s", trimKind(err))
		return Signer{}, false
	}
	return signer, true
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
