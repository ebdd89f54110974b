package emergency

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/audit"
	"github.com/oarlock/oarlock/index/auth"
)

// apart is for how long somebody does not count beside who made his account, gave it
// roles or gave him a token.
const apart = 7 * 24 * time.Hour

// People are the accounts, and what was done to them.
type People interface {
	Person(ctx context.Context, name string) (auth.PersonRecord, error)
	// People are all accounts, by name.
	People(ctx context.Context) ([]auth.PersonRecord, error)
	// ListTokens returns those of a principal, ended ones included.
	ListTokens(ctx context.Context, namespace, principal string) ([]auth.TokenRecord, error)
	// AuditLog has the newest rows first.
	AuditLog(ctx context.Context, q audit.Query) ([]auth.AuditRecord, error)
}

// voices say whose words count. A word is a person's, who is an admin of the site now:
// a token of a person is that person, and one of the site, such as the bootstrap token,
// is nobody.
type voices struct {
	people People
	now    func() time.Time
	// anyone is who everybody is on a server that is for trying out; "" elsewhere.
	anyone string
}

// of is the account whose word the caller's is, or "" where he is nobody.
func (v voices) of(ctx context.Context, p auth.Principal) (string, error) {
	switch {
	case v.anyone != "" && p.Name == v.anyone:
		return v.anyone, nil
	case p.Kind != auth.Person:
		return "", nil
	}
	counts, err := v.counts(ctx, p.Name)
	if err != nil || !counts {
		return "", err
	}
	return p.Name, nil
}

// counts reports whether an account is one of an admin now.
func (v voices) counts(ctx context.Context, name string) (bool, error) {
	if v.anyone != "" && name == v.anyone {
		return true, nil
	}
	p, err := v.people.Person(ctx, name)
	if errors.Is(err, artifact.ErrNotFound) {
		return false, nil
	}
	return err == nil && isAdmin(p), err
}

func isAdmin(p auth.PersonRecord) bool {
	return !p.Disabled && slices.Contains(p.Grants, auth.Grant{Role: auth.RoleAdmin}.String())
}

// still are the words of those who count now: whoever was found out and disabled does
// not go on to speak.
func (v voices) still(ctx context.Context, words []index.Word) ([]index.Word, error) {
	var out []index.Word
	for _, w := range words {
		counts, err := v.counts(ctx, w.By)
		if err != nil {
			return nil, err
		}
		if counts {
			out = append(out, w)
		}
	}
	return out, nil
}

// beside says why who does not count beside others: "" where he does.
func (v voices) beside(ctx context.Context, who string, others []string) (why string, err error) {
	for _, other := range others {
		if why, err = v.apart(ctx, who, other); why != "" || err != nil {
			return why, err
		}
	}
	return "", nil
}

// apart says why two accounts may be of one person, or in one person's hands.
func (v voices) apart(ctx context.Context, one, other string) (string, error) {
	if one == other {
		return fmt.Sprintf("%s has spoken already, and it takes another person", one), nil
	}
	if v.anyone != "" {
		return "", nil
	}
	var accounts [2]auth.PersonRecord
	var above [2]map[string]string
	for i, name := range []string{one, other} {
		var err error
		if accounts[i], err = v.people.Person(ctx, name); err != nil {
			return "", err
		}
		if above[i], err = v.above(ctx, name); err != nil {
			return "", err
		}
	}
	if a, b := accounts[0], accounts[1]; a.Issuer == b.Issuer && a.Subject == b.Subject || a.Email != "" && strings.EqualFold(a.Email, b.Email) {
		return fmt.Sprintf("%s and %s are accounts of one person", one, other), nil
	}
	if how, is := above[0][other]; is {
		return fmt.Sprintf("%s %s within the last seven days", other, how), nil
	}
	if how, is := above[1][one]; is {
		return fmt.Sprintf("%s %s within the last seven days", one, how), nil
	}
	for _, name := range slices.Sorted(maps.Keys(above[0])) {
		if _, both := above[1][name]; both {
			return fmt.Sprintf("%s had both %s and %s in hand within the last seven days", name, one, other), nil
		}
	}
	return "", nil
}

// above are the people who had an account in hand within the last seven days, and how:
// who made it, gave it roles or a token, and whoever had those in hand.
func (v voices) above(ctx context.Context, name string) (map[string]string, error) {
	above, seen := map[string]string{}, map[string]bool{}
	queue := []string{name}
	for len(queue) > 0 {
		whose := queue[0]
		queue = queue[1:]
		if seen[whose] {
			continue
		}
		seen[whose] = true
		makers, err := v.makers(ctx, whose)
		if err != nil {
			return nil, err
		}
		for _, by := range slices.Sorted(maps.Keys(makers)) {
			if by == name {
				continue
			}
			if strings.HasPrefix(by, string(auth.Person)+":") {
				if _, known := above[by]; !known {
					above[by] = makers[by]
				}
			}
			queue = append(queue, by)
		}
	}
	return above, nil
}

// acts are what puts an account into somebody's hands.
var acts = map[string]string{"account:create": "made the account", "account:roles": "gave roles to", "account:enable": "enabled"}

// done is the outcome of an act that was not refused: what somebody tried puts nothing
// into his hands, and would keep others from being two people.
const done = "allowed"

// makers are who had one account in hand, people and tokens of the site. What a token of
// the site did counts for who made that, whenever that was.
func (v voices) makers(ctx context.Context, name string) (map[string]string, error) {
	since, out := v.now().Add(-apart), map[string]string{}
	person := strings.HasPrefix(name, string(auth.Person)+":")
	tokens, err := v.people.ListTokens(ctx, "", name)
	if err != nil {
		return nil, fmt.Errorf("who gave %s tokens: %w", name, err)
	}
	for _, t := range tokens {
		if by := t.CreatedBy; by != name && (!person || t.CreatedAt.After(since)) {
			out[by] = "gave a token to " + name
		}
	}
	if !person {
		return out, nil
	}
	for act, how := range acts {
		for q := (audit.Query{Action: act, Resource: name, Outcome: done, Since: since, Limit: 1000}); ; {
			rows, err := v.people.AuditLog(ctx, q)
			if err != nil {
				return nil, fmt.Errorf("what was done to %s: %w", name, err)
			}
			for _, r := range rows {
				if r.Actor != name {
					out[r.Actor] = how + " " + name
				}
				q.Before = r.Seq
			}
			if int64(len(rows)) < q.Limit {
				break
			}
		}
	}
	return out, nil
}

// others are the accounts whose words would count beside those.
func (v voices) others(ctx context.Context, spoken []string) ([]string, error) {
	out := []string{}
	if v.anyone != "" {
		return out, nil
	}
	all, err := v.people.People(ctx)
	if err != nil {
		return nil, err
	}
	for _, p := range all {
		if !isAdmin(p) {
			continue
		}
		why, err := v.beside(ctx, p.Name, spoken)
		if err != nil {
			return nil, err
		}
		if why == "" {
			out = append(out, p.Name)
		}
	}
	return out, nil
}
