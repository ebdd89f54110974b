package integrity

import (
	"context"
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"time"

	"github.com/opencontainers/go-digest"
	"golang.org/x/time/rate"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/registry/storage"
	"github.com/oarlock/oarlock/registry/storage/driver"
)

const (
	scrubPath = "/oarlock/scrub"
	// scrubSaves is how often a scrub writes down how far it is.
	scrubSaves = 10 * time.Second
	// scrubNames bounds the damage that a state names; the log has all of it.
	scrubNames = 1000
)

// A ScrubState says how far the check of all stored bytes is. It is kept in
// storage, so that a restart and every replica go on from it.
type ScrubState struct {
	StartedAt  time.Time `json:"started_at,omitzero"`  // of the pass that runs, or ran last
	FinishedAt time.Time `json:"finished_at,omitzero"` // of the last whole pass
	// Cursor is the last digest of a pass that is not finished.
	Cursor  digest.Digest   `json:"cursor,omitempty"`
	Blobs   int64           `json:"blobs"`
	Bytes   int64           `json:"bytes"`
	Damaged int64           `json:"damaged"`
	Mended  int64           `json:"mended"`
	Found   []driver.Damage `json:"found,omitempty"`
}

// Running reports whether a pass was begun and not finished.
func (s ScrubState) Running() bool { return !s.StartedAt.IsZero() && s.FinishedAt.Before(s.StartedAt) }

// ScrubOptions say how a scrub runs. The zero value runs as fast as it can.
type ScrubOptions struct {
	BytesPerSecond int64 // none if 0
	// Every begins no pass while the last one ended less long ago. One that was
	// ended is gone on with in any case.
	Every time.Duration
	// Progress, if any, is told after each blob.
	Progress func(ScrubState)
	// Damaged, if any, is told of each damage as it is found.
	Damaged func(driver.Damage)
}

// ScrubState reads how far the last scrub came.
func (k *Checker) ScrubState(ctx context.Context) (ScrubState, error) {
	content, err := k.driver.GetContent(ctx, scrubPath)
	if driver.IsNotFound(err) {
		return ScrubState{}, nil
	}
	if err != nil {
		return ScrubState{}, fmt.Errorf("scrub: %w", err)
	}
	var s ScrubState
	if err := json.Unmarshal(content, &s); err != nil {
		k.log.WarnContext(ctx, "registry: how far the scrub was is not known, it begins anew", "path", scrubPath, "err", err)
		return ScrubState{}, nil
	}
	return s, nil
}

// Scrub reads all stored bytes and hashes them again, from where a scrub that
// was ended left off. What is damaged is quarantined, refused from then on, and
// mended from memory or an origin where that can be. One scrub runs
// at a time, over all replicas: it waits for another until ctx ends. An ended
// scrub gives what it did and the error of ctx.
func (k *Checker) Scrub(ctx context.Context, o ScrubOptions) (ScrubState, error) {
	if k.store.ReadOnly() {
		return ScrubState{}, fmt.Errorf("scrub: the registry was opened read-only: %w", artifact.ErrDenied)
	}
	unlock, err := k.store.Locker().Lock(ctx, "scrub", false)
	if err != nil {
		return ScrubState{}, fmt.Errorf("scrub: wait for another: %w", err)
	}
	defer unlock()
	s, err := k.ScrubState(ctx)
	if err != nil {
		return s, err
	}
	if !s.Running() && k.store.Now().Sub(s.FinishedAt) < o.Every {
		return s, nil
	}
	if !s.Running() {
		s = ScrubState{StartedAt: k.store.Now().UTC(), FinishedAt: s.FinishedAt}
	}
	run := &scrub{g: k, o: o, state: s}
	if o.BytesPerSecond > 0 {
		run.limit = rate.NewLimiter(rate.Limit(o.BytesPerSecond), int(max(min(o.BytesPerSecond, 1<<20), 64<<10)))
	}
	err = k.store.OpenQuarantine(ctx)
	if err == nil {
		err = k.store.EachQuarantined(ctx, func(d digest.Digest) error { return run.quarantined(ctx, d) })
	}
	if err == nil {
		err = run.walk(ctx)
	}
	if err == nil {
		run.state.FinishedAt, run.state.Cursor = k.store.Now().UTC(), ""
	}
	if saveErr := run.save(context.WithoutCancel(ctx)); err == nil {
		err = saveErr
	}
	return run.state, storage.Describe(err, "scrub")
}

// scrub is one run.
type scrub struct {
	g     *Checker
	o     ScrubOptions
	limit *rate.Limiter
	state ScrubState
	saved time.Time
}

