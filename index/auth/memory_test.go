package auth

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/oarlock/oarlock/artifact"
)

// memory is Stores in memory. Its transactions undo nothing: the contract of
// real stores is tested where they are.
type memory struct {
	mu         sync.Mutex
	tokens     map[string]TokenRecord
	people     map[string]PersonRecord
	namespaces map[string]NamespaceRecord
	keys       map[string]string
	members    map[string]MemberRecord
	log        []AuditRecord
	broken     error // answers every question when set
	asked      int

	beforeUpdate func() // what another does before an account is updated
}

func newMemory() *memory {
	return &memory{
		tokens: map[string]TokenRecord{}, people: map[string]PersonRecord{}, namespaces: map[string]NamespaceRecord{},
		keys: map[string]string{}, members: map[string]MemberRecord{},
	}
}

var errBroken = errors.New("the disk is gone")

func (m *memory) breakDown(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.broken = err
}

// locked runs do under the lock unless the store is broken.
func (m *memory) locked(do func() error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.asked++
	if m.broken != nil {
		return m.broken
	}
	return do()
}

func lookup[V any](m *memory, in map[string]V, key string) (v V, err error) {
	err = m.locked(func() error {
		found, ok := in[key]
		if !ok {
			return fmt.Errorf("%q: %w", key, artifact.ErrNotFound)
		}
		v = found
		return nil
	})
	return v, err
}

func insert[V any](m *memory, in map[string]V, key string, v V) error {
	return m.locked(func() error {
		if _, ok := in[key]; ok {
			return fmt.Errorf("%q: %w", key, artifact.ErrConflict)
		}
		in[key] = v
		return nil
	})
}

func (m *memory) AddToken(_ context.Context, t TokenRecord) error {
	return insert(m, m.tokens, t.ID, t)
}

func (m *memory) Token(_ context.Context, id string) (TokenRecord, error) {
	return lookup(m, m.tokens, id)
}

func (m *memory) ListTokens(_ context.Context, namespace, principal string) (out []TokenRecord, err error) {
	err = m.locked(func() error {
		for _, t := range m.tokens {
			if (namespace == "" || t.Namespace == namespace) && (principal == "" || t.Principal == principal) {
				out = append(out, t)
			}
		}
		return nil
	})
	return out, err
}

func (m *memory) RevokeToken(_ context.Context, id string, at time.Time) error {
	return m.locked(func() error {
		t, ok := m.tokens[id]
		switch {
		case !ok:
			return artifact.ErrNotFound
		case !t.RevokedAt.IsZero():
			return artifact.ErrConflict
		}
		t.RevokedAt = at
		m.tokens[id] = t
		return nil
	})
}

// madeBy are the records of one maker that live, or have ended, oldest first.
func (m *memory) madeBy(maker string, kinds []string, live bool, at time.Time) (out []TokenRecord) {
	for _, t := range m.tokens {
		ended := !t.RevokedAt.IsZero() || !t.ExpiresAt.IsZero() && !at.Before(t.ExpiresAt)
		if t.CreatedBy == maker && (kinds == nil || slices.Contains(kinds, t.Kind)) && ended != live {
			out = append(out, t)
		}
	}
	slices.SortFunc(out, func(a, b TokenRecord) int { return a.CreatedAt.Compare(b.CreatedAt) })
	return out
}

func (m *memory) LiveTokens(_ context.Context, maker string, kinds []string, at time.Time) (n int, err error) {
	err = m.locked(func() error { n = len(m.madeBy(maker, kinds, true, at)); return nil })
	return n, err
}

func (m *memory) EndOldestTokens(_ context.Context, maker string, kinds []string, keep int, at time.Time) (n int, err error) {
	err = m.locked(func() error {
		live := m.madeBy(maker, kinds, true, at)
		n = max(0, len(live)-keep)
		for _, t := range live[:n] {
			t.RevokedAt = at
			m.tokens[t.ID] = t
		}
		return nil
	})
	return n, err
}

func (m *memory) ForgetEndedTokens(_ context.Context, maker string, keep int, at time.Time) (n int, err error) {
	err = m.locked(func() error {
		ended := slices.DeleteFunc(m.madeBy(maker, nil, false, at), func(t TokenRecord) bool { return t.Kind == string(AdminToken) })
		n = max(0, len(ended)-keep)
		for _, t := range ended[:n] {
			delete(m.tokens, t.ID)
		}
		return nil
	})
	return n, err
}

func (m *memory) TouchToken(_ context.Context, id string, at time.Time) error {
	return m.locked(func() error {
		t := m.tokens[id]
		t.UsedAt = at
		m.tokens[id] = t
		return nil
	})
}

func (m *memory) Person(_ context.Context, name string) (PersonRecord, error) {
	return lookup(m, m.people, name)
}

func (m *memory) PersonOf(_ context.Context, issuer, subject string) (p PersonRecord, err error) {
	err = m.locked(func() error {
		for _, p = range m.people {
			if p.Issuer == issuer && p.Subject == subject {
				return nil
			}
		}
		p = PersonRecord{}
		return artifact.ErrNotFound
	})
	return p, err
}

