// Package ledger appends statements: it signs them with the site's key and puts
// them into the registry, one after the other, whoever else appends at the same
// time.
package ledger

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/oarlock/oarlock/artifact"
	format "github.com/oarlock/oarlock/artifact/ledger"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/policy"
	"github.com/oarlock/oarlock/policy/ledger"
)

// A Store is where ledgers are kept. Pushing is refused with an error that
// wraps artifact.ErrConflict where a tag holds something that the new index
// does not extend.
type Store interface {
	// Reader reads one repository.
	Reader(repo string) policy.Reader
	PushBlob(ctx context.Context, repo string, content []byte) error
	// PushManifest stores a manifest under a tag, or by its digest alone.
	PushManifest(ctx context.Context, repo, reference, mediaType string, content []byte) error
}

// Options of an Appender. Store, Judge and Signer must be given.
type Options struct {
	Store  Store
	Judge  *ledger.Judge
	Signer *ledger.Signer
	// Remembered is the last head that the site knows of a ledger; nothing is
	// appended to one that lost it. Nil remembers nothing.
	Remembered func(format.Ref) format.Head
	// Told reports whether anybody was told of the first statement of a ledger, as the
	// publication log has it. Nil cannot tell: a first append that was cut is finished
	// by who asks for it again.
	Told func(ctx context.Context, ref format.Ref, kind string, first format.Head) (bool, error)
	Now  func() time.Time
}

// An Appender is an index.Ledger.
type Appender struct {
	o     Options
	locks locks // of one ledger one append at a time in this process
}

var _ index.Ledger = (*Appender)(nil)

