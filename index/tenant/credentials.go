package tenant

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/audit"
	"github.com/oarlock/oarlock/index/auth"
)

// Credentials makes those of hosts. *auth.Hosts does.
type Credentials interface {
	// Issue makes the credential of a host in place of that which it had, in the
	// transaction of ctx, and gives its text, which is not kept.
	Issue(ctx context.Context, tenant, host string) (text string, err error)
	// Ended has what was replaced or removed end at once.
	Ended()
}

// issue makes the credential of a host in the transaction of ctx; "" where none are made.
func (s *Service) issue(ctx context.Context, id, host string) (string, error) {
	if s.o.Credentials == nil {
		return "", nil
	}
	return s.o.Credentials.Issue(ctx, id, host)
}

// ended has credentials that were replaced or removed end at once.
func (s *Service) ended() {
	if s.o.Credentials != nil {
		s.o.Credentials.Ended()
	}
}

// RotateHost gives a host another credential. The one that it had ends at once: a
// credential is replaced because somebody else may have it. What runs goes on.
func (s *Service) RotateHost(ctx context.Context, id, name string) (out index.HostSecret, err error) {
	rows, _, err := s.manage(ctx, id)
	if err != nil {
		return out, err
	}
	err = s.do(ctx, id, rows, func(ctx context.Context) (act audit.Act, do func(context.Context) error, err error) {
		h, err := rows.Hosts().Host(ctx, name)
		if err != nil && h.Damaged == nil { // whatever else cannot be read, its credential is replaced
			return act, nil, err
		}
		out.TenantHost = shownHost(h)
		act = audit.Act{Action: auth.TenantManage, Planned: map[string]any{"rotated_credential_of_host": name}}
		return act, func(ctx context.Context) (err error) {
			out.Secret, err = s.issue(ctx, id, name)
			return err
		}, nil
	})
	if err != nil {
		return index.HostSecret{}, err
	}
	s.ended()
	return out, nil
}

// mostGives is of how many hosts what they are given is remembered.
const mostGives = 256

// gives remember what hosts are given.
type gives struct {
	mu  sync.Mutex
	all map[string]handed
}

type handed struct {
	etag  string
	given auth.Given
}

func newGives() *gives { return &gives{all: map[string]handed{}} }

// Given is what a host is given now: the plugins that its desired state has it run, or
// go on to run. An error means that it could not be told.
func (s *Service) Given(ctx context.Context, id, host string) (auth.Given, error) {
	rows := s.o.Store.OfTenant(id)
	l, err := s.standing(ctx, s.watches.of(id), id, rows, host)
	if err != nil {
		return auth.Given{}, fmt.Errorf("what host %s of tenant %s is given: %w", host, id, err)
	}
	s.gives.mu.Lock()
	have, is := s.gives.all[id+"/"+host]
	s.gives.mu.Unlock()
	if is && have.etag == l.etag {
		return have.given, nil
	}
	st, err := rows.States().State(ctx, host)
	if err != nil {
		return auth.Given{}, err
	}
	c, err := contentOf(st)
	if err != nil {
		return auth.Given{}, err
	}
	given, names := auth.Given{Repositories: map[string]bool{}}, []string{}
	for _, item := range running(c.Items) {
		given.Repositories[item.Plugin], names = true, append(names, item.Plugin)
	}
	slices.Sort(names)
	given.Sum = digest.FromString(strings.Join(names, "\n")).String()
	s.gives.mu.Lock()
	defer s.gives.mu.Unlock()
	if len(s.gives.all) >= mostGives {
		clear(s.gives.all)
	}
	s.gives.all[id+"/"+host] = handed{etagOf(st), given}
	return given, nil
}
