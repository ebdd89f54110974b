package client

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
)

// A Held plugin did not go along with a change, because it was withdrawn, or
// something that it needs. The rest went on.
type Held struct {
	ID artifact.Name `json:"id"`
	// Version is what stays active; "" where none is.
	Version string `json:"version,omitempty"`
	// Reason says in sentences what keeps it.
	Reason string `json:"reason"`
}

// settled is what the catalog resolves wants to. Where there is no answer
// because plugins were withdrawn, each is its own outcome: what is installed of
// them stays as it is, with all that it needs, what is not stays away, and the
// rest goes on. Any other conflict is an error, as it is for all wants together.
func (s *Store) settled(ctx context.Context, now set, wants []index.Want, locked []index.Locked) (set, error) {
	next, conflict := s.resolve(ctx, wants, locked)
	if !isUnsatisfiable(conflict) {
		return next, conflict
	}
	parts, err := s.divide(ctx, now, wants, locked)
	if err != nil {
		return set{}, err
	}
	switch {
	case parts == nil:
		return set{}, conflict
	case parts.refused != nil:
		return set{}, parts.refused
	}
	next = set{Catalog: now.Catalog, Asked: s.asks()}
	if len(parts.rest) > 0 {
		switch next, err = s.resolve(ctx, parts.rest, locked); {
		case isUnsatisfiable(err):
			return set{}, conflict
		case err != nil:
			return set{}, err
		}
	}
	if next, err = s.joined(ctx, now, next, parts, locked); isUnsatisfiable(err) {
		return set{}, conflict
	}
	return next, err
}

// isUnsatisfiable reports whether the catalog has no answer to the request,
// because of versions that do not go together or of a plugin that it does not
// know.
func isUnsatisfiable(err error) bool {
	var p *index.Problem
	return errors.As(err, &p) && (p.Code == index.CodeUnsatisfiable || p.Code == codePluginNotFound)
}

// isUnknownPlugin reports whether the catalog does not know a plugin that was
// asked for, not even by its name.
func isUnknownPlugin(err error) bool {
	var p *index.Problem
	return errors.As(err, &p) && p.Code == codePluginNotFound
}

// codePluginNotFound is the code of a plugin that the catalog does not know.
const codePluginNotFound = "plugin_not_found"

// parts are wants by what can come of each.
type parts struct {
	wants []index.Want // what is wanted in the end: rest and stay, as they came
	rest  []index.Want // has an answer
	stay  []index.Want // is installed, and stays
	held  []Held
	// refused is the conflict of a want that is new, where none of those came
	// through: then nothing of what was asked can be done.
	refused error
}

// divide asks for each want alone. Nil is that one of them has no answer for
// another reason than that something was withdrawn.
func (s *Store) divide(ctx context.Context, now set, wants []index.Want, locked []index.Locked) (*parts, error) {
	standings, err := s.standings(ctx, now)
	if err != nil {
		return nil, err
	}
	out := &parts{}
	through, known := false, false
	for _, w := range wants {
		before := slices.IndexFunc(now.Wants, func(o index.Want) bool { return o.ID == w.ID })
		for _, one := range tries(w, now.Wants, before) {
			asBefore := before >= 0 && now.Wants[before] == one
			_, conflict := s.resolve(ctx, []index.Want{one}, locked)
			switch {
			case conflict == nil:
				out.rest, out.wants = append(out.rest, one), append(out.wants, one)
				through = through || !asBefore
			case !isUnsatisfiable(conflict):
				return nil, conflict
			case asBefore:
				held, err := s.heldBack(now, one, standings)
				if held == nil || err != nil {
					return nil, err
				}
				out.stay, out.wants, out.held = append(out.stay, one), append(out.wants, one), append(out.held, *held)
				known = known || !isUnknownPlugin(conflict)
			default:
				held, err := s.refused(ctx, one)
				if held == nil || err != nil {
					return nil, err
				}
				out.held = append(out.held, *held)
				if out.refused == nil {
					out.refused = conflict
				}
			}
			if conflict == nil {
				break
			}
		}
	}
	if through {
		out.refused = nil
	}
	// The name of a plugin stays known where its versions are gone.
	if len(out.rest) == 0 && !known && !slices.ContainsFunc(standings, func(s Standing) bool { return s.State != StandingUnknown }) {
		return nil, nil // it is the catalog of something else
	}
	return out, nil
}

// tries are w, and where it replaces another want of its plugin, that one.
func tries(w index.Want, before []index.Want, at int) []index.Want {
	if at < 0 || before[at] == w {
		return []index.Want{w}
	}
	return []index.Want{w, before[at]}
}

// heldBack is why w, which is installed, stays as it is; nil where nothing of it
// was withdrawn.
func (s *Store) heldBack(now set, w index.Want, standings []Standing) (*Held, error) {
	needs, err := s.needs(now, w)
	if err != nil {
		return nil, err
	}
	var why []string
	for n, e := range now.Plugins {
		if !slices.Contains(needs, e.ID) || !standings[n].Withdrawn() {
			continue
		}
		detail := standings[n].Notices[0].Detail
		if e.ID.String() != w.ID {
			detail = fmt.Sprintf("it needs %s %s: %s", e.ID, e.Version, detail)
		}
		why = append(why, detail)
	}
	id, err := artifact.ParseName(w.ID)
	if len(why) == 0 || err != nil {
		return nil, err
	}
	return &Held{ID: id, Version: now.find(id).Version.String(), Reason: strings.Join(why, "; ")}, nil
}

