package client

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
)

// LockedOptions say how InstallLocked takes a lock file. The zero value installs
// all that it was asked for.
type LockedOptions struct {
	// Only are the plugins to install, with what they need; empty is all.
	Only []artifact.Name
	// Frozen refuses the whole change where anything of it is not exactly as in
	// the lock file: what is gone, what is not given any more, what is not needed,
	// and what the store would hold besides.
	Frozen bool
}

// InstallLocked installs what l holds, each plugin at its very digest, in one
// change: with what they need, verified, or not at all. A plugin that the catalog
// does not give at that digest any more, or that needs such a one, stays away or as
// it is, and is in Change.Held; the rest goes on. Frozen, and where nothing is left
// to go on, that is an error that wraps artifact.ErrConflict and names each. What
// the store holds besides stays at its digest.
//
// A store that was opened with StoreOptions.Recover and whose state is lost begins
// with nothing: see Change.Recovered.
func (s *Store) InstallLocked(ctx context.Context, l *Lockfile, o LockedOptions) (*Change, error) {
	roots, err := l.chosen(o.Only)
	if o.Frozen && errors.Is(err, artifact.ErrNotFound) {
		return nil, fmt.Errorf("%s, and it is frozen: %w", strings.TrimSuffix(err.Error(), ": "+artifact.ErrNotFound.Error()), artifact.ErrConflict)
	}
	if err != nil {
		return nil, err
	}
	if len(o.Only) > 0 {
		l = l.part(roots)
	}
	denied := map[string]string{}
	for {
		c, err := s.changeFrom(ctx, "install", s.recovered, func(ctx context.Context, now set) (set, error) {
			return s.lockedTo(ctx, now, locking{l, o, now, roots, denied})
		})
		no, ok := errors.AsType[*deniedError](err)
		if !ok || l.find(no.id.String()) == nil || denied[no.id.String()] != "" {
			return c, err
		}
		// The catalog gives it to who has it locked, and the registry to who has it.
		denied[no.id.String()] = err.Error()
	}
}

// A deniedError is about a plugin that the registry refuses to give.
type deniedError struct {
	id  artifact.Name
	err error
}

func (e *deniedError) Error() string { return e.err.Error() }
func (e *deniedError) Unwrap() error { return e.err }

// chosen are the roots of l, or those of only.
func (l *Lockfile) chosen(only []artifact.Name) ([]index.Want, error) {
	roots := l.roots()
	if len(only) == 0 {
		if len(roots) == 0 {
			return nil, fmt.Errorf("install: the lock file holds no plugin: %w", artifact.ErrInvalid)
		}
		return roots, nil
	}
	var out []index.Want
	for _, id := range only {
		if l.find(id.String()) == nil {
			return nil, fmt.Errorf("install: %s is not in the lock file: %w", id, artifact.ErrNotFound)
		}
		if at := slices.IndexFunc(roots, func(w index.Want) bool { return w.ID == id.String() }); at >= 0 {
			out = append(out, roots[at])
		} else {
			out = append(out, index.Want{ID: id.String()})
		}
	}
	return out, nil
}

// part is l with roots and what they need, as far as l says who needs what.
func (l *Lockfile) part(roots []index.Want) *Lockfile {
	if !slices.ContainsFunc(l.Resolved, func(r LockedPlugin) bool { return len(r.RequestedBy) > 0 }) {
		return l
	}
	out := *l
	out.Resolved = slices.DeleteFunc(slices.Clone(l.Resolved), func(r LockedPlugin) bool {
		return !slices.ContainsFunc(roots, func(w index.Want) bool {
			return slices.ContainsFunc(l.needed(w.ID), func(in LockedPlugin) bool { return in.ID == r.ID })
		})
	})
	return &out
}

// locking is a lock file with what is wanted of it.
type locking struct {
	*Lockfile
	LockedOptions
	now    set // what the store has
	roots  []index.Want
	denied map[string]string // plugins that the registry refuses to give or that are too young, and why
}

// digests are what a request holds on to: those of the lock file but for free, and
// those of what the store has of free and besides.
func (l locking) digests(now set, free []string) []index.Locked {
	var out []index.Locked
	for _, one := range l.Locked() {
		if !slices.Contains(free, one.ID) {
			out = append(out, one)
		}
	}
	for _, one := range now.locked(nil) {
		if l.find(one.ID) == nil || slices.Contains(free, one.ID) {
			out = append(out, one)
		}
	}
	return out
}

