package publog

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/oarlock/oarlock/artifact"
)

// A CosignedStore keeps the last checkpoint that was cosigned, for the other replicas
// and for after a restart. Its errors are those of a Store.
type CosignedStore interface {
	// CosignedCheckpoint gives what was kept; artifact.ErrNotFound where nothing was.
	CosignedCheckpoint(ctx context.Context) (CosignedCheckpoint, error)
	// KeepCosigned keeps c, unless one of more leaves of the same log is kept that is
	// not the one that it is to replace.
	KeepCosigned(ctx context.Context, c, replaced CosignedCheckpoint) error
}

// A CosignedCheckpoint is one that witnesses cosigned.
type CosignedCheckpoint struct {
	Origin string
	Size   int64
	Signed string // by the log alone
	Lines  string // the cosignatures
}

// A public is the checkpoint that everybody is shown. Without witnesses it is the
// newest; with them it is the newest that they cosigned, since leaves that come
// faster than witnesses answer would leave every newest one without cosignatures.
type public struct {
	Checkpoint
	signed string // with the cosignatures
	lines  int    // so many they are
}

// uncosignedAfter is how long leaves wait for witnesses: afterwards the newest
// checkpoint is shown without cosignatures. Two rounds are shorter.
const uncosignedAfter = 2*witnessWithin + 2*time.Second

// Cosigned is the checkpoint that is shown, with the cosignatures that it has. It never
// has fewer leaves than one that this process showed before.
func (l *Log) Cosigned() (string, Checkpoint) {
	p := l.shownNow()
	return p.signed, p.Checkpoint
}

func (l *Log) shownNow() public {
	l.mu.Lock()
	defer l.mu.Unlock()
	head := Checkpoint{Origin: l.head.Origin, Tree: l.head.Tree}
	if len(l.witnesses) == 0 || l.head.Checkpoint == "" {
		return public{Checkpoint: head, signed: l.head.Checkpoint}
	}
	switch {
	case l.public.signed == "" || l.public.Origin != head.Origin:
		l.public = public{}
		l.present(public{Checkpoint: head, signed: l.head.Checkpoint})
	case l.public.N < head.N && l.o.Clock.Since(l.uncovered) >= uncosignedAfter:
		l.o.Log.Warn("publication log: a checkpoint is shown that no witness cosigned in time", "leaves", head.N)
		l.present(public{Checkpoint: head, signed: l.head.Checkpoint})
	}
	return l.public
}

// present shows p, where it has more leaves or more cosignatures than what is shown.
// Its caller holds mu.
func (l *Log) present(p public) {
	if p.N < l.public.N || p.N == l.public.N && p.lines <= l.public.lines && l.public.signed != "" {
		return
	}
	l.public = p
	if l.public.N >= l.head.N {
		l.uncovered = time.Time{}
	}
	l.announce()
}

// announce tells those who wait for changes. Its caller holds mu.
func (l *Log) announce() {
	close(l.changed)
	l.changed = make(chan struct{})
}