// New makes an Appender.
func New(o Options) *Appender {
	if o.Remembered == nil {
		o.Remembered = func(format.Ref) format.Head { return format.Head{} }
	}
	if o.Told == nil {
		o.Told = func(context.Context, format.Ref, string, format.Head) (bool, error) { return true, errUntold }
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Appender{o: o}
}

// errUntold says that nobody can tell who was told of a statement.
var errUntold = errors.New("nobody can tell")

// attempts is how often an append is tried where others are faster.
const attempts = 16

// ErrForeign is wrapped, beside artifact.ErrDenied, where the ledger belongs to
// another site: it came here by a mirror, and grows where it comes from.
var ErrForeign = errors.New("the ledger belongs to another platform")

// ErrRefused says that what a ledger holds does not allow the statement: asked
// for again it is refused again. The error is of the kind that the rule has too.
var ErrRefused = errors.New("what the ledger holds does not allow it")

// A refusal is the rule's error, in its words, and ErrRefused.
type refusal struct{ error }

func (r refusal) Unwrap() error        { return r.error }
func (r refusal) Is(target error) bool { return target == ErrRefused }

// State is what a ledger of the store says, read there; the zero State where
// there is none. A ledger that does not hold is artifact.ErrUnverified.
func (a *Appender) State(ctx context.Context, ref format.Ref) (ledger.State, error) {
	_, state, err := a.read(ctx, ref, a.o.Store.Reader(ref.Repository()))
	if err != nil {
		return ledger.State{}, fmt.Errorf("ledger %s: %w", ref, err)
	}
	return state, nil
}

// Append implements index.Ledger.
func (a *Appender) Append(ctx context.Context, s index.NewStatement) (index.LedgerEntry, error) {
	release, err := a.locks.acquire(ctx, s.Ledger)
	if err != nil {
		return index.LedgerEntry{}, fmt.Errorf("ledger %s: others append to it: %w", s.Ledger, err)
	}
	defer release()
	if s.ID == "" {
		s.ID = rand.Text()
	}
	if s.Subject == "" {
		s.Subject = s.Ledger.Subject()
	}
	if len(s.Body) == 0 {
		s.Body = json.RawMessage("{}")
	}
	if err := a.known(s); err != nil {
		return index.LedgerEntry{}, fmt.Errorf("ledger %s: %w", s.Ledger, err)
	}
	for attempt := 1; ; attempt++ {
		done, err := a.append(ctx, s)
		if err == nil || attempt == attempts || !errors.Is(err, errOvertaken) || ctx.Err() != nil {
			return done, err
		}
	}
}

// known holds s to a kind whose meaning is known.
func (a *Appender) known(s index.NewStatement) error {
	if !ledger.Known(s.Ledger, s.Kind) {
		return fmt.Errorf("kind %q is not known of this ledger: %w", s.Kind, artifact.ErrInvalid)
	}
	return nil // its body is checked with the state
}

// errOvertaken says that somebody else appended between reading and pushing.
var errOvertaken = errors.New("somebody else appends")

func (a *Appender) append(ctx context.Context, s index.NewStatement) (index.LedgerEntry, error) {
	reader := a.o.Store.Reader(s.Ledger.Repository())
	if done, ok, err := a.finish(ctx, s, reader); ok || err != nil {
		return done, err
	}
	list, state, err := a.read(ctx, s.Ledger, reader)
	if err != nil {
		return index.LedgerEntry{}, fmt.Errorf("ledger %s: %w", s.Ledger, err)
	}
	if done, ok, err := a.before(ctx, s, list, reader); ok || err != nil {
		return done, err
	}
	if state.Platform != "" && state.Platform != a.o.Signer.ID() {
		return index.LedgerEntry{}, fmt.Errorf("ledger %s: began by %s, this site is %s: %w: %w",
			s.Ledger, state.Platform, a.o.Signer.ID(), ErrForeign, artifact.ErrDenied)
	}
	now := a.o.Now().UTC().Truncate(time.Microsecond)
	if now.Before(state.At) {
		now = state.At // clocks of two replicas
	}
	next := format.Statement{Ledger: s.Ledger, Kind: s.Kind, Sequence: state.Head.Sequence + 1, Previous: state.Head.Digest, ID: s.ID, Time: now,
		Actor: s.Actor, Role: state.RoleOf(s.Actor, s.Kind), Subject: s.Subject, Body: s.Body}
	if s.Role != "" {
		next.Role = s.Role
	}
	head, err := a.push(ctx, &next, list, state)
	if err != nil {
		return index.LedgerEntry{}, fmt.Errorf("ledger %s: %s: %w", s.Ledger, s.Kind, err)
	}
	return index.LedgerEntry{Head: head, At: now}, nil
}

// read gives the list and what it says; a ledger that does not hold is an error.
func (a *Appender) read(ctx context.Context, ref format.Ref, r policy.Reader) (*format.List, ledger.State, error) {
	remembered := a.o.Remembered(ref)
	at, err := r.Tag(ctx, ref.Tag())
	if errors.Is(err, artifact.ErrNotFound) && remembered.IsZero() {
		return &format.List{}, ledger.State{}, nil
	}
	var got ledger.Judgement
	if err == nil {
		got = a.o.Judge.ReadAt(ctx, ref, at, r, remembered)
	} else {
		got = a.o.Judge.Read(ctx, ref, r, remembered)
	}
	switch v := got.Verdict(); v.Outcome() {
	case policy.Allow:
	case policy.Deny:
		return nil, ledger.State{}, fmt.Errorf("nothing is appended to what does not hold: %s: %w", got.Problems()[0].Detail, artifact.ErrUnverified)
	default:
		return nil, ledger.State{}, index.NewProblem(index.CodeUnavailable, "could not tell what the ledger holds: "+got.Problems()[0].Detail,
			"ask the operator to look at it: oarlock fsck")
	}
	mediaType, raw, err := r.Manifest(ctx, at)
	if err != nil {
		return nil, ledger.State{}, err
	}
	list, err := format.ParseList(mediaType, raw)
	return list, got.State, err
}

// before finds a statement with the same id that was appended since s was
// asked for.
func (a *Appender) before(ctx context.Context, s index.NewStatement, list *format.List, r policy.Reader) (index.LedgerEntry, bool, error) {
	if s.Since.IsZero() {
		return index.LedgerEntry{}, false, nil
	}
	for i := len(list.Statements); i > 0; i-- {
		found, err := ledger.Statements(ctx, list, r, i, 1)
		if err != nil || len(found) == 0 {
			return index.LedgerEntry{}, false, fmt.Errorf("ledger %s: could not tell whether it was appended: %w", s.Ledger, err)
		}
		one := found[0]
		if one.ID == s.ID {
			return index.LedgerEntry{Head: format.Head{Sequence: one.Sequence, Digest: one.Digest}, At: one.Time, Again: true}, true, nil
		}
		if one.Time.Before(s.Since.Add(-clocks)) {
			break
		}
	}
	return index.LedgerEntry{}, false, nil
}

// clocks is how far the clocks of replicas may be apart.
const clocks = time.Hour

func (a *Appender) push(ctx context.Context, s *format.Statement, list *format.List, state ledger.State) (format.Head, error) {
	envelope, err := a.o.Signer.Envelope(ctx, s)
	if err != nil {
		return format.Head{}, err
	}
	manifest, d, err := format.BuildManifest(envelope)
	if err != nil {
		return format.Head{}, err
	}
	if _, err := state.Next(s, d.Digest, a.o.Signer.ID()); err != nil {
		return format.Head{}, refusal{err}
	}
	content, err := format.BuildList(append(list.Statements[:len(list.Statements):len(list.Statements)], d))
	if err != nil {
		return format.Head{}, err
	}
	repo, store := s.Ledger.Repository(), a.o.Store
	for _, blob := range [][]byte{ocispec.DescriptorEmptyJSON.Data, envelope} {
		if err := store.PushBlob(ctx, repo, blob); err != nil {
			return format.Head{}, err
		}
	}
	if err := store.PushManifest(ctx, repo, d.Digest.String(), ocispec.MediaTypeImageManifest, manifest); err != nil {
		return format.Head{}, err
	}
	err = store.PushManifest(ctx, repo, s.Ledger.Tag(), ocispec.MediaTypeImageIndex, content)
	if errors.Is(err, artifact.ErrConflict) {
		err = fmt.Errorf("%w: %w", errOvertaken, err)
	}
	return format.Head{Sequence: s.Sequence, Digest: d.Digest}, err
}

// Object is a body in JSON.
func Object(body any) (json.RawMessage, error) { return json.Marshal(body) }

// IDOf is an id made of what makes a statement the one that it is.
func IDOf(parts ...string) string {
	var text string
	for _, p := range parts {
		text += p + "\x00"
	}
	return digest.FromString(text).Encoded()[:32]
}
