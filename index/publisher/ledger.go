package publisher

import (
	"context"

	"github.com/oarlock/oarlock/index"
	statements "github.com/oarlock/oarlock/index/ledger"
)

// PublisherLedger gives at most limit statements after a sequence number.
func (s *Service) PublisherLedger(ctx context.Context, name string, after, limit int) (index.LedgerPage, error) {
	known, err := s.standing(ctx, name)
	if err != nil {
		return index.LedgerPage{}, err
	}
	if known.List == "" {
		return index.LedgerPage{Items: []index.LedgerStatement{}, Total: known.State.Head.Sequence}, nil
	}
	return statements.Page(ctx, s.o.Registry.Reader(known.Ref.Repository()), known.List, known.State.Head.Sequence, after, limit)
}
