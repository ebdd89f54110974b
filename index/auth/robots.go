package auth

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/policy"
)

// A TokenRequest asks for a new credential.
type TokenRequest struct {
	// Kind is RobotToken, PersonalToken or AdminToken.
	Kind TokenKind
	// Label says what it is for, such as "ci"; 1 to 64 of a-z, 0-9 and "-".
	Label string
	// Namespace of a robot; "" makes one of the whole site.
	Namespace string
	// Scopes bound it. A robot needs at least one; a name that ends in "/*"
	// covers every repository below it.
	Scopes []Scope
	// ExpiresAt is when it ends; the zero time means never, which only an
	// admin token may.
	ExpiresAt time.Time
}

// MaxTokenLifetime is the longest that a robot or personal token may live.
const MaxTokenLifetime = 366 * 24 * time.Hour

// CreateToken makes a credential for what by may itself do, and returns its
// text, which is not kept. Errors wrap artifact.ErrInvalid or ErrDenied.
func (a *Authority) CreateToken(ctx context.Context, by Principal, q TokenRequest) (Token, TokenRecord, error) {
	if err := a.checkRequest(q); err != nil {
		return Token{}, TokenRecord{}, err
	}
	if err := a.mayCreate(ctx, by, q); err != nil {
		return Token{}, TokenRecord{}, err
	}
	principal := by.Name
	switch q.Kind {
	case RobotToken:
		principal = "robot:" + q.Label
		if q.Namespace != "" {
			principal = "robot:" + q.Namespace + "/" + q.Label
		}
	case AdminToken:
		principal = "admin:" + q.Label
	}
	return a.issue(ctx, by, q, principal, "")
}

// issue stores a new credential together with its audit row.
func (a *Authority) issue(ctx context.Context, by Principal, q TokenRequest, principal, parent string) (Token, TokenRecord, error) {
	t := newToken()
	rec := TokenRecord{
		ID: t.ID(), Kind: string(q.Kind), Name: q.Label, Principal: principal, Namespace: q.Namespace, Parent: parent,
		Hash: t.hash(), CreatedBy: a.maker(by), CreatedAt: a.o.Now().UTC(), ExpiresAt: q.ExpiresAt.UTC(),
	}
	for _, s := range q.Scopes {
		rec.Scopes = append(rec.Scopes, s.String())
	}
	if err := a.store(ctx, by, rec); err != nil {
		return Token{}, TokenRecord{}, err
	}
	return t, rec, nil
}

// store keeps a new credential with its audit row.
func (a *Authority) store(ctx context.Context, by Principal, rec TokenRecord) error {
	return a.o.Store.InTx(ctx, func(ctx context.Context) error {
		if err := a.o.Store.AddToken(ctx, rec); err != nil {
			return err
		}
		shown := rec
		shown.Hash = nil
		return a.audit(ctx, by, "token:create", "token "+rec.ID, nil, shown)
	})
}

func (a *Authority) checkRequest(q TokenRequest) error {
	var problems []error
	if !isLabel(q.Label) {
		problems = append(problems, invalid("token name %q: expected 1 to 64 of a-z, 0-9 and \"-\"", q.Label))
	}
	now := a.o.Now()
	switch {
	case q.Kind != AdminToken && (q.ExpiresAt.IsZero() || q.ExpiresAt.After(now.Add(MaxTokenLifetime))):
		problems = append(problems, invalid("token expiry: expected a time within %d days", int(MaxTokenLifetime.Hours()/24)))
	case !q.ExpiresAt.IsZero() && !q.ExpiresAt.After(now):
		problems = append(problems, invalid("token expiry %s: it has passed", q.ExpiresAt.UTC().Format(time.RFC3339)))
	}
	switch q.Kind {
	case RobotToken:
		if len(q.Scopes) == 0 {
			problems = append(problems, invalid("token scope: a robot needs at least one, such as repository:acme/hello:pull,push"))
		}
	case PersonalToken, AdminToken:
		if q.Namespace != "" {
			problems = append(problems, invalid("token namespace %q: only a robot has one", q.Namespace))
		}
	default:
		problems = append(problems, invalid("token kind %q: expected robot, personal or admin", q.Kind))
	}
	if len(q.Scopes) > maxScopes {
		problems = append(problems, invalid("token scope: more than %d of them", maxScopes))
	}
	for _, s := range q.Scopes {
		if err := checkTokenScope(s, q); err != nil {
			problems = append(problems, err)
		}
	}
	return errors.Join(problems...)
}

// checkTokenScope refuses words that would grant nothing, and names outside
// the robot's namespace.
func checkTokenScope(s Scope, q TokenRequest) error {
	words := short[s.Type]
	if words == nil {
		return invalid("token scope %q: type: expected repository, namespace or registry", s)
	}
	for _, word := range s.Actions {
		if _, ok := words[word]; !ok && word != "*" {
			return invalid("token scope %q: action %q is none of this type", s, word)
		}
	}
	if q.Namespace == "" {
		return nil
	}
	within := s.Type == TypeRepository && strings.HasPrefix(s.Name, q.Namespace+"/") || s.Type == TypeNamespace && s.Name == q.Namespace
	if !within {
		return invalid("token scope %q: it lies outside namespace %s", s, q.Namespace)
	}
	return nil
}

