package client

import (
	"context"
	"errors"
	"fmt"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
)

// PlanUpdate says what Update would change, and changes nothing: the catalog is
// asked and nothing is pulled, so what it answers is not verified yet.
// Installed of the answer is what is active now.
func (s *Store) PlanUpdate(ctx context.Context, ids ...artifact.Name) (*Change, error) {
	st, err := s.readState()
	if err != nil {
		return nil, err
	}
	next, err := s.updated(ctx, st.Current, ids)
	if err != nil {
		return nil, err
	}
	if err := s.refuseStale(ctx, st.Current, next); err != nil {
		return nil, err
	}
	plan := &Change{Serial: st.Current.Serial, Changed: moves(st.Current, next)}
	plan.Installed, err = s.installed(st.Current)
	return plan, err
}

// An Outdated plugin is installed, and there is a newer version of it.
type Outdated struct {
	ID artifact.Name `json:"id"`
	// Current is the version that is active.
	Current string `json:"current"`
	// Wanted is what Update would bring: within every range and for the host.
	Wanted string `json:"wanted"`
	// Latest is the newest version for the host, whatever the ranges say.
	Latest string `json:"latest"`
}

// Outdated answers the plugins of which there is a newer version for the host,
// in the order of List. Nothing is pulled or changed.
func (s *Store) Outdated(ctx context.Context) ([]Outdated, error) {
	plan, err := s.PlanUpdate(ctx)
	if err != nil {
		return nil, err
	}
	wanted := map[artifact.Name]string{}
	for _, m := range plan.Changed {
		wanted[m.ID] = m.To
	}
	out := []Outdated{}
	for _, i := range plan.Installed {
		one := Outdated{ID: i.ID, Current: i.Version.String(), Wanted: i.Version.String()}
		if to, moves := wanted[i.ID]; moves {
			one.Wanted = to
		}
		if one.Latest, err = s.latest(ctx, i); err != nil {
			return nil, err
		}
		if one.Wanted != one.Current || one.Latest != one.Current {
			out = append(out, one)
		}
	}
	return out, nil
}

// latest is the newest version for the host; "" if nothing fits it any more.
func (s *Store) latest(ctx context.Context, i Installed) (string, error) {
	row, err := s.options.Client.Show(ctx, i.ID, index.Query{Host: s.options.Host.ID, HostVersion: s.options.Host.Version,
		Platform: s.options.Puller.Platform().String(), Channel: s.options.Channel, Prerelease: s.options.Prerelease})
	if errors.Is(err, artifact.ErrNotFound) {
		return "", nil
	}
	var problem *index.Problem
	if errors.As(err, &problem) && problem.Code == index.CodeNothingCompatible {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("outdated: %w", err)
	}
	return row.Version, nil
}
