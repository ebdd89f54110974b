package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/oarlock/oarlock/artifact"
	format "github.com/oarlock/oarlock/artifact/ledger"
	"github.com/oarlock/oarlock/index/publog"
	"github.com/oarlock/oarlock/policy/ledger"
	"github.com/oarlock/oarlock/policy/signature"
	"github.com/oarlock/oarlock/policy/trust"
)

// actWithin is how far the time of a leaf and that of the act that explains it may
// be apart: clocks of two machines differ.
const actWithin = 10 * time.Minute

// An explainer says what of a publisher's leaves this machine knows.
type explainer struct {
	c       *console
	host    string
	acts    []act
	used    []bool // by a leaf: an act explains one, but for the versions that it published
	signers []trust.Signer
}

func newExplainer(ctx context.Context, c *console, how watchFlags, host string) (*explainer, error) {
	x := &explainer{c: c, host: host}
	for _, path := range how.signers {
		t := trustFlags{key: path}
		who, err := t.read(ctx)
		if err != nil {
			return nil, err
		}
		x.signers = append(x.signers, who.For(trust.Everyone).Signers...)
	}
	own, err := journalPath()
	if err == nil {
		if x.acts, err = readActs([]string{own}, true); err != nil {
			return nil, err
		}
	}
	others, err := readActs(how.journals, false)
	if err != nil {
		return nil, err
	}
	x.acts = append(x.acts, others...)
	x.used = make([]bool, len(x.acts))
	return x, nil
}

// leaf says by what a leaf is explained, "" by nothing. An error says that it could
// not be told.
func (x *explainer) leaf(ctx context.Context, e publog.Event) (by, explanation string, err error) {
	for i, a := range x.acts {
		if a.Server == x.host && !x.used[i] && a.did(e) {
			x.used[i] = e.Kind != publog.Published
			return "journal", a.what(), nil
		}
	}
	if len(x.signers) == 0 || e.Channel != "" {
		return "", "", nil
	}
	var signer string
	if e.Kind == publog.Published {
		signer, err = x.signedVersion(ctx, e)
	} else {
		signer, err = x.signedStatement(ctx, e)
	}
	if err != nil || signer == "" {
		return "", "", err
	}
	return "signature", "signed by " + signer, nil
}

// did reports whether an act is what a leaf tells of.
func (a act) did(e publog.Event) bool {
	switch {
	case e.Kind == publog.Published:
		return a.Plugin == e.Plugin && a.Channel == "" && a.Digest == e.Digest.String()
	case e.Channel != "":
		return a.Plugin == e.Plugin && a.Channel == e.Channel && a.Statement == e.Statement && a.Digest == e.Digest.String() && a.when(e)
	}
	return a.Ledger == e.Ledger && a.Statement == e.Statement && a.when(e)
}

func (a act) when(e publog.Event) bool {
	return a.At.Sub(e.At).Abs() <= actWithin
}

// signedVersion is which of the keys signed a version; "" is none.
func (x *explainer) signedVersion(ctx context.Context, e publog.Event) (string, error) {
	for _, s := range x.signers {
		ref := x.host + "/" + e.Plugin + "@" + e.Digest.String()
		_, err := signature.VerifyRemote(ctx, signature.VerifyOptions{Reference: ref, Trust: trust.Only(s), Remote: x.c.signatures(ref)})
		switch {
		case err == nil:
			return s.Name, nil
		case !noExplanation(err):
			return "", fmt.Errorf("who signed %s@%s: %w", e.Plugin, e.Version, err)
		}
	}
	return "", nil
}

// signedStatement is which of the keys signed a statement of a ledger; "" is none.
func (x *explainer) signedStatement(ctx context.Context, e publog.Event) (string, error) {
	ref, err := format.ParseRef(e.Ledger)
	if err != nil {
		return "", nil
	}
	at := x.host + "/" + ref.Repository() + "@" + e.Digest.String()
	signer, err := x.statementSigner(ctx, at, e)
	if err != nil && !noExplanation(err) {
		return "", fmt.Errorf("who signed %s: %w", watchedWhat(e), err)
	}
	return signer, nil
}

func (x *explainer) statementSigner(ctx context.Context, at string, e publog.Event) (string, error) {
	subject, reader, err := x.c.signatures(at).Evidence(ctx, at)
	if err != nil {
		return "", err
	}
	mediaType, raw, err := reader.Manifest(ctx, subject.Digest)
	if err != nil {
		return "", err
	}
	layer, err := format.ParseManifest(mediaType, raw)
	if err != nil {
		return "", err
	}
	text, err := reader.Blob(ctx, layer.Digest, format.MaxEnvelope)
	if err != nil {
		return "", err
	}
	envelope, err := format.ParseEnvelope(text)
	if err != nil {
		return "", err
	}
	st, err := format.ParseStatement(envelope.Payload)
	if err != nil {
		return "", err
	}
	if st.Ledger.String() != e.Ledger || st.Sequence != e.Sequence || string(st.Kind) != e.Statement {
		return "", nil // signed, and about something else
	}
	s, err := ledger.SignedBy(ctx, envelope, x.signers)
	return s.Name, err
}

// noExplanation holds for an answer that is no: nobody of those signed it, it is not
// there any more, or may not be had.
func noExplanation(err error) bool {
	for _, kind := range []error{artifact.ErrUnverified, artifact.ErrNotFound, artifact.ErrInvalid, artifact.ErrDenied} {
		if errors.Is(err, kind) {
			return true
		}
	}
	return false
}
