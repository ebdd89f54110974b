package publog

import (
	"context"
	"errors"
	"fmt"
	"maps"

	"github.com/oarlock/oarlock/artifact"
)

// gather writes the events that wait, and those that a crash kept.
func (l *Log) gather(ctx context.Context) error {
	l.mu.Lock()
	events, walk := l.waiting, l.walk
	ledgers := l.ledgers
	l.waiting, l.walk, l.ledgers = nil, false, map[string]bool{}
	l.mu.Unlock()
	err := l.add(ctx, events...)
	if err == nil {
		events = nil
		err = l.state(ctx, ledgers)
	}
	if err == nil && walk {
		err = l.o.Events(ctx, func(events ...Event) error {
			current, err := l.current(ctx, events)
			if err != nil {
				return err
			}
			return l.add(ctx, current...)
		})
	}
	if err != nil {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.walk = l.walk || walk
		maps.Copy(l.ledgers, ledgers)
		if len(l.waiting)+len(events) <= maxWaiting {
			l.waiting = append(events, l.waiting...)
		} else {
			l.walk = l.o.Events != nil
		}
	}
	return err
}

// state writes the statements of ledgers, and removes from them those whose
// statements are written. One that cannot be read keeps no other.
func (l *Log) state(ctx context.Context, ledgers map[string]bool) error {
	if l.o.Statements == nil {
		clear(ledgers)
	}
	if len(l.stated) > maxLogged {
		clear(l.stated)
	}
	var failed []error
	for name := range ledgers {
		events, err := l.o.Statements(ctx, name, l.stated[name])
		if err == nil {
			err = l.add(ctx, events...)
		}
		if err != nil {
			failed = append(failed, fmt.Errorf("ledger %s: %w", name, err))
			continue
		}
		if n := len(events); n > 0 {
			l.stated[name] = events[n-1].Sequence
		}
		delete(ledgers, name)
	}
	return errors.Join(failed...)
}

func (l *Log) add(ctx context.Context, events ...Event) error {
	for len(events) > 0 {
		part := events[:min(len(events), atOnce)]
		events = events[len(part):]
		for len(part) > 0 { // again where another replica was faster to say of a channel that it moved
			numbered, err := l.number(ctx, part)
			if err == nil {
				err = l.append(ctx, numbered)
			}
			if err == nil {
				part, err = l.overtaken(ctx, numbered)
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// append writes the events that have no leaf yet.
func (l *Log) append(ctx context.Context, events []Event) error {
	var leaves []Leaf
	l.mu.Lock()
	for _, e := range events {
		if l.logged[e.Key()] {
			continue
		}
		leaf, err := l.key.leaf(e)
		if err != nil {
			l.o.Log.ErrorContext(ctx, "publication log: an event that cannot be written", "alert", true, "err", err)
			continue
		}
		leaves = append(leaves, leaf)
	}
	l.mu.Unlock()
	if len(leaves) == 0 {
		return nil
	}
	added, err := l.o.Store.AppendLeaves(ctx, leaves, l.o.Added)
	if errors.Is(err, artifact.ErrConflict) {
		return fmt.Errorf("%w: leaves that were signed are gone: %w", ErrBehind, err)
	}
	if err != nil {
		return err
	}
	l.remember(leaves)
	if added > 0 && l.o.Committed != nil {
		l.o.Committed()
	}
	return nil
}

func (l *Log) remember(leaves []Leaf) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.logged) > maxLogged {
		clear(l.logged)
	}
	for _, one := range leaves {
		l.logged[one.Key] = true
	}
}
