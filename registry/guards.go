package registry

import (
	"context"
	"fmt"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/artifact"
	format "github.com/oarlock/oarlock/artifact/ledger"
)

// Guards are asked before anything is given away, stored or deleted, each about
// one kind of act. One that is nil refuses, by an error that names it and wraps
// artifact.ErrDenied; AdmitAllUnsafe is for registries that shall refuse nothing.
// The requests of the process itself (AsProcess) are asked of Ledgers alone.
type Guards struct {
	// Admitter decides who may do what.
	Admitter Admitter
	// Contents is asked about every manifest and blob that is read.
	Contents ContentAdmitter
	// Manifests holds the manifests that are pushed to limits.
	Manifests ManifestAdmitter
	// Uploads holds the bytes that come to limits.
	Uploads ByteAdmitter
	// Deletes is told of every delete, to write it down.
	Deletes DeleteAdmitter
	// LedgerReaders decides who may read the ledger of a publisher.
	LedgerReaders LedgerAdmitter
	// Ledgers decides whether a ledger may be set.
	Ledgers LedgerVerifier
}

// An Admitter decides who may do what. Nil admits; an error that is a
// *Challenge is answered 401, one that wraps artifact.ErrDenied 403, one that
// wraps artifact.ErrNotFound as if there were no such repository, and any other
// means that it could not tell, which refuses too.
type Admitter interface {
	Admit(ctx context.Context, a Access) error
}

// A ContentAdmitter is asked about every manifest and blob that is read, by
// digest and after a tag was resolved, besides what is blocked. Its answers are
// those of Admit, and an *Absence; it must be quick.
type ContentAdmitter interface {
	AdmitContent(ctx context.Context, a Access, d digest.Digest) error
}

// A ManifestAdmitter is asked about every manifest that is pushed, when its
// bytes are read and nothing is stored: to hold namespaces to limits. Its errors
// are those of Admit. The Reservation may be nil.
type ManifestAdmitter interface {
	AdmitManifest(ctx context.Context, a Access, l Load) (Reservation, error)
}

// A ByteAdmitter is asked for room while the bytes of an upload come, and before
// a blob is mounted: so that a namespace is held to its limit by all that it
// stores, with or without a manifest.
type ByteAdmitter interface {
	// BeginUpload begins to count one request of an upload; nil does not count.
	BeginUpload(ctx context.Context, a Access) (Meter, error)
}

// A DeleteAdmitter is told of every delete that the rules let through, before
// anything is deleted: to write it down. Its error refuses. failed is called
// with what went wrong afterwards, and gives that error back.
type DeleteAdmitter interface {
	AdmitDelete(ctx context.Context, a Access, what Removal) (failed func(error) error, err error)
}

// A LedgerAdmitter is asked who may read the ledger of a publisher, by its tag:
// that of a private one tells of its members. Its answers are those of Admit.
// By its digest the ContentAdmitter is asked, as of all that is read.
type LedgerAdmitter interface {
	AdmitLedger(ctx context.Context, a Access, publisher string) error
}

// A LedgerVerifier decides whether a ledger may be set: whether its statements are
// signed by somebody who might make them. It is asked while the tag is locked,
// after the gate found that the list extends what is there and that every new
// entry is a statement of this ledger in its place. The statements are stored
// in the repository of ref; the index is not stored yet. An error that wraps
// artifact.ErrUnverified or artifact.ErrDenied refuses; any other could not
// tell, which refuses too.
type LedgerVerifier interface {
	VerifyLedger(ctx context.Context, ref format.Ref, list *format.List) error
}

// AdmitAllUnsafe are guards that refuse nothing: everybody may read, write and
// delete everything, no limit holds, and no delete is written down. It is for
// tests and for a server that somebody tries out on his own machine.
func AdmitAllUnsafe() Guards { return allBy(admitAll{}) }

// guard is every guard in one.
type guard interface {
	Admitter
	ContentAdmitter
	ManifestAdmitter
	ByteAdmitter
	DeleteAdmitter
	LedgerAdmitter
	LedgerVerifier
}

func allBy(g guard) Guards {
	return Guards{Admitter: g, Contents: g, Manifests: g, Uploads: g, Deletes: g, LedgerReaders: g, Ledgers: g}
}

// orDeny puts a guard that refuses in the place of each that is missing.
func (g Guards) orDeny() Guards {
	if g.Admitter == nil {
		g.Admitter = missing("Admitter")
	}
	if g.Contents == nil {
		g.Contents = missing("Contents")
	}
	if g.Manifests == nil {
		g.Manifests = missing("Manifests")
	}
	if g.Uploads == nil {
		g.Uploads = missing("Uploads")
	}
	if g.Deletes == nil {
		g.Deletes = missing("Deletes")
	}
	if g.LedgerReaders == nil {
		g.LedgerReaders = missing("LedgerReaders")
	}
	if g.Ledgers == nil {
		g.Ledgers = missing("Ledgers")
	}
	return g
}

// admitAll refuses nothing. What a guard would be told is not read for it.
type admitAll struct{}

func (admitAll) Admit(context.Context, Access) error                       { return nil }
func (admitAll) AdmitContent(context.Context, Access, digest.Digest) error { return nil }
func (admitAll) AdmitLedger(context.Context, Access, string) error         { return nil }
func (admitAll) BeginUpload(context.Context, Access) (Meter, error)        { return nil, nil }
func (admitAll) AdmitManifest(context.Context, Access, Load) (Reservation, error) {
	return noReservation{}, nil
}

func (admitAll) AdmitDelete(context.Context, Access, Removal) (func(error) error, error) {
	return func(err error) error { return err }, nil
}

func (admitAll) VerifyLedger(context.Context, format.Ref, *format.List) error { return nil }

// missing is the guard in the place of the one that it names.
type missing string

func (m missing) refusal() error {
	return fmt.Errorf("this registry was opened without the guard %s, so nothing that it would be asked about is let through; the operator sets it in registry.Options: %w", string(m), artifact.ErrDenied)
}

func (m missing) Admit(context.Context, Access) error                       { return m.refusal() }
func (m missing) AdmitContent(context.Context, Access, digest.Digest) error { return m.refusal() }
func (m missing) AdmitLedger(context.Context, Access, string) error         { return m.refusal() }
func (m missing) BeginUpload(context.Context, Access) (Meter, error)        { return nil, m.refusal() }
func (m missing) AdmitManifest(context.Context, Access, Load) (Reservation, error) {
	return nil, m.refusal()
}

func (m missing) AdmitDelete(context.Context, Access, Removal) (func(error) error, error) {
	return nil, m.refusal()
}

func (m missing) VerifyLedger(context.Context, format.Ref, *format.List) error { return m.refusal() }
