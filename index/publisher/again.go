package publisher

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/opencontainers/go-digest"

	format "github.com/oarlock/oarlock/artifact/ledger"
	"github.com/oarlock/oarlock/index"
	statements "github.com/oarlock/oarlock/index/ledger"
)

// An Appending appends statements that waited. All of it must be given.
type Appending struct {
	Ledger  index.Ledger
	Catalog Catalog
	// Own is the id of the site's own key.
	Own digest.Digest
}

// Append appends a statement, once however often it is called. A claim of a name that has a ledger of this site
// already is the end of a gap in the accounts, not of the publisher: it goes on
// in the same ledger, as a transfer by the platform.
func (s Appending) Append(ctx context.Context, next index.NewStatement) error {
	if next.Kind == format.PublisherClaimed {
		again, err := s.claimedAgain(next)
		if err != nil {
			return err
		}
		for _, one := range again {
			if _, err := s.Ledger.Append(ctx, one); err != nil {
				return err
			}
		}
		if len(again) > 0 {
			return nil
		}
	}
	_, err := s.Ledger.Append(ctx, next)
	return err
}

// claimedAgain are the statements that make a publisher that the ledger knows
// the one that is claimed; none where claim is the first.
func (s Appending) claimedAgain(claim index.NewStatement) ([]index.NewStatement, error) {
	standing, ok := s.Catalog.Publisher(claim.Ledger.Publisher())
	was := standing.Counts.Publisher
	if !ok || was == nil || standing.Counts.Platform != s.Own || !was.ClaimedAt.Before(claim.Since) {
		return nil, nil
	}
	var body format.Claimed
	if err := json.Unmarshal(claim.Body, &body); err != nil {
		return nil, fmt.Errorf("ledger %s: %w", claim.Ledger, err)
	}
	var out []index.NewStatement
	add := func(kind format.Kind, what string, said any) error {
		raw, err := statements.Object(said)
		if err != nil {
			return err
		}
		next := claim // asked for once, however often it is delivered
		next.Kind, next.Role, next.Body, next.ID = kind, format.RolePlatform, raw, statements.IDOf(claim.ID, what)
		out = append(out, next)
		return nil
	}
	var from []string
	for _, owner := range was.Owners() {
		if owner != body.Owner {
			from = append(from, owner)
		}
	}
	if err := add(format.PublisherTransferred, "transferred", format.Transferred{To: body.Owner, From: append([]string{}, from...)}); err != nil {
		return nil, err
	}
	for _, member := range slices.Sorted(maps.Keys(was.Members)) {
		if member == body.Owner || slices.Contains(from, member) {
			continue
		}
		if err := add(format.MemberRemoved, "removed "+member, format.Removed{Principal: member}); err != nil {
			return nil, err
		}
	}
	if body.Private != was.Private {
		return out, add(format.PublisherConfigured, "configured", format.Configured{Private: body.Private, PublishingOff: was.PublishingOff})
	}
	return out, nil
}
