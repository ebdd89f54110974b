package auth

import "strings"

// An origin is where clients reach the server.
type origin struct {
	url     string // without a slash at its end
	service string // of the token protocol: its host
}

// challenge is the 401 that sends a client to the token server.
//
// Source: RFC 6750, section 3; distribution, "Token Authentication Specification".
func (o origin) challenge(code, detail string, scopes ...Scope) *ChallengeError {
	var b strings.Builder
	b.WriteString(`Bearer realm="` + o.url + `/auth/token",service="` + quotable(o.service) + `"`)
	var words []string
	for _, s := range scopes {
		if s.Type != "" {
			words = append(words, s.String())
		}
	}
	if len(words) > 0 {
		b.WriteString(`,scope="` + quotable(strings.Join(words, " ")) + `"`)
	}
	if code != "" {
		b.WriteString(`,error="` + code + `"`)
	}
	return &ChallengeError{Header: b.String(), Detail: detail}
}

// Challenge is the challenge for an action on a resource, to be used where
// Check was not.
func (a *Authority) Challenge(action Action, r Resource) *ChallengeError {
	return a.challenge("", "log in first", challengeScope(action, r))
}

// challengeScope is what a client has to ask the token server for. A push is
// asked for together with the pull that clients do before it.
func challengeScope(a Action, r Resource) Scope {
	switch {
	case r.Class == OnRepository && a == RepositoryPull:
		return Scope{Type: TypeRepository, Name: r.Repository, Actions: []string{"pull"}}
	case r.Class == OnRepository && a == RepositoryDelete:
		return Scope{Type: TypeRepository, Name: r.Repository, Actions: []string{"delete"}}
	case r.Class == OnRepository:
		return Scope{Type: TypeRepository, Name: r.Repository, Actions: []string{"pull", "push"}}
	case a == CatalogList:
		return Scope{Type: TypeRegistry, Name: "catalog", Actions: []string{"*"}}
	}
	return Scope{}
}

// quotable drops what would end a quoted string of a header early.
func quotable(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '"' || r == '\\' || r < ' ' || r > '~' {
			return -1
		}
		return r
	}, s)
}
