package ledger

import (
	"context"
	"errors"
	"fmt"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/artifact"
	format "github.com/oarlock/oarlock/artifact/ledger"
	"github.com/oarlock/oarlock/policy"
	"github.com/oarlock/oarlock/policy/trust"
)

// walk goes through the statements of a list, one after the other.
type walk struct {
	ctx       context.Context
	ref       format.Ref
	list      *format.List
	reader    policy.Reader
	platforms []verifier
	state     State
}

// step judges the statement in place i, from 0, and takes it into the state.
func (w *walk) step(i int) *Finding {
	d := w.list.Statements[i].Digest
	e, s, problem := w.read(i)
	if problem != nil {
		return problem
	}
	by, err := signedBy(w.ctx, e, w.keys())
	if err != nil {
		return found(CodeForged, i+1, d, "%s", trimKind(err))
	}
	if problem := w.placed(i, s); problem != nil {
		return problem
	}
	next, err := w.state.Next(s, d, by)
	if err != nil {
		return found(CodeNotEntitled, i+1, d, "%s", trimKind(err))
	}
	w.state = next
	return nil
}

// placed holds a statement whose signature holds to its place in the list.
func (w *walk) placed(i int, s *format.Statement) *Finding {
	d := w.list.Statements[i].Digest
	switch {
	case s.Ledger != w.ref:
		return found(CodeMalformed, i+1, d, "it is a statement of the ledger %s", s.Ledger)
	case s.Sequence != i+1 && w.elsewhere(i):
		return found(CodeReordered, i+1, d, "it is number %d of the ledger, and number %d stands elsewhere", s.Sequence, i+1)
	case s.Sequence != i+1:
		return found(CodeTruncated, i+1, d, "it is number %d of the ledger, and number %d is gone", s.Sequence, i+1)
	case s.Previous != w.state.Head.Digest:
		return found(CodeForked, i+1, d, "it follows %s, and here it would follow %s", s.Previous, w.state.Head.Digest)
	case s.Time.Before(w.state.At):
		return found(CodeTime, i+1, d, "it is of %s, before the one that it follows, of %s", s.Time.Format(rfc3339), w.state.At.Format(rfc3339))
	}
	return nil
}

const rfc3339 = "2006-01-02T15:04:05.999999Z07:00"

// elsewhere reports whether the statement that belongs in place i stands later
// in the list.
func (w *walk) elsewhere(i int) bool {
	for later := i + 1; later < len(w.list.Statements) && w.ctx.Err() == nil; later++ {
		if _, s, problem := w.read(later); problem == nil && s.Sequence == i+1 && s.Ledger == w.ref {
			return true
		}
	}
	return false
}

// read gives the envelope and the statement in place i, of which nothing is
// verified but the digests.
func (w *walk) read(i int) (*format.Envelope, *format.Statement, *Finding) {
	d := w.list.Statements[i].Digest
	fail := func(err error) (*format.Envelope, *format.Statement, *Finding) {
		if errors.Is(err, artifact.ErrInvalid) {
			return nil, nil, found(CodeMalformed, i+1, d, "%s", trimKind(err))
		}
		return nil, nil, found(policy.CodeUnreadable, i+1, d, "it could not be read: %s", err)
	}
	mediaType, raw, err := w.reader.Manifest(w.ctx, d)
	if err == nil {
		err = matches(raw, d)
	}
	if err != nil {
		return fail(fmt.Errorf("%s", err)) // a registry's own word for it is no word about the statement
	}
	layer, err := format.ParseManifest(mediaType, raw)
	if err != nil {
		return fail(err)
	}
	raw, err = w.reader.Blob(w.ctx, layer.Digest, format.MaxEnvelope)
	if err == nil {
		err = matches(raw, layer.Digest)
	}
	if err != nil {
		return fail(fmt.Errorf("%s", err))
	}
	e, err := format.ParseEnvelope(raw)
	if err != nil {
		return fail(err)
	}
	s, err := format.ParseStatement(e.Payload)
	if err != nil {
		return fail(err)
	}
	return e, s, nil
}

// keys are those that may sign the next statement.
func (w *walk) keys() []verifier {
	keys := w.platforms
	for _, k := range w.state.Publisher.ActiveKeys() {
		key, err := trust.ParseKey([]byte(k.PEM))
		if err != nil {
			continue // it was read once before
		}
		signer, err := trust.NewSigner(k.Name, key)
		if err != nil {
			continue
		}
		if v, err := newVerifier(signer); err == nil {
			keys = append(keys[:len(keys):len(keys)], v)
		}
	}
	return keys
}

func matches(raw []byte, d digest.Digest) error {
	if err := d.Validate(); err != nil {
		return err
	}
	if got := d.Algorithm().FromBytes(raw); got != d {
		return fmt.Errorf("the bytes have digest %s", got)
	}
	return nil
}

// trimKind is the text of err without its kind, which the code says.
func trimKind(err error) string {
	text := err.Error()
	for _, kind := range []error{artifact.ErrInvalid, artifact.ErrDenied, artifact.ErrConflict, artifact.ErrNotFound, artifact.ErrUnverified} {
		if k := ": " + kind.Error(); errors.Is(err, kind) && len(text) > len(k) && text[len(text)-len(k):] == k {
			return text[:len(text)-len(k)]
		}
	}
	return text
}

// Statements gives the statements of a list from place from, counted from 1,
// at most limit of them, with their digests. It verifies digests and nothing
// else. Errors are those of reading.
func Statements(ctx context.Context, list *format.List, r policy.Reader, from, limit int) ([]Entry, error) {
	w := walk{ctx: ctx, list: list, reader: r}
	var out []Entry
	for i := max(from, 1) - 1; i < len(list.Statements) && len(out) < limit; i++ {
		_, s, problem := w.read(i)
		if problem != nil {
			return out, fmt.Errorf("%s", problem.Detail)
		}
		out = append(out, Entry{s, list.Statements[i].Digest})
	}
	return out, nil
}

// An Entry is a statement with its digest.
type Entry struct {
	*format.Statement
	Digest digest.Digest
}
