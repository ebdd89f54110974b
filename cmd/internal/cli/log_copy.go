package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/mod/sumdb/note"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/artifact/bounded"
	"github.com/oarlock/oarlock/index/publog"
	"github.com/oarlock/oarlock/policy"
)

// A logReader reads the copy of a log in any OCI registry: publog.Source.
type logReader struct {
	c       *console
	at      string // HOST or HOST/FOLDER
	readers map[string]policy.Reader
}

// Manifest implements publog.Source.
func (s *logReader) Manifest(ctx context.Context, repo, reference string) (d ocispec.Descriptor, raw []byte, err error) {
	ref := s.at + "/" + repo + ":" + reference
	if digest.Digest(reference).Validate() == nil {
		ref = s.at + "/" + repo + "@" + reference
	}
	subject, reader, err := s.c.signatures(ref).Evidence(ctx, ref)
	if err != nil {
		return d, nil, err
	}
	s.readers[repo] = reader
	d.Digest = subject.Digest
	if d.MediaType, raw, err = reader.Manifest(ctx, subject.Digest); err != nil {
		return d, nil, err
	}
	d.Size = int64(len(raw))
	return d, raw, nil
}

// Blob implements publog.Source.
func (s *logReader) Blob(ctx context.Context, repo string, d digest.Digest, limit int64) ([]byte, error) {
	reader, ok := s.readers[repo]
	if !ok {
		return nil, fmt.Errorf("%s/%s: no manifest of it was read: %w", s.at, repo, artifact.ErrNotFound)
	}
	return reader.Blob(ctx, d, limit)
}

// keyOf is the key of the log with an origin: the one that is given, or that this
// machine remembers of any server. known is where it is remembered, "" nowhere.
func (c *console) keyOf(given, origin string) (by note.Verifier, known string, seen knownLog, err error) {
	all, err := newLogMemory().all()
	if err != nil && given == "" {
		return nil, "", seen, err
	}
	for at, one := range all {
		if name, _, _ := strings.Cut(one.Key, "+"); name == origin && (given == "" || given == one.Key) {
			known, seen = at, one
		}
	}
	text := cmp.Or(given, seen.Key)
	if text == "" {
		return nil, "", seen, usagef("it is of the log %.200q, whose key this machine does not know: "+
			"give --key, as that site's oarlock log verify --output json prints it", origin)
	}
	if by, err = publog.NewVerifier(text); err != nil {
		return nil, "", seen, argument(err)
	}
	seen.Key = text
	return by, known, seen, nil
}

// keptCheckpoint is the checkpoint of --checkpoint; "" is none.
func (how verifyFlags) keptCheckpoint(ctx context.Context, by note.Verifier) (string, error) {
	if how.kept == "" {
		return "", nil
	}
	raw, err := bounded.ReadArgument(ctx, how.kept, bounded.Document)
	if err != nil {
		return "", fmt.Errorf("--checkpoint: %w", err)
	}
	if _, err := publog.OpenCheckpoint(string(raw), by); err != nil {
		return "", fmt.Errorf("--checkpoint %s: %w", how.kept, err)
	}
	return string(raw), nil
}

// verifyCopy verifies the copy of a log that a registry carries. One that is older
// than what was seen holds, and says that.
func (c *console) verifyCopy(ctx context.Context, how verifyFlags) (logResult, error) {
	q, err := publog.NewQuorum(how.witnesses, how.quorum)
	if err != nil {
		return logResult{}, argument(err)
	}
	how.registry = strings.TrimSuffix(how.registry, "/")
	if err := c.reference(how.registry + "/" + publog.Repository + ":" + publog.Tag); err != nil {
		return logResult{}, err
	}
	from, err := publog.OpenCopy(ctx, &logReader{c, how.registry, map[string]policy.Reader{}})
	if err != nil {
		return logResult{}, err
	}
	by, known, seen, err := c.keyOf(how.key, from.Origin())
	if err != nil {
		return logResult{}, err
	}
	if how.forget {
		seen.Checkpoint = ""
	}
	kept, err := how.keptCheckpoint(ctx, by)
	if err != nil {
		return logResult{}, err
	}
	raw, err := from.Fetch(ctx, "checkpoint")
	if err != nil {
		return logResult{}, err
	}
	now, err := publog.OpenCheckpoint(string(raw), by)
	if err != nil {
		return logResult{}, err
	}
	r := logResult{Key: seen.Key, copy: true}
	held := []string{kept}
	if before, err := publog.OpenCheckpoint(seen.Checkpoint, by); err == nil {
		if r.Since = before.N; before.N > now.N {
			r.Since, r.Older = 0, before.N
		} else {
			held = append(held, seen.Checkpoint)
		}
	}
	v, err := publog.VerifyWitnessed(ctx, from.Fetch, by, q, held...)
	if err != nil {
		return r, err
	}
	r.Origin, r.Size, r.Root, r.Checkpoint, r.Cosigned = v.Checkpoint.Origin, v.Checkpoint.N, v.Checkpoint.Hash.String(), v.Signed, v.Cosigned
	if r.Older > 0 {
		return r, nil
	}
	return r, newLogMemory().remember(cmp.Or(known, how.registry), knownLog{Key: seen.Key, Checkpoint: v.Signed})
}

