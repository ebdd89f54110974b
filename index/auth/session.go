package auth

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/oarlock/oarlock/artifact"
)

// A TokenKind is what a stored credential is for.
type TokenKind string

// The kinds of credential.
const (
	RobotToken    TokenKind = "robot"
	PersonalToken TokenKind = "personal"
	AdminToken    TokenKind = "admin"
	RefreshToken  TokenKind = "refresh" // at the token server only
	SessionToken  TokenKind = "session" // in the cookie of the pages only
	CodeToken     TokenKind = "code"    // one use, to hand a login to the CLI
	HostToken     TokenKind = "host"    // of a host of a tenant, kept with it
)

// touchEvery is how exact the time of last use is.
const touchEvery = time.Minute

// maxParents bounds the chain from a credential to the one it hangs on.
const maxParents = 3

// credentials say whom the text of a token speaks for. What was read is held in
// memory for CacheTTL.
type credentials struct {
	origin
	tokens  TokenStore
	people  PersonStore
	members MemberStore
	tenants TenantRoleStore // may be nil
	hosts   HostStore       // may be nil
	keys    *Keys
	open    openDoor
	now     func() time.Time
	logger  *slog.Logger
	// tokenLifetime is that of access tokens.
	tokenLifetime time.Duration

	sessions *ttlCache[string, holder]
	bearers  *ttlCache[[32]byte, Principal]
}

func newCredentials(o Options, at origin) *credentials {
	return &credentials{
		origin: at, tokens: o.Stores.Tokens, people: o.Stores.People, members: o.Stores.Members, tenants: o.Stores.TenantRoles, hosts: o.Stores.Hosts,
		keys: o.Keys, open: openDoor(o.AnyoneIsAdminUnsafe),
		now: o.Now, logger: o.Logger, tokenLifetime: o.TokenLifetime,
		sessions: newCache[string, holder](o.Now), bearers: newCache[[32]byte, Principal](o.Now),
	}
}

// forget makes the next question ask the store.
func (cs *credentials) forget() {
	cs.sessions.drop()
	cs.bearers.drop()
}

// holder is a live credential and whom it speaks for.
type holder struct {
	record    TokenRecord
	principal Principal
	until     time.Time // the first end of the chain, zero for none
	read      time.Time // when the store was asked
}

// known is until when h may be held in memory, whatever holds it: one cache on
// top of another does not make what was read any younger.
func (h holder) known() time.Time { return earlier(h.until, h.read.Add(CacheTTL)) }

// errCredentials is every reason for which a credential does not hold; a
// caller is not told which.
var errCredentials = fmt.Errorf("credentials: unknown, wrong, expired or revoked: %w", artifact.ErrUnverified)

// Authenticate says whom the text of a token speaks for, if its kind is among
// those asked for. Errors wrap artifact.ErrUnverified when it does not hold;
// any other could not tell.
func (a *Authority) Authenticate(ctx context.Context, text string, kinds ...TokenKind) (Principal, error) {
	h, err := a.who.authenticate(ctx, text, kinds)
	return h.principal, err
}

func (cs *credentials) authenticate(ctx context.Context, text string, kinds []TokenKind) (holder, error) {
	t, err := ParseToken(text)
	if err != nil {
		return holder{}, errCredentials
	}
	h, err := cs.session(ctx, t.ID())
	var ended *endedAdmin
	if errors.As(err, &ended) && ended.record.ID == t.ID() && slices.Contains(kinds, AdminToken) && t.matches(ended.record.Hash) {
		return holder{}, ended.told()
	}
	if err != nil {
		return holder{}, err
	}
	for _, k := range kinds {
		if string(k) == h.record.Kind && t.matches(h.record.Hash) {
			cs.touch(ctx, h)
			return h, nil
		}
	}
	return holder{}, errCredentials
}

// session returns the live credential with an id, from memory when it was
// looked at within CacheTTL.
func (cs *credentials) session(ctx context.Context, id string) (holder, error) {
	if h, ok := cs.sessions.get(id); ok {
		return h, nil
	}
	began, now := cs.sessions.begin(), cs.now()
	asking, cancel := context.WithTimeout(ctx, storeAnswer)
	defer cancel()
	h, err := cs.load(asking, id, now, maxParents)
	if err != nil {
		return holder{}, err
	}
	h.read = now
	cs.sessions.put(id, h, began, now, h.until)
	return h, nil
}

