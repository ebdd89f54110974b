package publog

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/opencontainers/go-digest"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/artifact/clock"
)

// Record is where what was shown is remembered beside the registry's bytes.
const Record = "records/publication-log"

// Options of a Log. All but Events must be given.
type Options struct {
	Store Store
	// Secret is what the key that signs and the salts are derived from.
	Secret []byte
	// Host is where the site is reached; the origin of a new log begins with it.
	Host string
	// Record replaces what is remembered beside the registry's bytes, by comparing
	// and setting; change gets nothing where there is none.
	Record func(ctx context.Context, change func(have []byte) ([]byte, error)) error
	// Tail replaces the sealed events that the copy in the registry lacks, as
	// Record replaces what is remembered.
	Tail func(ctx context.Context, change func(have []byte) ([]byte, error)) error
	// Carried is the registry that carries a copy of the log, to be read, and
	// Restore writes what is recovered from it.
	Carried Registry
	Restore Restorer
	// Anew has a database that has no log go on with the one that the registry
	// carries, or begins a new log with another origin where that is not to be had
	// or another key signed it: whoever knows the old one notices.
	Anew bool
	// Events gives every event that the log should have, for what a crash kept
	// from it; add may take its time. Nil gives none.
	Events func(ctx context.Context, add func(...Event) error) error
	// Statements gives the events of the statements of a ledger after a sequence
	// number, in their order. Nil gives none.
	Statements func(ctx context.Context, ledger string, after int) ([]Event, error)
	// Channel says what a channel of a plugin means now; errors wrap
	// artifact.ErrNotFound where there is none. It is asked where Events tells of
	// a channel what the log does not say, and must be given where it tells of any.
	Channel func(ctx context.Context, plugin, channel string) (digest.Digest, error)
	// Added is given the leaves that are new, in the transaction that adds them,
	// and Committed is called after it: each event is told of from there, once.
	// Nil tells nobody.
	Added     func(ctx context.Context, leaves []Leaf) error
	Committed func()
	// Witnesses cosign what is shown; Witness asks them. Kept is where that is kept,
	// for other replicas and after a restart, and WitnessLock excludes the rounds of
	// others; nil keeps it in memory, and there are no others.
	Witnesses   []Witness
	Kept        CosignedStore
	WitnessLock func(ctx context.Context) (unlock func(), err error)
	Clock       clock.Clock
	Log         *slog.Logger
}

var (
	// ErrBehind says that the database has less than was shown before: it was
	// lost, or is from an earlier time.
	ErrBehind = errors.New("the publication log is behind what was shown before")
	// ErrBroken says that what is in the database is not what was shown before.
	ErrBroken = errors.New("the publication log does not hold")
)

// A Log is the publication log of a site. It is safe for concurrent use; several
// may share one database.
type Log struct {
	o    Options
	wake chan struct{}

	witnesses []*watched

	copied atomic.Int64 // so many leaves are in the registry's copy

	step   sync.Mutex     // one publishes at a time in this process; guards what follows
	stated map[string]int // of ledgers, how many statements are in the log

	mu      sync.Mutex // guards what follows
	key     *key       // of head's origin
	head    Head       // that was found to extend what was shown before
	stuck   error      // why nothing is signed
	broken  error      // what a reader met; stays until the process is started again
	waiting []Event
	ledgers map[string]bool // whose statements are to be asked for
	walk    bool            // Events is to be asked
	logged  map[LeafKey]bool
	changed chan struct{} // closed when head, stuck or public changes

	public    public    // where there are witnesses
	uncovered time.Time // since when there are leaves that public lacks
}

// Open reads how far the log is, and begins one where there is none. A log that
// is behind, or that does not hold, is opened all the same: Stuck says so.
func Open(ctx context.Context, o Options) (*Log, error) {
	l := &Log{o: o, wake: make(chan struct{}, 1), walk: o.Events != nil, logged: map[LeafKey]bool{}, ledgers: map[string]bool{}, stated: map[string]int{}, changed: make(chan struct{})}
	var err error
	if l.witnesses, err = watchedBy(o.Witnesses); err != nil {
		return nil, fmt.Errorf("publication log: %w", err)
	}
	if err := l.begin(ctx); err != nil {
		return nil, fmt.Errorf("publication log: %w", err)
	}
	err = l.follow(ctx)
	switch {
	case errors.Is(err, ErrBehind), errors.Is(err, ErrBroken):
		l.show(Head{}, err)
	case err != nil:
		return nil, fmt.Errorf("publication log: %w", err)
	}
	return l, nil
}

