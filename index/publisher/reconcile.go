package publisher

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/artifact"
	format "github.com/oarlock/oarlock/artifact/ledger"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/audit"
	"github.com/oarlock/oarlock/index/auth"
	statements "github.com/oarlock/oarlock/index/ledger"
	"github.com/oarlock/oarlock/policy/ledger"
)

// Where no statement waits, the rows of a namespace and its ledger say the same:
// each change of the rows has its statement. They differ where one of both is
// older, as a restored database beside a newer bucket is. The ledger is signed,
// so an older database takes over what it says; where the database was changed
// after the last statement, which a backup that was made between the two holds,
// the ledger is told what is missing.

// recorder is who acts where rows and ledgers are made to agree.
var recorder = auth.NewProcess("ledger")

// reconcile makes the rows and the ledgers of names agree, and gives back those
// of which it could not be told now.
func (s *Statements) reconcile(ctx context.Context, names []string) (left []string, err error) {
	for i, name := range names {
		if ctx.Err() != nil {
			return append(left, names[i:]...), errors.Join(err, ctx.Err())
		}
		agreed, e := s.agree(ctx, name)
		if e != nil || !agreed {
			left = append(left, name)
		}
		if e != nil {
			err = errors.Join(err, fmt.Errorf("namespace %q and its ledger: %w", name, e))
		}
	}
	return left, err
}

// agree compares one namespace with its ledger, and corrects the older of both.
// False says that it has to be looked at again later.
func (s *Statements) agree(ctx context.Context, name string) (bool, error) {
	ref, err := format.OfPublisher(name)
	if err != nil {
		return false, err
	}
	// In this order: what the rows say is in the ledger that is read after them,
	// where nothing waits in between.
	rows, err := s.rowsOf(ctx, name)
	if errors.Is(err, artifact.ErrNotFound) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	waits, err := s.o.Jobs.Backlog(ctx, statements.JobKind, ref.String())
	if err != nil || waits.Jobs > 0 {
		return false, err
	}
	said, at, err := s.said(ctx, ref)
	switch {
	case errors.Is(err, artifact.ErrUnverified):
		return false, nil // who reads the ledger says so
	case err != nil:
		return false, err
	case said.Publisher == nil || said.Platform != s.o.Own:
		return true, nil
	}
	p := said.Publisher
	if same(rows, p) {
		return true, nil
	}
	newer, err := s.changedAfter(ctx, rows, said.At)
	if err != nil {
		return false, err
	}
	if newer && p.ClosedAt == nil { // closing is for good
		err = s.restate(ctx, ref, at, rows, p)
	} else {
		err = s.rebuild(ctx, ref, at, rows, said)
	}
	if errors.Is(err, artifact.ErrConflict) { // it is being changed
		return false, nil
	}
	return err == nil, err
}

func (s *Statements) rowsOf(ctx context.Context, name string) (auth.NamespaceRows, error) {
	n, err := s.o.Changes.Store.Namespace(ctx, name)
	if err != nil {
		return auth.NamespaceRows{}, err
	}
	members, err := s.o.Changes.Store.Members(ctx, name)
	return auth.NamespaceRows{Namespace: n, Members: members}, err
}

// said is what a ledger says and its list, read in the registry unless the
// catalog knows that very list.
func (s *Statements) said(ctx context.Context, ref format.Ref) (ledger.State, digest.Digest, error) {
	at, err := s.o.Registry.Resolve(ctx, ref.Repository(), ref.Tag())
	if errors.Is(err, artifact.ErrNotFound) {
		return ledger.State{}, "", nil
	}
	if err != nil {
		return ledger.State{}, "", err
	}
	if known, ok := s.o.Catalog.Publisher(ref.Publisher()); ok && known.List == at && len(known.Problems()) == 0 {
		return known.Counts, at, nil
	}
	said, err := s.o.Ledger.State(ctx, ref)
	return said, at, err
}

// same reports whether rows and ledger say the same.
func same(rows auth.NamespaceRows, p *ledger.Publisher) bool {
	roles := make(map[string]string, len(rows.Members))
	for _, m := range rows.Members {
		roles[m.Principal] = m.Role
	}
	n := rows.Namespace
	return n.Public == !p.Private && n.PublishingOff == p.PublishingOff && n.ClosedAt.IsZero() == (p.ClosedAt == nil) && maps.Equal(roles, p.Members)
}

// changes are the acts that each have a statement.
var changes = []auth.Action{auth.NamespaceClaim, auth.NamespaceManage, auth.NamespaceClose, auth.NamespaceTransfer, auth.MembersManage}

// changedAfter reports whether the database knows a change of a namespace that
// was made after a time: by the times in its rows, and by the audit log, which
// has a row for each change. One that the ledger refused does not count.
func (s *Statements) changedAfter(ctx context.Context, rows auth.NamespaceRows, at time.Time) (bool, error) {
	name, last := rows.Namespace.Name, latest(rows.Namespace.CreatedAt, rows.Namespace.ClosedAt)
	for _, m := range rows.Members {
		last = latest(last, m.AddedAt)
	}
	for _, action := range changes {
		done, err := s.lastDone(ctx, action, name)
		if err != nil {
			return false, err
		}
		last = latest(last, done)
	}
	refused, err := s.lastDone(ctx, audit.StatementRefuse, name)
	return last.After(at) && last.After(refused), err
}

// lastDone is when the audit log says that an action was done to a namespace
// last; the zero time is never.
func (s *Statements) lastDone(ctx context.Context, action auth.Action, name string) (time.Time, error) {
	rows, err := s.o.Rows.AuditLog(ctx, audit.Query{Action: string(action), Resource: auth.InNamespace(name).String(), Outcome: "allowed", Limit: 1})
	if err != nil || len(rows) == 0 {
		return time.Time{}, err
	}
	return rows[0].At, nil
}

