package notify

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/artifact/clock"
)

// The kinds of what is withheld.
const (
	KindBlocked     = "blocked"
	KindQuarantined = "quarantined"
	// kindBegun is the kind of the one record that says that what was withheld before
	// there were records was not told of.
	kindBegun = "begun"
)

// A Withheld is something of a plugin that may not be pulled.
type Withheld struct {
	// Kind, Repository and Digest name it; Digest is "" for all of a repository.
	Kind, Repository string
	Digest           digest.Digest
	// Version is that to which Digest belongs, "" where none is known; Whole is the
	// digest of that version.
	Version string
	Whole   digest.Digest
	Since   time.Time
	// Told says that an event told of it.
	Told bool
	// Details are what an event says of it. They are not kept.
	Details map[string]any
}

// A WithheldStore keeps what was withheld when it was looked at last.
type WithheldStore interface {
	Withheld(ctx context.Context) ([]Withheld, error)
	// AddWithheld keeps one, and is false where it is there.
	AddWithheld(ctx context.Context, w Withheld) (bool, error)
	// RemoveWithheld removes one, and is false where it is not there since w.Since.
	RemoveWithheld(ctx context.Context, w Withheld) (bool, error)
}

// SettleFor is how old what is withheld has to be before its end is told: six times what
// the slowest replica takes to learn what others withhold.
const SettleFor = 30 * time.Second

// A WithheldWatch tells of what may not be pulled any more, and may again. The
// registry's storage alone knows that, and its changes are no transactions; so what is
// there is compared with what was there, and the difference is kept together with the
// events. Whoever dies between a change and the look, or looks beside another replica,
// tells of each once.
type WithheldWatch struct {
	Store  WithheldStore
	Outbox *Outbox
	// Still asks the storage itself whether something is withheld. A replica remembers
	// what it heard, and the rows are of all: what one did not hear of yet did not end.
	Still func(ctx context.Context, w Withheld) (bool, error)
	InTx  func(ctx context.Context, do func(context.Context) error) error
	Clock clock.Clock
}

// Look compares what is withheld now with what was. Where nothing was ever looked at,
// it is kept and not told of. An end is told only where the storage says so; later is
// that something was not told yet, so that it is to be looked at again.
func (w WithheldWatch) Look(ctx context.Context, now []Withheld) (later bool, err error) {
	was, err := w.Store.Withheld(ctx)
	if err != nil {
		return false, err
	}
	before, after := keysOf(was), keysOf(now)
	if !before[withheldKey{Kind: kindBegun}] {
		return false, w.begin(ctx, now)
	}
	var failed []error
	for _, one := range now {
		if !before[one.key()] {
			one.Told = !one.partOf(after)
			unsaid, err := w.begun(ctx, one)
			later, failed = later || unsaid, append(failed, err)
		}
	}
	for _, one := range was {
		switch {
		case one.Kind == kindBegun || after[one.key()]:
		case w.Clock.Now().Before(one.Since.Add(SettleFor)):
			later = true
		default:
			failed = append(failed, w.ended(ctx, one))
		}
	}
	if len(failed) > 0 {
		w.Outbox.Wake()
	}
	return later, errors.Join(failed...)
}

// begun tells of what is withheld, but where the storage says that it is not: it ended,
// or a block was announced before it is written, which is unsaid for now. Where the
// storage cannot say, it is told: readers are refused it here.
func (w WithheldWatch) begun(ctx context.Context, one Withheld) (unsaid bool, err error) {
	if still, err := w.still(ctx, one); err == nil && !still {
		return true, nil
	}
	return false, w.step(ctx, one.from(w.Clock.Now()), w.Store.AddWithheld, begins)
}