// begin finds the key of the log that the database has, or else of the one that
// the record has, or else makes a new one.
func (l *Log) begin(ctx context.Context) error {
	head, err := l.o.Store.LogHead(ctx)
	if errors.Is(err, ErrBroken) {
		return l.beginBroken(ctx)
	}
	if err != nil && !errors.Is(err, artifact.ErrNotFound) {
		return err
	}
	origin := head.Origin
	if origin == "" && l.o.Anew {
		if goesOn, err := l.adopt(ctx); goesOn || err != nil {
			return err
		}
		err := l.o.Record(ctx, func([]byte) ([]byte, error) { return []byte{}, nil })
		if err != nil {
			return err
		}
	} else if origin == "" {
		remembered, err := l.remembered(ctx)
		if err != nil {
			return err
		}
		origin, _, _ = strings.Cut(remembered, "\n")
	}
	if origin == "" {
		origin = newOrigin(l.o.Host)
		if head, err = l.found(ctx, origin); err != nil {
			return err
		}
		origin = head.Origin // another replica may have been faster
	}
	if l.key, err = newKey(l.o.Secret, origin); err != nil { // the origin in the database is no name
		return l.beginBroken(ctx)
	}
	return nil
}

// beginBroken finds the key of a log whose head in the database cannot be read: that of
// the record, or one that signs nothing, since follow says that the log is stuck.
func (l *Log) beginBroken(ctx context.Context) error {
	remembered, err := l.remembered(ctx)
	if err != nil {
		return err
	}
	origin, _, _ := strings.Cut(remembered, "\n")
	if l.key, err = newKey(l.o.Secret, origin); err != nil {
		l.key, err = newKey(l.o.Secret, newOrigin(l.o.Host))
	}
	return err
}

// adopt goes on with the log that the registry carries, where the key of this site
// signed it and all of it is there.
func (l *Log) adopt(ctx context.Context) (goesOn bool, err error) {
	remembered, err := l.remembered(ctx)
	if err != nil || remembered == "" {
		return false, err
	}
	origin, _, _ := strings.Cut(remembered, "\n")
	if l.key, err = newKey(l.o.Secret, origin); err != nil {
		return false, nil // it is damaged, and no name
	}
	if _, err := OpenCheckpoint(remembered, l.key.verifier); err != nil {
		return false, nil
	}
	r, err := l.recover(ctx, "")
	if errors.Is(err, ErrBehind) || errors.Is(err, artifact.ErrUnverified) {
		l.o.Log.WarnContext(ctx, "publication log: a new one begins, because the registry does not carry all of the old one", "origin", origin, "err", err)
		return false, nil
	}
	if err == nil {
		l.o.Log.InfoContext(ctx, "publication log: it goes on as the registry carries it", "origin", origin, "leaves", r.Size)
	}
	return err == nil, err
}

func newOrigin(host string) string {
	return host + "/log/" + strings.ToLower(rand.Text()[:10])
}

// found makes the head of an empty log.
func (l *Log) found(ctx context.Context, origin string) (Head, error) {
	root, err := tlog.TreeHash(0, nil)
	if err != nil {
		return Head{}, err
	}
	is := Head{Origin: origin, Tree: tlog.Tree{Hash: root}}
	err = l.o.Store.SwapLogHead(ctx, Head{}, is, nil)
	if errors.Is(err, artifact.ErrConflict) {
		return l.o.Store.LogHead(ctx)
	}
	return is, err
}

// errOnlyRead leaves a record as it is.
var errOnlyRead = errors.New("only read")

// remembered is the last checkpoint that was shown, as the record has it.
func (l *Log) remembered(ctx context.Context) (string, error) {
	var have string
	read := false
	err := l.o.Record(ctx, func(raw []byte) ([]byte, error) {
		have, read = string(raw), true
		return nil, errOnlyRead
	})
	if read {
		err = nil
	}
	return have, err
}

// Key verifies the checkpoints of the log, in the form of a signed note's
// verifier key.
func (l *Log) Key() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.key.text
}

// Stuck says why nothing is signed and nothing may be published, or nil: an
// error that wraps ErrBehind or ErrBroken.
func (l *Log) Stuck() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return cmp.Or(l.stuck, l.broken)
}

// noticed passes on an error of the store's, and keeps it where it says that the
// log does not hold: what a reader meets, nothing else may ever look at again.
func (l *Log) noticed(err error) error {
	if !errors.Is(err, ErrBroken) {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.broken == nil {
		l.broken = err
		l.o.Log.Error("publication log: nothing is published until it is looked at", "alert", true, "err", err)
	}
	return err
}

// Checkpoint is the newest one, and what it says; "" where none is. What is shown of
// it is Cosigned.
func (l *Log) Checkpoint() (string, Checkpoint) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.head.Checkpoint, Checkpoint{Origin: l.head.Origin, Tree: l.head.Tree}
}

