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
	return s.plan(ctx, st, ids)
}

func (s *Store) plan(ctx context.Context, st state, ids []artifact.Name) (*Change, error) {
	next, err := s.updated(ctx, st.Current, ids)
	if err != nil {
		return nil, err
	}
	if err := s.refuseStale(ctx, st.Current, next); err != nil {
		return nil, err
	}
	plan := &Change{Serial: st.Current.Serial, Changed: moves(st.Current, next), Held: next.held}
	plan.Installed, plan.Damaged, err = s.split(st.Current)
	return plan, err
}

// An Outdated plugin is installed, and there is a newer version of it.
type Outdated struct {
	ID artifact.Name `json:"id"`
	// Current is the version that is active.
	Current string `json:"current"`
	// Wanted is what Update would bring: within every range and for the host.
	Wanted string `json:"wanted"`
	// Latest is the newest version for the host, whatever the ranges say; "" where
	// there is none, such as of a plugin that was withdrawn.
	Latest string `json:"latest"`
	// Range is what was asked of it; "" is any version, or that nobody asked.
	Range string `json:"range,omitempty"`
	// Version and RequestedBy are those of the state, as in Installed.
	Version     artifact.Version `json:"-"`
	RequestedBy []string         `json:"-"`
	// Damaged says what is wrong with its files; "" is nothing.
	Damaged string `json:"damaged,omitempty"`
	// Standing is what the catalog says of the version that is active.
	Standing
}

// Outdated answers the plugins of which there is a newer version for the host,
// or whose version is not active any more, in the order of List. Nothing is
// pulled or changed.
func (s *Store) Outdated(ctx context.Context) ([]Outdated, error) {
	st, err := s.readState()
	if err != nil {
		return nil, err
	}
	plan, err := s.plan(ctx, st, nil)
	if err != nil {
		return nil, err
	}
	wanted := map[artifact.Name]string{}
	for _, m := range plan.Changed {
		wanted[m.ID] = m.To
	}
	standings, err := s.standings(ctx, st.Current)
	if err != nil {
		return nil, err
	}
	out := []Outdated{}
	damaged := map[artifact.Name]string{}
	for _, d := range plan.Damaged {
		damaged[d.ID] = d.Detail
	}
	for n, e := range st.Current.Plugins {
		one := Outdated{ID: e.ID, Current: e.Version.String(), Wanted: e.Version.String(), Range: st.Current.rangeOf(e), Damaged: damaged[e.ID],
			Version: e.Version, RequestedBy: e.RequestedBy, Standing: standings[n]}
		if to, moves := wanted[e.ID]; moves {
			one.Wanted = to
		}
		if one.Latest, err = s.latest(ctx, e.ID); err != nil {
			return nil, err
		}
		if one.Damaged != "" || one.Wanted != one.Current || one.Latest != one.Current || one.State != string(index.StateActive) {
			out = append(out, one)
		}
	}
	return out, nil
}

// query is what the host asks of single plugins.
func (s *Store) query() index.Query {
	return index.Query{Host: s.options.Host.ID, HostVersion: s.options.Host.Version,
		Platform: s.options.Puller.Platform().String(), Channel: s.options.Channel, Prerelease: s.options.Prerelease, MinimumAge: s.options.MinimumAge}
}

// latest is the newest version for the host; "" if nothing fits it any more.
func (s *Store) latest(ctx context.Context, id artifact.Name) (string, error) {
	row, err := s.options.Client.Show(ctx, id, s.query())
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