// walk goes through <alg>/<2 hex>/<hex> in order, behind the cursor.
func (s *scrub) walk(ctx context.Context) error {
	s.saved = time.Now()
	algs, err := s.list(ctx, driver.BlobRoot)
	if err != nil {
		return err
	}
	for _, alg := range algs {
		prefixes, err := s.list(ctx, alg)
		if err != nil {
			return err
		}
		for _, prefix := range prefixes {
			if c := s.state.Cursor; c != "" && path.Base(alg)+":"+path.Base(prefix)+"~" < c.String() {
				continue
			}
			blobs, err := s.list(ctx, prefix)
			if err != nil {
				return err
			}
			for _, at := range blobs {
				d := digest.NewDigestFromEncoded(digest.Algorithm(path.Base(alg)), path.Base(at))
				if d.Validate() != nil || d <= s.state.Cursor {
					continue
				}
				if err := s.blob(ctx, d); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func (s *scrub) list(ctx context.Context, dir string) ([]string, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	entries, err := s.g.driver.List(ctx, dir)
	if err := driver.MissingIsFine(err); err != nil {
		return nil, fmt.Errorf("list %s: %w", dir, err)
	}
	slices.Sort(entries)
	return entries, nil
}

// blob checks one, and writes down now and then how far it is.
func (s *scrub) blob(ctx context.Context, d digest.Digest) error {
	what := s.g.wrong(ctx, d, s.pace)
	if err := ctx.Err(); err != nil {
		return err
	}
	if what != "" {
		if err := s.damaged(ctx, d, what); err != nil {
			return err
		}
	}
	s.state.Blobs++
	s.state.Cursor = d
	if s.o.Progress != nil {
		s.o.Progress(s.state)
	}
	if time.Since(s.saved) < scrubSaves {
		return nil
	}
	s.saved = time.Now()
	return s.save(ctx)
}

func (s *scrub) pace(ctx context.Context, n int) error {
	s.state.Bytes += int64(n)
	for s.limit != nil && n > 0 {
		part := min(n, s.limit.Burst())
		wait := time.NewTimer(s.limit.ReserveN(time.Now(), part).Delay())
		select {
		case <-wait.C:
		case <-ctx.Done():
			wait.Stop()
			return ctx.Err()
		}
		n -= part
	}
	return nil
}

func (s *scrub) damaged(ctx context.Context, d digest.Digest, what string) error {
	s.g.store.SawDamage()
	return s.mend(ctx, driver.Damage{Kind: driver.DamagedBytes, Digest: d, Path: driver.BlobPath(d), What: what, Target: d})
}

// quarantined tries again to mend what was in quarantine before, and drops what
// nobody holds any more.
func (s *scrub) quarantined(ctx context.Context, d digest.Digest) error {
	if repo, _, err := s.g.holder(ctx, d); err != nil {
		return err
	} else if repo == "" {
		s.g.log.InfoContext(ctx, "registry: damaged bytes that no repository holds are dropped", "digest", d)
		return s.g.store.DropQuarantine(ctx, d)
	}
	damage := s.g.store.AbsentBytes(ctx, "", d, d, "the bytes")
	damage.Target = d
	return s.mend(ctx, *damage)
}

func (s *scrub) mend(ctx context.Context, damage driver.Damage) error {
	d := damage.Digest
	repo, kind, err := s.g.holder(ctx, d)
	if err != nil {
		return err
	}
	damage.Repository, damage.Link = repo, kind
	how, err := s.g.mend(ctx, &damage)
	if err != nil {
		damage.What += "; not mended: " + err.Error()
	}
	if how != "" && err == nil {
		damage.Mended = how
		s.state.Mended++
	}
	s.g.log.ErrorContext(ctx, "registry: damaged storage", "repository", repo, "digest", d, "path", damage.Path, "what", damage.What, "mended", damage.Mended)
	s.state.Damaged++
	if len(s.state.Found) < scrubNames {
		s.state.Found = append(s.state.Found, damage)
	}
	if s.o.Damaged != nil {
		s.o.Damaged(damage)
	}
	return ctx.Err()
}

func (s *scrub) save(ctx context.Context) error {
	content, err := json.Marshal(s.state)
	if err != nil {
		return err
	}
	return s.g.driver.PutContent(ctx, scrubPath, content)
}

// holder finds a repository that holds d; "" where none does.
func (k *Checker) holder(ctx context.Context, d digest.Digest) (repo string, kind driver.LinkKind, err error) {
	for _, place := range []struct {
		leaf string
		kind driver.LinkKind
	}{{"_manifests", driver.ManifestLink}, {"_layers", driver.BlobLink}} {
		err := k.store.WalkNames(ctx, driver.RepositoryRoot, place.leaf, func(at string) error {
			if repo != "" {
				return nil
			}
			_, err := k.driver.Stat(ctx, driver.LinkPath(at, place.kind, d))
			if err == nil {
				repo, kind = at, place.kind
			}
			return driver.MissingIsFine(err)
		})
		if repo != "" || err != nil {
			return repo, kind, err
		}
	}
	return "", driver.BlobLink, nil
}
