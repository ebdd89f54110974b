package gc

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/registry/storage"
	"github.com/oarlock/oarlock/registry/storage/driver"
)

// world is one repository as it was found.
type world struct {
	repo      string
	links     []storage.Link
	inForce   map[linkName]bool
	contents  map[digest.Digest]Content
	alias     map[digest.Digest]digest.Digest   // names that are not what they are stored under
	referrers map[digest.Digest][]digest.Digest // by subject
	tags      []tag
	damage    []driver.Damage
	unlinked  bool                     // a link leads nobody knows where
	uploads   bool                     // one is in progress
	young     time.Time                // what was written after this stays
	why       map[digest.Digest]string // of what is kept; its keys are the mark
}

type linkName struct {
	kind   driver.LinkKind
	digest digest.Digest
}

type tag struct {
	name string
	to   digest.Digest
}

// known gives the links of an earlier survey. One that was written again since
// then looks old here; SetAside finds out.
func (w *world) known() func(driver.LinkKind, digest.Digest, bool) (storage.Link, bool) {
	type key struct {
		linkName
		aside bool
	}
	links := map[key]storage.Link{}
	if w != nil {
		for _, l := range w.links {
			links[key{linkName{l.Kind, l.Digest}, l.IsSetAside()}] = l
		}
	}
	return func(kind driver.LinkKind, d digest.Digest, aside bool) (storage.Link, bool) {
		l, ok := links[key{linkName{kind, d}, aside}]
		return l, ok
	}
}

// survey reads repo and marks. What is known from before is not read again.
func (r *run) survey(ctx context.Context, repo string, before *world) (*world, error) {
	w := &world{
		repo: repo, inForce: map[linkName]bool{}, contents: map[digest.Digest]Content{},
		alias: map[digest.Digest]digest.Digest{}, referrers: map[digest.Digest][]digest.Digest{}, why: map[digest.Digest]string{},
	}
	// Tags first: what a tag means was stored before the tag.
	if err := r.readTags(ctx, w); err != nil {
		return nil, err
	}
	if err := r.readYoung(ctx, w); err != nil {
		return nil, err
	}
	err := r.sweep.Links(ctx, repo, before.known(), w.add, func(d driver.Damage) {
		w.damage = append(w.damage, d)
		if d.Digest != "" {
			w.links = append(w.links, storage.Link{Kind: driver.BlobLink, Digest: d.Digest, Target: d.Digest, Changed: r.now})
		}
		w.unlinked = w.unlinked || d.Digest.Validate() != nil || d.Digest.Algorithm() != digest.SHA256
	})
	if err != nil {
		return nil, err
	}
	if err := r.readContents(ctx, w, before); err != nil {
		return nil, err
	}
	if err := r.checkTags(ctx, w); err != nil {
		return nil, err
	}
	w.mark()
	return w, nil
}

func (w *world) add(l storage.Link) {
	w.links = append(w.links, l)
	if !l.IsSetAside() {
		w.inForce[linkName{l.Kind, l.Digest}] = true
	}
	if l.Digest != l.Target {
		w.alias[l.Digest] = l.Target
	}
}

func (r *run) readTags(ctx context.Context, w *world) error {
	err := r.sweep.store.Tags(ctx, w.repo, func(name string, d digest.Digest) error {
		w.tags = append(w.tags, tag{name, d})
		return nil
	})
	several, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return w.note(err)
	}
	for _, one := range several.Unwrap() {
		if err := w.note(one); err != nil {
			return err
		}
	}
	return nil
}

// note keeps a damage and gives back any other error.
func (w *world) note(err error) error {
	var damage *driver.Damage
	if errors.As(err, &damage) {
		w.damage = append(w.damage, *damage)
		return nil
	}
	return err
}

func (r *run) readYoung(ctx context.Context, w *world) error {
	since := r.now
	began, any, err := r.sweep.Uploads(ctx, w.repo)
	if err != nil {
		return err
	}
	if any && began.Before(since) {
		since = began
	}
	w.uploads, w.young = any, since.Add(-r.opts.Grace)
	return nil
}

