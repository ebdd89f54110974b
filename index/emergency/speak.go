package emergency

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/auth"
)

// speak adds the word of by to words, of which those count that still do.
func (s *Service) speak(ctx context.Context, by auth.Principal, words []index.Word) ([]index.Word, error) {
	who, err := s.voices.of(ctx, by)
	if err != nil {
		return nil, fmt.Errorf("whether the word of %s counts: %w", by.Name, err)
	}
	if words, err = s.voices.still(ctx, words); err != nil {
		return nil, fmt.Errorf("whose words count: %w", err)
	}
	if who == "" {
		return nil, s.nobody(ctx, by, words)
	}
	if s.o.Approvers == 1 { // whose account was in whose hand does not matter
		if !spoken(words, who) {
			words = append(words, index.Word{By: who, At: s.now()})
		}
		return words, nil
	}
	switch why, err := s.voices.beside(ctx, who, people(words)); {
	case err != nil:
		return nil, fmt.Errorf("whether %s is another person: %w", who, err)
	case why != "":
		could, err := s.voices.others(ctx, people(words))
		if err != nil {
			return nil, err
		}
		return nil, index.NewProblem(index.CodeSecondPerson,
			fmt.Sprintf("it takes %d people of whom none had the other's account in hand: %s; who could: %s", s.o.Approvers, why,
				listed(could)), whoCould(could))
	}
	return append(words, index.Word{By: who, At: s.now()}), nil
}

func (s *Service) nobody(ctx context.Context, by auth.Principal, words []index.Word) error {
	could, err := s.voices.others(ctx, people(words))
	if err != nil {
		return err
	}
	return index.NewProblem(index.CodeSecondPerson, fmt.Sprintf("%s is no person, and it takes the word of one; who could: %s", by.Name,
		listed(could)), whoCould(could))
}

func listed(names []string) string {
	if len(names) == 0 {
		return "nobody"
	}
	return strings.Join(names, ", ")
}

func whoCould(names []string) string {
	if len(names) == 0 {
		return "make accounts of other admins, seven days before they are needed: oarlock account create NAME --role admin; a site of one admin sets approvers: 1"
	}
	return "ask one of " + strings.Join(names, ", ")
}

// admitted is an emergency and who asks, for who may declare one of that plugin.
func (s *Service) admitted(ctx context.Context, id string) (Record, auth.Principal, error) {
	by, err := auth.Caller(ctx)
	if err != nil {
		return Record{}, by, err
	}
	r, err := s.record(ctx, id)
	if err != nil {
		return Record{}, by, err
	}
	refused := s.o.Rights.May(ctx, auth.PluginEmergency, auth.InRepository(r.Plugin)) // written down, whatever is answered
	if sees, err := s.sees(ctx, r.Plugin); err != nil || !sees {
		return Record{}, by, errors.Join(err, missing(id, artifact.ErrNotFound))
	}
	return r, by, refused
}

// allowed refuses who has no right about a plugin. For who may not know of the plugin it
// is not there, as one that nobody has: the refusal is written down, and not told.
func (s *Service) allowed(ctx context.Context, right auth.Action, plugin string) error {
	refused := s.o.Rights.May(ctx, right, auth.InRepository(plugin))
	if refused == nil || !errors.Is(refused, artifact.ErrDenied) {
		return refused
	}
	if _, err := artifact.ParseName(plugin); err != nil {
		return refused
	}
	sees, err := s.o.Rights.Can(ctx, auth.RepositoryPull, auth.InRepository(plugin))
	if err == nil && !sees {
		if sees, err = s.o.Rights.Can(ctx, auth.SiteManage, auth.Site()); err == nil && !sees {
			return fmt.Errorf("plugin %s: %w", plugin, artifact.ErrNotFound)
		}
	}
	return errors.Join(err, refused)
}

func missing(id string, err error) error {
	if errors.Is(err, artifact.ErrNotFound) {
		return index.NewProblem(index.CodeNotFound, fmt.Sprintf("there is no emergency %.40q", id), "see which there are: oarlock emergency-remove list")
	}
	return err
}

// lockedID is an emergency that nobody else changes until the transaction of ctx ends.
func (s *Service) lockedID(ctx context.Context, id string) (Record, error) {
	r, err := s.o.Store.Emergency(ctx, id)
	if err != nil {
		return r, err
	}
	return s.locked(ctx, r)
}

// locked is r as it is now. One that a ledger alone knew has a record from now on.
func (s *Service) locked(ctx context.Context, r Record) (Record, error) {
	if err := s.o.Store.LockEmergencies(ctx, r.Plugin); err != nil {
		return r, err
	}
	now, err := s.o.Store.Emergency(ctx, r.ID)
	if r.Revision > 0 || !errors.Is(err, artifact.ErrNotFound) {
		return now, err
	}
	if err := s.o.Store.AddEmergency(ctx, r); err != nil {
		return r, err
	}
	return s.o.Store.Emergency(ctx, r.ID)
}

// refused writes down that somebody's word did not count, which is worth a look.
func (s *Service) refused(ctx context.Context, act auth.Action, on auth.Resource, why error) error {
	var p *index.Problem
	if !errors.As(why, &p) || p.Code != index.CodeSecondPerson {
		return why
	}
	return errors.Join(why, s.o.Log.Record(ctx, auth.From(ctx), act, on, auth.Denied(p.Detail)))
}