func latest(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// rebuild has the rows say what the ledger says.
func (s *Statements) rebuild(ctx context.Context, ref format.Ref, at digest.Digest, was auth.NamespaceRows, said ledger.State) error {
	is := rebuilt(was, said)
	err := s.replace(ctx, ref, at, was, is, func(ctx context.Context) error {
		return s.o.Acts.Note(ctx, recorder, audit.NamespaceRebuild, auth.InNamespace(ref.Publisher()), was, is)
	})
	if err != nil {
		return err
	}
	s.o.Forget()
	s.o.Log.WarnContext(ctx, "ledgers: the database was older than the ledger: the namespace is what its ledger says", "alert", true, "publisher", ref.Publisher(), "ledger_at", said.Head.String())
	return nil
}

// rebuilt are the rows that say what a ledger says. Who is a member still is so
// since the time and by the one that the rows know.
func rebuilt(was auth.NamespaceRows, said ledger.State) auth.NamespaceRows {
	p, n := said.Publisher, was.Namespace
	n.Public, n.PublishingOff = !p.Private, p.PublishingOff
	switch {
	case p.ClosedAt == nil:
		n.ClosedAt = time.Time{}
	case n.ClosedAt.IsZero():
		n.ClosedAt = *p.ClosedAt
	}
	is := auth.NamespaceRows{Namespace: n}
	for _, principal := range slices.Sorted(maps.Keys(p.Members)) {
		m := auth.MemberRecord{Namespace: n.Name, Principal: principal, Role: p.Members[principal], AddedBy: recorder.Name, AddedAt: said.At}
		if i := slices.IndexFunc(was.Members, func(old auth.MemberRecord) bool { return old.Principal == principal && old.Role == m.Role }); i >= 0 {
			m = was.Members[i]
		}
		is.Members = append(is.Members, m)
	}
	return is
}

// restate has the ledger told what the rows say and it does not.
func (s *Statements) restate(ctx context.Context, ref format.Ref, at digest.Digest, rows auth.NamespaceRows, p *ledger.Publisher) error {
	now := s.o.Clock.Now().UTC()
	err := s.replace(ctx, ref, at, rows, rows, func(ctx context.Context) error {
		for _, missing := range missing(rows, p) {
			what := index.NewStatement{Kind: missing.kind, Actor: recorder.Name, Since: now,
				ID: statements.IDOf("restate", ref.Publisher(), at.String(), string(missing.kind), missing.whom)}
			if err := s.o.Changes.enqueue(ctx, ref.Publisher(), what, missing.body); err != nil {
				return err
			}
		}
		return s.o.Acts.Note(ctx, recorder, audit.NamespaceRestate, auth.InNamespace(ref.Publisher()), nil, rows)
	})
	if err != nil {
		return err
	}
	s.o.Log.WarnContext(ctx, "ledgers: the database was changed after the last statement of the ledger: what is missing is stated", "alert", true, "publisher", ref.Publisher())
	return s.o.Jobs.Drain(ctx, statements.JobKind)
}

type unsaid struct {
	kind format.Kind
	whom string
	body any
}

// missing are the statements after which a ledger says what rows say, in an
// order in which it always has an owner.
func missing(rows auth.NamespaceRows, p *ledger.Publisher) (out []unsaid) {
	stays := map[string]bool{}
	owners := func(a, b auth.MemberRecord) int {
		return ownerFirst(a.Role) - ownerFirst(b.Role)
	}
	for _, m := range slices.SortedStableFunc(slices.Values(rows.Members), owners) {
		stays[m.Principal] = true
		if p.Members[m.Principal] != m.Role {
			out = append(out, unsaid{format.MemberSet, m.Principal, format.Member{Principal: m.Principal, Role: m.Role}})
		}
	}
	for _, principal := range slices.Sorted(maps.Keys(p.Members)) {
		if !stays[principal] {
			out = append(out, unsaid{format.MemberRemoved, principal, format.Removed{Principal: principal}})
		}
	}
	n := rows.Namespace
	if n.Public == p.Private || n.PublishingOff != p.PublishingOff {
		out = append(out, unsaid{format.PublisherConfigured, "", format.Configured{Private: !n.Public, PublishingOff: n.PublishingOff}})
	}
	if !n.ClosedAt.IsZero() && p.ClosedAt == nil {
		out = append(out, unsaid{format.PublisherClosed, "", format.Closed{}})
	}
	return out
}

func ownerFirst(role string) int {
	if role == format.RoleOwner {
		return 0
	}
	return 1
}

// replace has rows be others, where they still are those, nothing waits for
// their ledger, and that still is the list at; then does what belongs to it, in
// the same transaction. Else it is a conflict.
func (s *Statements) replace(ctx context.Context, ref format.Ref, at digest.Digest, was, is auth.NamespaceRows, then func(context.Context) error) error {
	return s.o.Changes.Store.InTx(ctx, func(ctx context.Context) error {
		if err := s.o.Rows.ReplaceNamespace(ctx, was, is); err != nil { // nobody changes them from here on
			return err
		}
		waits, err := s.o.Jobs.Backlog(ctx, statements.JobKind, ref.String())
		if err != nil {
			return err
		}
		now, err := s.o.Registry.Resolve(ctx, ref.Repository(), ref.Tag())
		if err != nil {
			return err
		}
		if waits.Jobs > 0 || now != at {
			return fmt.Errorf("ledger %s: it changes: %w", ref, artifact.ErrConflict)
		}
		return then(ctx)
	})
}
