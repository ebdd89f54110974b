package store

import (
	"context"

	"github.com/uptrace/bun"
)

type txKey struct{ s *Store }

// InTx runs do in one transaction. Calls of this Store's methods with the
// context that do is given belong to it, and an InTx inside another joins it.
// An error of do, which is returned as it is, or a panic undoes everything.
// With SQLite, do must use that context alone: another waits for the end of do.
// While the schema is a newer release's it is refused, as Writable says.
func (s *Store) InTx(ctx context.Context, do func(ctx context.Context) error) error {
	if _, ok := ctx.Value(txKey{s}).(bun.Tx); ok {
		return do(ctx)
	}
	if err := s.Writable(); err != nil {
		return wrap("transaction", err)
	}
	var inner error
	err := s.write.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
		inner = do(context.WithValue(ctx, txKey{s}, tx))
		return inner
	})
	if inner != nil {
		return inner
	}
	return wrap("transaction", err)
}

// reader is where a question of ctx goes.
func (s *Store) reader(ctx context.Context) bun.IDB {
	if tx, ok := ctx.Value(txKey{s}).(bun.Tx); ok {
		return tx
	}
	return s.read
}

// writer is where a change of ctx goes.
func (s *Store) writer(ctx context.Context) bun.IDB {
	if tx, ok := ctx.Value(txKey{s}).(bun.Tx); ok {
		return tx
	}
	if r := s.found.newer.Load(); r != nil {
		return r.db
	}
	return s.write
}

// serialize makes the rest of the transaction exclude others that serialize on
// the same name. SQLite has one writer anyway.
func (s *Store) serialize(ctx context.Context, name string) error {
	if !s.postgres() {
		return nil
	}
	_, err := s.writer(ctx).ExecContext(ctx, "SELECT pg_advisory_xact_lock(hashtextextended(?, 0))", "oarlock:"+name)
	return wrap("lock "+name, err)
}
