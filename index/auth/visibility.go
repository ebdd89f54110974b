package auth

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/oarlock/oarlock/artifact"
)

// A Visibility is what a principal may pull, of all repositories, at one moment: the
// zero Visibility is nothing. It holds facts, so it asks nobody and goes with one request.
type Visibility struct {
	// Class is equal for principals who may pull the same, and changes when
	// what they may pull does.
	Class string
	// All may pull everything, and knows of what lies in namespaces that nobody
	// has, too.
	All bool

	p      Principal
	names  *openness
	mighty bool // a role of the site, a robot or a part of the server: decided one by one
	own    map[string]bool
	given  Given // to a host
	closed bool  // to a host: what everybody may pull counts for nothing
}

// openness is every namespace at one moment: true where everybody may pull.
type openness struct {
	public map[string]bool
	sum    string
}

// Visibility is what p may pull now, by the same table as Decide. An error could not tell.
func (a *Authority) Visibility(ctx context.Context, p Principal) (Visibility, error) {
	if p.Name == "" || p.roles(Site()) == nil {
		return Visibility{}, untold(errors.New("nobody said who asks"), "what may be read")
	}
	if a.open.everything(p) || p.Scopes == nil && p.Access == nil && (p.Kind == Process || p.onSite()) {
		return Visibility{Class: "*", All: true}, nil
	}
	names, err := a.resources.openness(ctx)
	if err != nil {
		return Visibility{}, untold(err, "what may be read")
	}
	s := Visibility{p: p, names: names, mighty: p.Kind == Robot || p.Kind == Process || p.onSite(), own: map[string]bool{}}
	for _, g := range p.Grants {
		if public, claimed := names.public[g.Namespace]; claimed && !public && permissions.gives(g.Role, OnNamespace) {
			s.own[g.Namespace] = true
		}
	}
	if p.Kind == Host {
		s.closed = a.loginToRead // nobody reads without a login, and that of a host is for what it is given
		if s.given, err = a.givenTo(ctx, p); err != nil {
			return Visibility{}, untold(err, "what %s is given", p.Name)
		}
	}
	s.Class = s.class()
	return s, nil
}

func (p Principal) onSite() bool {
	return slices.ContainsFunc(p.Grants, func(g Grant) bool { return g.Namespace == "" && permissions.gives(g.Role, OnSite) })
}

// class leaves out what makes no difference, so that most readers share one.
func (s *Visibility) class() string {
	parts := []string{s.names.sum}
	if s.p.Access != nil {
		parts = append(parts, "access")
		for _, scope := range s.p.Access.Scopes {
			parts = append(parts, scope.String())
		}
	}
	if s.p.Kind == Host {
		parts = append(parts, "host", s.given.Sum)
	}
	if s.mighty || len(s.own) > 0 {
		var scopes []string
		for _, scope := range s.p.Scopes {
			if public, claimed := s.names.public[namespaceOf(scope.Name)]; strings.Contains(namespaceOf(scope.Name), "*") || claimed && !public {
				scopes = append(scopes, scope.String())
			}
		}
		slices.Sort(scopes)
		if bound := s.p.Kind == Robot || s.p.Scopes != nil; !bound || len(scopes) > 0 {
			parts = append(parts, fmt.Sprint(s.mighty, bound))
			parts = append(append(parts, slices.Sorted(maps.Keys(s.own))...), scopes...)
		}
	}
	h := sha256.New()
	for _, part := range parts {
		fmt.Fprintf(h, "%d:%s,", len(part), part)
	}
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil))
}

// Pulls reports whether the principal may pull from a repository.
func (s Visibility) Pulls(repository string) bool {
	switch {
	case s.All:
		return true
	case s.names == nil: // the zero Visibility
		return false
	}
	r := InRepository(repository)
	public, claimed := s.names.public[r.Namespace]
	switch {
	case public && s.p.Access == nil && !s.closed:
		return true
	case !public && !s.mighty && !s.own[r.Namespace] && s.p.Kind != Host:
		return false
	}
	r.Given = FactOf(s.given.Repositories[repository])
	r.LoginToPull = s.closed
	r.Claimed, r.Public, r.Closed, r.Publishing = FactOf(claimed), FactOf(public), No, No
	return Decide(s.p, RepositoryPull, r).Allowed()
}

// openness reads the namespaces, at most once in CacheTTL. While the store does
// not answer, it is what was last known, for KnownFor.
func (rs *resources) openness(ctx context.Context) (*openness, error) {
	if o, ok := rs.open.get(""); ok {
		return o, nil
	}
	if o := rs.instead(); o != nil {
		return o, nil
	}
	rs.opening.Lock() // one reader asks for all
	defer rs.opening.Unlock()
	if o, ok := rs.open.get(""); ok {
		return o, nil
	}
	o, err := rs.learn(ctx)
	if err != nil {
		if o, ok := rs.known.get(""); ok {
			return o, nil
		}
	}
	return o, err
}

func (rs *resources) opennessOf(public map[string]bool) *openness {
	public[artifact.ReservedPublisher] = rs.publicCatalog
	h := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(public)) {
		fmt.Fprintln(h, name, public[name])
	}
	return &openness{public, string(h.Sum(nil))}
}
