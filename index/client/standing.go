package client

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
)

// What a Standing is besides the states of plugins and versions.
const (
	// StandingUnlisted is a version that is in no answer any more, such as one
	// whose signer the site trusts no longer.
	StandingUnlisted = "unlisted"
	// StandingUnknown is a version that the catalog does not have, or has with
	// another digest.
	StandingUnknown = "unknown"
	// StandingUntold is one of which the catalog could not be asked.
	StandingUntold = "could_not_tell"
)

// A Standing is what the catalog says now of something that is installed.
type Standing struct {
	// Of is the plugin that it is about.
	Of artifact.Name `json:"-"`
	// State is that of the version or of the plugin, whichever weighs more, as the
	// catalog names it: active, deprecated, yanked, quarantined, removed, suspended,
	// blocked, emergency-removed; or unlisted, unknown, could_not_tell.
	State string `json:"state"`
	// Notices say why, since when and what to do; none where State is active.
	Notices []index.Notice `json:"notices"`
	// Told is what the catalog's table says of it to an install: ok, warn,
	// update_blocked or stop; "" where it could not be asked or does not say.
	Told index.Standing `json:"standing,omitempty"`
}

// MustStop reports whether the version must not run any more, here or anywhere.
func (s Standing) MustStop() bool { return s.Told == index.StandingStop }

// Withdrawn reports whether nobody new would get the version. It is false where
// that could not be told.
func (s Standing) Withdrawn() bool {
	return slices.ContainsFunc(s.Notices, func(n index.Notice) bool { return n.Withdrawn })
}

// maxAtOnce is how many versions the catalog is asked about at once.
const maxAtOnce = 8

// Standings asks the catalog what it says now of everything that is active, in
// the order of List. What could not be told of one plugin is in its Standing: an
// error is that the store cannot be read, or that it has no Client to ask.
func (s *Store) Standings(ctx context.Context) ([]Standing, error) {
	st, err := s.readState()
	if err != nil {
		return nil, err
	}
	return s.standings(ctx, st.Current)
}

func (s *Store) standings(ctx context.Context, of set) ([]Standing, error) {
	if s.options.Client == nil {
		return nil, fmt.Errorf("store %q was opened without client, which says how things stand: %w", s.dir, artifact.ErrInvalid)
	}
	out := make([]Standing, len(of.Plugins))
	free := make(chan struct{}, maxAtOnce)
	var asked sync.WaitGroup
	for n, e := range of.Plugins {
		free <- struct{}{}
		asked.Go(func() {
			defer func() { <-free }()
			out[n] = s.standing(ctx, e)
			out[n].Of = e.ID
		})
	}
	asked.Wait()
	return out, nil
}

// standing asks about one version.
func (s *Store) standing(ctx context.Context, e entry) Standing {
	known, err := s.options.Client.Version(ctx, e.ID, e.Version)
	var refused *index.Problem
	switch {
	case errors.As(err, &refused) && refused.Code == index.CodePluginDeleted:
		return deleted(refused)
	case errors.Is(err, artifact.ErrNotFound):
		return said(StandingUnknown, "the catalog does not know the version any more: "+err.Error(), index.ActionAlternatives, index.ActionUninstall)
	case err != nil:
		return said(StandingUntold, "whether the version may still run could not be told: "+err.Error())
	case known.Digest == "":
		return withoutDigest(known)
	case known.Digest != e.Digest:
		return said(StandingUnknown, fmt.Sprintf("the catalog has other content under this version: %s, and %s is installed", known.Digest, e.Digest),
			index.ActionUpdate, index.ActionUninstall)
	}
	return standingOf(known)
}

// withoutDigest is the standing of a version that the catalog tells without its
// digest, as it does of what the reader may not pull any more. One that is not
// withdrawn may be other content than what is installed.
func withoutDigest(known *index.VersionDetail) Standing {
	st := standingOf(known)
	if !st.Withdrawn() {
		told := st.Told
		st = said(StandingUntold, "whether the version may still run could not be told: the catalog gives it without a digest")
		st.Told = told
	}
	return st
}

// deleted is the standing of a version of a plugin that was deleted: what runs goes
// on, and nothing follows it.
func deleted(tombstone *index.Problem) Standing {
	out := said(string(index.StateDeleted), tombstone.Detail, index.ActionAlternatives, index.ActionKeep, index.ActionUninstall)
	out.Told, out.Notices[0].Standing = index.StandingUpdateBlocked, index.StandingUpdateBlocked
	return out
}

func said(state, detail string, actions ...string) Standing {
	return Standing{State: state, Notices: []index.Notice{{Kind: state, Detail: detail, Withdrawn: state != StandingUntold, Actions: actions}}}
}

// standingOf reads the answer of a catalog by what it says to an install, so that a
// state of which this program does not know is followed too.
func standingOf(v *index.VersionDetail) Standing {
	out := Standing{State: string(index.StateActive), Notices: v.Notices, Told: v.Standing}
	switch {
	case !v.Standing.Known():
		out = said(StandingUntold, fmt.Sprintf("whether the version may still run could not be told: "+
			"the catalog says %.40q to those who have it, expected ok, warn, update_blocked or stop", v.Standing))
		out.Notices = append(out.Notices, v.Notices...)
	case len(v.Notices) > 0 && v.Notices[0].Standing != "":
		out.State = v.Notices[0].Kind
	case len(v.Notices) > 0:
		out.State = StandingUnlisted
	case v.Standing != index.StandingOK || v.Pending != nil:
		out = said(StandingUntold, fmt.Sprintf("the catalog says %q to those who have the version, and not why", v.Standing))
		out.Told = v.Standing
	default:
		out.Notices = []index.Notice{}
	}
	return out
}
