package store

import (
	"context"
	"errors"
	"net"
	"net/url"
	"os"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgproto3"
)

// A transactionPooler is what PgBouncer is with pool_mode=transaction and one
// server connection: whoever begins a transaction has it until its end.
type transactionPooler struct {
	turn   chan *pgproto3.Frontend
	params []pgproto3.ParameterStatus
}

func startPooler(t *testing.T, server string) string {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), server)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := conn.PgConn().Hijack()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = raw.Conn.Close() })
	p := &transactionPooler{turn: make(chan *pgproto3.Frontend, 1)}
	for name, value := range raw.ParameterStatuses {
		p.params = append(p.params, pgproto3.ParameterStatus{Name: name, Value: value})
	}
	p.turn <- raw.Frontend
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go p.serve(c)
		}
	}()
	u, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	u.Host = l.Addr().String()
	u.RawQuery = "sslmode=disable&default_query_exec_mode=simple_protocol"
	return u.String()
}

func (p *transactionPooler) serve(c net.Conn) {
	defer c.Close()
	client := pgproto3.NewBackend(c, c)
	if _, err := client.ReceiveStartupMessage(); err != nil {
		return
	}
	client.Send(&pgproto3.AuthenticationOk{})
	for i := range p.params {
		client.Send(&p.params[i])
	}
	client.Send(&pgproto3.BackendKeyData{ProcessID: 1, SecretKey: []byte{0, 0, 0, 1}})
	client.Send(&pgproto3.ReadyForQuery{TxStatus: 'I'})
	if client.Flush() != nil {
		return
	}
	var server *pgproto3.Frontend
	for {
		m, err := client.Receive()
		if _, ends := m.(*pgproto3.Terminate); err != nil || ends {
			return
		}
		if server == nil {
			server = <-p.turn
		}
		server.Send(m)
		if server.Flush() != nil {
			return
		}
		for status := byte(0); status == 0; {
			answer, err := server.Receive()
			if err != nil {
				return
			}
			client.Send(answer)
			if ready, ok := answer.(*pgproto3.ReadyForQuery); ok {
				status = ready.TxStatus
			}
			if status == 'I' {
				p.turn <- server
				server = nil
			}
		}
		if client.Flush() != nil {
			return
		}
	}
}

// TestAPoolerThatVoidsLocksIsRefused: through a pooler in transaction mode a lock
// of a session excludes nobody, so that no locker is opened there; at PostgreSQL
// itself one is. Proves B2 for replicas.
func TestAPoolerThatVoidsLocksIsRefused(t *testing.T) {
	t.Parallel()
	server := os.Getenv("OARLOCK_TEST_POSTGRES")
	if server == "" {
		t.Skip("needs OARLOCK_TEST_POSTGRES: scripts/postgres/test")
	}
	if l, err := OpenAdvisoryLocker(context.Background(), startPooler(t, server)); !errors.Is(err, ErrPooled) {
		t.Errorf("through the pooler: %v, %v", l, err)
	}
	l, err := OpenAdvisoryLocker(t.Context(), server)
	if err != nil {
		t.Fatalf("at PostgreSQL itself: %v", err)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
}
