package emergency

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/artifact/clock"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/audit"
	"github.com/oarlock/oarlock/index/auth"
)

var noon = time.Date(2026, 1, 9, 12, 0, 0, 0, time.UTC)

// crowd are the accounts of a test, all admins, and what was done to them.
type crowd struct {
	accounts []auth.PersonRecord
	tokens   []auth.TokenRecord
	rows     []auth.AuditRecord
	fail     error
}

// crowdOf has an admin for each name, each of another person.
func crowdOf(names ...string) *crowd {
	c := &crowd{}
	for _, name := range names {
		c.accounts = append(c.accounts, auth.PersonRecord{Name: "person:" + name, Issuer: "https://id.example", Subject: name,
			Email: name + "@example.org", Grants: []string{"admin"}})
	}
	return c
}

func (c *crowd) person(name string) *auth.PersonRecord {
	i := slices.IndexFunc(c.accounts, func(p auth.PersonRecord) bool { return p.Name == "person:"+name })
	return &c.accounts[i]
}

// act writes down what somebody did to an account.
func (c *crowd) act(actor, action, name, outcome string, at time.Time) {
	c.rows = append(c.rows, auth.AuditRecord{Seq: int64(len(c.rows) + 1), Actor: actor, Action: action, Resource: "person:" + name, Outcome: outcome, At: at})
}

func (c *crowd) Person(_ context.Context, name string) (auth.PersonRecord, error) {
	for _, p := range c.accounts {
		if p.Name == name {
			return p, c.fail
		}
	}
	return auth.PersonRecord{}, errors.Join(c.fail, fmt.Errorf("%s: %w", name, artifact.ErrNotFound))
}

func (c *crowd) People(context.Context) ([]auth.PersonRecord, error) { return c.accounts, c.fail }

func (c *crowd) ListTokens(_ context.Context, _, principal string) (out []auth.TokenRecord, _ error) {
	for _, t := range c.tokens {
		if t.Principal == principal {
			out = append(out, t)
		}
	}
	return out, c.fail
}

func (c *crowd) AuditLog(_ context.Context, q audit.Query) (out []auth.AuditRecord, _ error) {
	for _, r := range slices.Backward(c.rows) {
		if r.Action == q.Action && r.Resource == q.Resource && r.Outcome == q.Outcome && !r.At.Before(q.Since) && (q.Before == 0 || r.Seq < q.Before) {
			out = append(out, r)
		}
	}
	return out, c.fail
}

// service asks two people of c.
func (c *crowd) service() *Service {
	return New(Options{People: c, Approvers: 2, Clock: clock.NewHand(noon).Clock()})
}

func word(of string) index.Word { return index.Word{By: "person:" + of, At: noon.Add(-time.Minute)} }

func person(name string) auth.Principal {
	return auth.Principal{Kind: auth.Person, Name: "person:" + name}
}

