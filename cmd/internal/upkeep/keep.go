package upkeep

import (
	"context"
	"time"

	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/audit"
	"github.com/oarlock/oarlock/index/auth"
	"github.com/oarlock/oarlock/registry/integrity"
	"github.com/oarlock/oarlock/registry/storage/driver"
)

// A Service looks after what a registry stores, in the words of the API
// (api.Upkeep). Its acts are written down.
type Service struct {
	Stored   Stored
	Acts     audit.Log
	Scrubber *Scrubber
	// Emergencies are what blocks of plugins are: proposals.
	Emergencies Emergencies
	Now         func() time.Time
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
