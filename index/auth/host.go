package auth

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/oarlock/oarlock/artifact"
)

// A HostRecord is the credential of a host of a tenant. A host has one: another
// takes its place, and it ends with the host. Hash is SHA-256 of the secret.
type HostRecord struct {
	ID, Tenant, Host string
	Hash             []byte
	CreatedBy        string
	CreatedAt        time.Time
}

// HostStore keeps the credentials of hosts.
type HostStore interface {
	// HostCredential is the one with an id; artifact.ErrNotFound where there is none.
	HostCredential(ctx context.Context, id string) (HostRecord, error)
	// PutHostCredential stores one in place of that which its host had. A host that
	// is not there is artifact.ErrNotFound.
	PutHostCredential(ctx context.Context, h HostRecord) error
}

// Given is what a host is given now.
type Given struct {
	// Repositories are those of the plugins.
	Repositories map[string]bool
	// Sum is equal where they are.
	Sum string
}

// Hosts makes the credentials of hosts.
type Hosts struct {
	store HostStore
	may   *Authority
	open  openDoor
	now   func() time.Time
}

// Issue makes the credential of a host, in place of that which it had, and gives
// its text, which is not kept. Whoever calls it has asked whether the principal of
// ctx may, and writes it down; once that is committed, Ended ends what it replaced.
func (hs *Hosts) Issue(ctx context.Context, tenant, host string) (text string, err error) {
	t := newToken()
	rec := HostRecord{ID: t.ID(), Tenant: tenant, Host: host, Hash: t.hash(), CreatedBy: hs.open.maker(From(ctx)), CreatedAt: hs.now().UTC()}
	if err := hs.store.PutHostCredential(ctx, rec); err != nil {
		return "", fmt.Errorf("credential of host %s of tenant %s: %w", host, tenant, err)
	}
	return t.Reveal(), nil
}

// Ended has credentials that were replaced or removed end here at once. On other
// replicas they end within CacheTTL.
func (hs *Hosts) Ended() { hs.may.forget() }

// host is whom the credential of a host speaks for.
func (cs *credentials) host(ctx context.Context, id string) (holder, error) {
	rec, err := cs.hosts.HostCredential(ctx, id)
	switch {
	case errors.Is(err, artifact.ErrNotFound):
		return holder{}, errCredentials
	case err != nil:
		return holder{}, fmt.Errorf("credentials: %w", err)
	}
	token := TokenRecord{ID: rec.ID, Kind: string(HostToken), Principal: HostName(rec.Tenant, rec.Host), Hash: rec.Hash, CreatedBy: rec.CreatedBy}
	if !cs.open.lasts(token) || rec.Tenant == "" || rec.Host == "" {
		return holder{}, errCredentials
	}
	return holder{record: token, principal: Principal{Kind: Host, Name: token.Principal, Session: rec.ID, Tenant: rec.Tenant, Host: rec.Host}}, nil
}

// HostName is the name of a host as a principal.
func HostName(tenant, host string) string { return string(Host) + ":" + tenant + "/" + host }

// isGiven reports whether a host is towards r what its role says: r is the host
// itself, what it is given, or what the registry says of itself and of publishers.
func (p Principal) isGiven(r Resource) bool {
	switch r.Class {
	case OnTenant:
		return r.Host != "" && r.Host == p.Host && r.Tenant == p.Tenant
	case OnRepository:
		return r.Given == Yes || r.Namespace == artifact.ReservedPublisher
	}
	return false
}

// given is whether who asks for a repository is given it.
func (a *Authority) given(ctx context.Context, p Principal, action Action, r Resource) (Fact, error) {
	if p.Kind != Host || action != RepositoryPull || r.Class != OnRepository {
		return Unknown, nil
	}
	given, err := a.givenTo(ctx, p)
	return FactOf(given.Repositories[r.Repository]), err
}

func (a *Authority) givenTo(ctx context.Context, p Principal) (Given, error) {
	if a.gives == nil {
		return Given{}, nil
	}
	return a.gives(ctx, p.Tenant, p.Host)
}
