package upkeep

import (
	"context"
	"fmt"
	"strings"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/audit"
	"github.com/oarlock/oarlock/index/auth"
	"github.com/oarlock/oarlock/registry/block"
	"github.com/oarlock/oarlock/registry/integrity"
	"github.com/oarlock/oarlock/registry/storage/driver"
)

// A Service looks after what a registry stores, in the words of the API
// (api.Upkeep). Its acts are written down.
type Service struct {
	Stored   Stored
	Acts     audit.Log
	Scrubber *Scrubber
	// Holding names the emergency that keeps something from being pulled, or "".
	Holding func(ctx context.Context, repository string, d digest.Digest) (string, error)
}

// Damage is d in the words of the API.
func Damage(d driver.Damage) index.Damage {
	return index.Damage{Repository: d.Repository, Digest: d.Digest.String(), Tag: d.Tag, Path: d.Path, What: d.What, Kind: string(d.Kind), Mended: d.Mended}
}

// Repair implements api.Upkeep.
func (s Service) Repair(ctx context.Context, report func(index.Damage)) error {
	return s.Acts.Do(ctx, audit.Act{Action: auth.RegistryFsck, On: auth.Site(), Planned: map[string]bool{"repair": true, "begun": true}},
		func(ctx context.Context) (any, error) {
			found, mended := 0, 0
			err := s.Stored.Checks.Repair(ctx, func(d driver.Damage) {
				if found++; d.Mended != "" {
					mended++
				}
				report(Damage(d))
			})
			return map[string]int{"damaged": found, "mended": mended}, err
		})
}

// Scrub implements api.Upkeep.
func (s Service) Scrub(ctx context.Context, damaged func(index.Damage), progress func(index.Scrub)) (index.Scrub, error) {
	var done index.Scrub
	err := s.Acts.Do(ctx, audit.Act{Action: audit.RegistryScrub, On: auth.Site(), Needs: &audit.Right{Action: auth.RegistryFsck, On: auth.Site()}, Planned: map[string]bool{"begun": true}},
		func(ctx context.Context) (any, error) {
			state, err := s.Scrubber.scrub(ctx, integrity.ScrubOptions{
				Damaged:  func(d driver.Damage) { damaged(Damage(d)) },
				Progress: func(s integrity.ScrubState) { progress(asScrub(s)) },
			})
			done = asScrub(state)
			return done, err
		})
	return done, err
}

// ScrubStatus implements api.Upkeep.
func (s Service) ScrubStatus(ctx context.Context) (index.ScrubStatus, error) {
	state, err := s.Stored.Checks.ScrubState(ctx)
	if err != nil {
		return index.ScrubStatus{}, err
	}
	quarantined, err := s.Stored.Storage.Quarantined(ctx)
	if err != nil {
		return index.ScrubStatus{}, err
	}
	out := index.ScrubStatus{Scrub: asScrub(state), Found: []index.Damage{}, Quarantined: []index.Quarantined{}}
	for _, d := range state.Found {
		out.Found = append(out.Found, Damage(d))
	}
	for _, q := range quarantined {
		out.Quarantined = append(out.Quarantined, index.Quarantined{Digest: q.Digest.String(), What: q.What, Size: q.Size, At: q.At})
	}
	return out, nil
}

func asScrub(s integrity.ScrubState) index.Scrub {
	return index.Scrub{StartedAt: index.MomentOf(s.StartedAt), FinishedAt: index.MomentOf(s.FinishedAt), Running: s.Running(),
		Blobs: s.Blobs, Bytes: s.Bytes, Damaged: s.Damaged, Mended: s.Mended}
}

// Blocked implements api.Blocks.
func (s Service) Blocked(ctx context.Context) ([]index.Block, error) {
	if err := s.mayBlock(ctx, ""); err != nil {
		return nil, err
	}
	list, err := s.Stored.Blocks.Blocked(ctx)
	out := make([]index.Block, len(list))
	for i, b := range list {
		out[i] = asBlock(b)
	}
	return out, err
}

