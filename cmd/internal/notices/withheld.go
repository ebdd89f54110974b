package notices

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/catalog"
	"github.com/oarlock/oarlock/index/notify"
)

// A Block is one as the registry has it now.
type Block struct {
	Repository                  string        // "" is every repository
	Digest                      digest.Digest // "" is all of one
	Code, Reason, By, Emergency string
	At, Until                   time.Time
}

// Withholding knows what may not be pulled now.
type Withholding struct {
	Blocks func() []Block
	// Quarantine reports whether bytes of anything are in quarantine.
	Quarantine func() bool
	// Still asks the storage itself whether something is withheld, for a replica that
	// others are ahead of: a block by its name in the repository and in all, a quarantine
	// of what the version holds at any depth. Without it no end is told.
	Still func(ctx context.Context, w notify.Withheld) (bool, error)
	// Catalog is what there is, with what is not listed; an error where that is not known
	// now.
	Catalog func() (*catalog.Generation, error)
}

// withheldEvery is how often it is looked for what may not be pulled any more, and may
// again.
const withheldEvery = time.Second

// withheldRest is how long it may be before it is compared with the database again though
// nothing changed here.
const withheldRest = time.Minute

// withheldSoon is that where something could not be told, or not yet.
const withheldSoon = 5 * time.Second

// lookWithheld tells of what changed since.
func (n *Notices) lookWithheld(ctx context.Context) error {
	gen, err := n.withholding.Catalog()
	if err != nil {
		return nil //nolint:nilerr // it is looked at once it is known; readiness says why it is not
	}
	blocks, damaged := n.withholding.Blocks(), n.withholding.Quarantine()
	as, now := stampOf(blocks, damaged || n.quarantined, gen.Number), n.clock.Now()
	if as == n.looked && now.Before(n.lookAt) {
		return nil
	}
	bad := quarantined(damaged || n.quarantined, gen.Snapshot, n.damaged)
	later, err := n.watch.Look(ctx, append(blocked(blocks, gen.Snapshot), bad...))
	n.looked, n.lookAt, n.quarantined, n.damaged = as, now.Add(withheldRest), len(bad) > 0, bad
	if later || err != nil {
		n.lookAt = now.Add(withheldSoon)
	}
	if err != nil {
		return fmt.Errorf("what may not be pulled: %w", err)
	}
	return nil
}

// stampOf is another word when something changed that is to be told.
func stampOf(blocks []Block, damaged bool, generation int64) string {
	var b strings.Builder
	everywhere := false
	for _, one := range blocks {
		fmt.Fprintf(&b, "%s@%s %d\n", one.Repository, one.Digest, one.At.UnixNano())
		everywhere = everywhere || one.Repository == ""
	}
	if damaged || everywhere { // what it names follows from the catalog
		fmt.Fprintf(&b, "of %d", generation)
	}
	return b.String()
}

// blocked are the blocks as people know what they name.
func blocked(blocks []Block, of *catalog.Snapshot) []notify.Withheld {
	var out []notify.Withheld
	type named struct {
		repository string
		digest     digest.Digest
	}
	seen := map[named]bool{}
	add := func(b Block, plugin *catalog.Plugin, repository string) {
		w := notify.Withheld{Kind: notify.KindBlocked, Repository: repository, Digest: b.Digest, Since: b.At, Details: b.details()}
		if plugin != nil {
			if v, is := plugin.Holding(b.Digest); is {
				w.Version, w.Whole = v.Version.String(), v.Digest
			}
		}
		if by := (named{repository, b.Digest}); !seen[by] {
			seen[by] = true
			out = append(out, w)
		}
	}
	for _, b := range blocks {
		if id, err := artifact.ParseName(b.Repository); err == nil {
			plugin, _ := of.Plugin(id)
			add(b, plugin, b.Repository)
		}
	}
	for _, b := range blocks {
		if b.Repository != "" {
			continue
		}
		for p := range of.Plugins {
			if _, is := p.Holding(b.Digest); is {
				add(b, p, p.ID.String())
			}
		}
	}
	return out
}

func (b Block) details() map[string]any {
	out := map[string]any{"reason": b.Reason, "code": b.Code}
	for key, value := range map[string]string{"by": b.By, "emergency": b.Emergency} {
		if value != "" {
			out[key] = value
		}
	}
	if b.Digest == "" {
		out["all"] = true
	}
	if !b.Until.IsZero() {
		out["until"] = b.Until.UTC().Format(time.RFC3339)
	}
	return out
}

// quarantined are the versions of which bytes are in quarantine. Of one that is blocked
// besides the catalog says that alone: it is as it was.
func quarantined(some bool, of *catalog.Snapshot, was []notify.Withheld) []notify.Withheld {
	if !some {
		return nil
	}
	var out []notify.Withheld
	for p := range of.Plugins {
		for i := range p.Versions {
			v := &p.Versions[i]
			still := v.State == index.VersionBlocked && slices.ContainsFunc(was, func(w notify.Withheld) bool {
				return w.Repository == p.ID.String() && w.Digest == v.Digest
			})
			if v.State != index.VersionQuarantined && !still {
				continue
			}
			w := notify.Withheld{Kind: notify.KindQuarantined, Repository: p.ID.String(), Digest: v.Digest, Whole: v.Digest, Version: v.Version.String()}
			if len(v.Pending) > 0 {
				w.Details = map[string]any{"text": v.Pending[0].Detail}
			}
			out = append(out, w)
		}
	}
	return out
}
