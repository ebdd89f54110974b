package auth

import (
	"errors"
	"fmt"
	"slices"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/policy"
)

// A Decision is an outcome with its reason. The zero Decision denies.
type Decision struct {
	Outcome policy.Outcome
	// Code is stable and short: "role", "scope", "access", "closed",
	// "publishing_off", "unclaimed", "claimed", "reserved", "unknown", "other".
	Code string
	// Reason is a sentence for the one who was refused.
	Reason string
}

// Denied is a decision of somebody else's, for the audit log.
func Denied(reason string) Decision { return Decision{policy.Deny, "other", reason} }

// Allowed reports whether the action may be done.
func (d Decision) Allowed() bool { return d.Outcome == policy.Allow }

// Err is nil when allowed, a *DeniedError when denied, and of no kind when it
// could not tell.
func (d Decision) Err() error {
	switch d.Outcome {
	case policy.Allow:
		return nil
	case policy.Deny:
		return &DeniedError{Code: d.Code, Reason: d.Reason}
	default:
		return untold(errors.New(d.Reason), "whether this is allowed")
	}
}

func deny(code, format string, args ...any) Decision {
	return Decision{policy.Deny, code, fmt.Sprintf(format, args...)}
}

func unknown(r Resource, fact string) Decision {
	return Decision{policy.Unknown, "unknown", fmt.Sprintf("%s: nobody said whether it is %s", r, fact)}
}

// Decide says whether p may do a to r. It is pure: equal arguments give equal
// decisions, and every endpoint goes through it.
func Decide(p Principal, a Action, r Resource) Decision { return permissions.decide(p, a, r) }

func (t *table) decide(p Principal, a Action, r Resource) Decision {
	row, ok := t.find(a, r.Class)
	if !ok {
		return deny("role", "%s is no action on a %s", a, r.Class)
	}
	if p.Name == "" {
		return Decision{policy.Unknown, "unknown", "nobody said who asks"}
	}
	if d, mine := decideLedgers(p, a, r); mine {
		return d
	}
	if r.Claimed == No && !row.unclaimed && p.LoggedIn() && r.Namespace != artifact.ReservedPublisher {
		if a == RepositoryPull { // in the words of a private one, and whatever the credential was issued for
			return denyRole(p, row, r)
		}
		return deny("unclaimed", "namespace %s is not claimed: claim it first with `oarlock publisher claim %s`", r.Namespace, r.Namespace)
	}
	if d := t.checkRoles(p, row, r); !d.Allowed() {
		return d
	}
	if d := checkBounds(p, a, r); !d.Allowed() {
		return d
	}
	return checkState(p, row, r)
}

// checkRoles asks the table.
func (t *table) checkRoles(p Principal, row permission, r Resource) Decision {
	roles := t.rolesOf(p, r)
	for _, role := range roles {
		if slices.Contains(row.roles, role) {
			return Decision{Outcome: policy.Allow}
		}
	}
	if row.public && slices.Contains(roles, RoleAnyone) && (p.Kind != Anonymous && p.Kind != Host || !r.LoginToPull) {
		switch r.Public {
		case Yes:
			return Decision{Outcome: policy.Allow}
		case Unknown:
			return unknown(r, "public")
		}
	}
	return denyRole(p, row, r)
}

func denyRole(p Principal, row permission, r Resource) Decision {
	return deny("role", "%s may not do %s on %s: it takes one of the roles %s", p.Name, row.action, r, listRoles(row))
}

// checkBounds holds the credential to its scopes. A robot's pull of what is
// public needs no scope, because without its token it could pull as well, where the site lets it.
func checkBounds(p Principal, a Action, r Resource) Decision {
	if p.Kind == Robot || p.Scopes != nil {
		public := a == RepositoryPull && r.Public == Yes && !r.LoginToPull
		if !public && !slices.ContainsFunc(p.Scopes, func(s Scope) bool { return s.covers(a, r) }) {
			return deny("scope", "the token of %s does not cover %s on %s: make one whose scope names it", p.Name, a, r)
		}
	}
	if p.Access != nil && !p.Access.covers(a, r) {
		return deny("access", "the access token of %s was not issued for %s on %s: ask for another with that scope", p.Name, a, r)
	}
	return Decision{Outcome: policy.Allow}
}

// checkState holds the action to what the namespace is.
func checkState(p Principal, row permission, r Resource) Decision {
	if r.Class == OnSite || r.Class == OnTenant {
		return Decision{Outcome: policy.Allow}
	}
	if r.Namespace == artifact.ReservedPublisher {
		if p.Kind == Process || row.action == RepositoryPull {
			return Decision{Outcome: policy.Allow}
		}
		return deny("reserved", "namespace %s is reserved: only the registry itself writes there", r.Namespace)
	}
	if row.unclaimed {
		switch r.Claimed {
		case No:
			return Decision{Outcome: policy.Allow}
		case Yes:
			return deny("claimed", "namespace %s has an owner already: ask them to transfer it or to make you a member", r.Namespace)
		default:
			return unknown(r, "claimed")
		}
	}
	if r.Claimed == Unknown {
		return unknown(r, "claimed")
	}
	if r.Claimed == No {
		return deny("unclaimed", "namespace %s is not claimed", r.Namespace)
	}
	statement := p.Kind == Process && row.action == RepositoryPush // lifecycle and reviews go on
	if row.open && r.Closed != No && !statement {
		if r.Closed == Unknown {
			return unknown(r, "closed")
		}
		return deny("closed", "namespace %s is closed: nothing new goes in", r.Namespace)
	}
	if row.publishing && r.Publishing != Yes {
		if r.Publishing == Unknown {
			return unknown(r, "open for publishing")
		}
		return deny("publishing_off", "publishing is switched off for namespace %s: an owner or the operator of the site can switch it on", r.Namespace)
	}
	return Decision{Outcome: policy.Allow}
}

func listRoles(row permission) string {
	var s string
	for _, role := range row.roles {
		if role == RoleRobot || role == RoleProcess {
			continue
		}
		if s != "" {
			s += ", "
		}
		s += string(role)
	}
	return s
}
