package publog

import (
	"context"
	"crypto/hmac"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/mod/sumdb/note"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/artifact/clock"
)

// A ProvedTime is since when a version is public by a proof of another site's log.
type ProvedTime struct {
	Plugin string
	Digest digest.Digest
	// Log is the key of the log.
	Log string
	At  time.Time
	// Vouched is what this site writes beside it when it verified the proof: a row that
	// somebody else wrote counts for nothing.
	Vouched []byte
	// Number is that of the row; it rises.
	Number int64
}

// A ProvedStore keeps what proofs of other logs proved.
type ProvedStore interface {
	// AddProved keeps p in place of what is there of the same version and log, under a
	// number that is higher than every one that was read before.
	AddProved(ctx context.Context, p ProvedTime) error
	// ProvedTimes are the first of those with a higher number, in order.
	ProvedTimes(ctx context.Context, after int64, limit int64) ([]ProvedTime, error)
}

// A ProofSource has the proofs that refer to versions. Its errors are those of a Registry.
type ProofSource interface {
	Source
	Referrers(ctx context.Context, repo string, d digest.Digest) ([]ocispec.Descriptor, error)
}

// ElsewhereOptions of an Elsewhere. All must be given.
type ElsewhereOptions struct {
	// Log is this site's own.
	Log *Log
	// Trusted are the keys of the logs whose proofs count now.
	Trusted func() []string
	From    ProofSource
	Store   ProvedStore
	// Listed are the versions that are listed now.
	Listed func() iter.Seq2[string, digest.Digest]
	// Changed is told when more is known of a plugin, or of any where that is "".
	Changed func(plugin string)
	Clock   clock.Clock
	Logger  *slog.Logger
}

// An Elsewhere says since when versions are public by the logs of other sites, such as the
// one that a mirror copies: their proofs are referrers of the versions, verified by the
// keys of the logs that the trust policy names. What does not verify proves nothing.
// It is safe for concurrent use.
type Elsewhere struct {
	o    ElsewhereOptions
	wake chan struct{}
	turn sync.Mutex // one looks at a time

	mu      sync.RWMutex
	keys    []string // that are trusted
	at      map[string]map[LeafKey]int64
	read    int64 // number of the last row
	readAt  time.Time
	walk    bool // every version is to be looked at
	waiting map[version]bool
}

type version struct {
	plugin string
	digest digest.Digest
}

// readEvery is how often it is looked what other replicas found.
const readEvery = time.Second

// NewElsewhere reads nothing yet.
func NewElsewhere(o ElsewhereOptions) *Elsewhere {
	return &Elsewhere{o: o, wake: make(chan struct{}, 1), at: map[string]map[LeafKey]int64{}, waiting: map[version]bool{}}
}

// Published is the earliest time since when a version is public by a log that is trusted;
// false is that none proves any.
func (s *Elsewhere) Published(id artifact.Name, d digest.Digest) (first time.Time, ok bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if len(s.keys) == 0 {
		return first, false
	}
	of := PublishedKey(id.String(), d)
	for _, key := range s.keys {
		if at, is := s.at[key][of]; is && (!ok || at < first.UnixMicro()) {
			first, ok = time.UnixMicro(at).UTC(), true
		}
	}
	return first, ok
}

// Note has the proofs of a version looked at soon: one was pushed.
func (s *Elsewhere) Note(plugin string, d digest.Digest) {
	s.mu.Lock()
	if len(s.keys) > 0 {
		s.waiting[version{plugin, d}] = true
	}
	s.mu.Unlock()
	s.awake()
}

func (s *Elsewhere) awake() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// trust follows which logs are trusted, and gives them.
func (s *Elsewhere) trust() []string {
	now := s.o.Trusted()
	s.mu.Lock()
	same := slices.Equal(now, s.keys)
	if !same {
		s.keys, s.walk = slices.Clone(now), len(now) > 0
	}
	s.mu.Unlock()
	if !same {
		s.o.Changed("")
		s.awake()
	}
	return now
}

// Read learns which logs are trusted now, and what other replicas and earlier processes
// found in their proofs.
func (s *Elsewhere) Read(ctx context.Context) error {
	if len(s.trust()) == 0 {
		return nil
	}
	now := s.o.Clock.Now()
	s.mu.RLock()
	fresh, after := now.Sub(s.readAt).Abs() < readEvery, s.read
	s.mu.RUnlock()
	if fresh {
		return nil
	}
	for {
		rows, err := s.o.Store.ProvedTimes(ctx, after, atOnce)
		if err != nil {
			return fmt.Errorf("proofs of other logs: %w", err)
		}
		for _, row := range rows {
			after = row.Number
			if hmac.Equal(row.Vouched, s.o.Log.vouch(row)) {
				s.keep(row)
			}
		}
		s.mu.Lock()
		s.read = max(s.read, after)
		if len(rows) < atOnce {
			s.readAt = now
		}
		s.mu.Unlock()
		if len(rows) < atOnce {
			return nil
		}
	}
}

// vouch is what this site alone can write beside p.
func (l *Log) vouch(p ProvedTime) []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.key.vouch(p)
}

// keep knows p from now on.
func (s *Elsewhere) keep(p ProvedTime) {
	key, at := PublishedKey(p.Plugin, p.Digest), p.At.UnixMicro()
	s.mu.Lock()
	if s.at[p.Log] == nil {
		s.at[p.Log] = map[LeafKey]int64{}
	}
	was, had := s.at[p.Log][key]
	s.at[p.Log][key] = at
	s.mu.Unlock()
	if !had || was != at {
		s.o.Changed(p.Plugin)
	}
}

