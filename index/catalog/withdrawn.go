package catalog

import (
	"slices"
	"strings"
	"sync"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/lifecycle/table"
)

// Withdrawn is what of a plugin is not for everybody to pull, by its ledger. What
// is blocked is not in it: that the registry knows by itself, and sooner.
type Withdrawn struct {
	ID artifact.Name
	// State is the plugin's, without that of a version.
	State table.State
	// Why is when, by whom and for what reason it came into its state; "" where
	// nothing says it.
	Why string
	// Versions are those that are withdrawn by themselves.
	Versions []WithdrawnVersion
}

// A WithdrawnVersion is withdrawn by its digest, with the builds that it has.
type WithdrawnVersion struct {
	Version artifact.Version
	Digests []digest.Digest
	State   table.State
	Why     string
}

// Whole reports whether all that the plugin's repository holds is withdrawn.
func (w *Withdrawn) Whole() bool { return !w.State.ForEveryone() }

// Standing is the state of the plugin by the table of the lifecycle.
func (p *Plugin) Standing() table.State {
	s := table.State{Plugin: p.State, Unknown: p.unknown() != ""}
	if len(p.Moves) > 0 {
		s.Stop = p.Moves[0].State == index.StateSuspended && p.Moves[0].Existing == "stop"
	}
	return s
}

// StandingOf is the state of one of p's versions.
func (p *Plugin) StandingOf(v *Version) table.State {
	s := p.Standing()
	s.Version = v.alone().Version
	return s
}

// unknown is why it could not be told what the plugin's ledger says, "" where it
// could.
func (p *Plugin) unknown() string {
	for i := range p.Versions {
		for _, r := range p.Versions[i].Pending {
			if why, is := WhyUntold(r); is {
				return why
			}
		}
	}
	for _, b := range p.Broken { // tags that could not be listed, of a plugin that nothing was known of
		for _, r := range b.Reasons {
			if b.Tag == "" && r.Code == index.ReasonUnreadable {
				return r.Detail
			}
		}
	}
	return ""
}

// withdrawn is nil where everybody may pull all of p.
func (p *Plugin) withdrawn() *Withdrawn {
	w := Withdrawn{ID: p.ID, State: p.Standing(), Why: strings.TrimPrefix(p.without(all).why(), "; ")}
	if why := p.unknown(); why != "" {
		w.Why = why
	}
	for i := range p.Versions {
		v := &p.Versions[i]
		if v.alone().ForEveryone() || v.State == index.VersionBlocked {
			continue
		}
		one := WithdrawnVersion{Version: v.Version, Digests: []digest.Digest{v.Digest}, State: p.StandingOf(v), Why: v.why()}
		for _, b := range v.Builds {
			if b.Digest != "" && !slices.Contains(one.Digests, b.Digest) {
				one.Digests = append(one.Digests, b.Digest)
			}
		}
		w.Versions = append(w.Versions, one)
	}
	if !w.Whole() && len(w.Versions) == 0 {
		return nil
	}
	return &w
}

// why is what is said of the state of v.
func (v *Version) why() string {
	code := v.alone().Cell(table.Anonymous, table.PullTag).Code
	i := slices.IndexFunc(v.Pending, func(r index.Reason) bool { return r.Code == code })
	if i < 0 {
		return ""
	}
	return v.Pending[i].Detail
}

// Withdrawn says what of a repository is not for everybody to pull; false is that
// all of it is, as far as the catalog knows.
func (s *Snapshot) Withdrawn(repository string) (*Withdrawn, bool) {
	w, ok := s.withdrawals[repository]
	return w, ok
}

// Deleted are the plugins of which the name is left.
func (s *Snapshot) Deleted() (out []artifact.Name) {
	for _, w := range s.withdrawals {
		if w.State.Plugin == index.StateDeleted {
			out = append(out, w.ID)
		}
	}
	return out
}

// Withdrawals is of how many repositories Withdrawn says something.
func (s *Snapshot) Withdrawals() int { return len(s.withdrawals) }

// withdrawalsAfter is before with what edits change.
func withdrawalsAfter(before map[string]*Withdrawn, edits []edit) map[string]*Withdrawn {
	after, own := before, false
	for _, one := range edits {
		id := one.id.String()
		var now *Withdrawn
		if one.entry != nil {
			now = one.entry.withdrawn
		}
		if was := after[id]; was == now {
			continue
		}
		if !own {
			after, own = make(map[string]*Withdrawn, len(before)+1), true
			for k, v := range before {
				after[k] = v
			}
		}
		if now == nil {
			delete(after, id)
		} else {
			after[id] = now
		}
	}
	return after
}

// opened is a snapshot as it answers to who asks for plugins by a state that no
// search shows, made when it is first asked for.
type opened struct {
	once     sync.Once
	snapshot *Snapshot
}

// open is s in which such plugins are shown too. They are few, so that little is
// made anew.
func (s *Snapshot) open() *Snapshot {
	s.opened.once.Do(func() {
		var drafts []draft
		for _, w := range s.withdrawals {
			if w.State.May(table.Anonymous, table.Search) {
				continue
			}
			e := s.tree.get(w.ID)
			if e == nil {
				continue // hidden from this reader
			}
			p, masks, err := skimRecord(e.record, s.words)
			if err != nil {
				continue
			}
			if p.State == index.StateDeleted {
				e, p, masks = nameOnly(p, e)
			}
			drafts = append(drafts, tombstoneOf(p, e, masks, s.words, s.claims))
		}
		s.opened.snapshot = s
		if len(drafts) > 0 {
			s.opened.snapshot = s.with(drafts)
		}
	})
	return s.opened.snapshot
}

// tombstoneOf is e with what it takes to be found by its state.
func tombstoneOf(p *Plugin, e *entry, masks []uint64, w *words, claims bound) draft {
	next := *e
	next.raised = true
	d := draft{entry: &next, traits: w.raisedTraits(p, masks)}
	if next.shown = len(d.traits.versions) > 0; next.shown {
		at := max(slices.IndexFunc(d.traits.versions, func(t trait) bool { return !t.prerelease() }), 0)
		face := &p.Versions[d.traits.versions[at].version()]
		next.name = nameKey(p, face)
		words := docOf(p, face)
		d.doc = &words
	}
	return d
}

// raises reports whether a list that asks for states shows what searches do not. A
// word that is no state asks for nothing more.
func (q *Query) raises() bool {
	if len(q.States) == 0 {
		return false
	}
	for _, known := range append(table.AllStates(), table.State{Plugin: index.StateDeleted}) {
		if known.Version == "" && !known.May(table.Anonymous, table.Search) &&
			slices.ContainsFunc(q.States, func(state string) bool { return strings.EqualFold(state, string(known.Plugin)) }) {
			return true
		}
	}
	return false
}