// show makes head what the process goes by.
func (l *Log) show(head Head, stuck error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if stuck == nil {
		l.head = head
	}
	if stuck != nil && l.stuck == nil {
		l.o.Log.Error("publication log: nothing is published until it is looked at", "alert", true, "err", stuck)
	}
	l.stuck = stuck
	if l.head.N > l.public.N && l.uncovered.IsZero() {
		l.uncovered = l.o.Clock.Now()
	}
	l.announce()
}

// follow takes the head of the database, which another may have moved, where it
// extends what was shown before.
func (l *Log) follow(ctx context.Context) error {
	head, err := l.o.Store.LogHead(ctx)
	if err != nil && !errors.Is(err, artifact.ErrNotFound) {
		return err
	}
	shown, err := l.extended(ctx, head)
	if err != nil {
		return err
	}
	l.show(shown, nil)
	_, _, err = l.takeCosigned(ctx)
	return err
}

// extended gives the head with the tree of its checkpoint, once it is proved
// that both the checkpoint and what is reserved extend what was shown before.
func (l *Log) extended(ctx context.Context, head Head) (Head, error) {
	before, text, err := l.shown(ctx)
	if err != nil {
		return head, err
	}
	if before.Origin == "" && head.Checkpoint != "" {
		return head, fmt.Errorf("%w: the database has a checkpoint, and %s "+
			"beside the registry's bytes, which is written first, is not there or is empty", ErrBroken, Record)
	}
	if before.N > head.N || head.Origin != l.key.verifier.Name() {
		return head, fmt.Errorf("%w: %s had %d leaves, the database has %d of %q", ErrBehind, before.Origin, before.N, head.N, head.Origin)
	}
	if err := l.contains(ctx, head, before.Tree); err != nil {
		return head, err
	}
	if head.Checkpoint == "" {
		return Head{Origin: head.Origin, Tree: before.Tree, Checkpoint: text}, nil
	}
	signed, err := OpenCheckpoint(head.Checkpoint, l.key.verifier)
	if err != nil || signed.N > head.N {
		return head, fmt.Errorf("%w: the checkpoint in the database: %d leaves of %d: %w", ErrBroken, signed.N, head.N, err)
	}
	if err := l.contains(ctx, head, signed.Tree); err != nil {
		return head, err
	}
	if signed.N < before.N { // a crash came between the record and the database
		return Head{Origin: head.Origin, Tree: before.Tree, Checkpoint: text}, nil
	}
	head.Tree = signed.Tree
	return head, nil
}

// shown is the last checkpoint that was shown by anybody, as far as it is
// remembered; zero where none was.
func (l *Log) shown(ctx context.Context) (Checkpoint, string, error) {
	if text, known := l.Checkpoint(); known.Origin != "" {
		return known, text, nil
	}
	text, err := l.remembered(ctx)
	if err != nil || text == "" {
		return Checkpoint{}, "", err
	}
	c, err := OpenCheckpoint(text, l.key.verifier)
	if err != nil {
		if origin, _, _ := strings.Cut(text, "\n"); origin == l.key.verifier.Name() {
			return c, "", fmt.Errorf("%w: %s beside the registry's bytes is damaged, or of another key: %w", ErrBroken, Record, err)
		}
		return c, "", fmt.Errorf("%w: %s beside the registry's bytes is of another log: %w", ErrBehind, Record, err)
	}
	return c, text, nil
}

// contains proves by the tiles that the tree of a head begins with another.
func (l *Log) contains(ctx context.Context, head Head, earlier tlog.Tree) error {
	if earlier.N == 0 || earlier == head.Tree {
		return nil
	}
	root, err := tlog.TreeHash(earlier.N, tlog.TileHashReader(head.Tree, storedTiles{ctx, l.o.Store}))
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, artifact.ErrNotFound), err != nil && strings.Contains(err.Error(), "inconsistent"):
		return fmt.Errorf("%w: its tiles are not those of its head: %w", ErrBroken, err)
	case err != nil:
		return err
	case root != earlier.Hash:
		return fmt.Errorf("%w: of %d leaves that were shown, some are others now", ErrBroken, earlier.N)
	}
	return nil
}

// Verifier checks what the log signs.
func (l *Log) Verifier() note.Verifier { return l.keyNow().verifier }

func (l *Log) keyNow() *key {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.key
}

// changes gives what is closed at the next change of the head, or of what is shown.
func (l *Log) changes() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.changed
}

// within is how long a proof waits for the checkpoint that has its leaf.
const within = 3 * time.Second
