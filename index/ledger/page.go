package ledger

import (
	"context"
	"encoding/json"

	"github.com/opencontainers/go-digest"

	format "github.com/oarlock/oarlock/artifact/ledger"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/policy"
	"github.com/oarlock/oarlock/policy/ledger"
)

// Page gives at most limit statements after a sequence number of the first total
// ones, which hold, of the list with a digest.
func Page(ctx context.Context, r policy.Reader, at digest.Digest, total, after, limit int) (index.LedgerPage, error) {
	page := index.LedgerPage{Items: []index.LedgerStatement{}, Total: total}
	mediaType, raw, err := r.Manifest(ctx, at)
	if err != nil {
		return page, unread(err, "what the list of statements %s says", at)
	}
	list, err := format.ParseList(mediaType, raw)
	if err != nil {
		return page, unread(err, "what the list of statements %s says", at)
	}
	list.Statements = list.Statements[:min(len(list.Statements), total)]
	after = min(max(after, 0), total)
	entries, err := ledger.Statements(ctx, list, r, after+1, limit)
	if err != nil {
		return page, unread(err, "what the statements of the list %s say", at)
	}
	for _, e := range entries {
		one := index.LedgerStatement{Sequence: e.Sequence, Digest: e.Digest, Kind: string(e.Kind), At: e.Time, Actor: e.Actor, Role: e.Role, Subject: e.Subject}
		if err := json.Unmarshal(e.Body, &one.Body); err != nil {
			return page, unread(err, "what statement %d of the list %s says", e.Sequence, at)
		}
		page.Items = append(page.Items, one)
	}
	if last := after + len(entries); len(entries) > 0 && last < page.Total {
		page.Next = last
	}
	return page, nil
}
