package auth

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/policy"
)

var update = flag.Bool("update", false, "write the golden files")

// asker is one column of the golden table.
type asker struct {
	title string
	p     Principal
}

// askers are every role, every kind, and a robot whose scope names everything
// that a scope can name.
func askers() []asker {
	all := []Scope{
		{Type: TypeRepository, Name: "*", Actions: []string{"*"}},
		{Type: TypeNamespace, Name: "*", Actions: []string{"*"}},
		{Type: TypeRegistry, Name: "catalog", Actions: []string{"*"}},
	}
	list := []asker{{"anyone", Nobody()}, {"account", Principal{Kind: Person, Name: "person:x"}}}
	for _, r := range append(SiteRoles(), NamespaceRoles()...) {
		g := Grant{Role: r}
		if find := strings.Contains("owner maintainer publisher reader", string(r)); find {
			g.Namespace = "acme"
		}
		list = append(list, asker{string(r), Principal{Kind: Person, Name: "person:" + string(r), Grants: []Grant{g}}})
	}
	return append(list,
		asker{"robot", Principal{Kind: Robot, Name: "robot:acme/ci", Scopes: all}},
		asker{"process", NewProcess("index")},
		asker{"nobody", Principal{}})
}

type thing struct {
	title string
	r     Resource
}

// things are the resources that differ in what may be done to them.
func things() []thing {
	with := func(r Resource, claimed, closed, public, publishing Fact) Resource {
		r.Claimed, r.Closed, r.Public, r.Publishing = claimed, closed, public, publishing
		return r
	}
	acme, other := InRepository("acme/hello"), InRepository("other/hello")
	return []thing{
		{"a repository of acme", with(acme, Yes, No, No, Yes)},
		{"a public repository of acme", with(acme, Yes, No, Yes, Yes)},
		{"a public repository of acme, where pulls need a login", Resource{Class: acme.Class, Namespace: acme.Namespace, Repository: acme.Repository, Claimed: Yes, Closed: No, Public: Yes, Publishing: Yes, LoginToPull: true}},
		{"a repository of acme, publishing switched off", with(acme, Yes, No, No, No)},
		{"a repository of acme, which is closed", with(acme, Yes, Yes, No, Yes)},
		{"a repository of another namespace", with(other, Yes, No, No, Yes)},
		{"a repository of a namespace that nobody has", with(other, No, No, No, No)},
		{"a repository of which nothing is known", acme},
		{"a repository of the registry's own namespace", with(InRepository("oarlock/catalog"), Yes, No, No, Yes)},
		{"namespace acme", with(InNamespace("acme"), Yes, No, No, Yes)},
		{"another namespace", with(InNamespace("other"), Yes, No, No, Yes)},
		{"a namespace that nobody has", with(InNamespace("acme"), No, No, No, No)},
		{"a namespace of which nothing is known", InNamespace("acme")},
		{"the registry's own namespace", with(InNamespace("oarlock"), Yes, No, No, Yes)},
		{"the site", Site()},
	}
}