// Witness has the checkpoints cosigned until ctx ends, in rounds: all witnesses are
// asked for the same one, so that it has the cosignatures of all that answer, and one
// that does not is left alone for a moment. Publishing waits for none.
func (l *Log) Witness(ctx context.Context) {
	if len(l.witnesses) == 0 {
		<-ctx.Done()
		return
	}
	for ctx.Err() == nil {
		changed := l.changes()
		before, _ := l.Checkpoint()
		err := l.round(ctx, false)
		if err != nil && ctx.Err() == nil {
			l.o.Log.WarnContext(ctx, "publication log: not every witness cosigned", "err", err)
		}
		if now, _ := l.Checkpoint(); now != before {
			continue
		}
		timer := l.o.Clock.NewTimer(witnessAgain)
		select {
		case <-ctx.Done():
		case <-changed:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// Cosign asks every witness, also one that is left alone, to cosign the newest
// checkpoint, and shows it with the cosignatures that it gets. The error names
// those that did not cosign.
func (l *Log) Cosign(ctx context.Context) error { return l.round(ctx, true) }

func (l *Log) round(ctx context.Context, all bool) error {
	if l.o.WitnessLock != nil {
		unlock, err := l.o.WitnessLock(ctx)
		if err != nil {
			return fmt.Errorf("lock: %w", err)
		}
		defer unlock()
	}
	began := l.o.Clock.Now()
	signed, c := l.Checkpoint()
	if signed == "" || c.N == 0 {
		return nil // nothing is in it
	}
	size, bad, err := l.takeCosigned(ctx)
	if err != nil || size > c.N { // another replica is ahead
		return err
	}
	asked, err := l.askAll(ctx, signed, c, all)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	lines, many := l.linesOf(c)
	l.mu.Lock()
	if l.present(public{Checkpoint: c, signed: signed + lines, lines: many}); l.head.N > c.N && l.public.N == c.N {
		l.uncovered = began // what it lacks came later
	}
	l.mu.Unlock()
	if asked && lines != "" && l.o.Kept != nil {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), witnessWithin) // it is shown already
		defer cancel()
		err = errors.Join(err, l.o.Kept.KeepCosigned(ctx, CosignedCheckpoint{Origin: c.Origin, Size: c.N, Signed: signed, Lines: lines}, bad))
	}
	return err
}

// askAll asks those witnesses that did not cosign c, and reports whether there were any.
func (l *Log) askAll(ctx context.Context, signed string, c Checkpoint, resting bool) (asked bool, err error) {
	errs := make([]error, len(l.witnesses))
	var all sync.WaitGroup
	for i, w := range l.witnesses {
		w.mu.Lock()
		skip := w.tree == c.Tree && w.line != "" || !resting && l.o.Clock.Now().Before(w.rests)
		w.mu.Unlock()
		if skip {
			continue
		}
		asked = true
		all.Go(func() {
			if err := l.ask(ctx, w, signed, c); err != nil {
				errs[i] = fmt.Errorf("witness %s: %w", w.by.Name(), err)
			}
		})
	}
	all.Wait()
	return asked, errors.Join(errs...)
}

// ask asks one witness; one that saw another size than was thought is asked once more.
func (l *Log) ask(ctx context.Context, w *watched, signed string, c Checkpoint) error {
	w.mu.Lock()
	old := min(w.size, c.N)
	w.mu.Unlock()
	saw, line, err := l.cosign(ctx, w, signed, c, old)
	var other sawError
	if errors.As(err, &other) && int64(other) != old && int64(other) <= c.N {
		saw, line, err = l.cosign(ctx, w, signed, c, int64(other))
	}
	if errors.As(err, &other) && int64(other) > c.N {
		if head, failed := l.o.Store.LogHead(ctx); failed == nil && head.N >= int64(other) {
			err = fmt.Errorf("it saw %d leaves already, of another replica: it is asked again", int64(other))
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.problem, w.rests = err, (time.Time{}); err != nil {
		w.rests = l.o.Clock.Now().Add(witnessAgain)
		return err
	}
	w.size, w.tree, w.line = saw, c.Tree, line
	return nil
}

// linesOf are the cosignatures that a checkpoint has.
func (l *Log) linesOf(c Checkpoint) (lines string, many int) {
	for _, w := range l.witnesses {
		w.mu.Lock()
		if w.line != "" && w.tree == c.Tree {
			lines += w.line
			many++
		}
		w.mu.Unlock()
	}
	return lines, many
}

// takeCosigned shows what was kept by another replica or before a restart, where it is
// newer than what is shown, and gives how many leaves that has. Nothing of it is
// believed that is not signed: what was edited is given as bad, to be replaced. One that
// is of another history is ErrBroken.
func (l *Log) takeCosigned(ctx context.Context) (size int64, bad CosignedCheckpoint, err error) {
	if l.o.Kept == nil || len(l.witnesses) == 0 {
		return 0, bad, nil
	}
	kept, err := l.o.Kept.CosignedCheckpoint(ctx)
	if errors.Is(err, artifact.ErrNotFound) {
		return 0, bad, nil
	}
	if err != nil {
		return 0, bad, err
	}
	l.mu.Lock()
	head, old, by := l.head, l.public, l.key.verifier
	l.mu.Unlock()
	c, err := OpenCheckpoint(kept.Signed, by)
	if err != nil || c.N != kept.Size { // it is of another log, or was edited
		return 0, kept, nil
	}
	if c.N < old.N || c.N > head.N || old.signed == kept.Signed+kept.Lines {
		return c.N, bad, nil
	}
	if err := l.contains(ctx, head, c.Tree); err != nil {
		return c.N, bad, l.noticed(fmt.Errorf("the checkpoint that was cosigned: %w", err))
	}
	for _, w := range l.witnesses {
		line, err := w.lineIn(kept.Lines, kept.Signed, by)
		w.mu.Lock()
		if err == nil && c.N >= w.tree.N {
			w.size, w.tree, w.line = max(w.size, c.N), c.Tree, line
		}
		w.mu.Unlock()
	}
	lines, many := l.linesOf(c)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.present(public{Checkpoint: c, signed: kept.Signed + lines, lines: many})
	return c.N, bad, nil
}
