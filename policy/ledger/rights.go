package ledger

import (
	"fmt"
	"slices"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/artifact"
	format "github.com/oarlock/oarlock/artifact/ledger"
)

// RoleOf is in what right an actor acts at s: as an owner, where the ledger
// says that they are one, else for the platform, which vouches for them. The
// first statement makes its actor the owner.
func (s State) RoleOf(actor string, kind format.Kind) string {
	r, known := rules[kind]
	owner := s.Publisher != nil && slices.Contains(s.Publisher.Owners(), actor)
	if known && r.owner && (owner || kind == format.PublisherClaimed) {
		return format.RoleOwner
	}
	return format.RolePlatform
}

// Next is the state after a statement at d that by signed: the id of a platform's
// key, or of one of the publisher's. A statement that may not be made there is
// an error that wraps artifact.ErrDenied, ErrInvalid, ErrConflict or
// ErrNotFound. Signature, number and order were looked at before.
func (s State) Next(st *format.Statement, d, by digest.Digest) (State, error) {
	next := s
	next.Head, next.At = format.Head{Sequence: st.Sequence, Digest: d}, st.Time
	if st.Sequence == 1 {
		next.Platform, next.First = by, d
	}
	own, mine := s.Publisher.Key(by.String())
	byKey := mine && own.RevokedAt == nil && by != next.Platform
	if by != next.Platform && !byKey {
		return s, denied("signed by %s, and only %s, which began the ledger, may add to it", by, next.Platform)
	}
	if !st.Ledger.OfPublisher() {
		if next.Plugin = s.Plugin.clone(); next.Plugin == nil {
			next.Plugin = &Plugin{Name: st.Ledger.Plugin()}
		}
		if err := next.Plugin.move(st, d); err != nil {
			return s, err
		}
		return next, nil
	}
	r, known := rules[st.Kind]
	if err := s.entitled(st, by, byKey, r, known); err != nil {
		return s, err
	}
	if !known {
		return next, nil // of a later time
	}
	if next.Publisher = s.Publisher.clone(); next.Publisher == nil {
		next.Publisher = &Publisher{Name: st.Ledger.Publisher(), Members: map[string]string{}}
	}
	if err := r.apply(next.Publisher, st); err != nil {
		return s, err
	}
	return next, nil
}

func (s State) entitled(st *format.Statement, by digest.Digest, byKey bool, r rule, known bool) error {
	first := s.Publisher == nil
	switch {
	case first != (st.Kind == format.PublisherClaimed):
		return denied("%s: the first statement about a publisher is %s, and no other is", st.Kind, format.PublisherClaimed)
	case byKey && (!r.key || st.Actor != "key:"+by.String()):
		return denied("%s by %s: a key of the publisher may sign for itself (as \"key:<id>\") that keys are added and revoked, and nothing else", st.Kind, st.Actor)
	case byKey || st.Role == format.RolePlatform:
		return nil
	case known && r.owner && st.Role == format.RoleOwner && (first || slices.Contains(s.Publisher.Owners(), st.Actor)):
		return nil
	}
	return denied("%s: %s is no owner of %s and does not act for the platform (role %q)", st.Kind, st.Actor, st.Ledger.Publisher(), st.Role)
}

func denied(format string, args ...any) error {
	return fmt.Errorf(format+": %w", append(args, artifact.ErrDenied)...)
}