func (r *run) readContents(ctx context.Context, w *world, before *world) error {
	var list []digest.Digest
	seen := map[digest.Digest]bool{}
	for _, l := range w.links {
		if l.Kind == driver.ManifestLink && !seen[l.Target] {
			seen[l.Target] = true
			list = append(list, l.Target)
		}
	}
	type read struct {
		content Content
		err     error
	}
	all := make([]read, len(list))
	if err := r.sweep.Each(ctx, len(list), func(ctx context.Context, i int) error {
		if before != nil {
			if c, ok := before.contents[list[i]]; ok {
				all[i].content = c
				return nil
			}
		}
		all[i].content, all[i].err = r.sweep.Content(ctx, w.repo, list[i])
		return nil
	}); err != nil {
		return err
	}
	for i, d := range list {
		if err := all[i].err; err != nil {
			if err := w.note(err); err != nil {
				return err
			}
			continue
		}
		c := all[i].content
		w.contents[d] = c
		if c.Subject != "" {
			w.referrers[c.Subject] = append(w.referrers[c.Subject], d)
		}
	}
	return nil
}

// checkTags finds tags that mean nothing: what they would reach is not known.
func (r *run) checkTags(ctx context.Context, w *world) error {
	for _, t := range w.tags {
		if _, ok := w.contents[w.resolve(t.to)]; ok {
			continue
		}
		now, err := r.sweep.store.Resolve(ctx, w.repo, t.name)
		if errors.Is(err, artifact.ErrNotFound) {
			continue // deleted while this was read
		}
		if err != nil {
			if err := w.note(err); err != nil {
				return err
			}
			continue
		}
		if !slices.ContainsFunc(w.damage, func(d driver.Damage) bool { return d.Digest == t.to }) {
			w.damage = append(w.damage, driver.Damage{Repository: w.repo, Tag: t.name, Digest: now, What: fmt.Sprintf("the tag means %s, which is not in the repository", now)})
		}
	}
	return nil
}

func (w *world) resolve(d digest.Digest) digest.Digest {
	if to, ok := w.alias[d]; ok {
		return to
	}
	return d
}

// mark finds what is kept, and why: tags first, so that the reason of what
// they reach is not its age.
func (w *world) mark() {
	for subject, list := range w.referrers {
		if to := w.resolve(subject); to != subject {
			w.referrers[to] = append(w.referrers[to], list...)
			delete(w.referrers, subject)
		}
	}
	for _, t := range w.tags {
		w.reach(w.why, w.resolve(t.to), fmt.Sprintf("tag %q means it", t.name))
	}
	for _, l := range w.links {
		if l.Kind == driver.ManifestLink && w.isYoung(l) {
			w.reach(w.why, l.Target, w.youth("pushed"))
		}
	}
	for _, l := range w.links {
		if w.isYoung(l) {
			w.reach(w.why, l.Target, w.youth("uploaded"))
		}
	}
}

func (w *world) isYoung(l storage.Link) bool { return !l.IsSetAside() && l.Changed.After(w.young) }

func (w *world) youth(how string) string {
	if w.uploads {
		return how + " within the grace period before the oldest upload in progress here, or later"
	}
	return how + " within the grace period"
}

// reach adds from, and all that keeps with it, to into.
func (w *world) reach(into map[digest.Digest]string, from digest.Digest, reason string) {
	type step struct {
		d      digest.Digest
		reason string
	}
	for todo := []step{{from, reason}}; len(todo) > 0; {
		at := todo[0]
		todo = todo[1:]
		if _, seen := into[at.d]; seen {
			continue
		}
		into[at.d] = at.reason
		c, ok := w.contents[at.d]
		if !ok {
			continue
		}
		for _, ref := range c.References {
			todo = append(todo, step{w.resolve(ref), "part of " + at.d.String()})
		}
		for _, referrer := range w.referrers[at.d] {
			todo = append(todo, step{referrer, "refers to " + at.d.String()})
		}
		if c.Subject != "" {
			todo = append(todo, step{w.resolve(c.Subject), "subject of " + at.d.String()})
		}
	}
}
