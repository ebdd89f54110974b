package publisher

import (
	"context"
	"encoding/json"

	format "github.com/oarlock/oarlock/artifact/ledger"
	"github.com/oarlock/oarlock/index"
	judged "github.com/oarlock/oarlock/policy/ledger"
)

// PublisherLedger gives at most limit statements after a sequence number.
func (s *Service) PublisherLedger(ctx context.Context, name string, after, limit int) (index.LedgerPage, error) {
	known, err := s.standing(ctx, name)
	if err != nil {
		return index.LedgerPage{}, err
	}
	page := index.LedgerPage{Items: []index.LedgerStatement{}, Total: known.State.Head.Sequence}
	if known.List == "" {
		return page, nil
	}
	reader := s.o.Registry.Reader(known.Ref.Repository())
	mediaType, raw, err := reader.Manifest(ctx, known.List)
	if err != nil {
		return page, err
	}
	list, err := format.ParseList(mediaType, raw)
	if err != nil {
		return page, err
	}
	list.Statements = list.Statements[:min(len(list.Statements), known.State.Head.Sequence)]
	entries, err := judged.Statements(ctx, list, reader, after+1, limit)
	if err != nil {
		return page, err
	}
	for _, e := range entries {
		one := index.LedgerStatement{Sequence: e.Sequence, Digest: e.Digest, Kind: string(e.Kind), At: e.Time, Actor: e.Actor, Role: e.Role, Subject: e.Subject}
		if err := json.Unmarshal(e.Body, &one.Body); err != nil {
			return page, err
		}
		page.Items = append(page.Items, one)
	}
	if last := after + len(entries); len(entries) > 0 && last < page.Total {
		page.Next = last
	}
	return page, nil
}
