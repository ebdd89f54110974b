package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"sync/atomic"

	"github.com/uptrace/bun"
)

// found is the newer schema that was seen last, or none. While there is one
// nothing is written: this release would break what it does not know.
type found struct{ newer atomic.Pointer[refusing] }

// refusing is where writes go instead: a database that refuses every connection.
type refusing struct {
	db  *bun.DB
	why error
}

// Connect implements driver.Connector.
func (r *refusing) Connect(context.Context) (driver.Conn, error) { return nil, r.why }

// Driver implements driver.Connector.
func (r *refusing) Driver() driver.Driver { return nil }

// Writable is an error that wraps ErrNewer while the schema is, by what Newer saw
// last, one that this release does not know. Writes are refused with it, whoever
// asks for them. It asks nobody.
func (s *Store) Writable() error {
	if r := s.found.newer.Load(); r != nil {
		return r.why
	}
	return nil
}

// refuse has writes refused with why; nil has them done again.
func (s *Store) refuse(why error) {
	if why == nil {
		s.found.newer.Store(nil)
		return
	}
	r := &refusing{why: why}
	r.db = bun.NewDB(sql.OpenDB(r), s.write.Dialect())
	s.found.newer.Store(r)
}