// TestEveryCell_B4_B6 walks every role, action and resource and holds each
// answer to the table that people read. A cell is "yes", "-" for denied, or
// "?" for could not tell, which denies too.
func TestEveryCell_B4_B6(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString("# Who may do what\n\n`yes` is allowed, `-` is denied, `?` could not tell and so denied. A robot is one whose scope names\neverything that a scope can name; its scope takes away from that.\n")
	for _, on := range things() {
		fmt.Fprintf(&b, "\n## On %s\n\n| action |", on.title)
		for _, who := range askers() {
			fmt.Fprintf(&b, " %s |", who.title)
		}
		b.WriteString("\n|---|" + strings.Repeat("---|", len(askers())) + "\n")
		for _, a := range Actions(on.r.Class) {
			fmt.Fprintf(&b, "| %s |", a)
			for _, who := range askers() {
				fmt.Fprintf(&b, " %s |", map[policy.Outcome]string{policy.Allow: "yes", policy.Deny: "-", policy.Unknown: "?"}[Decide(who.p, a, on.r).Outcome])
			}
			b.WriteString("\n")
		}
	}
	const golden = "testdata/permissions.md"
	if *update {
		if err := os.WriteFile(golden, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(b.String(), "\n")); diff != "" {
		t.Errorf("the table changed; look at each cell, then run with -update (-want +got):\n%s", diff)
	}
}

// TestRulesThatHoldInEveryCell says of the whole table what must not depend on
// anybody reading the golden file well.
func TestRulesThatHoldInEveryCell(t *testing.T) {
	t.Parallel()
	for _, on := range things() {
		for _, who := range askers() {
			for _, a := range Actions(on.r.Class) {
				allowed := Decide(who.p, a, on.r).Allowed()
				foreign := on.r.Namespace == "other" || on.r.Namespace == "oarlock"
				bytes := a == RepositoryPush || a == PluginPublish || a == ChannelPromote
				switch {
				case !allowed:
				case who.p.Name == "":
					t.Errorf("the zero principal may do %s on %s", a, on.title)
				case who.title == "anyone" && !(a == RepositoryPull && on.r.Public == Yes && !on.r.LoginToPull):
					t.Errorf("anybody may do %s on %s", a, on.title)
				case foreign && bytes && who.p.Kind == Person:
					t.Errorf("%s may do %s on %s without being a member (B4)", who.title, a, on.title)
				case a == PluginPublish && on.r.Publishing != Yes && on.r.Namespace != "oarlock":
					t.Errorf("%s may publish on %s (B6)", who.title, on.title)
				case on.r.Class != OnSite && on.r.Claimed == Unknown:
					t.Errorf("%s may do %s on %s", who.title, a, on.title)
				case who.title == "robot" && (a == MembersManage || a == TokensManage || a == KeysManage):
					t.Errorf("a robot may do %s", a)
				}
			}
		}
	}
}

func TestDecideRefusals(t *testing.T) {
	t.Parallel()
	mine := Resource{Class: OnRepository, Namespace: "acme", Repository: "acme/hello", Claimed: Yes, Closed: No, Public: No, Publishing: Yes}
	robot := func(scopes ...string) Principal {
		p := Principal{Kind: Robot, Name: "robot:acme/ci"}
		for _, s := range scopes {
			p.Scopes = append(p.Scopes, mustScope(t, s))
		}
		return p
	}
	owner := Principal{Kind: Person, Name: "person:o", Grants: []Grant{{Role: RoleOwner, Namespace: "acme"}}}
	narrow := owner
	narrow.Access = &Access{Scopes: []Scope{mustScope(t, "repository:acme/hello:pull")}}
	bound := owner
	bound.Scopes = []Scope{mustScope(t, "repository:acme/other:pull")}
	invented := Principal{Kind: "godlike", Name: "x", Grants: []Grant{{Role: RoleAdmin}}}
	for name, c := range map[string]struct {
		p    Principal
		a    Action
		code string
	}{
		"a robot without scopes":                                   {robot(), RepositoryPull, "scope"},
		"a robot whose scope names another repository":             {robot("repository:acme/other:*"), RepositoryPull, "scope"},
		"a robot whose scope is a prefix of the name, not a tree":  {robot("repository:acme/hell:*"), RepositoryPull, "scope"},
		"a robot that may push but not publish":                    {robot("repository:acme/*:pull,push"), PluginPublish, "scope"},
		"a robot asking for an action that no scope can name":      {robot("repository:*:*"), PluginEmergency, "role"},
		"an owner with an access token that was issued for a pull": {narrow, RepositoryPush, "access"},
		"an owner with a personal token bound to another":          {bound, RepositoryPull, "scope"},
		"a kind that does not exist":                               {invented, RepositoryPull, "role"},
		"an action that does not exist":                            {owner, "repository:burn", "role"},
		"an action of another class":                               {owner, RegistryGC, "role"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := Decide(c.p, c.a, mine)
			if d.Outcome != policy.Deny || d.Code != c.code || d.Reason == "" {
				t.Errorf("got %v %q %q, want denied %q", d.Outcome, d.Code, d.Reason, c.code)
			}
			if !errors.Is(d.Err(), artifact.ErrDenied) {
				t.Errorf("error %v is not ErrDenied", d.Err())
			}
		})
	}
	if d := Decide(robot("repository:acme/*:pull,push,publish"), PluginPublish, mine); !d.Allowed() {
		t.Errorf("a robot with the scope: %v", d)
	}
	if err := (Decision{}).Err(); err == nil || errors.Is(err, artifact.ErrDenied) {
		t.Errorf("the zero decision gives %v, want an error of no kind", err)
	}
}

func TestGrantTextRoundTrips(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"admin", "reviewer", "owner@acme", "reader@acme"} {
		g, err := ParseGrant(s)
		if err != nil || g.String() != s {
			t.Errorf("%q: %v, %v", s, g, err)
		}
	}
	for _, s := range []string{"", "owner", "admin@acme", "owner@", "robot", "process@acme", "king@acme"} {
		if g, err := ParseGrant(s); !errors.Is(err, artifact.ErrInvalid) {
			t.Errorf("%q: %v, %v", s, g, err)
		}
	}
}
