package publog

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/oarlock/oarlock/artifact"
)

const (
	// gather is how long events are gathered for one checkpoint.
	gather = 50 * time.Millisecond
	// lookEvery is how often it is looked for what other replicas did, and what
	// failed is tried again.
	lookEvery = 2 * time.Second
	// atOnce is how many leaves are added or signed in one transaction.
	atOnce = 16 * tileWidth
	// maxWaiting is how many events wait in memory; beyond it all are looked for.
	maxWaiting = 20_000
	// maxLogged is of how many events the process knows that they are in the log.
	maxLogged = 200_000
)

// Note has events written into the log, those that are not in it yet. It never
// waits: the writing is done by Run, and what a crash keeps from it is found
// again at the next start.
func (l *Log) Note(events ...Event) {
	l.mu.Lock()
	for _, e := range events {
		if l.logged[e.Key()] {
			continue
		}
		if len(l.waiting) >= maxWaiting {
			l.walk = l.o.Events != nil
			break
		}
		l.waiting = append(l.waiting, e)
	}
	some := len(l.waiting) > 0
	l.mu.Unlock()
	if some {
		l.poke()
	}
}

// Stated has the statements of a ledger written into the log, those that are not
// in it yet. It never waits, as Note.
func (l *Log) Stated(ledger string) {
	l.mu.Lock()
	if len(l.ledgers) < maxWaiting {
		l.ledgers[ledger] = true
	} else {
		l.walk = l.o.Events != nil
	}
	l.mu.Unlock()
	l.poke()
}

func (l *Log) poke() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// Run writes and signs until ctx ends, and then what waits.
func (l *Log) Run(ctx context.Context) {
	for {
		l.attempt(ctx)
		timer := l.o.Clock.NewTimer(lookEvery)
		select {
		case <-ctx.Done():
			timer.Stop()
			l.finish(ctx)
			return
		case <-l.wake:
			timer.Stop()
			pause := time.NewTimer(gather)
			select {
			case <-ctx.Done():
			case <-pause.C:
			}
			pause.Stop()
		case <-timer.C:
		}
	}
}

// finish writes what waits though ctx ended.
func (l *Log) finish(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	l.attempt(ctx)
}

func (l *Log) attempt(ctx context.Context) {
	err := l.Advance(ctx)
	if err != nil && ctx.Err() == nil && !errors.Is(err, ErrBehind) && !errors.Is(err, ErrBroken) { // those are told once
		l.o.Log.WarnContext(ctx, "publication log: it is tried again", "err", err)
	}
}

// Advance writes the events that wait, and shows a checkpoint of all leaves.
func (l *Log) Advance(ctx context.Context) error {
	l.step.Lock()
	defer l.step.Unlock()
	err := l.advance(ctx)
	if errors.Is(err, ErrBroken) || errors.Is(err, ErrBehind) {
		l.show(Head{}, err)
	}
	return err
}

func (l *Log) advance(ctx context.Context) error {
	l.mu.Lock()
	broken := l.broken
	l.mu.Unlock()
	if broken != nil {
		return broken
	}
	if err := l.follow(ctx); err != nil {
		return err
	}
	gathered := l.gather(ctx)
	if errors.Is(gathered, ErrBehind) {
		return gathered
	}
	for {
		more, err := l.publish(ctx)
		if errors.Is(err, artifact.ErrConflict) { // another replica was faster
			err = l.follow(ctx)
			more = true
		}
		if err != nil || !more {
			return errors.Join(gathered, err)
		}
	}
}

// publish signs and shows one checkpoint of leaves that have none, and reports
// whether there may be more. artifact.ErrConflict says that another did.
func (l *Log) publish(ctx context.Context) (more bool, err error) {
	head, err := l.o.Store.LogHead(ctx)
	if err != nil {
		return false, err
	}
	leaves, err := l.o.Store.Leaves(ctx, LeafQuery{From: head.N, Limit: atOnce})
	if err != nil {
		return false, err
	}
	reserved := head
	if len(leaves) > 0 {
		var tiles []TileData
		if reserved, tiles, err = l.grow(ctx, head, leaves); err != nil {
			return false, err
		}
		if err := l.o.Store.SwapLogHead(ctx, head, reserved, tiles); err != nil {
			return false, err
		}
	}
	_, shown := l.Checkpoint()
	if reserved.N == shown.N {
		return false, nil
	}
	return len(leaves) == atOnce, l.sign(ctx, reserved)
}

