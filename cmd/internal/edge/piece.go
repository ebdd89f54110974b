package edge

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
)

// An answer that is written in one piece goes to the kernel in one piece, head
// and body together. net/http by itself fills its buffer of 4 KiB, sends that,
// and then sends the rest, and waking a reader costs more than copying for him.
const (
	minPiece = 2 << 10
	maxPiece = 256 << 10
)

type connectionKey struct{}

// Connection is for http.Server.ConnContext, so that OnePiece finds what
// LimitConnections gave. A connection through TLS has no use for it.
func Connection(ctx context.Context, c net.Conn) context.Context {
	if c, ok := c.(*counted); ok {
		return context.WithValue(ctx, connectionKey{}, c)
	}
	return ctx
}

// OnePiece sends what next answers in one Write, and as long as it says, with
// one call to the kernel. Other answers it leaves as they are.
func OnePiece(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, ok := r.Context().Value(connectionKey{}).(*counted)
		from, copies := w.(io.ReaderFrom)
		if !ok || !copies || r.Method != http.MethodGet || r.ProtoMajor != 1 {
			next.ServeHTTP(w, r)
			return
		}
		next.ServeHTTP(&pieceWriter{ResponseWriter: w, from: from, conn: c}, r)
	})
}

type pieceWriter struct {
	http.ResponseWriter
	from  io.ReaderFrom
	conn  *counted
	begun bool
}

func (w *pieceWriter) Write(b []byte) (int, error) {
	whole := !w.begun && len(b) >= minPiece && len(b) <= maxPiece && w.says(len(b))
	w.begun = true
	if !whole {
		return w.ResponseWriter.Write(b)
	}
	w.conn.hold()
	n, err := w.from.ReadFrom(&piece{b})
	return int(n), errors.Join(err, w.conn.release())
}

// says reports whether the length of the answer was said to be n.
func (w *pieceWriter) says(n int) bool {
	length := w.Header()["Content-Length"]
	return len(length) == 1 && length[0] == strconv.Itoa(n)
}

// ReadFrom keeps the kernel's copying of files.
func (w *pieceWriter) ReadFrom(r io.Reader) (int64, error) {
	w.begun = true
	return w.from.ReadFrom(r)
}

// Flush sends what is buffered.
func (w *pieceWriter) Flush() {
	w.begun = true
	if f, ok := w.ResponseWriter.(http.Flusher); ok {
		f.Flush()
	}
}

// Unwrap is for http.ResponseController.
func (w *pieceWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// piece is a body that gives its rest away without copying it.
type piece struct{ rest []byte }

func (p *piece) Read(b []byte) (int, error) {
	if len(p.rest) == 0 {
		return 0, io.EOF
	}
	n := copy(b, p.rest)
	p.rest = p.rest[n:]
	return n, nil
}

// hold keeps what is written until release, or until a piece comes. Only the
// handler of the connection's one request calls it, and nobody else writes
// meanwhile.
func (c *counted) hold() { c.holding = true }

// release sends what is still held.
func (c *counted) release() error {
	held := c.held
	c.holding, c.held = false, c.held[:0]
	if len(held) == 0 {
		return nil
	}
	_, err := c.Conn.Write(held)
	return err
}

func (c *counted) Write(b []byte) (int, error) {
	if c.holding {
		c.held = append(c.held, b...)
		return len(b), nil
	}
	return c.Conn.Write(b)
}

// sendPiece sends what is held and the rest of p together.
func (c *counted) sendPiece(p *piece) (int64, error) {
	head := int64(len(c.held))
	together := net.Buffers{c.held, p.rest}
	c.holding, c.held, p.rest = false, c.held[:0], nil
	n, err := together.WriteTo(c.Conn)
	return max(n-head, 0), err
}
