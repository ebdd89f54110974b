package client

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
)

// change runs plan, which says what should be active next, under the lock, and
// makes it so in the order that can be cut anywhere: content, check, state,
// lock file, sweeping.
func (s *Store) change(ctx context.Context, action string, plan func(context.Context, set) (set, error)) (*Change, error) {
	return s.changeFrom(ctx, action, s.settle, plan)
}

// settle reads the state that a change begins with, and puts the store in order.
func (s *Store) settle() (state, error) {
	st, err := s.readState()
	if err != nil {
		return state{}, err
	}
	return st, s.tidy(st)
}

// changeFrom is change that begins with what read says.
func (s *Store) changeFrom(ctx context.Context, action string, read func() (state, error), plan func(context.Context, set) (set, error)) (*Change, error) {
	unlock, err := s.lock(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	st, err := read()
	if err != nil {
		return nil, err
	}
	st.Current.records = st.records()
	next, err := plan(ctx, st.Current)
	if err != nil {
		return nil, err
	}
	if err := s.refuseStale(ctx, st.Current, next); err != nil {
		return nil, err
	}
	if err := s.bring(ctx, st.Current, &next); err != nil {
		return nil, err
	}
	if err := s.check(ctx, st.Current, next); err != nil {
		return nil, err
	}
	if sameSet(st.Current, next) {
		done, err := s.unchanged(st, next)
		if done != nil {
			done.Held = next.held
		}
		return done, err
	}
	next.Serial, next.Action, next.At = st.Current.Serial+1, action, s.options.Now().UTC()
	earlier := st.Earlier
	if st.Current.Serial > 0 {
		earlier = append([]set{st.Current}, earlier...)
	}
	for n := range earlier {
		earlier[n].Plugins = recordsOf(next, earlier[n].Plugins)
	}
	if st.lost {
		if err := s.keepDamaged(); err != nil {
			return nil, err
		}
	}
	done, err := s.commit(st.Current, state{Current: next, Earlier: earlier[:min(len(earlier), s.options.Keep)]})
	if done != nil {
		done.Recovered = st.lost
	}
	return done, err
}

func (s *Store) rollback(ctx context.Context) (*Change, error) {
	unlock, err := s.lock(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	st, err := s.readState()
	if err != nil {
		return nil, err
	}
	if len(st.Earlier) == 0 {
		return nil, fmt.Errorf("rollback: store %q has no earlier state: %w", s.dir, artifact.ErrNotFound)
	}
	next := st.Earlier[0]
	if _, err := s.installed(next, everyByte); err != nil {
		return nil, fmt.Errorf("rollback: %w", err)
	}
	next.Serial, next.Action, next.At = st.Current.Serial+1, "rollback", s.options.Now().UTC()
	return s.commit(st.Current, state{Current: next, Earlier: st.Earlier[1:]})
}

// commit makes st active. What follows the one rename can be derived again, so
// that its failure is for the log: the change has happened.
func (s *Store) commit(before set, st state) (*Change, error) {
	if err := s.writeState(st); err != nil {
		return nil, err
	}
	if err := s.tidy(st); err != nil {
		s.options.Log.Warn("store: the change is made, tidying up is left to the next", "dir", s.dir, "error", err)
	}
	return s.changed(before, st.Current)
}

// unchanged ends a change that came to what is active: only what it was asked
// with may be new, who is trusted to have signed, and content that came again.
func (s *Store) unchanged(st state, next set) (*Change, error) {
	sameHeld := slices.EqualFunc(st.Current.Plugins, next.Plugins, func(a, b entry) bool {
		return a.Record == b.Record && *cmp.Or(a.Signature, &index.Signature{}) == *cmp.Or(b.Signature, &index.Signature{})
	})
	if st.Current.Serial == 0 || sameHeld && (next.Asked == st.Current.Asked || next.Asked == (Remembered{})) {
		return s.changed(st.Current, st.Current)
	}
	before := st.Current
	st.Current.Plugins = next.Plugins
	if next.Asked != (Remembered{}) {
		st.Current.Asked = next.Asked
	}
	for n := range st.Earlier { // content that came again may be theirs too
		st.Earlier[n].Plugins = recordsOf(next, st.Earlier[n].Plugins)
	}
	return s.commit(before, st)
}

// recordsOf gives earlier plugins the records of the same content in now.
func recordsOf(now set, plugins []entry) []entry {
	out := slices.Clone(plugins)
	for n, e := range out {
		if have := now.find(e.ID); have != nil && have.Content == e.Content {
			out[n].Record, out[n].Signature = have.Record, have.Signature
		}
	}
	return out
}

// check asks the host about each plugin that next brings in.
func (s *Store) check(ctx context.Context, now, next set) error {
	if s.options.Check == nil {
		return nil
	}
	all, _, err := s.split(next) // what comes in was unpacked just now; what is damaged was there
	if err != nil {
		return err
	}
	for _, i := range all {
		if have := now.find(i.ID); have != nil && have.Digest == i.Digest {
			continue
		}
		if err := s.options.Check(ctx, i); err != nil {
			return fmt.Errorf("check of %s %s: %w (the earlier state stays)", i.ID, i.Version, err)
		}
	}
	return nil
}

// changed tells the difference between two sets.
func (s *Store) changed(before, now set) (*Change, error) {
	c := &Change{Serial: now.Serial, Changed: moves(before, now), Ranges: ranges(before, now), Held: now.held, Restored: restored(now)}
	var err error
	c.Installed, c.Damaged, err = s.split(now)
	return c, err
}

// moves are the plugins of which two sets have different versions.
func moves(before, now set) []Moved {
	out := []Moved{}
	for _, e := range now.Plugins {
		m := Moved{ID: e.ID, To: e.Version.String()}
		if old := before.find(e.ID); old != nil {
			if old.Digest == e.Digest {
				continue
			}
			m.From = old.Version.String()
		}
		out = append(out, m)
	}
	for _, e := range before.Plugins {
		if now.find(e.ID) == nil {
			out = append(out, Moved{ID: e.ID, From: e.Version.String()})
		}
	}
	return out
}

// ranges are the plugins of which another range is asked than before.
func ranges(before, now set) []Reranged {
	var out []Reranged
	for _, w := range now.Wants {
		at := slices.IndexFunc(before.Wants, func(o index.Want) bool { return o.ID == w.ID })
		if at >= 0 && before.Wants[at].Range != w.Range {
			out = append(out, Reranged{w.ID, before.Wants[at].Range, w.Range})
		}
	}
	return out
}

// sameSet reports whether a and b want the same and came to the same.
func sameSet(a, b set) bool {
	return slices.Equal(a.Wants, b.Wants) && slices.EqualFunc(a.Plugins, b.Plugins, func(x, y entry) bool {
		return x.ID == y.ID && x.Digest == y.Digest && x.Content == y.Content && slices.Equal(x.RequestedBy, y.RequestedBy)
	})
}

// tidy brings in order what a cut change, or a person, left: the lock file
// follows the state, staging is empty, and content that no state knows goes.
func (s *Store) tidy(st state) error {
	if st.Current.Serial > 0 {
		if err := s.writeLockfile(st.Current); err != nil {
			return err
		}
	}
	if err := s.clearStaging(); err != nil {
		return err
	}
	known := map[string]bool{}
	for _, one := range append([]set{st.Current}, st.Earlier...) {
		for _, e := range one.Plugins {
			known[e.Content] = true
		}
	}
	there, err := os.ReadDir(filepath.Join(s.dir, contentDir))
	if err != nil && !os.IsNotExist(err) {
		return fmt.Errorf("store: %w", err)
	}
	for _, d := range there {
		if known[d.Name()] {
			continue
		}
		if !contentName.MatchString(d.Name()) {
			s.options.Log.Warn("store: what no store made is left alone", "dir", s.dir, "content", d.Name())
			continue
		}
		if err := s.discard(d.Name()); err != nil {
			return err
		}
		s.options.Log.Info("store: dropped what nothing uses", "dir", s.dir, "content", d.Name())
	}
	return nil
}

// discard moves content away before it deletes it, so that a cut leaves no
// half of it under its name.
func (s *Store) discard(content string) error {
	staging := filepath.Join(s.dir, stagingDir)
	if err := os.MkdirAll(staging, 0o755); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	away := filepath.Join(staging, "gone-"+content)
	if err := os.Rename(filepath.Join(s.dir, contentDir, content), away); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	if err := os.RemoveAll(away); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	return nil
}