// Block implements api.Blocks.
func (s Service) Block(ctx context.Context, r index.BlockRequest) (index.Block, error) {
	if err := s.mayBlock(ctx, r.Repository); err != nil {
		return index.Block{}, err
	}
	b, err := s.named(ctx, r.Repository, r.Reference)
	if err != nil {
		return index.Block{}, err
	}
	if b.Repository != "" {
		// A name that nothing was pushed to, such as that of a publisher, would
		// be blocked in words and keep nothing from being pulled.
		// Where that cannot be told, the block goes on: it is an act of safety.
		if known, err := s.Stored.Storage.Known(ctx, b.Repository); err == nil && !known {
			return index.Block{}, fmt.Errorf("block: repository %q: nothing was pushed to it; expected one such as acme/hello: %w", b.Repository, artifact.ErrNotFound)
		}
	}
	b.Code, b.Reason, b.By = r.Code, r.Reason, auth.From(ctx).Name
	err = s.Acts.Do(ctx, audit.Act{Action: auth.PluginEmergency, On: resourceOf(b.Repository), Needs: needs(b.Repository), Planned: asBlock(b)},
		func(ctx context.Context) (_ any, err error) {
			b, err = s.Stored.Blocks.Block(ctx, b)
			return nil, err
		})
	return asBlock(b), err
}

// Unblock implements api.Blocks.
func (s Service) Unblock(ctx context.Context, repository, reference string) error {
	if err := s.mayBlock(ctx, repository); err != nil {
		return err
	}
	b, err := s.named(ctx, repository, reference)
	if err != nil {
		return err
	}
	if err := s.heldBy(ctx, b); err != nil {
		return err
	}
	if _, is, err := s.Stored.Blocks.Named(ctx, b); err == nil && !is { // nothing is done, so nothing is written down
		return fmt.Errorf("unblock %s: it is not blocked: %w", strings.Trim(b.Repository+"@"+b.Digest.String(), "@"), artifact.ErrNotFound)
	}
	return s.Acts.Do(ctx, audit.Act{Action: audit.BlockLift, On: resourceOf(repository), Needs: needs(repository), Before: asBlock(b)},
		func(ctx context.Context) (any, error) { return nil, s.Stored.Blocks.Unblock(ctx, b) })
}

// heldBy refuses to let go what an emergency holds: that takes the people that the
// emergency takes.
func (s Service) heldBy(ctx context.Context, b block.Block) error {
	if s.Holding == nil {
		return fmt.Errorf("whether an emergency holds it: nobody says: %w", artifact.ErrDenied)
	}
	id, err := s.Holding(ctx, b.Repository, b.Digest)
	if err != nil {
		return fmt.Errorf("whether an emergency holds it: %w", err)
	}
	if id != "" {
		return index.NewProblem(index.CodeConflict, fmt.Sprintf("emergency %s holds it, so that no block of it is lifted", id),
			"undo the emergency: oarlock emergency-remove undo "+id)
	}
	return nil
}

func (s Service) mayBlock(ctx context.Context, repository string) error {
	r := needs(repository)
	if s.Acts.May == nil {
		return fmt.Errorf("%s on %s: nobody says who may: %w", r.Action, r.On, artifact.ErrDenied)
	}
	return s.Acts.May(ctx, r.Action, r.On)
}

// needs is the right that a block takes: what is blocked in every repository is
// for those who manage the site.
func needs(repository string) *audit.Right {
	if repository == "" {
		return &audit.Right{Action: auth.SiteManage, On: auth.Site()}
	}
	return &audit.Right{Action: auth.PluginEmergency, On: auth.InRepository(repository)}
}

// named finds what a reference means: a digest, a version or another tag.
func (s Service) named(ctx context.Context, repository, reference string) (block.Block, error) {
	b := block.Block{Repository: repository}
	switch {
	case reference == "":
		if repository == "" {
			return b, fmt.Errorf("neither repository nor digest: %w", artifact.ErrInvalid)
		}
		return b, nil
	case strings.Contains(reference, ":"):
		b.Digest = digest.Digest(reference)
		return b, nil
	case repository == "":
		return b, fmt.Errorf("reference %q: without a repository only a digest can be named: %w", reference, artifact.ErrInvalid)
	}
	b.Tag = reference
	if v, err := artifact.ParseVersion(reference); err == nil {
		b.Tag = v.Tag()
	}
	var err error
	b.Digest, err = s.Stored.Storage.Resolve(ctx, repository, b.Tag)
	return b, err
}

func resourceOf(repository string) auth.Resource {
	if repository == "" {
		return auth.Site()
	}
	return auth.InRepository(repository)
}

func asBlock(b block.Block) index.Block {
	return index.Block{Repository: b.Repository, Digest: b.Digest.String(), Tag: b.Tag, Code: b.Code, Reason: b.Reason, By: b.By, At: b.At, Emergency: b.Emergency, Covers: len(b.Covers)}
}
