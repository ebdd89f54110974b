package auth

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Content is what the registry holds of namespaces. A name that it holds
// something of is never free, whatever the store has forgotten: it may be that
// of somebody whose account was lost, or of a publisher elsewhere whose ledger
// a mirror brought.
type Content interface {
	// Namespaces are the names that have a repository or a ledger.
	Namespaces(ctx context.Context) ([]string, error)
	// Said is what the ledger of a name says now. One that has none, or whose
	// ledger says nothing that counts, is private.
	Said(ctx context.Context, name string) (Holding, error)
}

// Holding is how a namespace was left that no account owns.
type Holding struct {
	Private, PublishingOff bool
	ClosedAt               time.Time
}

// names tells the index of look-alikes every name that is not free, and returns
// those of the registry.
func (ns *Namespaces) names(ctx context.Context) (held []string, err error) {
	if ns.content == nil {
		return nil, untold(errors.New("nobody said what the registry holds"), "which names are free")
	}
	claimed, err := ns.store.NamespaceNames(ctx)
	if err != nil {
		return nil, untold(fmt.Errorf("namespaces: %w", err), "which names are free")
	}
	if held, err = ns.content.Namespaces(ctx); err != nil {
		return nil, untold(err, "which names are free")
	}
	for _, names := range [][]string{claimed, held} {
		for _, name := range names {
			ns.similar.Add(name)
		}
	}
	return held, nil
}

// Held are, by name, the names after one that the registry holds something of and
// that nobody owns. They are for who may give them away, an admin; to others
// there are none.
func (ns *Namespaces) Held(ctx context.Context, by Principal, after string) ([]string, error) {
	if !slices.Contains(by.roles(Site()), RoleAdmin) {
		return nil, nil
	}
	held, err := ns.names(ctx)
	if err != nil {
		return nil, err
	}
	claimed, err := ns.store.NamespaceNames(ctx)
	if err != nil {
		return nil, untold(fmt.Errorf("namespaces: %w", err), "which names nobody owns")
	}
	slices.Sort(claimed)
	held = slices.DeleteFunc(slices.Clone(held), func(name string) bool {
		_, owned := slices.BinarySearch(claimed, name)
		return owned || name <= after || ns.similar.Reserved(name)
	})
	slices.Sort(held)
	return held, nil
}

// asHeld leaves a namespace that is given again as it was: it never becomes
// public, or open, by being given.
func (ns *Namespaces) asHeld(ctx context.Context, n NamespaceRecord) (NamespaceRecord, error) {
	said, err := ns.content.Said(ctx, n.Name)
	if err != nil {
		return n, untold(err, "what the ledger of %s says", n.Name)
	}
	n.Public = n.Public && !said.Private
	n.PublishingOff = n.PublishingOff || said.PublishingOff
	n.ClosedAt = said.ClosedAt
	return n, nil
}