func (m *memory) AddPerson(_ context.Context, p PersonRecord) error {
	return insert(m, m.people, p.Name, p)
}

func (m *memory) UpdatePerson(_ context.Context, was, p PersonRecord) error {
	if m.beforeUpdate != nil {
		m.beforeUpdate()
	}
	return m.locked(func() error {
		if !reflect.DeepEqual(m.people[p.Name], was) {
			return ErrPersonChanged
		}
		m.people[p.Name] = p
		return nil
	})
}

func (m *memory) People(context.Context) (out []PersonRecord, err error) {
	err = m.locked(func() error {
		for _, name := range slices.Sorted(maps.Keys(m.people)) {
			out = append(out, m.people[name])
		}
		return nil
	})
	return out, err
}

func (m *memory) AddNamespace(_ context.Context, n NamespaceRecord, owner string, keys []string) error {
	return m.locked(func() error {
		for _, k := range append(keys, n.Name) {
			if _, ok := m.keys[k]; ok {
				return artifact.ErrConflict
			}
		}
		for _, k := range append(keys, n.Name) {
			m.keys[k] = n.Name
		}
		m.namespaces[n.Name] = n
		m.members[n.Name+" "+owner] = MemberRecord{Namespace: n.Name, Principal: owner, Role: string(RoleOwner), AddedBy: n.CreatedBy, AddedAt: n.CreatedAt}
		return nil
	})
}

func (m *memory) Namespace(_ context.Context, name string) (NamespaceRecord, error) {
	return lookup(m, m.namespaces, name)
}

func (m *memory) NamespacesClaimedBy(_ context.Context, principal string) (n int, err error) {
	err = m.locked(func() error {
		for _, r := range m.namespaces {
			if r.CreatedBy == principal {
				n++
			}
		}
		return nil
	})
	return n, err
}

func (m *memory) NamespacesPublic(context.Context) (map[string]bool, error) {
	public := map[string]bool{}
	return public, m.locked(func() error {
		for name, n := range m.namespaces {
			public[name] = n.Public
		}
		return nil
	})
}

func (m *memory) NamespaceNames(context.Context) (names []string, err error) {
	err = m.locked(func() error { names = slices.Sorted(maps.Keys(m.namespaces)); return nil })
	return names, err
}

func (m *memory) UpdateNamespace(_ context.Context, n NamespaceRecord) error {
	return m.locked(func() error {
		if m.namespaces[n.Name].Revision != n.Revision {
			return artifact.ErrConflict
		}
		n.Revision++
		m.namespaces[n.Name] = n
		return nil
	})
}

func (m *memory) Members(_ context.Context, namespace string) ([]MemberRecord, error) {
	return m.filter(func(r MemberRecord) bool { return r.Namespace == namespace })
}

func (m *memory) MembershipsOf(_ context.Context, principal string) ([]MemberRecord, error) {
	return m.filter(func(r MemberRecord) bool { return r.Principal == principal })
}

func (m *memory) filter(keep func(MemberRecord) bool) (out []MemberRecord, err error) {
	err = m.locked(func() error {
		for _, k := range slices.Sorted(maps.Keys(m.members)) {
			if keep(m.members[k]) {
				out = append(out, m.members[k])
			}
		}
		return nil
	})
	return out, err
}

func (m *memory) lastOwner(namespace, principal string) bool {
	for k, r := range m.members {
		if strings.HasPrefix(k, namespace+" ") && r.Role == string(RoleOwner) && r.Principal != principal {
			return false
		}
	}
	return true
}

// LockNamespace implements MemberStore: InTx of memory is one at a time.
func (m *memory) LockNamespace(context.Context, string) error { return nil }

func (m *memory) PutMember(_ context.Context, r MemberRecord) error {
	return m.locked(func() error {
		if r.Role != string(RoleOwner) && m.lastOwner(r.Namespace, r.Principal) {
			return artifact.ErrConflict
		}
		m.members[r.Namespace+" "+r.Principal] = r
		return nil
	})
}

func (m *memory) RemoveMember(_ context.Context, namespace, principal string) error {
	return m.locked(func() error {
		if _, ok := m.members[namespace+" "+principal]; !ok {
			return artifact.ErrNotFound
		}
		if m.lastOwner(namespace, principal) {
			return artifact.ErrConflict
		}
		delete(m.members, namespace+" "+principal)
		return nil
	})
}

func (m *memory) AppendAudit(_ context.Context, a AuditRecord) error {
	return m.locked(func() error { m.log = append(m.log, a); return nil })
}

func (m *memory) InTx(ctx context.Context, do func(context.Context) error) error { return do(ctx) }

// bounded is a store in memory that counts tokens too.
func heldWithin(m *memory) Stores {
	s := OneDatabase(m)
	s.TokenBounds = m
	return s
}
