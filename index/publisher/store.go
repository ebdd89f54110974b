package publisher

import (
	"context"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/index/auth"
	"github.com/oarlock/oarlock/policy"
	"github.com/oarlock/oarlock/policy/ledger"
)

// A Store is what SQL says of namespaces. Its methods return
// artifact.ErrNotFound; any other error means that it could not tell.
type Store interface {
	Namespace(ctx context.Context, name string) (auth.NamespaceRecord, error)
	// NamespaceNames are all of them, closed ones included, in order.
	NamespaceNames(ctx context.Context) ([]string, error)
	Members(ctx context.Context, namespace string) ([]auth.MemberRecord, error)
	Person(ctx context.Context, name string) (auth.PersonRecord, error)
	// InTx is that of an auth.Transactor.
	InTx(ctx context.Context, do func(ctx context.Context) error) error
}

// A Catalog knows what the ledgers say that lie in the registry.
type Catalog interface {
	Publisher(name string) (ledger.Standing, bool)
	// Settled returns when what was stored before is known.
	Settled(ctx context.Context) error
}

// A Registry reads what is stored.
type Registry interface {
	// Resolve finds what a tag points to; artifact.ErrNotFound where there is none.
	Resolve(ctx context.Context, repo, reference string) (digest.Digest, error)
	// Reader reads one repository.
	Reader(repo string) policy.Reader
}

// Rights say what the caller of ctx may do.
type Rights interface {
	// May refuses who may not, in the words of the API.
	May(ctx context.Context, action auth.Action, on auth.Resource) error
	// Can tells whether he may; an error could not.
	Can(ctx context.Context, action auth.Action, on auth.Resource) (bool, error)
}

// A TXTResolver looks TXT records up; *net.Resolver is one.
type TXTResolver interface {
	LookupTXT(ctx context.Context, domain string) ([]string, error)
}
