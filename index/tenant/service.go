package tenant

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/artifact/clock"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/audit"
	"github.com/oarlock/oarlock/index/auth"
	"github.com/oarlock/oarlock/index/catalog"
	"github.com/oarlock/oarlock/index/seal"
	"github.com/oarlock/oarlock/policy/entitlement"
)

// Rights say what the caller of ctx may do.
type Rights interface {
	May(ctx context.Context, action auth.Action, on auth.Resource) error
	Can(ctx context.Context, action auth.Action, on auth.Resource) (bool, error)
	// Visibility is what a principal may pull; an error could not tell.
	Visibility(ctx context.Context, p auth.Principal) (auth.Visibility, error)
}

// A Catalog knows what is there.
type Catalog interface {
	// Plugin is what the newest generation says of a plugin.
	Plugin(id artifact.Name) (*catalog.Plugin, bool)
	// Current is nil where what it says may be believed, and else why it may not.
	Current() error
	// Generation is the newest one, and Subscribe gives those that follow.
	Generation() *catalog.Generation
	Subscribe() (generations <-chan *catalog.Generation, stop func())
}

// Options of a Service. All of them must be given; the zero Tiers has none, and
// the zero Clock is the system's.
type Options struct {
	Store Store
	// InTx runs do in one transaction, which the Store and Acts join.
	InTx   func(ctx context.Context, do func(ctx context.Context) error) error
	Rights Rights
	Acts   audit.Log
	// Exists refuses who has no account here that could act now.
	Exists func(ctx context.Context, principal string) error
	// Forget has the rights of members asked for anew.
	Forget  func()
	Tiers   entitlement.Tiers
	Catalog Catalog
	// Public reports whether everybody may know of a plugin; nil says that nobody may.
	Public func(ctx context.Context, id artifact.Name) (bool, error)
	Clock  clock.Clock
	// Credentials makes those of hosts; nil makes none.
	Credentials Credentials
	// Desired says how desired states are made.
	Desired DesiredOptions
	// Changed are the tenants that rows of the audit log after one say were changed, and the
	// last row that was looked at; below 0 only that. It must be given for Look.
	Changed func(ctx context.Context, row int64) (tenants []string, last int64, err error)
	// Ring seals configurations.
	Ring *seal.Ring
}

// A Service keeps tenants. Each method decides whether the caller of its context
// may; errors are *index.Problem or of a kind of artifact. A tenant that the
// caller may not read is answered as one that does not exist.
type Service struct {
	o       Options
	watches *watches
	gives   *gives
	taken   *judged // which schemas take which configurations
}

// New makes a Service.
func New(o Options) *Service {
	if o.Desired.Lifetime <= 0 {
		o.Desired.Lifetime = usualLifetime
	}
	if o.Desired.Grace < 0 {
		o.Desired.Grace = 0
	}
	return &Service{o: o, watches: newWatches(), gives: newGives(), taken: newJudged()}
}

// now is the time as a Store keeps it, so that what is answered now is what is read later.
func (s *Service) now() time.Time { return s.o.Clock.Now().UTC().Truncate(time.Microsecond) }

// none is the answer about a tenant that is not there, and about one that is none
// of the caller's business: byte for byte the same.
func none() error {
	return index.NewProblem(index.CodeNotFound, "there is no such tenant, or it is not yours to see",
		"see those that are yours: oarlock tenant list", "ask one of its admins, or an admin of the site, to make you a member")
}

// read is a tenant for who may read it.
func (s *Service) read(ctx context.Context, id string) (Rows, Tenant, error) {
	return s.admit(ctx, auth.TenantRead, id)
}

// manage is a tenant for who may change it.
func (s *Service) manage(ctx context.Context, id string) (Rows, Tenant, error) {
	return s.admit(ctx, auth.TenantManage, id)
}

func (s *Service) admit(ctx context.Context, action auth.Action, id string) (Rows, Tenant, error) {
	refused := s.o.Rights.May(ctx, action, auth.InTenant(id))
	if !auth.From(ctx).LoggedIn() && refused != nil {
		return nil, Tenant{}, refused // before anything is asked: whatever there is, the answer is the same
	}
	switch reads, err := s.o.Rights.Can(ctx, auth.TenantRead, auth.InTenant(id)); {
	case err != nil:
		return nil, Tenant{}, err
	case !reads:
		return nil, Tenant{}, none()
	}
	rows := s.o.Store.OfTenant(id)
	t, err := rows.Tenant(ctx)
	if errors.Is(err, artifact.ErrNotFound) {
		return nil, Tenant{}, none()
	}
	if t.Damaged != nil {
		return rows, t, damaged("tenant "+id, "the operator of the site brings its row back from a backup")
	}
	if err == nil {
		err = refused
	}
	return rows, t, err
}

// do makes one change of the tenant with one row of the audit log, both or neither.
// plan is given what is there once nobody else changes it; it returns the act, and
// what does it, which is nil where there is nothing to do.
func (s *Service) do(ctx context.Context, id string, rows Rows, plan func(ctx context.Context) (audit.Act, func(ctx context.Context) error, error)) error {
	defer s.watches.moved(id)
	return s.o.InTx(ctx, func(ctx context.Context) error {
		if err := rows.Lock(ctx); err != nil {
			return err
		}
		act, do, err := plan(ctx)
		if err != nil || do == nil {
			return err
		}
		act.On = auth.InTenant(id)
		return s.o.Acts.Do(ctx, act, func(ctx context.Context) (any, error) { return nil, do(ctx) })
	})
}

// held are the tenants that the caller's roles and scopes name, in order; every
// says that a scope names all.
func held(p auth.Principal) (ids []string, every bool) {
	for _, g := range p.Grants {
		if g.Tenant != "" {
			ids = append(ids, g.Tenant)
		}
	}
	for _, scope := range p.Scopes {
		if scope.Type == auth.TypeTenant {
			ids, every = append(ids, scope.Name), every || scope.Name == "*"
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids), every
}
