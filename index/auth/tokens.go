package auth

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/oarlock/oarlock/artifact"
)

// Tokens makes credentials and ends them.
type Tokens struct {
	may   *Authority
	store TokenStore
	tx    Transactor
	log   *AuditLog
	open  openDoor
	now   func() time.Time
	// refreshLifetime is that of refresh tokens.
	refreshLifetime time.Duration
	bound           tokenBound
}

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

// Create makes a credential for what by may itself do, and returns its
// text, which is not kept. Errors wrap artifact.ErrInvalid or ErrDenied.
func (ts *Tokens) Create(ctx context.Context, by Principal, q TokenRequest) (Token, TokenRecord, error) {
	if err := ts.checkRequest(q); err != nil {
		return Token{}, TokenRecord{}, err
	}
	if err := ts.mayCreate(ctx, by, q); err != nil {
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
	return ts.issue(ctx, by, q, principal, "")
}

// issue stores a new credential together with its audit row.
func (ts *Tokens) issue(ctx context.Context, by Principal, q TokenRequest, principal, parent string) (Token, TokenRecord, error) {
	t := newToken()
	rec, err := ts.issueAs(ctx, t, by, q, principal, parent)
	if err != nil {
		return Token{}, TokenRecord{}, err
	}
	return t, rec, nil
}

// issueAs is issue for a token that is there already.
func (ts *Tokens) issueAs(ctx context.Context, t Token, by Principal, q TokenRequest, principal, parent string) (TokenRecord, error) {
	rec := TokenRecord{
		ID: t.ID(), Kind: string(q.Kind), Name: q.Label, Principal: principal, Namespace: q.Namespace, Parent: parent,
		Hash: t.hash(), CreatedBy: ts.open.maker(by), CreatedAt: ts.now().UTC(), ExpiresAt: q.ExpiresAt.UTC(),
	}
	for _, s := range q.Scopes {
		rec.Scopes = append(rec.Scopes, s.String())
	}
	if err := ts.add(ctx, by, rec); err != nil {
		return TokenRecord{}, err
	}
	return rec, nil
}

// add keeps a new credential with its audit row.
func (ts *Tokens) add(ctx context.Context, by Principal, rec TokenRecord) error {
	return ts.tx.InTx(ctx, func(ctx context.Context) error {
		if err := ts.bound.room(ctx, by, rec, ts.now().UTC()); err != nil {
			return err
		}
		if err := ts.store.AddToken(ctx, rec); err != nil {
			return err
		}
		return ts.log.audit(ctx, by, "token:create", "token "+rec.ID, nil, shown(rec))
	})
}

// shown is a credential as the audit log has it: without what proves it.
func shown(rec TokenRecord) TokenRecord {
	rec.Hash = nil
	return rec
}

func (ts *Tokens) checkRequest(q TokenRequest) error {
	var problems []error
	if !isLabel(q.Label) {
		problems = append(problems, invalid("token name %q: expected 1 to 64 of a-z, 0-9 and \"-\"", q.Label))
	}
	now := ts.now()
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
		return invalid("token scope %q: type: expected repository, namespace, tenant or registry", s)
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
func (ts *Tokens) mayCreate(ctx context.Context, by Principal, q TokenRequest) error {
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
	d, err := ts.may.Decide(ctx, by, action, r)
	if err != nil {
		return err
	}
	if !d.Allowed() {
		ts.log.refused(ctx, by, action, r, d)
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
			row, _ := permissions.find(action, OnRepository)
			if s.Type == TypeRepository && !permissions.checkRoles(by, row, InRepository(within+"/*")).Allowed() {
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

// List returns the credentials of a namespace, those of the site when
// namespace is "", or one's own when mine is set; hashes are left out. An access
// token, which was issued for repositories, lists none.
func (ts *Tokens) List(ctx context.Context, by Principal, namespace string, mine bool) ([]TokenRecord, error) {
	principal := ""
	if mine {
		principal = by.Name
		if by.Access != nil {
			if err := ts.may.require(ctx, by, PersonalTokens, Site()); err != nil {
				return nil, err
			}
		}
	} else if err := ts.may.require(ctx, by, tokensAction(namespace), tokensResource(namespace)); err != nil {
		return nil, err
	}
	records, err := ts.store.ListTokens(ctx, namespace, principal)
	if err != nil {
		return nil, err
	}
	records = slices.DeleteFunc(records, func(r TokenRecord) bool { return r.Kind == string(CodeToken) })
	for i := range records {
		records[i].Hash = nil
	}
	return records, nil
}

// Own is the credential that by speaks with, without its hash. Errors wrap
// artifact.ErrNotFound where by has none.
func (ts *Tokens) Own(ctx context.Context, by Principal) (TokenRecord, error) {
	if by.Session == "" {
		return TokenRecord{}, fmt.Errorf("credential of %s: %w", by.Name, artifact.ErrNotFound)
	}
	rec, err := ts.store.Token(ctx, by.Session)
	if err != nil {
		return TokenRecord{}, err
	}
	rec.Hash = nil
	return rec, nil
}

// Revoke ends a credential at once, and with it the access tokens, the
// refresh tokens and the logins that hang on it. To revoke one again is no error.
// One's own is revoked by a credential without bounds: a token that may only
// pull must not end the one that it was made from.
func (ts *Tokens) Revoke(ctx context.Context, by Principal, id string) error {
	rec, err := ts.store.Token(ctx, id)
	if err != nil {
		return err
	}
	if !by.LoggedIn() || rec.Principal != by.Name || by.Scopes != nil || by.Access != nil {
		if err := ts.may.require(ctx, by, tokensAction(rec.Namespace), tokensResource(rec.Namespace)); err != nil {
			return err
		}
	}
	defer ts.may.forget()
	return ts.tx.InTx(ctx, func(ctx context.Context) error {
		err := ts.store.RevokeToken(ctx, id, ts.now().UTC())
		if errors.Is(err, artifact.ErrConflict) {
			return nil
		}
		if err != nil {
			return err
		}
		return ts.log.audit(ctx, by, "token:revoke", "token "+id, shown(rec), nil)
	})
}

// expiresIn is a time from now.
func (ts *Tokens) expiresIn(d time.Duration) time.Time { return ts.now().UTC().Add(d) }

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