// Run looks at the proofs of all that is listed, and of what Note says, until ctx ends.
// What could not be read is looked at again.
func (s *Elsewhere) Run(ctx context.Context) {
	for ctx.Err() == nil {
		err := s.Look(ctx)
		if err == nil || ctx.Err() != nil {
			select {
			case <-ctx.Done():
			case <-s.wake:
			}
			continue
		}
		s.o.Logger.WarnContext(ctx, "publication log: proofs of other sites' logs could not be read, which is tried again: "+
			"this site's time counts meanwhile", "err", err)
		timer := s.o.Clock.NewTimer(5 * time.Second)
		select {
		case <-ctx.Done():
		case <-timer.C:
		}
		timer.Stop()
	}
}

// Look looks at what Run would, once: when it returns, all was looked at that was noted
// before.
func (s *Elsewhere) Look(ctx context.Context) error {
	s.turn.Lock()
	defer s.turn.Unlock()
	if err := s.Read(ctx); err != nil {
		return err
	}
	s.mu.Lock()
	walk, these := s.walk, s.waiting
	s.walk, s.waiting = false, map[version]bool{}
	s.mu.Unlock()
	by := map[string]note.Verifier{}
	for _, key := range s.trust() {
		if v, err := NewVerifier(key); err == nil {
			by[key] = v
		}
	}
	if len(by) == 0 {
		return nil
	}
	if walk {
		for plugin, d := range s.o.Listed() {
			if !s.knows(plugin, d) {
				these[version{plugin, d}] = true
			}
		}
	}
	return s.lookAll(ctx, by, these)
}

// knows reports whether every log that is trusted says since when a version is public.
func (s *Elsewhere) knows(plugin string, d digest.Digest) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	of := PublishedKey(plugin, d)
	return !slices.ContainsFunc(s.keys, func(key string) bool { _, is := s.at[key][of]; return !is })
}

// lookAll looks at versions, some at a time. Those that could not be looked at wait again.
func (s *Elsewhere) lookAll(ctx context.Context, by map[string]note.Verifier, these map[version]bool) error {
	work := make(chan version)
	var all sync.WaitGroup
	var mu sync.Mutex
	var failed error
	for range min(attachersMost, len(these)) {
		all.Go(func() {
			for v := range work {
				if err := s.look(ctx, by, v); err != nil {
					s.mu.Lock()
					s.waiting[v] = true
					s.mu.Unlock()
					mu.Lock()
					failed = err
					mu.Unlock()
				}
			}
		})
	}
	for v := range these {
		work <- v
	}
	close(work)
	all.Wait()
	return failed
}

// look verifies the proofs of one version, and keeps what they prove.
func (s *Elsewhere) look(ctx context.Context, by map[string]note.Verifier, v version) error {
	all, err := s.o.From.Referrers(ctx, v.plugin, v.digest)
	if errors.Is(err, artifact.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	for key, log := range by {
		first, err := s.proved(ctx, log, v, all)
		if err != nil {
			return err
		}
		if first.IsZero() {
			continue
		}
		p := ProvedTime{Plugin: v.plugin, Digest: v.digest, Log: key, At: first}
		p.Vouched = s.o.Log.vouch(p)
		if err := s.o.Store.AddProved(ctx, p); err != nil {
			return fmt.Errorf("what a proof of %s@%s proves: %w", v.plugin, v.digest, err)
		}
		s.keep(p)
	}
	return nil
}

// claimsMost is how many proofs of one version that their log did not sign as attached are
// looked at: whoever may push can attach as many as he likes.
const claimsMost = 16

// proved is since when a version is public by the proofs of a log among its referrers;
// the zero time is that none proves it.
func (s *Elsewhere) proved(ctx context.Context, log note.Verifier, v version, all []ocispec.Descriptor) (first time.Time, err error) {
	layers := SignedProofs(all, v.digest, log)
	looked := 0
	for _, one := range all {
		if one.ArtifactType != TypeProof || one.Annotations[KeyOrigin] != log.Name() || one.Annotations[KeySignature] != "" {
			continue
		}
		if looked++; looked > claimsMost {
			break
		}
		_, raw, err := s.o.From.Manifest(ctx, v.plugin, one.Digest.String())
		if err != nil && !provesNothing(err) {
			return first, err
		}
		if layer, err := ProofLayer(raw); err == nil {
			layers = append(layers, layer)
		}
	}
	for _, layer := range layers {
		e, err := s.event(ctx, log, v.plugin, layer.Digest)
		switch {
		case err != nil && !provesNothing(err):
			return first, err
		case err != nil, e.Kind != Published, e.Plugin != v.plugin, e.Digest != v.digest, e.At.UnixMicro() <= 0:
			continue
		case first.IsZero() || e.At.Before(first):
			first = e.At
		}
	}
	return first, nil
}

// provesNothing reports whether an error says of a proof that it proves nothing; any other says
// that it could not be told.
func provesNothing(err error) bool {
	return errors.Is(err, artifact.ErrNotFound) || errors.Is(err, artifact.ErrUnverified) || errors.Is(err, artifact.ErrInvalid)
}

// event is what a proof proves to be in a log.
func (s *Elsewhere) event(ctx context.Context, log note.Verifier, repo string, layer digest.Digest) (Event, error) {
	text, err := s.o.From.Blob(ctx, repo, layer, maxProof)
	if err != nil {
		return Event{}, err
	}
	p, err := ParseProof(string(text))
	if err != nil {
		return Event{}, err
	}
	e, _, err := p.Verify(log)
	return e, err
}