// ended tells that something may be pulled again. Where the storage cannot say so,
// nothing ended: people who are told take the plugin again.
func (w WithheldWatch) ended(ctx context.Context, one Withheld) error {
	still, err := w.still(ctx, one)
	if err != nil {
		return fmt.Errorf("whether %s@%s is %s still: %w", one.Repository, one.Digest, one.Kind, err)
	}
	if still {
		return nil
	}
	return w.step(ctx, one, w.Store.RemoveWithheld, ends)
}

func (w WithheldWatch) still(ctx context.Context, one Withheld) (bool, error) {
	if w.Still == nil {
		return false, errors.New("nobody can be asked")
	}
	return w.Still(ctx, one)
}

// from is w, since a time where it is not known since when.
func (w Withheld) from(at time.Time) Withheld {
	if w.Since.IsZero() {
		w.Since = at
	}
	w.Since = w.Since.UTC().Truncate(time.Microsecond)
	return w
}

// begin keeps what is there the first time.
func (w WithheldWatch) begin(ctx context.Context, now []Withheld) error {
	return w.InTx(ctx, func(ctx context.Context) error {
		first, err := w.Store.AddWithheld(ctx, Withheld{Kind: kindBegun, Since: w.Clock.Now()})
		if err != nil || !first {
			return err
		}
		all := keysOf(now)
		for _, one := range now {
			one.Told = !one.partOf(all)
			if _, err := w.Store.AddWithheld(ctx, one.from(w.Clock.Now())); err != nil {
				return err
			}
		}
		return nil
	})
}

// What happens to what is withheld.
type turn string

const (
	begins turn = "begins"
	ends   turn = "ends"
)

// step keeps a difference with its event.
func (w WithheldWatch) step(ctx context.Context, one Withheld, keep func(context.Context, Withheld) (bool, error), is turn) error {
	return w.InTx(ctx, func(ctx context.Context) error {
		first, err := keep(ctx, one)
		if err != nil || !first || !one.Told {
			return err
		}
		c, err := one.change(is, w.Clock.Now().UTC())
		if err != nil {
			return err
		}
		return w.Outbox.Note(ctx, c)
	})
}

// A withheldKey is what names something withheld.
type withheldKey struct {
	Kind, Repository string
	Digest           digest.Digest
}

func (w Withheld) key() withheldKey { return withheldKey{w.Kind, w.Repository, w.Digest} }

func keysOf(all []Withheld) map[withheldKey]bool {
	out := make(map[withheldKey]bool, len(all))
	for _, w := range all {
		out[w.key()] = true
	}
	return out
}

// partOf reports whether something else in all says what w does: that all of its
// repository is withheld, or the version that it is a build of.
func (w Withheld) partOf(all map[withheldKey]bool) bool {
	return w.Digest != "" && (all[withheldKey{w.Kind, w.Repository, ""}] || w.Whole != w.Digest && all[withheldKey{w.Kind, w.Repository, w.Whole}])
}

// change is what is told: its id follows from what is withheld, and since when.
func (w Withheld) change(is turn, now time.Time) (Change, error) {
	types := map[string]map[turn]Type{
		KindBlocked:     {begins: VersionBlocked, ends: VersionUnblocked},
		KindQuarantined: {begins: VersionQuarantined, ends: VersionUnquarantined},
	}
	if _, err := artifact.ParseName(w.Repository); err != nil || types[w.Kind] == nil {
		return Change{}, fmt.Errorf("withheld %q of %q: expected a plugin: %w", w.Kind, w.Repository, artifact.ErrInvalid)
	}
	at := now
	if is == begins && !w.Since.IsZero() {
		at = w.Since.UTC()
	}
	return Change{
		ID: idOf("withheld", w.Kind, string(is), w.Repository, w.Digest.String(), w.Since.UTC().Format(time.RFC3339Nano)),
		At: at, Noted: now, Type: types[w.Kind][is], Plugin: w.Repository, Version: w.Version, Digest: w.Digest, Details: w.Details,
	}, nil
}

// idOf is the id of an event that follows from what it tells of.
func idOf(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(sum[:16])
}
