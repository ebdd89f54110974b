package signed

import (
	"context"
	"time"

	"github.com/opencontainers/go-digest"
	"github.com/theupdateframework/go-tuf/v2/metadata"
)

// RootSummary are what people compare before they pin a root.
type RootSummary struct {
	Version int64               `json:"version"`
	Digest  digest.Digest       `json:"digest"` // of its bytes: what can be pinned
	Expires time.Time           `json:"expires_at"`
	Roles   map[string]RoleKeys `json:"roles"`
}

// RoleKeys are the keys of one role, and how many of them must sign.
type RoleKeys struct {
	Threshold int      `json:"threshold"`
	KeyIDs    []string `json:"keyids"`
}

// InspectRoot says what a root holds. Errors wrap artifact.ErrInvalid.
func InspectRoot(raw []byte) (RootSummary, error) {
	m, err := parseRoot(raw)
	if err != nil {
		return RootSummary{}, err
	}
	f := RootSummary{Version: m.Signed.Version, Digest: digestOf(raw), Expires: m.Signed.Expires, Roles: map[string]RoleKeys{}}
	for _, role := range metadata.TOP_LEVEL_ROLE_NAMES {
		r := m.Signed.Roles[role]
		f.Roles[role] = RoleKeys{Threshold: r.Threshold, KeyIDs: r.KeyIDs}
	}
	return f, nil
}

// NewestRoot reads the newest root that from holds. Nothing is pinned, so it is
// believed no further than the registry is: compare it over another way. With a
// pin, it is one that the pinned root leads to.
func NewestRoot(ctx context.Context, from RepositoryReader, pin Pin, now time.Time) ([]byte, error) {
	m, err := openMemory("")
	if err != nil {
		return nil, err
	}
	w := &walk{fetcher: fetcher{from: from, memory: m}, now: now}
	if w.l, err = w.listing(ctx); err != nil {
		return nil, err
	}
	if pin.digest == "" {
		raw, err := w.file(ctx, w.l, rootName(1), maxRoot)
		if err != nil {
			return nil, err
		}
		if pin, err = PinRoot(raw); err != nil {
			return nil, refuse(RefusedMalformed, "%s: %s", rootName(1), err)
		}
	}
	if err := w.root(ctx, pin); err != nil {
		return nil, err
	}
	return m.get("root.json")
}
