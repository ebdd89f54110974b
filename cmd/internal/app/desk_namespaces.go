package app

import (
	"context"
	"errors"
	"fmt"
	"time"

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

// Namespaces implements api.Namespaces.
func (d desk) Namespaces(ctx context.Context, after string, limit int) ([]index.Namespace, string, error) {
	by, page := auth.From(ctx), []index.Namespace{}
	if by.Name == "" {
		return nil, "", fmt.Errorf("namespaces: nobody said who asks")
	}
	for {
		records, err := d.a.store.NamespacesAfter(ctx, after, namespacesAtOnce)
		if err != nil {
			return nil, "", err
		}
		for _, n := range records {
			if !n.Public && !auth.Decide(by, auth.MembersRead, auth.NamespaceFacts(n)).Allowed() {
				continue
			}
			if len(page) == limit {
				return page, page[limit-1].Name, nil
			}
			page = append(page, namespaceOf(n))
		}
		if len(records) < namespacesAtOnce {
			return page, "", nil
		}
		after = records[len(records)-1].Name
	}
}

// Namespace implements api.Namespaces.
func (d desk) Namespace(ctx context.Context, name string) (index.NamespaceDetail, error) {
	by, err := auth.Caller(ctx)
	if err != nil {
		return index.NamespaceDetail{}, err
	}
	n, err := d.a.namespaces.Get(ctx, by, name)
	if err != nil {
		return index.NamespaceDetail{}, unclaimed(err, name)
	}
	members, err := d.a.namespaces.Members(ctx, by, name)
	if err != nil {
		return index.NamespaceDetail{}, auth.Problem(err)
	}
	detail := index.NamespaceDetail{Namespace: namespaceOf(n), Members: []index.Member{}}
	for _, m := range members {
		detail.Members = append(detail.Members, index.Member{Principal: m.Principal, Role: m.Role, AddedBy: m.AddedBy, AddedAt: m.AddedAt})
	}
	return detail, nil
}

// unclaimed says a namespace that is not there in the same words to everybody
// who may see all of them.
func unclaimed(err error, name string) error {
	if errors.Is(err, artifact.ErrNotFound) {
		return fmt.Errorf("namespace %q: nobody has claimed it: %w", name, artifact.ErrNotFound)
	}
	return auth.Problem(err)
}

// ClaimNamespace implements api.Namespaces.
func (d desk) ClaimNamespace(ctx context.Context, name string, private bool) (index.Namespace, error) {
	by, err := auth.Caller(ctx)
	if err != nil {
		return index.Namespace{}, err
	}
	n, err := d.a.namespaces.ClaimWith(ctx, by, name, auth.NamespaceSettings{Public: !private})
	if err != nil {
		return index.Namespace{}, auth.Problem(d.claimed(ctx, name, err))
	}
	d.statements.Settle(ctx)
	return namespaceOf(n), nil
}

// claimed turns a refusal because the namespace has an owner, or is reserved,
// into the one that says so.
func (d desk) claimed(ctx context.Context, name string, err error) error {
	if !errors.Is(err, artifact.ErrDenied) {
		return err
	}
	if _, lookup := d.a.store.Namespace(ctx, name); lookup == nil || name == artifact.ReservedPublisher {
		return &auth.TakenError{Name: name, Resembles: name}
	}
	return err
}

// ConfigureNamespace implements api.Namespaces.
func (d desk) ConfigureNamespace(ctx context.Context, name string, c index.NamespaceChange) (index.Namespace, error) {
	by, err := auth.Caller(ctx)
	if err != nil {
		return index.Namespace{}, err
	}
	have, err := d.a.namespaces.Get(ctx, by, name)
	if err != nil {
		return index.Namespace{}, unclaimed(err, name)
	}
	set := auth.NamespaceSettings{Public: have.Public, PublishingOff: have.PublishingOff}
	if c.Private != nil {
		set.Public = !*c.Private
	}
	if c.Publishing != "" {
		set.PublishingOff = c.Publishing == "off"
	}
	n, err := d.a.namespaces.Configure(ctx, by, name, set)
	if err != nil {
		return index.Namespace{}, auth.Problem(err)
	}
	d.statements.Settle(ctx)
	return namespaceOf(n), nil
}

// NamespaceUsage implements api.Namespaces.
func (d desk) NamespaceUsage(ctx context.Context, name string) (index.Usage, error) {
	if err := d.a.Check(ctx, auth.QuotaRead, auth.InNamespace(name)); err != nil {
		return index.Usage{}, auth.Problem(err)
	}
	if err := d.a.usage.Save(ctx); err != nil {
		return index.Usage{}, err
	}
	used, err := d.a.quota.Usage(ctx, name)
	if err != nil {
		return index.Usage{}, err
	}
	l := d.a.quota.Limits(name)
	return index.Usage{Namespace: name, Bytes: used.Bytes, Versions: used.Versions, Limits: index.UsageLimits{
		Bytes: l.Bytes, Versions: l.Versions, ArtifactBytes: l.ArtifactBytes, ManifestBytes: l.ManifestBytes, Layers: l.Layers,
	}}, nil
}

// SetMember implements api.Owners.
func (d desk) SetMember(ctx context.Context, namespace, principal, role string) error {
	by, err := auth.Caller(ctx)
	if err != nil {
		return err
	}
	return d.settled(ctx, d.a.namespaces.SetMember(ctx, by, namespace, principal, auth.Role(role)))
}

// RemoveMember implements api.Owners.
func (d desk) RemoveMember(ctx context.Context, namespace, principal string) error {
	by, err := auth.Caller(ctx)
	if err != nil {
		return err
	}
	return d.settled(ctx, d.a.namespaces.RemoveMember(ctx, by, namespace, principal))
}

// TransferNamespace implements api.Owners.
func (d desk) TransferNamespace(ctx context.Context, namespace, to string) error {
	by, err := auth.Caller(ctx)
	if err != nil {
		return err
	}
	return d.settled(ctx, d.a.namespaces.Transfer(ctx, by, namespace, to))
}

// CloseNamespace implements api.Owners.
func (d desk) CloseNamespace(ctx context.Context, namespace string) (index.Namespace, error) {
	by, err := auth.Caller(ctx)
	if err != nil {
		return index.Namespace{}, err
	}
	n, err := d.a.namespaces.Close(ctx, by, namespace)
	if err != nil {
		return index.Namespace{}, auth.Problem(err)
	}
	d.statements.Settle(ctx)
	return namespaceOf(n), nil
}

// settled brings the statement about a change that was made into its ledger.
func (d desk) settled(ctx context.Context, err error) error {
	if err == nil {
		d.statements.Settle(ctx)
	}
	return auth.Problem(err)
}

// InviteMember implements api.Owners.
func (d desk) InviteMember(ctx context.Context, namespace string, q index.NewInvitation) (index.Invitation, error) {
	by, err := auth.Caller(ctx)
	if err != nil {
		return index.Invitation{}, err
	}
	t, rec, err := d.a.namespaces.Invite(ctx, by, auth.Invitation{Namespace: namespace, Role: auth.Role(q.Role), Email: q.Email, ExpiresAt: q.ExpiresAt.Truncate(time.Microsecond)})
	if err != nil {
		return index.Invitation{}, auth.Problem(err)
	}
	return index.Invitation{ID: rec.ID, Namespace: namespace, Role: q.Role, Email: q.Email, ExpiresAt: rec.ExpiresAt, Secret: t.Reveal()}, nil
}

// AcceptInvitation implements api.Owners.
func (d desk) AcceptInvitation(ctx context.Context, secret string) (index.Membership, error) {
	by, err := auth.Caller(ctx)
	if err != nil {
		return index.Membership{}, err
	}
	m, err := d.a.namespaces.Accept(ctx, by, secret)
	return index.Membership{Namespace: m.Namespace, Principal: m.Principal, Role: m.Role}, d.settled(ctx, err)
}