// unsignedMost is how many proofs of one version are looked at that no known log says
// are its own: anybody may attach some.
const unsignedMost = 16

// carriedProof is the proof that refers to a version in a registry, with the digest
// that its tag has there. Those that the log signs to have attached are looked at
// first, all of them: whatever else refers to the version keeps none away.
func (c *console) carriedProof(ctx context.Context, at string, id artifact.Name, v artifact.Version, given string,
	holds func(text string, is digest.Digest) error,
) (string, error) {
	ref := strings.TrimSuffix(at, "/") + "/" + id.String() + ":" + v.Tag()
	if err := c.reference(ref); err != nil {
		return "", err
	}
	subject, reader, err := c.signatures(ref).Evidence(ctx, ref)
	if err != nil {
		return "", err
	}
	all, err := reader.Referrers(ctx, subject.Digest)
	if err != nil {
		return "", err
	}
	by, err := knownLogs(given)
	if err != nil {
		return "", err
	}
	p := &proofReader{ctx: ctx, from: reader, holds: func(text string) error { return holds(text, subject.Digest) }}
	for _, one := range by {
		for _, layer := range publog.SignedProofs(all, subject.Digest, one) {
			if p.read(layer) {
				return p.found, nil
			}
		}
	}
	unsigned := 0
	for _, d := range all {
		if d.ArtifactType != publog.TypeProof || unsigned == unsignedMost {
			continue
		}
		unsigned++
		if layer, ok := p.layerOf(d); ok && p.read(layer) {
			return p.found, nil
		}
	}
	if p.err == nil {
		return "", fmt.Errorf("%s has no proof of a publication log: %w", ref, artifact.ErrNotFound)
	}
	return "", p.err
}

// knownLogs are the keys of the logs that this machine remembers, or the one that is
// given.
func knownLogs(given string) (out []note.Verifier, err error) {
	keys := []string{given}
	if given == "" {
		all, err := newLogMemory().all()
		if err != nil {
			return nil, err
		}
		keys = keys[:0]
		for _, one := range all {
			keys = append(keys, one.Key)
		}
		slices.Sort(keys)
		keys = slices.Compact(keys)
	}
	for _, text := range keys {
		by, err := publog.NewVerifier(text)
		if err != nil {
			return nil, argument(err)
		}
		out = append(out, by)
	}
	return out, nil
}

// A proofReader reads proofs until one holds.
type proofReader struct {
	ctx   context.Context
	from  policy.Reader
	holds func(text string) error
	found string
	err   error // of those that do not hold
}

// read reports whether the proof in a layer holds.
func (p *proofReader) read(layer ocispec.Descriptor) bool {
	text, err := p.from.Blob(p.ctx, layer.Digest, layer.Size)
	if err == nil {
		err = p.holds(string(text))
	}
	p.found, p.err = string(text), errors.Join(p.err, err)
	return err == nil
}

// layerOf is the proof in a referrer.
func (p *proofReader) layerOf(d ocispec.Descriptor) (layer ocispec.Descriptor, ok bool) {
	_, raw, err := p.from.Manifest(p.ctx, d.Digest)
	if err == nil {
		if layer, err = publog.ProofLayer(raw); err != nil {
			err = kinded{err, artifact.ErrUnverified}
		}
	}
	p.err = errors.Join(p.err, err)
	return layer, err == nil
}
