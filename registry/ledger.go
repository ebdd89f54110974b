package registry

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/oarlock/oarlock/artifact"
	format "github.com/oarlock/oarlock/artifact/ledger"
	"github.com/oarlock/oarlock/registry/internal/errcode"
	"github.com/oarlock/oarlock/registry/storage"
)

// admitLedger asks whether the ledger that a tag names may be read.
func (g Guards) admitLedger(ctx context.Context, at route) error {
	if !isLedgers(at.repo) || isProcess(ctx) {
		return nil
	}
	err := g.LedgerReaders.AdmitLedger(ctx, Access{Principal: at.who, Action: Pull, Repository: at.repo}, at.tag)
	if errors.Is(err, artifact.ErrNotFound) {
		return err
	}
	return admission(err)
}

// isLedgers reports whether repo holds the ledgers of publishers, to which the
// rules of ledgers apply for the process too.
func isLedgers(repo string) bool { return repo == format.PublishersRepository }

// checkLedger lets a ledger change only by statements after those it has. The
// same again is a success; an older copy and a fork are refused (409), with
// the first statement that differs.
func (g *Registry) checkLedger(ctx context.Context, repo, tag string, have digest.Digest, m *storage.Manifest) error {
	ref, err := format.RefOf(repo, tag)
	if err != nil || ref.Repository() != repo {
		return errcode.Refuse(http.StatusBadRequest, errcode.TagInvalid, "tag %q of %s: expected the name of a publisher, whose ledger it holds", tag, repo)
	}
	list, err := format.ParseList(m.Type, m.Content)
	if err != nil {
		return errcode.Refuse(http.StatusBadRequest, errcode.ManifestInvalid, "tag %q of %s holds a %s", tag, repo, err)
	}
	old := &format.List{}
	if have != "" {
		if old, err = g.ledgerAt(ctx, repo, have); err != nil {
			return storage.CouldNotTell(fmt.Sprintf("what %s under tag %q of %s holds", have, tag, repo), err)
		}
	}
	if err := list.Extends(old); err != nil {
		_, at := list.Compare(old)
		return errcode.Refuse(http.StatusConflict, errcode.Denied, "tag %q of %s only grows: %s", tag, repo, err).
			Detail(map[string]any{"tag": tag, "have": have.String(), "got": m.Digest.String(), "statement": at})
	}
	for i := len(old.Statements); i < len(list.Statements); i++ {
		if err := g.checkStatement(ctx, ref, list, i); err != nil {
			return err
		}
	}
	if len(list.Statements) == len(old.Statements) {
		return nil
	}
	err = g.opts.Ledgers.VerifyLedger(ctx, ref, list)
	if errors.Is(err, artifact.ErrUnverified) || errors.Is(err, artifact.ErrDenied) {
		return errcode.Refuse(http.StatusForbidden, errcode.Denied, "tag %q of %s: %s", tag, repo, err)
	}
	if err != nil {
		return storage.CouldNotTell(fmt.Sprintf("who signed the statements for tag %q of %s", tag, repo), err)
	}
	return nil
}

// ledgerAt reads a list that is stored.
func (g *Registry) ledgerAt(ctx context.Context, repo string, d digest.Digest) (*format.List, error) {
	m, err := g.storage.ManifestContent(ctx, repo, d)
	if err != nil {
		return nil, err
	}
	list, err := format.ParseList(m.Type, m.Content)
	if err != nil {
		return nil, fmt.Errorf("%s", err) // no fault of who pushes
	}
	return list, nil
}

// checkStatement holds entry i of a list to its place: a stored statement of
// this ledger, with its number, after the one before it.
func (g *Registry) checkStatement(ctx context.Context, ref format.Ref, list *format.List, i int) error {
	d := list.Statements[i]
	s, err := g.statement(ctx, ref.Repository(), d)
	if err != nil {
		return err
	}
	var previous digest.Digest
	if i > 0 {
		previous = list.Statements[i-1].Digest
	}
	problem := ""
	switch {
	case s.Ledger != ref:
		problem = fmt.Sprintf("it is of the ledger %s", s.Ledger)
	case s.Sequence != i+1:
		problem = fmt.Sprintf("it says that it is number %d", s.Sequence)
	case s.Previous != previous:
		problem = fmt.Sprintf("it follows %q, and here it would follow %q", s.Previous, previous)
	}
	if problem != "" {
		return badStatement(ref, i, d, problem)
	}
	return nil
}

func badStatement(ref format.Ref, i int, d ocispec.Descriptor, problem string) error {
	return errcode.Refuse(http.StatusBadRequest, errcode.ManifestInvalid, "ledger %s: statement %d, %s: %s", ref, i+1, d.Digest, problem).
		Detail(map[string]any{"statement": i + 1, "digest": d.Digest.String()})
}

// statement reads what an entry of a ledger says, whoever signed it.
func (g *Registry) statement(ctx context.Context, repo string, d ocispec.Descriptor) (*format.Statement, error) {
	raw, err := g.storage.Fetch(ctx, repo, d)
	if err != nil {
		return nil, err
	}
	layer, err := format.ParseManifest(d.MediaType, raw)
	var s *format.Statement
	if err == nil {
		if raw, err = g.storage.Blob(ctx, repo, layer.Digest, format.MaxEnvelope); err != nil {
			return nil, storage.NotReferenced(err, layer)
		}
		var e *format.Envelope
		if e, err = format.ParseEnvelope(raw); err == nil {
			err = artifact.CheckCharacters(e.Payload)
		}
		if err == nil {
			s, err = format.ParseStatement(e.Payload)
		}
	}
	if err != nil {
		return nil, errcode.Refuse(http.StatusBadRequest, errcode.ManifestInvalid, "%s in %s is no statement: %s", d.Digest, repo, err)
	}
	return s, nil
}

// checkLoose lets nothing be pushed beside the ledgers but what they are made of.
func checkLoose(repo string, m *storage.Manifest) error {
	if !isLedgers(repo) || m.IsIndex() {
		return nil
	}
	if _, err := format.ParseManifest(m.Type, m.Content); err != nil {
		return errcode.Refuse(http.StatusBadRequest, errcode.ManifestInvalid, "%s holds statements of ledgers and nothing else: %s", repo, err)
	}
	return nil
}
