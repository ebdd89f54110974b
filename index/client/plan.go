package client

import (
	"context"
	"fmt"
	"slices"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
)

// withWants adds to the wants there are; one for the same plugin replaces it.
func withWants(have, add []index.Want) ([]index.Want, error) {
	out := slices.Clone(have)
	for _, w := range add {
		if _, err := artifact.ParseName(w.ID); err != nil {
			return nil, err
		}
		if w.Range != "" {
			if _, err := artifact.ParseRange(w.Range); err != nil {
				return nil, err
			}
		}
		if at := slices.IndexFunc(out, func(o index.Want) bool { return o.ID == w.ID }); at >= 0 {
			out[at] = w
		} else {
			out = append(out, w)
		}
	}
	return out, nil
}

func withoutWants(now set, ids []artifact.Name) ([]index.Want, error) {
	out := slices.Clone(now.Wants)
	for _, id := range ids {
		at := slices.IndexFunc(out, func(w index.Want) bool { return w.ID == id.String() })
		if e := now.find(id); at < 0 && e != nil {
			return nil, fmt.Errorf("remove: %s is there because %v needs it: %w", id, e.RequestedBy, artifact.ErrConflict)
		}
		if at < 0 {
			return nil, fmt.Errorf("remove: %s is not installed: %w", id, artifact.ErrNotFound)
		}
		out = slices.Delete(out, at, at+1)
	}
	return out, nil
}

// resolve asks the catalog for the set that satisfies wants.
func (s *Store) resolve(ctx context.Context, wants []index.Want, locked []index.Locked) (set, error) {
	if s.options.Client == nil || s.options.Puller == nil {
		return set{}, fmt.Errorf("store %q was opened without client and puller, for reading only: %w", s.dir, artifact.ErrInvalid)
	}
	asked := index.ResolveRequest{Host: s.options.Host, Platform: s.options.Puller.Platform().String(),
		Channel: s.options.Channel, Prerelease: s.options.Prerelease, MinimumAge: s.options.MinimumAge, Plugins: wants, Locked: locked}
	answer, err := s.options.Client.Resolve(ctx, asked)
	if err != nil {
		return set{}, err
	}
	plugins, err := answered(asked, answer)
	if err != nil {
		return set{}, err
	}
	return set{Catalog: answer.Stamp, Wants: wants, Asked: s.asks(), Plugins: plugins, age: answer.MinimumAge}, nil
}

// answered are the plugins of an answer, which is held to what was asked: each can
// be read and is there once, and everything that was asked for is there in its
// range. What is in it says nothing yet about who signed it.
func answered(asked index.ResolveRequest, answer *index.Resolution) ([]entry, error) {
	var got set
	for n, r := range answer.Resolved {
		e, err := readEntry(r)
		if err == nil && got.find(e.ID) != nil {
			err = fmt.Errorf("%s is there twice: %w", e.ID, artifact.ErrUnverified)
		}
		if err != nil {
			return nil, fmt.Errorf("the catalog's answer does not hold: resolved[%d]: %w", n, err)
		}
		got.Plugins = append(got.Plugins, e)
	}
	if err := oldEnough(asked.MinimumAge, answer.MinimumAge); err != nil {
		return nil, err
	}
	for _, w := range asked.Plugins {
		if err := satisfied(asked, w, got); err != nil {
			return nil, fmt.Errorf("the catalog's answer does not hold: %w", err)
		}
	}
	return got.Plugins, nil
}

