package app

import (
	"context"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	format "github.com/oarlock/oarlock/artifact/ledger"
	"github.com/oarlock/oarlock/index/publisher"
	"github.com/oarlock/oarlock/policy"
	"github.com/oarlock/oarlock/registry"
)

// ledgerStore is the registry as ledgers are kept in it: through its own gate,
// as the process.
type ledgerStore struct{ registry *registry.Registry }

func newLedgerStore(r *registry.Registry) ledgerStore { return ledgerStore{r} }

// Resolve implements publisher.Registry.
func (s ledgerStore) Resolve(ctx context.Context, repo, reference string) (digest.Digest, error) {
	return s.registry.Resolve(ctx, repo, reference)
}

// Reader implements the store of index/ledger.
func (s ledgerStore) Reader(repo string) policy.Reader { return stored{s.registry, repo} }

// PushBlob implements the store of index/ledger.
func (s ledgerStore) PushBlob(ctx context.Context, repo string, content []byte) error {
	_, err := s.registry.PushBlob(registry.AsProcess(ctx), repo, content)
	return err
}

// PushManifest implements the store of index/ledger.
func (s ledgerStore) PushManifest(ctx context.Context, repo, reference, mediaType string, content []byte) error {
	_, err := s.registry.Push(registry.AsProcess(ctx), repo, reference, mediaType, content)
	return err
}

// stored is one repository of the registry, for judges.
type stored struct {
	registry *registry.Registry
	repo     string
}

func (s stored) Tag(ctx context.Context, tag string) (digest.Digest, error) {
	return s.registry.Resolve(ctx, s.repo, tag)
}

func (s stored) Manifest(ctx context.Context, d digest.Digest) (string, []byte, error) {
	return s.registry.Manifest(ctx, s.repo, d)
}

func (s stored) Blob(ctx context.Context, d digest.Digest, limit int64) ([]byte, error) {
	return s.registry.Blob(ctx, s.repo, d, limit)
}

func (s stored) Referrers(ctx context.Context, d digest.Digest) ([]ocispec.Descriptor, error) {
	return s.registry.Referrers(ctx, s.repo, d)
}

// ledgerGate answers the registry's questions about ledgers too. Nothing is
// asked before the server is joined.
type ledgerGate struct {
	gate
	server *Server
}

// guards are what the registry asks before it does anything. Where the server
// is for trying out, everybody may do everything, and what a ledger may say is
// judged all the same.
func (s *Server) guards() registry.Guards {
	g := ledgerGate{gate{s.accounts}, s}
	if s.cfg.Dev {
		all := registry.AdmitAllUnsafe()
		all.Ledgers = g
		return all
	}
	return registry.Guards{Admitter: g, Contents: g, Manifests: g, Uploads: g, Deletes: g, LedgerReaders: g, Ledgers: g}
}

// AdmitLedger implements registry.LedgerAdmitter.
func (g ledgerGate) AdmitLedger(ctx context.Context, _ registry.Access, name string) error {
	return g.server.publishers.MayRead(ctx, name)
}

// VerifyLedger implements registry.LedgerVerifier.
func (g ledgerGate) VerifyLedger(ctx context.Context, ref format.Ref, list *format.List) error {
	s := g.server
	got := s.index.basis.Ledgers.Judge(ctx, ref, list, stored{s.registry, ref.Repository()}, s.index.ingest.Remembered(ref))
	if err := publisher.Refusal(got); err != nil {
		return err
	}
	return ctx.Err()
}