// lockedTo is the set that l comes to.
func (s *Store) lockedTo(ctx context.Context, now set, l locking) (set, error) {
	if len(l.denied) > 0 {
		if l.Frozen {
			return set{}, s.frozen(ctx, l, nil, nil)
		}
		return s.lockedApart(ctx, now, l)
	}
	wants, err := withWants(now.Wants, l.roots)
	if err != nil {
		return set{}, err
	}
	next, conflict := s.resolve(ctx, wants, l.digests(now, nil))
	if conflict != nil && !isUnsatisfiable(conflict) {
		return set{}, conflict
	}
	var differ []LockChange
	if conflict == nil {
		young, err := s.tooYoung(ctx, next, l)
		if err != nil {
			return set{}, err
		}
		if len(young) > 0 {
			maps.Copy(l.denied, young)
			return s.lockedTo(ctx, now, l)
		}
		if differ, err = s.differences(ctx, next, l, func(c LockChange) bool { return l.counts(now, c) }); err != nil || len(differ) == 0 {
			return next, err
		}
	}
	if l.Frozen {
		return set{}, s.frozen(ctx, l, differ, conflict)
	}
	return s.lockedApart(ctx, now, l)
}

// counts reports whether a change keeps next from being what l asks for. Frozen it
// is all that differs; of a part of l the rest of it and of the store are not meant.
func (l locking) counts(now set, c LockChange) bool {
	switch {
	case c.Reason == LockMoved:
		return true
	case c.Reason == LockAdded && len(l.Only) > 0:
		id, err := artifact.ParseName(c.ID)
		return l.Frozen && (err != nil || now.find(id) == nil || now.find(id).Digest != c.NowDigest)
	}
	return l.Frozen && len(l.Only) == 0
}

// differences are in what next is not as l, of those that count.
func (s *Store) differences(ctx context.Context, next set, l locking, counts func(LockChange) bool) ([]LockChange, error) {
	got := make([]index.Resolved, len(next.Plugins))
	for n, e := range next.Plugins {
		got[n] = index.Resolved{ID: e.ID.String(), Version: e.Version.String(), Digest: e.Digest}
	}
	all := slices.DeleteFunc(l.compare(got), func(c LockChange) bool { return !counts(c) })
	return all, explain(ctx, s.options.Client, all, s.query())
}

// isMoved reports whether c is of a plugin that comes at another digest.
func isMoved(c LockChange) bool { return c.Reason == LockMoved }

// frozen is the error of a lock file that cannot be followed to the letter.
func (s *Store) frozen(ctx context.Context, l locking, differ []LockChange, conflict error) error {
	var why []string
	for _, c := range differ {
		why = append(why, c.String())
	}
	why = append(why, slices.Sorted(maps.Values(l.denied))...)
	if conflict != nil {
		for _, root := range l.roots {
			_, reason, err := s.follows(ctx, l, root)
			if err != nil {
				return err
			}
			if reason != "" && !slices.Contains(why, reason) {
				why = append(why, reason)
			}
		}
		if len(why) == 0 {
			why = append(why, conflict.Error())
		}
	}
	return fmt.Errorf("install: the lock file is frozen, and the catalog's answer is another: %s; nothing is changed: %w", strings.Join(why, "; "), artifact.ErrConflict)
}

// follows reports whether the catalog gives root and what it needs as l holds
// them; else the plugins of l that it does not, and why.
func (s *Store) follows(ctx context.Context, l locking, root index.Want) (off []string, reason string, err error) {
	for _, one := range l.needed(root.ID) {
		if why := l.denied[one.ID]; why != "" {
			off, reason = append(off, one.ID), cmp.Or(reason, why)
		}
	}
	if len(off) > 0 {
		return off, reason, nil
	}
	next, conflict := s.resolve(ctx, []index.Want{root}, l.Locked())
	var differ []LockChange
	switch {
	case conflict == nil:
		young, err := s.tooYoung(ctx, next, l)
		if err != nil {
			return nil, "", err
		}
		if len(young) > 0 {
			maps.Copy(l.denied, young)
			off = slices.Sorted(maps.Keys(young))
			return off, young[off[0]], nil
		}
		if differ, err = s.differences(ctx, next, l, isMoved); err != nil {
			return nil, "", err
		}
	case !isUnsatisfiable(conflict):
		return nil, "", conflict
	default:
		if differ, err = s.refusals(ctx, l, root); err != nil {
			return nil, "", err
		}
		if len(differ) == 0 {
			return []string{root.ID}, root.ID + ": " + conflict.Error(), nil
		}
	}
	var why []string
	for _, c := range differ {
		off, why = append(off, c.ID), append(why, c.String())
	}
	return off, strings.Join(why, "; "), nil
}