// readEntry reads one resolved plugin and holds it to itself. What it says is
// checked against the bytes later.
func readEntry(r index.Resolved) (entry, error) {
	id, err := artifact.ParseName(r.ID)
	if err != nil {
		return entry{}, err
	}
	version, err := artifact.ParseVersion(r.Version)
	if err != nil {
		return entry{}, err
	}
	if err := r.Digest.Validate(); err != nil {
		return entry{}, fmt.Errorf("%s: digest %.100q: %s: %w", id, r.Digest, err, artifact.ErrInvalid)
	}
	if err := r.PlatformDigest.Validate(); r.PlatformDigest != "" && err != nil {
		return entry{}, fmt.Errorf("%s: platform digest %.100q: %s: %w", id, r.PlatformDigest, err, artifact.ErrInvalid)
	}
	ref, err := ParseReference(r.Reference)
	if err != nil {
		return entry{}, err
	}
	named, err := NameOf(ref)
	switch {
	case err != nil:
		return entry{}, err
	case named != id:
		return entry{}, fmt.Errorf("%s: reference %q is of %s: %w", id, r.Reference, named, artifact.ErrUnverified)
	case ref.Reference != r.Digest.String():
		return entry{}, fmt.Errorf("%s: reference %q does not name digest %s: %w", id, r.Reference, r.Digest, artifact.ErrUnverified)
	}
	return entry{ID: id, Version: version, Digest: r.Digest, PlatformDigest: r.PlatformDigest, Reference: r.Reference, RequestedBy: r.RequestedBy}, nil
}

// satisfied holds the answer to one want.
func satisfied(asked index.ResolveRequest, w index.Want, next set) error {
	id, err := artifact.ParseName(w.ID)
	if err != nil {
		return err
	}
	e := next.find(id)
	if e == nil {
		return fmt.Errorf("%s is not in it: %w", id, artifact.ErrUnverified)
	}
	if w.Range == "" {
		return nil
	}
	r, err := artifact.ParseRange(w.Range)
	if err != nil {
		return err
	}
	if !r.Contains(e.Version, asked.Prerelease || asked.Channel != "") {
		return fmt.Errorf("%s %s is not in %s: %w", id, e.Version, r, artifact.ErrUnverified)
	}
	return nil
}

func (s *Store) contains(r artifact.Range, v artifact.Version) bool {
	return r.Contains(v, s.options.Prerelease || s.options.Channel != "")
}

// neededOnly holds the set to what was asked for and what that needs by the signed
// manifests: a catalog brings nothing in that nobody asked for.
func neededOnly(plugins map[artifact.Name]*artifact.Plugin, next set) error {
	needed := map[artifact.Name]bool{}
	var need func(id artifact.Name)
	need = func(id artifact.Name) {
		p, there := plugins[id]
		if !there || needed[id] {
			return
		}
		needed[id] = true
		if p == nil { // what it is cannot be read: what it asked for when it came
			for _, e := range next.Plugins {
				if e.askedBy(id) {
					need(e.ID)
				}
			}
			return
		}
		for _, d := range p.Dependencies {
			need(d.ID)
		}
	}
	for _, w := range next.Wants {
		if id, err := artifact.ParseName(w.ID); err == nil {
			need(id)
		}
	}
	for _, e := range next.Plugins {
		if !needed[e.ID] {
			return fmt.Errorf("%s: the catalog's answer does not hold: nothing that was asked for needs it: %w", e.Reference, artifact.ErrUnverified)
		}
	}
	return nil
}

// coherent holds the set to what the plugin manifests say, which are signed:
// each fits the host, and what it needs is there.
func (s *Store) coherent(e entry, plugins map[artifact.Name]*artifact.Plugin, next set) error {
	p := plugins[e.ID]
	if p == nil {
		return nil // it stays as it is, damaged
	}
	if !s.host.IsZero() && !p.FitsHost(s.host, s.hostVersion) {
		return fmt.Errorf("it does not fit host %s %s: %w", s.host, s.hostVersion, artifact.ErrUnverified)
	}
	for _, d := range p.Dependencies {
		other := next.find(d.ID)
		switch {
		case other == nil && d.Optional:
		case other == nil:
			return fmt.Errorf("it needs %s %s, which is not in it: %w", d.ID, d.Range, artifact.ErrUnverified)
		case !s.contains(d.Range, other.Version):
			return fmt.Errorf("it needs %s %s, %s is in it: %w", d.ID, d.Range, other.Version, artifact.ErrUnverified)
		}
	}
	return nil
}