// mayCreate holds the maker to the rule that nobody gives what they lack.
func (a *Authority) mayCreate(ctx context.Context, by Principal, q TokenRequest) error {
	action, r := TokensManage, InNamespace(q.Namespace)
	switch {
	case q.Kind == PersonalToken:
		if by.Kind != Person {
			return denied("token: %s is no person", by.Name)
		}
		action, r = PersonalTokens, Site()
	case q.Kind == AdminToken || q.Namespace == "":
		action, r = AccountsManage, Site()
	}
	d, err := a.Decide(ctx, by, action, r)
	if err != nil {
		return err
	}
	if !d.Allowed() {
		a.refused(ctx, by, action, r, d)
		return d.Err()
	}
	if q.Kind != RobotToken {
		return nil
	}
	within := q.Namespace
	if within == "" {
		within = "*"
	}
	for _, s := range q.Scopes {
		for _, action := range s.named() {
			row, _ := find(action, OnRepository)
			if s.Type == TypeRepository && !checkRoles(by, row, InRepository(within+"/*")).Allowed() {
				return denied("token scope %q: %s may not do %s in %s, so no token can be given it", s, by.Name, action, within)
			}
		}
	}
	return nil
}

// named are the actions that the scope of a token names.
func (s Scope) named() []Action {
	var actions []Action
	for word, meant := range short[s.Type] {
		if slices.Contains(s.Actions, word) || slices.Contains(s.Actions, "*") {
			actions = append(actions, meant...)
		}
	}
	return actions
}

// ListTokens returns the credentials of a namespace, those of the site when
// namespace is "", or one's own when mine is set; hashes are left out. An access
// token, which was issued for repositories, lists none.
func (a *Authority) ListTokens(ctx context.Context, by Principal, namespace string, mine bool) ([]TokenRecord, error) {
	principal := ""
	if mine {
		principal = by.Name
		if by.Access != nil {
			if err := a.require(ctx, by, PersonalTokens, Site()); err != nil {
				return nil, err
			}
		}
	} else if err := a.require(ctx, by, tokensAction(namespace), tokensResource(namespace)); err != nil {
		return nil, err
	}
	records, err := a.o.Store.ListTokens(ctx, namespace, principal)
	if err != nil {
		return nil, err
	}
	records = slices.DeleteFunc(records, func(r TokenRecord) bool { return r.Kind == string(CodeToken) })
	for i := range records {
		records[i].Hash = nil
	}
	return records, nil
}

// RevokeToken ends a credential at once, and with it the access tokens, the
// refresh tokens and the logins that hang on it. To revoke one again is no error.
// One's own is revoked by a credential without bounds: a token that may only
// pull must not end the one that it was made from.
func (a *Authority) RevokeToken(ctx context.Context, by Principal, id string) error {
	rec, err := a.o.Store.Token(ctx, id)
	if err != nil {
		return err
	}
	if !by.LoggedIn() || rec.Principal != by.Name || by.Scopes != nil || by.Access != nil {
		if err := a.require(ctx, by, tokensAction(rec.Namespace), tokensResource(rec.Namespace)); err != nil {
			return err
		}
	}
	defer a.forget()
	return a.o.Store.InTx(ctx, func(ctx context.Context) error {
		err := a.o.Store.RevokeToken(ctx, id, a.o.Now().UTC())
		if errors.Is(err, artifact.ErrConflict) {
			return nil
		}
		if err != nil {
			return err
		}
		return a.audit(ctx, by, "token:revoke", "token "+id, nil, nil)
	})
}

// Bootstrap makes the first admin token when there is none yet. It returns
// false when there is one.
func (a *Authority) Bootstrap(ctx context.Context) (t Token, made bool, err error) {
	const name = "admin:bootstrap"
	err = a.o.Store.InTx(ctx, func(ctx context.Context) error {
		known, err := a.o.Store.ListTokens(ctx, "", name)
		if err != nil || slices.ContainsFunc(known, a.lasts) {
			return err
		}
		made = true
		t, _, err = a.issue(ctx, NewProcess("bootstrap"), TokenRequest{Kind: AdminToken, Label: "bootstrap"}, name, "")
		return err
	})
	return t, made && err == nil, err
}

// Recover makes another admin token, for an operator who lost the others and
// holds the database. It asks nobody: only a command on the server's own
// machine may reach it.
func (a *Authority) Recover(ctx context.Context) (Token, error) {
	t, _, err := a.issue(ctx, NewProcess("recover"), TokenRequest{Kind: AdminToken, Label: "recovery"}, "admin:recovery", "")
	return t, err
}

// require is Decide as an error.
func (a *Authority) require(ctx context.Context, by Principal, action Action, r Resource) error {
	d, err := a.Decide(ctx, by, action, r)
	if err != nil {
		return err
	}
	if d.Outcome == policy.Deny && by.LoggedIn() {
		a.refused(ctx, by, action, r, d)
	}
	return d.Err()
}

func tokensAction(namespace string) Action {
	if namespace == "" {
		return AccountsManage
	}
	return TokensManage
}

func tokensResource(namespace string) Resource {
	if namespace == "" {
		return Site()
	}
	return InNamespace(namespace)
}

func isLabel(s string) bool { return s != "" && len(s) <= 64 && isLabelOr(s, "") }

// isLabelOr accepts a-z, 0-9, "-" and what is in more.
func isLabelOr(s, more string) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && strings.IndexByte(more, c) < 0 {
			return false
		}
	}
	return true
}