// refusals are those of root and what it needs that the catalog does not give at
// the digest of l.
func (s *Store) refusals(ctx context.Context, l locking, root index.Want) ([]LockChange, error) {
	var out []LockChange
	for _, one := range l.needed(root.ID) {
		there, detail, err := given(ctx, s.options.Client, one, s.query())
		switch {
		case err != nil:
			return nil, err
		case !there:
			out = append(out, LockChange{ID: one.ID, Reason: LockGone, Version: one.Version, Digest: one.Digest})
		case detail != "":
			out = append(out, LockChange{ID: one.ID, Reason: LockRefused, Version: one.Version, Digest: one.Digest, Detail: detail})
		}
	}
	return out, nil
}

// needed are root and all that it needs, as far as l says who needs what.
func (l *Lockfile) needed(root string) []LockedPlugin {
	in := map[string]bool{root: true}
	for more := true; more; {
		more = false
		for _, r := range l.Resolved {
			if !in[r.ID] && slices.ContainsFunc(r.RequestedBy, func(by string) bool { return in[by] }) {
				in[r.ID], more = true, true
			}
		}
	}
	return slices.DeleteFunc(slices.Clone(l.Resolved), func(r LockedPlugin) bool { return !in[r.ID] })
}

// lockedApart asks for each root alone, and takes those that the catalog gives as
// l holds them.
func (s *Store) lockedApart(ctx context.Context, now set, l locking) (set, error) {
	var good []index.Want
	var held []Held
	var free, why []string
	for _, root := range l.roots {
		off, reason, err := s.follows(ctx, l, root)
		if err != nil {
			return set{}, err
		}
		if len(off) == 0 {
			good = append(good, root)
			continue
		}
		free, why = append(free, off...), append(why, reason)
		id, err := artifact.ParseName(root.ID)
		if err != nil {
			return set{}, err
		}
		held = append(held, Held{ID: id, Reason: "the catalog does not give what the lock file holds: " + reason})
	}
	if len(good) == 0 {
		return set{}, fmt.Errorf("install: the catalog does not give what the lock file holds: %s; nothing is changed: %w", strings.Join(slices.Compact(why), "; "), artifact.ErrConflict)
	}
	wants, err := withWants(now.Wants, good)
	if err != nil {
		return set{}, err
	}
	next, err := s.goesOn(ctx, now, wants, held, l.digests(now, free))
	if err != nil {
		return set{}, err
	}
	for _, h := range held {
		if there := next.find(h.ID); there != nil {
			h.Version = there.Version.String()
		}
		next.held = append(next.held, h)
	}
	return next, s.asHeld(ctx, now, next, l, free)
}

// goesOn is what wants come to but for those that are held, which stay as they
// are with all that they need.
func (s *Store) goesOn(ctx context.Context, now set, wants []index.Want, held []Held, locked []index.Locked) (set, error) {
	p := parts{wants: wants}
	for _, w := range wants {
		if slices.ContainsFunc(held, func(h Held) bool { return h.ID.String() == w.ID }) {
			p.stay = append(p.stay, w)
		} else {
			p.rest = append(p.rest, w)
		}
	}
	next, err := s.settled(ctx, now, p.rest, locked)
	if err != nil || len(p.stay) == 0 {
		return next, err
	}
	p.held = next.held
	return s.joined(ctx, now, next, &p, locked)
}

// asHeld holds next to l: a plugin of l comes at the digest of l, stays as the
// store has it, or stays away, whatever the catalog answers.
func (s *Store) asHeld(ctx context.Context, now, next set, l locking, free []string) error {
	differ, err := s.differences(ctx, next, l, isMoved)
	for _, c := range differ {
		has := func(e entry) bool { return e.ID.String() == c.ID && e.Digest == c.NowDigest }
		asItIs := slices.Contains(free, c.ID) && slices.ContainsFunc(now.Plugins, has)
		if !asItIs && !slices.ContainsFunc(next.stays, func(id artifact.Name) bool { return id.String() == c.ID }) {
			return fmt.Errorf("install: the plugins of the lock file do not go together with what the store holds: %s: %w", c, artifact.ErrConflict)
		}
	}
	return err
}