func (cs *credentials) load(ctx context.Context, id string, now time.Time, depth int) (holder, error) {
	rec, err := cs.tokens.Token(ctx, id)
	if errors.Is(err, artifact.ErrNotFound) && cs.hosts != nil && depth == maxParents {
		return cs.host(ctx, id)
	}
	if errors.Is(err, artifact.ErrNotFound) || depth == 0 {
		return holder{}, errCredentials
	}
	if err != nil {
		return holder{}, fmt.Errorf("credentials: %w", err)
	}
	if rec.Kind == string(InviteToken) { // accepted, never logged in with
		return holder{}, errCredentials
	}
	if !cs.open.lasts(rec) || !rec.RevokedAt.IsZero() {
		return holder{}, errCredentials
	}
	if !rec.ExpiresAt.IsZero() && !now.Before(rec.ExpiresAt) {
		if rec.Kind == string(AdminToken) {
			return holder{}, &endedAdmin{rec}
		}
		return holder{}, errCredentials
	}
	h := holder{record: rec, until: rec.ExpiresAt}
	if rec.Parent != "" {
		parent, err := cs.load(ctx, rec.Parent, now, depth-1)
		if err != nil {
			return holder{}, err
		}
		h.principal = parent.principal
		h.until = earlier(h.until, parent.until)
	} else if h.principal, err = cs.principal(ctx, rec); err != nil {
		return holder{}, err
	}
	h.principal.Session = rec.ID
	return h, nil
}

// principal is whom a credential that hangs on no other speaks for.
func (cs *credentials) principal(ctx context.Context, rec TokenRecord) (Principal, error) {
	p := Principal{Name: rec.Principal, Session: rec.ID}
	for _, text := range rec.Scopes {
		s, err := ParseScope(text)
		if err != nil {
			return Principal{}, fmt.Errorf("credentials: stored scope: %w", err)
		}
		p.Scopes = append(p.Scopes, s)
	}
	switch TokenKind(rec.Kind) {
	case RobotToken:
		p.Kind = Robot
		return p, nil
	case AdminToken:
		p.Kind, p.Grants = Admin, []Grant{{Role: RoleAdmin}}
	case PersonalToken, SessionToken, CodeToken, RefreshToken:
		p.Kind = Person
		var err error
		if p.Grants, err = cs.grantsOf(ctx, rec.Principal); errors.Is(err, artifact.ErrNotFound) {
			return Principal{}, errCredentials
		} else if err != nil {
			return Principal{}, err
		}
	default:
		return Principal{}, errCredentials
	}
	return cs.withMemberships(ctx, p)
}

func (cs *credentials) withMemberships(ctx context.Context, p Principal) (Principal, error) {
	memberships, err := cs.members.MembershipsOf(ctx, p.Name)
	if err != nil {
		return Principal{}, fmt.Errorf("credentials: %w", err)
	}
	for _, m := range memberships {
		p.Grants = append(p.Grants, Grant{Role: Role(m.Role), Namespace: m.Namespace})
	}
	if cs.tenants == nil {
		return p, nil
	}
	roles, err := cs.tenants.TenantRolesOf(ctx, p.Name)
	if err != nil {
		return Principal{}, fmt.Errorf("credentials: %w", err)
	}
	for _, r := range roles {
		if r.Tenant != "" { // one of no tenant would be one of the site
			p.Grants = append(p.Grants, Grant{Role: Role(r.Role), Tenant: r.Tenant})
		}
	}
	return p, nil
}

// touch notes the use of a credential, at most once in touchEvery. That it
// cannot be noted is no reason to refuse.
func (cs *credentials) touch(ctx context.Context, h holder) {
	now := cs.now()
	if now.Sub(h.record.UsedAt) < touchEvery || h.record.Kind == string(HostToken) { // a host reports
		return
	}
	ctx, cancel := context.WithTimeout(ctx, storeAnswer)
	defer cancel()
	began := cs.sessions.begin()
	if err := cs.tokens.TouchToken(ctx, h.record.ID, now.UTC()); err != nil {
		cs.logger.WarnContext(ctx, "last use of a token was not noted", "token", h.record.ID, "err", err)
		return
	}
	if held, ok := cs.sessions.get(h.record.ID); ok {
		held.record.UsedAt = now.UTC()
		cs.sessions.renew(h.record.ID, held, began)
	}
}

func earlier(x, y time.Time) time.Time {
	if x.IsZero() || !y.IsZero() && y.Before(x) {
		return y
	}
	return x
}
