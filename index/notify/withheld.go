package notify

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
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

// A WithheldWatch tells of what may not be pulled any more, and may again. The
// registry's storage alone knows that, and its changes are no transactions; so what is
// there is compared with what was there, and the difference is kept together with the
// events. Whoever dies between a change and the look, or looks beside another replica,
// tells of each once.
type WithheldWatch struct {
	Store  WithheldStore
	Outbox *Outbox
	InTx   func(ctx context.Context, do func(context.Context) error) error
	Clock  clock.Clock
}

// Look compares what is withheld now with what was. Where nothing was ever looked at,
// it is kept and not told of. changed says whether something was told.
func (w WithheldWatch) Look(ctx context.Context, now []Withheld) (changed bool, err error) {
	was, err := w.Store.Withheld(ctx)
	if err != nil {
		return false, err
	}
	begun := slices.ContainsFunc(was, func(o Withheld) bool { return o.Kind == kindBegun })
	if !begun {
		return false, w.begin(ctx, now)
	}
	var failed []error
	for _, one := range now {
		if !slices.ContainsFunc(was, one.same) {
			one.Told, changed = !one.partOf(now), true
			failed = append(failed, w.step(ctx, one.from(w.Clock.Now()), w.Store.AddWithheld, begins))
		}
	}
	for _, one := range was {
		if one.Kind != kindBegun && !slices.ContainsFunc(now, one.same) {
			changed = true
			failed = append(failed, w.step(ctx, one, w.Store.RemoveWithheld, ends))
		}
	}
	if changed {
		w.Outbox.Wake()
	}
	return changed, errors.Join(failed...)
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
		for _, one := range now {
			one.Told = !one.partOf(now)
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

func (w Withheld) same(o Withheld) bool {
	return w.Kind == o.Kind && w.Repository == o.Repository && w.Digest == o.Digest
}

// partOf reports whether something else in all says what w does: that all of its
// repository is withheld, or the version that it is a build of.
func (w Withheld) partOf(all []Withheld) bool {
	return w.Digest != "" && slices.ContainsFunc(all, func(o Withheld) bool {
		return o.Kind == w.Kind && o.Repository == w.Repository && (o.Digest == "" || o.Digest != w.Digest && o.Digest == w.Whole)
	})
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
