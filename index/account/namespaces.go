package account

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/auth"
)

func namespaceOf(n auth.NamespaceRecord) index.Namespace {
	publishing := "on"
	if n.PublishingOff {
		publishing = "off"
	}
	return index.Namespace{
		Name: n.Name, Private: !n.Public, Publishing: publishing, ClosedAt: index.MomentOf(n.ClosedAt),
		CreatedBy: n.CreatedBy, CreatedAt: n.CreatedAt,
	}
}

// namespacesAtOnce is how many the store is asked for, of which the caller may
// see some.
const namespacesAtOnce = 500

// Namespaces are at most limit of those that the caller may see, by name, beginning
// after that one, and where to go on; "" is the end. To admins those are also names
// that nobody owns and that the registry holds something of, which they may give.
func (s namespaces) Namespaces(ctx context.Context, after string, limit int) ([]index.Namespace, string, error) {
	by := auth.From(ctx)
	if by.Name == "" {
		return nil, "", fmt.Errorf("namespaces: nobody said who asks")
	}
	held, err := s.o.Parts.Namespaces.Held(ctx, by, after)
	if err != nil {
		return nil, "", err
	}
	page, more, err := s.owned(ctx, by, after, limit)
	if err != nil {
		return nil, "", err
	}
	for _, name := range held {
		if !more || name < page[len(page)-1].Name {
			page = append(page, index.Namespace{Name: name, Private: true, Publishing: "off", Held: true})
		}
	}
	slices.SortFunc(page, func(a, b index.Namespace) int { return strings.Compare(a.Name, b.Name) })
	if len(page) > limit {
		page, more = page[:limit], true
	}
	if more {
		return page, page[len(page)-1].Name, nil
	}
	return page, "", nil
}

// owned are at most limit of those with a row that by may see, and whether there
// are more.
func (s namespaces) owned(ctx context.Context, by auth.Principal, after string, limit int) (page []index.Namespace, more bool, err error) {
	page = []index.Namespace{}
	for {
		records, err := s.o.Store.NamespacesAfter(ctx, after, namespacesAtOnce)
		if err != nil {
			return nil, false, err
		}
		for _, n := range records {
			if !n.Public && !auth.Decide(by, auth.MembersRead, auth.NamespaceFacts(n)).Allowed() {
				continue
			}
			if len(page) == limit {
				return page, true, nil
			}
			page = append(page, namespaceOf(n))
		}
		if len(records) < namespacesAtOnce {
			return page, false, nil
		}
		after = records[len(records)-1].Name
	}
}

// Namespace is one, with its members.
func (s namespaces) Namespace(ctx context.Context, name string) (index.NamespaceDetail, error) {
	by, err := auth.Caller(ctx)
	if err != nil {
		return index.NamespaceDetail{}, err
	}
	n, err := s.o.Parts.Namespaces.Get(ctx, by, name)
	if err != nil {
		return index.NamespaceDetail{}, s.unseen(ctx, err, name)
	}
	members, err := s.o.Parts.Namespaces.Members(ctx, by, name)
	if err != nil {
		return index.NamespaceDetail{}, auth.Problem(err)
	}
	detail := index.NamespaceDetail{Namespace: namespaceOf(n), Members: []index.Member{}}
	for _, m := range members {
		detail.Members = append(detail.Members, index.Member{Principal: m.Principal, Role: m.Role, AddedBy: m.AddedBy, AddedAt: m.AddedAt})
	}
	return detail, nil
}

// unseen turns a refusal into the same answer for a private namespace and for
// one that nobody owns, so that it does not tell which private ones there are.
func (s namespaces) unseen(ctx context.Context, err error, name string) error {
	if !errors.Is(err, artifact.ErrDenied) {
		return unclaimed(err, name)
	}
	switch n, lookup := s.o.Store.Namespace(ctx, name); {
	case lookup != nil && !errors.Is(lookup, artifact.ErrNotFound):
		return lookup
	case lookup == nil && n.Public:
		return auth.Problem(err)
	}
	return index.NewProblem(index.CodeNotFound, fmt.Sprintf("namespace %s: there is none that you may see", name),
		"where nobody owns it: oarlock publisher claim "+name, "a private one is shown to its members: log in as one of them")
}

// unclaimed says a namespace that is not there in the same words to everybody
// who may see all of them.
func unclaimed(err error, name string) error {
	if errors.Is(err, artifact.ErrNotFound) {
		return fmt.Errorf("namespace %q: nobody has claimed it: %w", name, artifact.ErrNotFound)
	}
	return auth.Problem(err)
}

// ClaimNamespace makes the caller its owner.
func (s namespaces) ClaimNamespace(ctx context.Context, name string, private bool) (index.Namespace, error) {
	by, err := auth.Caller(ctx)
	if err != nil {
		return index.Namespace{}, err
	}
	n, err := s.o.Parts.Namespaces.ClaimWith(ctx, by, name, auth.NamespaceSettings{Public: !private})
	if err != nil {
		return index.Namespace{}, auth.Problem(s.claimed(ctx, name, err))
	}
	return namespaceOf(n), s.o.Settle(ctx, name)
}

// claimed turns a refusal because the namespace has an owner, or is reserved,
// into the one that says so.
func (s namespaces) claimed(ctx context.Context, name string, err error) error {
	if !errors.Is(err, artifact.ErrDenied) {
		return err
	}
	if _, lookup := s.o.Store.Namespace(ctx, name); lookup == nil || name == artifact.ReservedPublisher {
		return &auth.TakenError{Name: name, Resembles: name}
	}
	return err
}

// ConfigureNamespace sets what is given.
func (s namespaces) ConfigureNamespace(ctx context.Context, name string, c index.NamespaceChange) (index.Namespace, error) {
	by, err := auth.Caller(ctx)
	if err != nil {
		return index.Namespace{}, err
	}
	if _, err := s.o.Parts.Namespaces.Get(ctx, by, name); err != nil {
		return index.Namespace{}, unclaimed(err, name)
	}
	n, err := s.o.Parts.Namespaces.Reconfigure(ctx, by, name, func(set *auth.NamespaceSettings) {
		if c.Private != nil {
			set.Public = !*c.Private
		}
		if c.Publishing != "" {
			set.PublishingOff = c.Publishing == "off"
		}
	})
	if err != nil {
		return index.Namespace{}, auth.Problem(err)
	}
	out := namespaceOf(n)
	if c.Private != nil { // asked for, though it was so: what an earlier call could not bring about is tried again
		out.Warnings = s.o.PublicChanged(ctx)
	}
	return out, s.o.Settle(ctx, name)
}

// NamespaceUsage is what a namespace holds, and may hold.
func (s namespaces) NamespaceUsage(ctx context.Context, name string) (index.Usage, error) {
	if err := s.o.Parts.Authority.Check(ctx, auth.QuotaRead, auth.InNamespace(name)); err != nil {
		return index.Usage{}, s.unseen(ctx, err, name)
	}
	return s.o.Usage(ctx, name)
}