// refused is why w, which is not installed so, stays away; nil where that is not
// because every version that it may be was withdrawn.
func (s *Store) refused(ctx context.Context, w index.Want) (*Held, error) {
	id, err := artifact.ParseName(w.ID)
	if err != nil {
		return nil, err
	}
	why, err := s.options.Client.Why(ctx, id, s.query())
	if errors.Is(err, artifact.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	reason := ""
	for _, v := range why.Versions {
		if !s.mayBe(w, v.Version) {
			continue
		}
		at := slices.IndexFunc(v.Reasons, isWithdrawal)
		if at < 0 {
			return nil, nil
		}
		if reason == "" {
			reason = v.Version + ": " + v.Reasons[at].Detail
		}
	}
	if reason == "" {
		return nil, nil
	}
	return &Held{ID: id, Reason: reason}, nil
}

// mayBe reports whether a version satisfies w; what is none does not.
func (s *Store) mayBe(w index.Want, version string) bool {
	v, err := artifact.ParseVersion(version)
	if err != nil {
		return false
	}
	r, err := artifact.ParseRange(w.Range)
	if w.Range == "" {
		r, err = artifact.ParseRange("*")
	}
	return err == nil && r.Contains(v, true)
}

// isWithdrawal reports whether r keeps a version from everybody, and not from
// this host alone.
func isWithdrawal(r index.Reason) bool {
	switch r.Code {
	case index.ReasonHostNotNamed, index.ReasonHostVersion, index.ReasonPlatform, index.ReasonChannel, index.ReasonPrerelease, index.ReasonOlder:
		return false
	}
	return true
}

// needs are the plugin that w wants and all that it needs, of those in now.
func (s *Store) needs(now set, w index.Want) ([]artifact.Name, error) {
	id, err := artifact.ParseName(w.ID)
	if err != nil {
		return nil, err
	}
	var out []artifact.Name
	for todo := []artifact.Name{id}; len(todo) > 0; {
		one := todo[0]
		todo = todo[1:]
		e := now.find(one)
		if e == nil || slices.Contains(out, one) {
			continue
		}
		out = append(out, one)
		todo = append(todo, s.needsOf(now, *e)...)
	}
	return out, nil
}

// joined is next with what stays. Of what both need one version must do for
// both: where the one of next does not, the rest is asked to take the one that is
// there.
func (s *Store) joined(ctx context.Context, now, next set, p *parts, locked []index.Locked) (set, error) {
	var stay []artifact.Name
	for _, w := range p.stay {
		needs, err := s.needs(now, w)
		if err != nil {
			return set{}, err
		}
		stay = append(stay, needs...)
	}
	wants, pinned := slices.Clone(p.rest), []artifact.Name{}
	for _, id := range stay {
		does, err := s.does(now, next, p, stay, id)
		if err != nil {
			return set{}, err
		}
		if !does {
			wants, pinned = append(wants, index.Want{ID: id.String(), Range: "=" + now.find(id).Version.String()}), append(pinned, id)
		}
	}
	if len(pinned) > 0 {
		var err error
		if next, err = s.resolve(ctx, wants, append(without(locked, pinned), now.lockedOnly(pinned)...)); err != nil {
			return set{}, err
		}
	}
	for _, e := range now.Plugins {
		if !slices.Contains(stay, e.ID) {
			continue
		}
		if in := next.find(e.ID); in != nil {
			in.RequestedBy = requesters(in.RequestedBy, e, p, stay)
			continue
		}
		next.Plugins = append(next.Plugins, e)
		next.stays = append(next.stays, e.ID)
	}
	next.Wants, next.held = p.wants, p.held
	return next, nil
}

// does reports whether the version of id in next does for what stays too; one
// that is not in it does.
func (s *Store) does(now, next set, p *parts, stay []artifact.Name, id artifact.Name) (bool, error) {
	in := next.find(id)
	if in == nil || in.Digest == now.find(id).Digest {
		return true, nil
	}
	if slices.ContainsFunc(p.stay, func(w index.Want) bool { return w.ID == id.String() && !s.mayBe(w, in.Version.String()) }) {
		return false, nil
	}
	for _, other := range stay {
		if other == id || next.find(other) != nil {
			continue
		}
		r, err := s.recordOf(*now.find(other))
		if err != nil { // what it needs is not known to be more than what is there
			if now.find(id).askedBy(other) {
				return false, nil
			}
			continue
		}
		for _, d := range r.Plugin.Dependencies {
			if d.ID == id && !s.contains(d.Range, in.Version) {
				return false, nil
			}
		}
	}
	return true, nil
}

// requesters are by, of the rest, with those of what stays.
func requesters(by []string, e entry, p *parts, stay []artifact.Name) []string {
	wanted := slices.ContainsFunc(p.wants, func(w index.Want) bool { return w.ID == e.ID.String() })
	out := slices.DeleteFunc(slices.Clone(by), func(who string) bool { return who == byRequest && !wanted })
	for _, who := range e.RequestedBy {
		stays := slices.ContainsFunc(stay, func(id artifact.Name) bool { return id.String() == who })
		if (stays || who == byRequest && wanted) && !slices.Contains(out, who) {
			out = append(out, who)
		}
	}
	return out
}

// byRequest is who requested what was asked for by itself.
const byRequest = "request"

func without(locked []index.Locked, ids []artifact.Name) []index.Locked {
	return slices.DeleteFunc(slices.Clone(locked), func(l index.Locked) bool {
		return slices.ContainsFunc(ids, func(id artifact.Name) bool { return id.String() == l.ID })
	})
}

// lockedOnly are the digests of s for ids.
func (s set) lockedOnly(ids []artifact.Name) []index.Locked {
	return slices.DeleteFunc(s.locked(nil), func(l index.Locked) bool {
		return !slices.ContainsFunc(ids, func(id artifact.Name) bool { return id.String() == l.ID })
	})
}