// Proves E5 and E11: who counts beside whom. Each row says what was done before grace
// speaks beside ada, and why she does not count; "" where she does.
func TestTwoPeopleAreTwo_E5_E11(t *testing.T) {
	t.Parallel()
	lately, long := noon.Add(-apart+time.Second), noon.Add(-apart-time.Second)
	for what, row := range map[string]struct {
		before func(*crowd)
		why    string
	}{
		"nothing":                         {func(*crowd) {}, ""},
		"one mail address":                {func(c *crowd) { c.person("grace").Email = "ADA@example.org" }, "accounts of one person"},
		"no mail address of either":       {func(c *crowd) { c.person("grace").Email, c.person("ada").Email = "", "" }, ""},
		"one subject of another provider": {func(c *crowd) { c.person("grace").Subject, c.person("grace").Issuer = "ada", "https://other.example" }, ""},
		"one subject of one provider":     {func(c *crowd) { c.person("grace").Subject = "ada" }, "accounts of one person"},
		"ada made her account":            {func(c *crowd) { c.act("person:ada", "account:create", "grace", "allowed", lately) }, "seven days"},
		"ada made it long ago":            {func(c *crowd) { c.act("person:ada", "account:create", "grace", "allowed", long) }, ""},
		"ada was not let make it":         {func(c *crowd) { c.act("person:ada", "account:create", "grace", "denied", lately) }, ""},
		"ada gave her roles":              {func(c *crowd) { c.act("person:ada", "account:roles", "grace", "allowed", lately) }, "seven days"},
		"ada enabled her":                 {func(c *crowd) { c.act("person:ada", "account:enable", "grace", "allowed", lately) }, "seven days"},
		"she gave ada roles":              {func(c *crowd) { c.act("person:grace", "account:roles", "ada", "allowed", lately) }, "seven days"},
		"she gave herself roles":          {func(c *crowd) { c.act("person:grace", "account:roles", "grace", "allowed", lately) }, ""},
		"ada gave her a token": {func(c *crowd) {
			c.tokens = append(c.tokens, auth.TokenRecord{Principal: "person:grace", CreatedBy: "person:ada", CreatedAt: lately})
		}, "seven days"},
		"ada gave her a token long ago": {func(c *crowd) {
			c.tokens = append(c.tokens, auth.TokenRecord{Principal: "person:grace", CreatedBy: "person:ada", CreatedAt: long})
		}, ""},
		"eve made both": {func(c *crowd) {
			c.act("person:eve", "account:create", "grace", "allowed", lately)
			c.act("person:eve", "account:roles", "ada", "allowed", lately)
		}, "person:eve had both"},
		"ada gave bob roles, and bob gave her some": {func(c *crowd) {
			c.act("person:ada", "account:roles", "bob", "allowed", lately)
			c.act("person:bob", "account:roles", "grace", "allowed", lately)
		}, "seven days"},
		"a token of the site did it, which ada made long ago": {func(c *crowd) {
			c.tokens = append(c.tokens, auth.TokenRecord{Principal: "admin:ci", CreatedBy: "person:ada", CreatedAt: long})
			c.act("admin:ci", "account:roles", "grace", "allowed", lately)
		}, "seven days"},
		"they gave each other roles, in a ring": {func(c *crowd) {
			c.act("person:eve", "account:roles", "bob", "allowed", lately)
			c.act("person:bob", "account:roles", "eve", "allowed", lately)
			c.act("person:bob", "account:roles", "grace", "allowed", lately)
		}, ""},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			c := crowdOf("ada", "grace", "bob", "eve")
			row.before(c)
			words, err := c.service().speak(t.Context(), person("grace"), []index.Word{word("ada")})
			var p *index.Problem
			switch {
			case row.why == "" && (err != nil || !slices.Equal(people(words), []string{"person:ada", "person:grace"})):
				t.Errorf("%v: %v", people(words), err)
			case row.why != "" && (!errors.As(err, &p) || p.Code != index.CodeSecondPerson || !strings.Contains(p.Detail, row.why)):
				t.Errorf("%v: %v, want %q", people(words), err, row.why)
			}
		})
	}
}

// Proves E5: a word of somebody who is no admin any more, is disabled or is gone does not
// go on to count, and neither does he speak.
func TestWordsOfThoseWhoCountNoMoreAreGone_E5(t *testing.T) {
	t.Parallel()
	for what, change := range map[string]func(*crowd){
		"disabled":         func(c *crowd) { c.person("ada").Disabled = true },
		"no admin":         func(c *crowd) { c.person("ada").Grants = []string{"operator"} },
		"an owner alone":   func(c *crowd) { c.person("ada").Grants = []string{"owner:acme"} },
		"without an entry": func(c *crowd) { c.accounts = c.accounts[1:] },
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			c := crowdOf("ada", "grace")
			change(c)
			words, err := c.service().speak(t.Context(), person("grace"), []index.Word{word("ada")})
			if err != nil || !slices.Equal(people(words), []string{"person:grace"}) {
				t.Errorf("whose words count: %v, %v", people(words), err)
			}
			var p *index.Problem
			if words, err := c.service().speak(t.Context(), person("ada"), nil); !errors.As(err, &p) || p.Code != index.CodeSecondPerson {
				t.Errorf("she speaks: %v, %v", people(words), err)
			}
		})
	}
	c := crowdOf("ada", "grace")
	for _, by := range []auth.Principal{{Kind: auth.Admin, Name: "admin:bootstrap"}, {Kind: auth.Robot, Name: "robot:ci"}} {
		var p *index.Problem
		if words, err := c.service().speak(t.Context(), by, nil); !errors.As(err, &p) || p.Code != index.CodeSecondPerson {
			t.Errorf("%s speaks: %v, %v", by.Name, people(words), err)
		}
	}
}

// Proves E5: where it cannot be told who is who, nobody's word is taken.
func TestNotKnowingWhoSpeaksTakesNoWord_E5(t *testing.T) {
	t.Parallel()
	c := crowdOf("ada", "grace")
	c.fail = errors.New("the database does not answer")
	if words, err := c.service().speak(t.Context(), person("grace"), []index.Word{word("ada")}); err == nil || words != nil {
		t.Errorf("%v, %v", people(words), err)
	}
}
