package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/oarlock/oarlock/artifact"
)

// TestADatabaseThatIsAwayIsNoInternalError_K7 tells a server that gives no
// answer from what a server answers, and from a client that left.
func TestADatabaseThatIsAwayIsNoInternalError_K7(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	_, refused := pgconn.Connect(t.Context(), "postgres://oarlock@"+nobody+"/site?sslmode=disable")
	_, dialed := net.Dial("tcp", nobody)
	left, leave := context.WithCancel(t.Context())
	leave()
	_, gone := pgconn.Connect(left, "postgres://oarlock@"+nobody+"/site?sslmode=disable")
	for name, row := range map[string]struct {
		err  error
		away bool
	}{
		"refused": {refused, true}, "dialed": {dialed, true}, "cut": {io.ErrUnexpectedEOF, true}, "too late": {context.DeadlineExceeded, true},
		"ending": {&pgconn.PgError{Code: "57P01"}, true}, "connection exception": {&pgconn.PgError{Code: "08006"}, true}, "full of others": {&pgconn.PgError{Code: "53300"}, true},
		"syntax": {&pgconn.PgError{Code: "42601"}, false}, "a code of nothing": {&pgconn.PgError{}, false}, "a client that left": {gone, false},
		"unique": {&pgconn.PgError{Code: "23505"}, false}, "another": {errors.New("another"), false},
	} {
		var away *AwayError
		if got := wrap("tokens", row.err); errors.As(got, &away) != row.away || !errors.Is(got, row.err) && !errors.Is(got, artifact.ErrConflict) {
			t.Errorf("%s: %v: away %t, want %t", name, got, !row.away, row.away)
		}
	}
	if err := wrap("tokens", fmt.Errorf("read: %w", io.ErrUnexpectedEOF)); err.Error() != "tokens: read: unexpected EOF" {
		t.Errorf("got %q", err)
	}
}
