package auth

import (
	"slices"
	"strings"
)

const (
	maxScopes    = 64
	maxScopeText = 8 << 10
	maxScopeName = 255
)

// The resource types of the token protocol.
const (
	TypeRepository = "repository"
	TypeRegistry   = "registry"
	TypeNamespace  = "namespace" // in robot tokens only
	TypeTenant     = "tenant"    // in robot and personal tokens only
)

// A Scope names actions on one resource in the words of the token protocol:
// type "repository", name "acme/hello", actions "pull", "push". ParseScope is
// the way to a valid one.
type Scope struct {
	Type    string   `json:"type"`
	Class   string   `json:"class,omitempty"`
	Name    string   `json:"name"`
	Actions []string `json:"actions"`
}

// short are the words for actions in scopes, by type.
var short = map[string]map[string][]Action{
	TypeRepository: {
		"pull":      {RepositoryPull},
		"push":      {RepositoryPush},
		"delete":    {RepositoryDelete},
		"publish":   {PluginPublish},
		"promote":   {ChannelPromote},
		"lifecycle": {PluginLifecycle},
	},
	TypeRegistry:  {"*": {CatalogList}},
	TypeNamespace: {"quota": {QuotaRead}},
	TypeTenant:    {"read": {TenantRead, HostFollow}, "manage": {TenantRead, TenantManage, HostFollow, HostReport}},
}

// ParseScopes reads scopes separated by spaces, as one parameter of a request
// holds them. Errors wrap artifact.ErrInvalid and quote the scope at fault.
func ParseScopes(s string) ([]Scope, error) {
	if len(s) > maxScopeText {
		return nil, invalid("scope: %d bytes, expected at most %d", len(s), maxScopeText)
	}
	var scopes []Scope
	for part := range strings.FieldsSeq(s) {
		if len(scopes) == maxScopes {
			return nil, invalid("scope: more than %d of them", maxScopes)
		}
		scope, err := ParseScope(part)
		if err != nil {
			return nil, err
		}
		scopes = append(scopes, scope)
	}
	return scopes, nil
}

// ParseScope reads one scope by the grammar in the package comment. The type
// and the actions may be ones that nobody here knows; those grant nothing.
// Errors wrap artifact.ErrInvalid.
func ParseScope(s string) (Scope, error) {
	head, rest, ok := strings.Cut(s, ":")
	cut := strings.LastIndexByte(rest, ':')
	if !ok || cut < 0 {
		return Scope{}, invalid("scope %.300q: expected type:name:actions, such as repository:acme/hello:pull,push", s)
	}
	scope := Scope{Type: head, Name: rest[:cut]}
	if typ, class, has := strings.Cut(head, "("); has {
		inner, closed := strings.CutSuffix(class, ")")
		if !closed || !isWord(inner) {
			return Scope{}, invalid("scope %.300q: class of the type: expected (a-z, 0-9 and \"-\")", s)
		}
		scope.Type, scope.Class = typ, inner
	}
	if !isWord(scope.Type) {
		return Scope{}, invalid("scope %.300q: type %.60q: expected a-z, 0-9 and \"-\"", s, scope.Type)
	}
	if !isScopeName(scope.Name) {
		return Scope{}, invalid("scope %.300q: name %.260q: expected at most %d bytes of name parts between \"/\", or \"*\"", s, scope.Name, maxScopeName)
	}
	for action := range strings.SplitSeq(rest[cut+1:], ",") {
		if action != "*" && !isWord(action) {
			return Scope{}, invalid("scope %.300q: action %.60q: expected a-z, 0-9 and \"-\", or \"*\"", s, action)
		}
		if !slices.Contains(scope.Actions, action) {
			scope.Actions = append(scope.Actions, action)
		}
	}
	return scope, nil
}

// String is the text that ParseScope reads.
func (s Scope) String() string {
	head := s.Type
	if s.Class != "" {
		head += "(" + s.Class + ")"
	}
	return head + ":" + s.Name + ":" + strings.Join(s.Actions, ",")
}

// covers reports whether the scope of a token names a on r.
func (s Scope) covers(a Action, r Resource) bool {
	if !s.matches(r) {
		return false
	}
	for word, actions := range short[s.Type] {
		if slices.Contains(actions, a) && (slices.Contains(s.Actions, word) || slices.Contains(s.Actions, "*")) {
			return true
		}
	}
	return false
}

func (s Scope) matches(r Resource) bool {
	switch s.Type {
	case TypeRepository:
		below, tree := strings.CutSuffix(s.Name, "*")
		return r.Class == OnRepository && (s.Name == r.Repository || tree && strings.HasPrefix(r.Repository, below))
	case TypeNamespace:
		return r.Class == OnNamespace && (s.Name == r.Namespace || s.Name == "*")
	case TypeTenant:
		return r.Class == OnTenant && (s.Name == r.Tenant || s.Name == "*")
	case TypeRegistry:
		return r.Class == OnSite && s.Name == "catalog"
	default:
		return false
	}
}

// asks is what the scope is about, and the actions that it wants.
func (s Scope) asks() (Resource, map[string]Action) {
	wanted := map[string]Action{}
	switch s.Type {
	case TypeRepository:
		for _, word := range []string{"pull", "push", "delete"} {
			if slices.Contains(s.Actions, word) || slices.Contains(s.Actions, "*") {
				wanted[word] = short[TypeRepository][word][0]
			}
		}
		return InRepository(s.Name), wanted
	case TypeRegistry:
		if s.Name == "catalog" && slices.Contains(s.Actions, "*") {
			wanted["*"] = CatalogList
		}
	}
	return Site(), wanted
}

// An Access is what a token of the Docker protocol was issued for.
type Access struct{ Scopes []Scope }

// covers reports whether the token may be used for a on r. "push" stands for
// all that a push can turn out to be; the table decides which of it is allowed.
func (g Access) covers(a Action, r Resource) bool {
	word := map[Action]string{
		RepositoryPull: "pull", RepositoryPush: "push", PluginPublish: "push",
		ChannelPromote: "push", RepositoryDelete: "delete", CatalogList: "*",
	}[a]
	if word == "" {
		return false
	}
	return slices.ContainsFunc(g.Scopes, func(s Scope) bool {
		named := r.Class == OnRepository && s.Type == TypeRepository && s.Name == r.Repository ||
			r.Class == OnSite && s.Type == TypeRegistry && s.Name == "catalog"
		return named && slices.Contains(s.Actions, word)
	})
}

func namespaceOf(repository string) string {
	ns, _, _ := strings.Cut(repository, "/")
	return ns
}

func isWord(s string) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; (c < 'a' || c > 'z') && (i == 0 || (c < '0' || c > '9') && c != '-') {
			return false
		}
	}
	return s != "" && len(s) <= 60
}

// isScopeName is generous inside a part, because the registry's own grammar
// decides later, and strict about what could confuse: no space, no colon other
// than a port's, nothing unprintable.
func isScopeName(s string) bool {
	if s == "" || len(s) > maxScopeName {
		return false
	}
	for part := range strings.SplitSeq(s, "/") {
		if part == "" {
			return false
		}
		if part == "*" {
			continue
		}
		for i := 0; i < len(part); i++ {
			c := part[i]
			letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
			if !letter && (i == 0 || c != '.' && c != '_' && c != '-' && c != ':') {
				return false
			}
		}
	}
	return !strings.Contains(strings.TrimSuffix(s, "*"), "*")
}