// grow is the head after leaves, with the tiles that are new or longer then.
func (l *Log) grow(ctx context.Context, head Head, leaves []Leaf) (Head, []TileData, error) {
	r := &grown{base: tlog.TileHashReader(head.Tree, storedTiles{ctx, l.o.Store}), stored: tlog.StoredHashCount(head.N)}
	n := head.N
	for _, one := range leaves {
		if one.Number != n || !l.key.holds(one) {
			return head, nil, fmt.Errorf("%w: leaf %d in the database is not what was written as leaf %d", ErrBroken, one.Number, n)
		}
		hashes, err := tlog.StoredHashesForRecordHash(n, tlog.RecordHash(one.Entry[:]), r)
		if err != nil {
			return head, nil, brokenTiles(err)
		}
		r.fresh = append(r.fresh, hashes...)
		n++
	}
	root, err := tlog.TreeHash(n, r)
	if err != nil {
		return head, nil, brokenTiles(err)
	}
	var tiles []TileData
	for _, t := range tlog.NewTiles(tileHeight, head.N, n) {
		data, err := tlog.ReadTileData(t, r)
		if err != nil {
			return head, nil, brokenTiles(err)
		}
		tiles = append(tiles, TileData{Level: t.L, Number: t.N, Data: data})
	}
	return Head{Origin: head.Origin, Tree: tlog.Tree{N: n, Hash: root}, Checkpoint: head.Checkpoint}, tiles, nil
}

// brokenTiles tells tiles that are not those of their tree from a database that
// does not answer.
func brokenTiles(err error) error {
	if errors.Is(err, artifact.ErrNotFound) || strings.Contains(err.Error(), "inconsistent") {
		return fmt.Errorf("%w: its tiles are not those of its head: %w", ErrBroken, err)
	}
	return err
}

// sign signs a tree that is reserved, remembers that, and shows it: the record
// goes before the database, so that whoever saw a checkpoint finds it remembered.
func (l *Log) sign(ctx context.Context, reserved Head) error {
	_, shown := l.Checkpoint()
	if err := l.contains(ctx, reserved, shown.Tree); err != nil {
		return err
	}
	signed, err := l.key.sign(Checkpoint{Origin: reserved.Origin, Tree: reserved.Tree})
	if err != nil {
		return err
	}
	if err := l.keepTail(ctx, reserved.N); err != nil {
		return err
	}
	var ahead int64
	err = l.o.Record(ctx, func(have []byte) ([]byte, error) {
		ahead = 0
		switch {
		case len(have) == 0 && reserved.Checkpoint != "" && shown.Origin == "":
			return nil, fmt.Errorf("%w: %s is gone", ErrBroken, Record)
		case len(have) == 0:
			return []byte(signed), nil
		}
		last, err := OpenCheckpoint(string(have), l.key.verifier)
		switch {
		case err != nil:
			return nil, fmt.Errorf("%w: what is remembered of it: %w", ErrBroken, err)
		case last.N > reserved.N:
			ahead = last.N
			return have, nil
		case last.N == reserved.N && last.Hash != reserved.Hash:
			return nil, fmt.Errorf("%w: another tree of %d leaves was signed", ErrBroken, last.N)
		}
		return []byte(signed), nil
	})
	if err == nil && ahead > 0 {
		err = l.overtakenBy(ctx, ahead)
	}
	if err != nil {
		return err
	}
	is := reserved
	is.Checkpoint = signed
	if err := l.o.Store.SwapLogHead(ctx, reserved, is, nil); err != nil {
		return err
	}
	l.show(is, nil)
	return nil
}

// overtakenBy says why a tree is not shown where one of more leaves was: a replica was
// faster (artifact.ErrConflict), which reserved its tree in this database before it
// signed it; or it was over another database, of which this one knows nothing.
func (l *Log) overtakenBy(ctx context.Context, leaves int64) error {
	head, err := l.o.Store.LogHead(ctx)
	switch {
	case err != nil:
		return err
	case head.N < leaves:
		return fmt.Errorf("%w: %d leaves were shown meanwhile, by a server over another database, and this one has %d", ErrBehind, leaves, head.N)
	}
	return fmt.Errorf("another replica showed %d leaves: %w", leaves, artifact.ErrConflict)
}
