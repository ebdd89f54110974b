package trust

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/artifact/bounded"
	"go.yaml.in/yaml/v3"
)

// MaxPolicy is the largest trust policy in bytes.
const MaxPolicy = 4 << 20

// Load reads the policy file at path; `file:` keys are relative to its folder.
// A policy that breaks the rules gives an *artifact.ProblemsError with every
// problem at once. The file must be a regular one.
func Load(path string) (*Policy, error) {
	return load(path, func() ([]byte, error) { return bounded.ReadFile(path, MaxPolicy) })
}

// LoadArgument is Load for a path that a person gave, which may also be a pipe
// such as a shell's <(command): ctx ends the wait for it.
func LoadArgument(ctx context.Context, path string) (*Policy, error) {
	return load(path, func() ([]byte, error) { return bounded.ReadArgument(ctx, path, MaxPolicy) })
}

func load(path string, read func() ([]byte, error)) (*Policy, error) {
	raw, err := read()
	if err != nil {
		return nil, fmt.Errorf("trust policy: %w", err)
	}
	p, err := Parse(raw, func(name string) ([]byte, error) {
		if !filepath.IsAbs(name) {
			name = filepath.Join(filepath.Dir(path), name)
		}
		return bounded.ReadFile(name, MaxPolicy)
	})
	if err != nil {
		return nil, fmt.Errorf("trust policy %q: %w", path, err)
	}
	return p, nil
}

type fileText struct {
	TrustedRoots []fileRef                 `yaml:"trusted_roots"`
	Platforms    []signerText              `yaml:"platforms"`
	Logs         []string                  `yaml:"logs"`
	Namespaces   map[string]*namespaceText `yaml:"namespaces"`
}

type namespaceText struct {
	Signature string       `yaml:"signature"`
	Threshold *int         `yaml:"threshold"`
	Signers   []signerText `yaml:"signers"`

	LedgerKeys bool `yaml:"ledger_keys"`

	Attestations []attestationText `yaml:"attestations"`
}

// Parse reads a policy; readFile gives the bytes behind a key's `file:`.
// Unknown keys are refused. Errors are an *artifact.ProblemsError with every
// problem at once and wrap artifact.ErrInvalid.
func Parse(text []byte, readFile func(name string) ([]byte, error)) (*Policy, error) {
	if len(text) > MaxPolicy {
		return nil, fmt.Errorf("%d bytes, expected at most %d: %w", len(text), MaxPolicy, artifact.ErrInvalid)
	}
	var file fileText
	r := &reader{readFile: readFile}
	r.decode(text, &file)
	if len(r.problems) == 0 && len(file.Namespaces) == 0 && len(file.Platforms) == 0 {
		r.problem("namespaces", "missing: expected a publisher or \"*\" with its signers")
	}
	p := &Policy{namespaces: map[string]*Namespace{}, roots: r.roots(file.TrustedRoots)}
	p.platforms, p.logs = r.platforms(file.Platforms), r.logs(file.Logs)
	for _, name := range slices.Sorted(maps.Keys(file.Namespaces)) {
		p.namespaces[name] = r.namespace(name, file.Namespaces[name], p.roots)
	}
	if len(r.problems) > 0 {
		return nil, &artifact.ProblemsError{Problems: r.problems}
	}
	return p, nil
}

// reader collects every problem instead of stopping at the first.
type reader struct {
	readFile func(string) ([]byte, error)
	problems []artifact.Problem
	rooted   bool // there is a trusted root
}

func (r *reader) problem(place, format string, args ...any) {
	r.problems = append(r.problems, artifact.Problem{Place: place, Detail: fmt.Sprintf(format, args...)})
}

func (r *reader) decode(text []byte, into *fileText) {
	if r.problems = keysOf(text); len(r.problems) > 0 {
		return
	}
	d := yaml.NewDecoder(bytes.NewReader(text))
	d.KnownFields(true)
	err := d.Decode(into)
	var several *yaml.TypeError
	switch {
	case err == nil:
	case errors.Is(err, io.EOF):
		return
	case errors.As(err, &several):
		for _, one := range several.Errors {
			r.problem("yaml", "%s", inYAMLWords(one))
		}
		return
	default:
		r.problem("yaml", "%s", err)
		return
	}
	if err := d.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		r.problem("yaml", "more than one document, expected one")
	}
}

func (r *reader) namespace(name string, text *namespaceText, roots [][]byte) *Namespace {
	place := "namespaces." + name
	if name != Everyone {
		if err := artifact.CheckSegment(name); err != nil {
			r.problem(place, "publisher %s", trimKind(err))
		}
	}
	if text == nil {
		text = &namespaceText{}
	}
	ns := &Namespace{Name: name, Threshold: 1, LedgerKeys: text.LedgerKeys}
	switch text.Signature {
	case "", "required":
	case "optional":
		ns.Optional = true
	default:
		r.problem(place+".signature", "%q, expected required or optional", text.Signature)
	}
	r.signersFor(ns, place, text.Signers)
	r.threshold(place, ns, text)
	before := len(r.problems)
	for i, a := range text.Attestations {
		at := fmt.Sprintf("%s.attestations[%d]", place, i)
		ns.Attestations = append(ns.Attestations, r.attestation(at, a))
		if before == 0 && (len(text.Signers) > 0 || text.LedgerKeys) { // of signers with problems nobody knows who they are
			r.attested(at, ns, ns.Attestations[i])
		}
	}
	if len(ns.Attestations) > 0 && len(text.Signers) == 0 && !text.LedgerKeys {
		r.problem(place+".attestations", "nobody is trusted to sign them: expected signers: too")
	}
	ns.seal(roots)
	return ns
}

func (r *reader) signersFor(ns *Namespace, place string, texts []signerText) {
	names, keys := map[string]bool{}, map[string]string{}
	for i, text := range texts {
		at := fmt.Sprintf("%s.signers[%d]", place, i)
		signers := r.signers(at, text)
		if len(signers) > 0 && names[text.Name] {
			r.problem(at+".name", "%q is there twice; several keys of one signer belong in keys:", text.Name)
		}
		for _, signer := range signers {
			if other := keys[signer.ID.String()]; other != "" {
				r.problem(at, "%q has the same key or identity as %q", signer.Name, other)
			}
			names[signer.Name], keys[signer.ID.String()] = true, signer.Name
		}
		ns.Signers = append(ns.Signers, signers...)
	}
}

func (r *reader) threshold(place string, ns *Namespace, text *namespaceText) {
	if len(text.Signers) == 0 && !text.LedgerKeys && !ns.Optional {
		r.problem(place+".signers", "missing: a signature is required, so somebody must be trusted to sign (or ledger_keys: true, or signature: optional)")
		return
	}
	if text.Threshold == nil {
		return
	}
	ns.Threshold = *text.Threshold
	signers := len(text.Signers)
	if text.LedgerKeys {
		signers++ // all keys of a ledger are one signer
	}
	if most := max(1, signers); ns.Threshold < 1 || ns.Threshold > most {
		r.problem(place+".threshold", "%d, expected 1 to %d, the number of signers", ns.Threshold, most)
	}
}
