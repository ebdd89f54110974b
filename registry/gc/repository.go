package gc

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/registry"
	"github.com/oarlock/oarlock/registry/storage"
	"github.com/oarlock/oarlock/registry/storage/driver"
)

// batch is how many links are changed at least before pushes to the repository
// get a turn. It is a sixteenth of a large repository, because each turn has its
// names read again: the whole is then linear in the repository.
const batch = 128

// action is what a run does to a link.
type action int

const (
	keep action = iota
	putBack
	setAside
	drop
)

// repository collects one repository. What cannot be read there stays and is
// reported, and the run goes on.
func (r *run) repository(ctx context.Context, repo string) error {
	if !r.dry {
		// A push that looked for bytes before they were marked has linked them
		// once this lock was had.
		if err := r.locked(ctx, repo, func() error { return nil }); err != nil {
			return err
		}
	}
	generation, sure := r.sweep.Generation(repo)
	sure = sure && !r.dry && r.opts.Memory != nil
	if sure && r.recall(repo, generation) {
		return nil
	}
	w, err := r.survey(ctx, repo, nil)
	for err == nil && !r.dry && len(w.damage) == 0 && slices.ContainsFunc(w.links, func(l storage.Link) bool { return r.act(w, nil, l) != keep }) {
		var more bool
		err = r.locked(ctx, repo, func() error {
			if w, err = r.survey(ctx, repo, w); err != nil || len(w.damage) > 0 {
				return err
			}
			more, err = r.apply(ctx, w)
			return err
		})
		if !more {
			break
		}
	}
	if err != nil && ctx.Err() == nil {
		r.partial = true
		r.damaged(ctx, driver.Damage{Repository: repo, What: "cannot be read: " + err.Error()})
		return nil
	}
	if err != nil {
		return err
	}
	live, linked, kept := len(r.live.keys), len(r.linked.keys), r.report.ManifestsKept
	if err := r.account(ctx, w); err != nil || !sure {
		return err
	}
	r.remember(w, generation, live, linked, kept)
	return nil
}

// locked runs fn under the lock of repo, and then says what it dropped, also where
// it ended with an error.
func (r *run) locked(ctx context.Context, repo string, fn func() error) error {
	unlock, err := r.sweep.Lock(ctx, repo)
	if err != nil {
		return err
	}
	defer func() {
		unlock()
		gone := r.gone
		r.gone = nil
		r.sweep.Dropped(ctx, gone)
	}()
	return fn()
}

// act decides about one link. With held, a link in quarantine that one of the
// manifests that may still come back needs is not dropped before them.
func (r *run) act(w *world, held map[digest.Digest]string, l storage.Link) action {
	_, reached := w.why[l.Target]
	_, needed := held[l.Target]
	switch {
	case !l.IsSetAside() && reached:
		return keep
	case !l.IsSetAside():
		return setAside
	case w.inForce[linkName{l.Kind, l.Digest}]:
		return drop // written again since; what was set aside is of no use
	case reached:
		return putBack
	case needed || l.Run == r.id || !r.over(l.Since):
		return keep
	}
	return drop
}

// held marks what the manifests hold that nothing reaches and that this run
// leaves where a reader could bring them back.
func (r *run) held(w *world) map[digest.Digest]string {
	held := map[digest.Digest]string{}
	for _, l := range w.links {
		if l.Kind != driver.ManifestLink || r.act(w, nil, l) == drop {
			continue
		}
		if _, reached := w.why[l.Target]; !reached {
			w.reach(held, l.Target, "")
		}
	}
	return held
}

// apply changes at most a batch of links, under the lock of the repository.
// More is true when it should be called again, after another survey.
func (r *run) apply(ctx context.Context, w *world) (more bool, err error) {
	held, done, most := r.held(w), 0, max(batch, len(w.links)/16)
	w.order()
	var left []storage.Link
	for i, l := range w.links {
		what := r.act(w, held, l)
		if what != keep && done == most {
			w.links = append(left, w.links[i:]...)
			return true, nil
		}
		if err := ctx.Err(); err != nil {
			return false, err
		}
		switch what {
		case keep:
			left = append(left, l)
			continue
		case putBack:
			err = r.sweep.PutBack(ctx, w.repo, l)
			l.Run, l.Changed = "", r.now
			left = append(left, l)
		case setAside:
			var ok bool
			if ok, err = r.sweep.SetAside(ctx, w.repo, l, r.id, r.now); ok {
				l.Run, l.Since = r.id, r.now
				r.count(l, &r.report.ManifestsSetAside)
				r.tell(ctx, w, l, "set aside")
			}
			left = append(left, l)
		case drop:
			var gone []registry.Event
			var ok bool
			if gone, ok, err = r.sweep.Drop(ctx, w.repo, l); ok {
				r.gone = append(r.gone, gone...)
				r.count(l, &r.report.ManifestsRemoved)
				r.tell(ctx, w, l, "dropped")
			} else if err == nil && !w.inForce[linkName{l.Kind, l.Digest}] {
				return true, nil // somebody brought it back: what it holds stays
			}
		}
		if err != nil {
			return false, err
		}
		done++
	}
	w.links = left
	return false, nil
}

