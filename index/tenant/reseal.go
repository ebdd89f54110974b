package tenant

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index/seal"
)

// A Resealer seals anew what an older key sealed, so that the older key is needed no
// more.
type Resealer struct {
	Seals Seals
	Ring  *seal.Ring
	Log   *slog.Logger
}

// resealAtOnce is how many configurations are read at once.
const resealAtOnce = 50

// Run seals what another key than the current one sealed, one by one: what is done
// stays done, so it may end at any moment and go on later. What cannot be opened
// stays as it is, and is told.
func (r *Resealer) Run(ctx context.Context) error {
	used, err := r.Seals.SealKeys(ctx)
	if err != nil || len(used) == 0 {
		return err
	}
	current, err := r.Ring.Current(ctx)
	if err != nil {
		return fmt.Errorf("configurations of tenants are sealed with %v, and nothing can be sealed: %w", used, err)
	}
	if slices.Equal(used, []string{current}) {
		return nil
	}
	done, kept, err := r.all(ctx, current)
	if done > 0 {
		r.Log.InfoContext(ctx, "seal: configurations of tenants were sealed anew", "count", done, "key", current)
	}
	if err == nil && kept == 0 && done > 0 {
		older := slices.DeleteFunc(used, func(k string) bool { return k == current })
		r.Log.InfoContext(ctx, "seal: older keys are needed no more, but for backups that were made before", "keys", older)
	}
	return err
}

func (r *Resealer) all(ctx context.Context, current string) (done, kept int, err error) {
	for after := (SealedAt{}); ; {
		list, err := r.Seals.NotSealedBy(ctx, current, after, resealAtOnce)
		if err != nil {
			return done, kept, err
		}
		for _, c := range list {
			after = c.SealedAt
			switch err := r.one(ctx, c); {
			case errors.Is(err, artifact.ErrUnverified), errors.Is(err, seal.ErrNoKey):
				kept++
				r.Log.ErrorContext(ctx, "seal: a configuration cannot be opened", "alert", true,
					"tenant", c.Tenant, "plugin", c.Plugin, "revision", c.Revision, "err", err)
			case err != nil:
				return done, kept, err
			default:
				done++
			}
		}
		if len(list) < resealAtOnce {
			return done, kept, nil
		}
	}
}

func (r *Resealer) one(ctx context.Context, c SealedConfig) error {
	use := SealUse(c.Tenant, c.Plugin, c.Digest)
	raw, err := r.Ring.Open(ctx, use, c.Sealed)
	if err != nil {
		return err
	}
	now, err := r.Ring.Seal(ctx, use, raw)
	if err != nil {
		return err
	}
	return r.Seals.Reseal(ctx, c.SealedAt, c.Sealed.Key, now)
}
