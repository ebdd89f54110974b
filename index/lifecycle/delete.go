package lifecycle

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/artifact"
	format "github.com/oarlock/oarlock/artifact/ledger"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/auth"
)

// Delete has a plugin go for good. Its name, its ledger and its leaves in the
// publication log stay, and no version of it is published again. It holds when the
// statement is appended: what is stored goes after that, here or, where this process
// ends before, by EraseDeleted.
func (s *Service) Delete(ctx context.Context, id artifact.Name, why index.Deletion) (index.Lifecycle, error) {
	if _, err := s.movable(ctx, auth.PluginDelete, id); err != nil {
		return index.Lifecycle{}, err
	}
	body := format.Deleted{Grounds: format.Grounds{Reason: why.Reason, Text: why.Text}}
	err := s.unlessEnabled(ctx, id, func(ctx context.Context) error {
		return s.state(ctx, id, index.MoveDelete, format.PluginDeleted, "", body)
	})
	if err != nil {
		return index.Lifecycle{}, err
	}
	out, err := s.Lifecycle(ctx, id)
	if err == nil && s.o.Erase(context.WithoutCancel(ctx), id.String()) != nil {
		out.Warnings = append(out.Warnings, "it is deleted, and its bytes could not be let go yet: that is tried again by itself")
	}
	return out, err
}

// A deletion that began ends within deletionWithin. One that did not, since its process
// was killed, is forgotten after forgottenAfter, where the plugin is not deleted.
const (
	deletionWithin = 2 * time.Minute
	forgottenAfter = 5 * deletionWithin
)

// unlessEnabled deletes where nobody has the plugin enabled, and has nobody enable it
// meanwhile, nor afterwards unless the deletion was refused.
func (s *Service) unlessEnabled(ctx context.Context, id artifact.Name, deletes func(context.Context) error) error {
	if s.o.Deletions == nil {
		return errors.New("who has a plugin: lifecycle.Options.Deletions is not set")
	}
	if s.o.Catalog.Ledger(format.OfPlugin(id)).Plugin.IsDeleted() {
		return deletes(ctx) // which says so
	}
	held := Deletion{Plugin: id, ID: rand.Text(), Begun: s.o.Clock.Now()}
	switch enabled, err := s.o.Deletions.BeginDeletion(ctx, held); {
	case err != nil:
		return fmt.Errorf("who has %s: %w", id, err)
	case enabled > 0:
		return index.NewProblem(index.CodeStillEnabled,
			fmt.Sprintf("%s is enabled by %d tenants, and what somebody runs is not deleted", id, enabled),
			fmt.Sprintf("hide it from everybody else: oarlock remove %s --reason discontinued", id), "delete it when they have disabled it")
	}
	bound, cancel := context.WithTimeout(ctx, deletionWithin)
	defer cancel()
	err := deletes(bound)
	if err == nil || !refused(err) {
		return err
	}
	if failed := s.o.Deletions.EndDeletion(context.WithoutCancel(ctx), held); failed != nil {
		return errors.Join(err, fmt.Errorf("nobody enables %s for the next %s: %w", id, forgottenAfter, failed))
	}
	return err
}

// refused reports whether err says that nothing was stated, rather than that this could
// not be told.
func refused(err error) bool {
	var problem *index.Problem
	if errors.As(err, &problem) {
		return problem.Status < http.StatusInternalServerError
	}
	return errors.Is(err, artifact.ErrInvalid) || errors.Is(err, artifact.ErrConflict) || errors.Is(err, artifact.ErrDenied)
}

// forget ends the deletions that began long ago and deleted nothing, and settles those
// that did.
func (s *Service) forget(ctx context.Context) error {
	begun, err := s.o.Deletions.DeletionsBegun(ctx, s.o.Clock.Now().Add(-forgottenAfter))
	failed := []error{err}
	for _, d := range begun {
		if s.o.Catalog.Ledger(format.OfPlugin(d.Plugin)).Plugin.IsDeleted() {
			failed = append(failed, s.o.Deletions.SettleDeletion(ctx, d))
		} else {
			failed = append(failed, s.o.Deletions.EndDeletion(ctx, d))
		}
	}
	return errors.Join(failed...)
}

// erased remembers of which deleted plugins nothing is left that could go, by the head
// of their ledgers.
type erased struct {
	mu   sync.Mutex
	done map[artifact.Name]digest.Digest
}

func (e *erased) has(id artifact.Name, head digest.Digest) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.done[id] == head
}

func (e *erased) add(id artifact.Name, head digest.Digest) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.done == nil {
		e.done = map[artifact.Name]digest.Digest{}
	}
	e.done[id] = head
}

// pushesEnd is for how long after a deletion a push may be stored that was under way.
const pushesEnd = time.Hour

// EraseDeleted lets go of deletions that deleted nothing, and of what the repositories of deleted plugins hold still: what
// the process that deleted them left, and pushes that were under way. A ledger that
// came by a mirror deletes nothing here: its bytes are given to nobody, and stay a
// copy that its operator has. A process asks of each one until nothing is left of it and
// no push can be under way any more, and not again.
func (s *Service) EraseDeleted(ctx context.Context) error {
	if s.o.Catalog.Current() != nil {
		return nil // what is deleted is not known yet, and is asked again
	}
	failed := []error{s.forget(ctx)}
	for _, id := range s.o.Catalog.Deleted() {
		state := s.o.Catalog.Ledger(format.OfPlugin(id))
		if !state.Plugin.IsDeleted() || state.Platform != s.o.Own {
			continue
		}
		if s.erased.has(id, state.Head.Digest) {
			continue
		}
		if err := s.o.Erase(ctx, id.String()); err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", id, err))
		} else if s.o.Clock.Since(state.Plugin.Deleted.At) > pushesEnd {
			s.erased.add(id, state.Head.Digest)
		}
	}
	return errors.Join(failed...)
}