func (r *run) count(l storage.Link, counter *int) {
	if l.Kind == driver.ManifestLink && l.Digest == l.Target {
		*counter++
	}
}

func (r *run) tell(ctx context.Context, w *world, l storage.Link, what string) {
	r.opts.Log.InfoContext(ctx, "gc: link "+what, "repository", w.repo, "kind", l.Kind, "digest", l.Digest)
	r.item(w.repo, l.Digest, Kind(l.Kind), 0, Remove, what+": nothing reaches it")
}

// order puts manifests before blobs, and each manifest before those it holds,
// so that nothing that may come back lacks a part.
func (w *world) order() {
	rank, next := map[digest.Digest]int{}, 0
	var visit func(d digest.Digest)
	visit = func(d digest.Digest) {
		c, ok := w.contents[d]
		if _, seen := rank[d]; seen || !ok {
			return
		}
		rank[d] = 0
		for _, ref := range c.References {
			visit(w.resolve(ref))
		}
		next--
		rank[d] = next // parts are ranked before, so they come after
	}
	for d := range w.contents {
		visit(d)
	}
	slices.SortStableFunc(w.links, func(a, b storage.Link) int {
		if a.Kind != b.Kind {
			return cmp.Compare(kindRank(a.Kind), kindRank(b.Kind))
		}
		return cmp.Compare(rank[a.Target], rank[b.Target])
	})
}

func kindRank(k driver.LinkKind) int {
	if k == driver.ManifestLink {
		return 0
	}
	return 1
}

// account reports what stays of a repository, and notes what its links lead to.
func (r *run) account(ctx context.Context, w *world) error {
	for _, d := range w.damage {
		d.Repository = w.repo
		r.damaged(ctx, d)
	}
	frozen := len(w.damage) > 0
	r.partial = r.partial || w.unlinked
	held := r.held(w)
	for _, l := range w.links {
		what := r.act(w, held, l)
		if frozen {
			what = keep
		}
		r.noteLink(w, l, what, frozen)
		if err := r.explain(ctx, w, l, what, frozen); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// noteLink counts a link and what it leads to. In a dry run that is what would
// be left after the run.
func (r *run) noteLink(w *world, l storage.Link, what action, frozen bool) {
	again := w.inForce[linkName{l.Kind, l.Digest}]
	switch {
	case frozen, what == putBack, !l.IsSetAside() && (what == keep || !r.dry):
		r.live.add(l.Target)
		r.linked.add(l.Target)
		if !again || !l.IsSetAside() {
			r.count(l, &r.report.ManifestsKept)
		}
	case r.dry && what == drop:
		if !again {
			r.count(l, &r.report.ManifestsRemoved)
		}
	default:
		r.linked.add(l.Target)
		if r.dry && what == setAside {
			r.count(l, &r.report.ManifestsSetAside)
		}
	}
}

// explain tells a dry run's caller about one link.
func (r *run) explain(ctx context.Context, w *world, l storage.Link, what action, frozen bool) error {
	if !r.dry || r.opts.Item == nil || l.IsSetAside() && w.inForce[linkName{l.Kind, l.Digest}] {
		return nil
	}
	size, _, err := r.sweep.Size(ctx, l.Target)
	if err != nil {
		return err
	}
	decision, reason := Keep, w.why[l.Target]
	switch {
	case reason != "":
	case frozen:
		decision, reason = CouldNotTell, fmt.Sprintf("the repository is damaged, so what is needed is not known: %s", w.damage[0].Error())
	case what == setAside:
		decision, reason = Remove, "no tag, index or referrer reaches it, and it is older than the grace period: a run would set it aside and a later one drop it"
	case what == drop:
		decision, reason = Remove, fmt.Sprintf("nothing reaches it, and it was set aside at %s", l.Since.Format(time.RFC3339))
	default:
		reason = fmt.Sprintf("nothing reaches it, but it was set aside at %s only, or goes after what holds it", l.Since.Format(time.RFC3339))
	}
	r.item(w.repo, l.Digest, Kind(l.Kind), size, decision, reason)
	return nil
}
