package publisher

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/oarlock/oarlock/artifact"
	format "github.com/oarlock/oarlock/artifact/ledger"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/audit"
	"github.com/oarlock/oarlock/index/auth"
	statements "github.com/oarlock/oarlock/index/ledger"
	"github.com/oarlock/oarlock/policy/ledger"
)

// may finds who asks, and asks for a right of his.
func (s *Service) may(ctx context.Context, r audit.Right) (auth.Principal, error) {
	by, err := auth.Caller(ctx)
	if err != nil {
		return by, err
	}
	return by, s.o.Rights.May(ctx, r.Action, r.On)
}

// trial refuses a statement that changes nothing, since the ledger says so already: it is not
// begun, and so not written down. All else the ledger itself refuses.
func (s *Service) trial(at ledger.State, name, actor, role string, kind format.Kind, body any) error {
	if at.Publisher == nil {
		return nil
	}
	ref, err := format.OfPublisher(name)
	if err != nil {
		return err
	}
	raw, err := statements.Object(body)
	if err != nil {
		return err
	}
	st := &format.Statement{Ledger: ref, Kind: kind, Sequence: at.Head.Sequence + 1, Time: s.o.Now().UTC(), Actor: actor,
		Role: cmp.Or(role, at.RoleOf(actor, kind)), Body: raw}
	if _, err := at.Next(st, "", at.Platform); errors.Is(err, artifact.ErrConflict) {
		return fmt.Errorf("ledger %s: %s: %w", ref, kind, err)
	}
	return nil
}

// stated writes down in the audit log that a statement is about to be made,
// appends it, writes down where it is, and shows the publisher after it. What
// cannot be written down is not stated.
func (s *Service) stated(ctx context.Context, by auth.Principal, needs audit.Right, action auth.Action, name string, kind format.Kind, body any) (index.Publisher, error) {
	known, err := s.standing(ctx, name)
	switch {
	case errors.Is(err, artifact.ErrNotFound): // or its first statement is on its way
		if _, of := s.o.Store.Namespace(ctx, name); of != nil {
			if errors.Is(of, artifact.ErrNotFound) {
				return index.Publisher{}, err
			}
			return index.Publisher{}, of
		}
	case err != nil:
		return index.Publisher{}, err
	}
	role := ""
	if v, ok := body.(format.Verified); ok && v.Evidence == format.EvidenceAdministrator {
		role = format.RolePlatform // even of one who owns it
	}
	if err := s.trial(known.Counts, name, by.Name, role, kind, body); err != nil {
		return index.Publisher{}, err
	}
	err = s.o.Acts.Do(ctx, audit.Act{Action: action, On: auth.InNamespace(name), Needs: &needs,
		Planned: map[string]any{"begun": true, "kind": kind, "body": body}},
		func(ctx context.Context) (any, error) {
			entry, err := s.o.Statements.State(ctx, name, by.Name, role, kind, body)
			if err != nil {
				return nil, err
			}
			return map[string]any{"kind": kind, "statement": entry.Head.String(), "body": body}, nil
		})
	switch {
	case errors.Is(err, statements.ErrForeign):
		return index.Publisher{}, index.NewProblem(index.CodeConflict, fmt.Sprintf("the ledger of %s came here by a mirror and grows where it comes from", name), "make the change at the registry that it comes from, and mirror it again")
	case err != nil:
		return index.Publisher{}, err
	}
	return s.Publisher(ctx, name)
}
