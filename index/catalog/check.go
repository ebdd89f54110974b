package catalog

import (
	"errors"
	"fmt"

	"github.com/oarlock/oarlock/artifact"
)

// A Check looks at a snapshot before it may serve. current is the one that
// serves now. An error keeps next from serving.
type Check struct {
	Name string
	Run  func(current, next *Snapshot) error
}

// DefaultChecks are the health checks of a generation. Their cost follows the
// difference between the two snapshots.
func DefaultChecks() []Check {
	return []Check{
		{"digest", checkDigest},
		{"vanished plugins", checkVanished},
		{"counts", checkCounts},
		{"sample queries", checkSamples},
	}
}

// maxReread bounds how many changed records are decoded and encoded again: a
// publish changes one, a first ingest all.
const maxReread = 1000

var errVanished = errors.New("vanished without being removed")

// checkVanished refuses a snapshot that lost plugins which nobody removed.
func checkVanished(current, next *Snapshot) error {
	for e := range current.tree.since(next.tree) {
		if next.tree.get(e.id) == nil && !next.dropped[e.id] {
			return fmt.Errorf("plugin %q %w", e.id, errVanished)
		}
	}
	return nil
}

// checkDigest makes the digest again from the records that changed.
func checkDigest(current, next *Snapshot) error {
	reread := 0
	for e := range next.tree.since(current.tree) {
		if !e.sealed() || next.tree.get(e.id) != e {
			return fmt.Errorf("plugin %q: its record does not match its digest: %w", e.id, artifact.ErrUnverified)
		}
		if reread++; reread > maxReread {
			continue
		}
		p, _, err := decodeRecord(e.record, next.words)
		switch {
		case err != nil:
			return err
		case p.ID != e.id || !encodesAs(p, e.record):
			return fmt.Errorf("plugin %q: its record reads as another: %w", e.id, artifact.ErrInvalid)
		}
	}
	if got := next.tree.resealed(current.tree); got != next.tree.sum {
		return fmt.Errorf("digest is %s, its content gives sha256:%x: %w", next.Digest(), got, artifact.ErrUnverified)
	}
	return nil
}

// checkCounts follows the counts from current to next by what differs.
func checkCounts(current, next *Snapshot) error {
	want := current.tree.count
	for e := range current.tree.since(next.tree) {
		want.add(e.counts(-1))
	}
	for e := range next.tree.since(current.tree) {
		want.add(e.counts(1))
	}
	if want != next.tree.count {
		return fmt.Errorf("counts are %+v, its plugins give %+v: %w", next.tree.count, want, artifact.ErrInvalid)
	}
	return nil
}

// checkSamples asks questions whose answers are known from the snapshot itself.
func checkSamples(_, next *Snapshot) error {
	all, err := next.Query(Query{Limit: 3}, nil)
	if err != nil {
		return fmt.Errorf("query for all plugins: %w", err)
	}
	if len(all.Items) != min(all.Total, 3) || all.Total > next.Len() {
		return fmt.Errorf("query for all plugins: %d rows, total %d, of %d plugins: %w", len(all.Items), all.Total, next.Len(), artifact.ErrInvalid)
	}
	for _, hit := range all.Items {
		v, ok := next.Newest(hit.Plugin.ID, Fit{})
		if !ok || v.Digest != hit.Version.Digest {
			return fmt.Errorf("plugin %q: query answers %s, its versions say otherwise: %w", hit.Plugin.ID, hit.Version.Digest, artifact.ErrInvalid)
		}
		q := Query{Text: hit.Plugin.ID.String(), Limit: 1}
		if found, err := next.Query(q, nil); err != nil || found.Total == 0 || found.Items[0].Plugin.ID != hit.Plugin.ID {
			return fmt.Errorf("plugin %q is not found by its own id (%d found, error %v): %w", hit.Plugin.ID, found.Total, err, artifact.ErrInvalid)
		}
	}
	return nil
}

func encodesAs(p *Plugin, record string) bool {
	again, _ := encodeRecord(p)
	return string(again) == record
}
