package lifecycle

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index/catalog"
	"github.com/oarlock/oarlock/index/lifecycle/table"
)

// A Region is a part of a repository: all of it, or what some manifests are and
// take along.
type Region interface {
	// Find says by which of the digests that name the region d is in it. An error
	// means that it could not be told.
	Find(ctx context.Context, d digest.Digest) (by digest.Digest, in bool, err error)
}

// PullsOptions of Pulls. All of them must be given.
type PullsOptions struct {
	// Catalog is what serves; its error means that the states are not known yet.
	Catalog func() (*catalog.Snapshot, error)
	// Region is the part of a repository that the digests name; without any, all.
	Region func(repository string, named ...digest.Digest) Region
	// Drop says that the regions of a repository are not asked any more.
	Drop  func(repository string)
	Roles Roles
}

// Pulls decide who may pull what the lifecycle withdraws. They answer from memory:
// of a repository of which nothing is withdrawn, nothing more is asked.
type Pulls struct {
	o     PullsOptions
	known sync.Map // repository → *regions

	mu    sync.Mutex // taken to change known
	count int        // of known
}

// roomForRegions is how many repositories are remembered beyond twice those of which
// something is withdrawn, so that few changes do not have all looked through.
const roomForRegions = 64

// NewPulls makes Pulls.
func NewPulls(o PullsOptions) *Pulls { return &Pulls{o: o} }

// regions are those of what is withdrawn of one repository.
type regions struct {
	of           *catalog.Withdrawn
	whole, named Region // nil where there is none
}

// A WithheldError refuses a pull by the state of what was asked for. It wraps
// artifact.ErrDenied.
type WithheldError struct {
	State table.State
	Cell  table.Cell
	// What was asked for, and why it is in its state.
	What, Why string
	// ByDigest says that who asks may pull it by its digest.
	ByDigest bool
}

func (e *WithheldError) Error() string {
	out := fmt.Sprintf("%s cannot be pulled (%s): it is %s", e.What, e.Cell.Code, e.State.Word())
	if e.Why != "" {
		out += ", " + e.Why
	}
	switch {
	case e.ByDigest:
		out += "; you may pull it by its digest"
	case e.State.May(table.Holder, table.PullDigest):
		out += "; who has it already may pull it by its digest"
	}
	return out
}

// Unwrap gives the kind.
func (e *WithheldError) Unwrap() error { return artifact.ErrDenied }

// A GoneError says that a plugin was deleted. It wraps artifact.ErrNotFound.
type GoneError struct{ Repository, Why, Code string }

func (e *GoneError) Error() string { return fmt.Sprintf("%s was deleted, %s", e.Repository, e.Why) }

// Unwrap gives the kind.
func (e *GoneError) Unwrap() error { return artifact.ErrNotFound }

// Check refuses to the caller of ctx what he may not pull of a repository: d by a
// tag, or by its digest where that is "". A *WithheldError says why; any other
// error means that it could not be told, which refuses too.
func (p *Pulls) Check(ctx context.Context, repository, tag string, d digest.Digest) error {
	s, err := p.o.Catalog()
	if err != nil {
		if _, name := artifact.ParseName(repository); name != nil || strings.HasPrefix(repository, artifact.ReservedPublisher+"/") {
			return nil // no plugin, so it has no lifecycle
		}
		return fmt.Errorf("whether %s may be pulled: %w", repository, err)
	}
	w, ok := s.Withdrawn(repository)
	if !ok {
		return nil
	}
	state, why, in, err := p.find(ctx, s, repository, w, d)
	if err != nil || !in {
		return err
	}
	by := table.PullDigest
	if tag != "" {
		by = table.PullTag
	}
	role, err := p.o.Roles.Of(ctx, w.ID)
	if err != nil {
		return fmt.Errorf("in what role %s is pulled: %w", repository, err)
	}
	cell := state.Cell(role, by)
	switch {
	case cell.Answer != table.No:
		return nil
	case cell.Status == http.StatusNotFound:
		return &GoneError{Repository: repository, Why: why, Code: cell.Code}
	case cell.Status != http.StatusForbidden:
		return fmt.Errorf("whether %s may be pulled: %s", repository, why)
	}
	what := repository + "@" + d.String()
	if tag != "" {
		what = repository + ":" + tag
	}
	return &WithheldError{State: state, Cell: cell, What: what, Why: why, ByDigest: tag != "" && state.May(role, table.PullDigest)}
}

// find is the state of d, and false for what is not withdrawn.
func (p *Pulls) find(ctx context.Context, s *catalog.Snapshot, repository string, w *catalog.Withdrawn, d digest.Digest) (state table.State, why string, in bool, err error) {
	known := p.regionsOf(s, repository, w)
	if known.named != nil {
		by, in, err := known.named.Find(ctx, d)
		if err != nil {
			return state, "", false, err
		}
		if in {
			at := slices.IndexFunc(w.Versions, func(v catalog.WithdrawnVersion) bool { return slices.Contains(v.Digests, by) })
			if at < 0 { // by something of which not all could be read
				return table.State{Unknown: true}, "what a version that must not run holds could not be read whole", true, nil
			}
			return w.Versions[at].State, w.Versions[at].Why, true, nil
		}
	}
	if known.whole == nil {
		return state, "", false, nil
	}
	_, in, err = known.whole.Find(ctx, d)
	return w.State, w.Why, in, err
}

func (p *Pulls) regionsOf(s *catalog.Snapshot, repository string, w *catalog.Withdrawn) *regions {
	if have, ok := p.known.Load(repository); ok && have.(*regions).of == w {
		return have.(*regions)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	next := &regions{of: w}
	if w.Whole() {
		next.whole = p.o.Region(repository)
	}
	var named []digest.Digest
	for _, v := range w.Versions {
		named = append(named, v.Digests...)
	}
	if len(named) > 0 {
		next.named = p.o.Region(repository, named...)
	}
	if _, had := p.known.Swap(repository, next); !had {
		p.count++
	}
	if p.count > 2*s.Withdrawals()+roomForRegions {
		p.forget(s)
	}
	return next
}

// forget drops what is known of repositories of which nothing is withdrawn any
// more. It is called with mu held.
func (p *Pulls) forget(s *catalog.Snapshot) {
	p.known.Range(func(repository, _ any) bool {
		if _, still := s.Withdrawn(repository.(string)); !still {
			p.known.Delete(repository)
			p.count--
			p.o.Drop(repository.(string))
		}
		return true
	})
}
