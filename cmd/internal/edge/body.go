package edge

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"
)

// Bodies holds senders of bodies to a pace, so that those who send nothing do
// not keep connections. The zero Bodies holds nobody to anything.
type Bodies struct {
	// Grace is how long a body may stand still, all told, when it is as slow
	// as Rate otherwise.
	Grace time.Duration
	// Rate is the bytes per second that win grace back, up to Grace. With 0
	// nothing does, so that a whole body has to be here within Grace.
	Rate int64
	// Kind, if not nil, is wrapped by the error of a body that breaks off or
	// cannot be read, such as one of malformed chunks.
	Kind error
}

// Wrap lets next read bodies that move. One that does not ends with an error
// that wraps os.ErrDeadlineExceeded. Only the time that is spent on waiting for
// the sender counts.
func (b Bodies) Wrap(next http.Handler) http.Handler {
	if b.Grace <= 0 {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Body == nil || r.Body == http.NoBody {
			next.ServeHTTP(w, r)
			return
		}
		p := &paced{ReadCloser: r.Body, of: b, credit: b.Grace, conn: http.NewResponseController(w)}
		_ = p.conn.SetReadDeadline(time.Now().Add(b.Grace)) // for a body that next leaves to be read by the server
		r = r.WithContext(r.Context())                      // the server's own request keeps its body, which tells it what the client waits for
		r.Body = p
		next.ServeHTTP(w, r)
	})
}

// paced is one body.
type paced struct {
	io.ReadCloser
	of       Bodies
	conn     *http.ResponseController
	credit   time.Duration
	deadline time.Time
}

// Read reads what came. After the last byte there is no deadline, because the
// server watches the connection for its end then, and nothing is late.
func (p *paced) Read(b []byte) (int, error) {
	begin := time.Now()
	p.allow(begin)
	n, err := p.ReadCloser.Read(b)
	p.credit -= time.Since(begin)
	if p.of.Rate > 0 {
		p.credit = min(p.credit+time.Duration(float64(n)/float64(p.of.Rate)*float64(time.Second)), p.of.Grace)
	}
	var large *http.MaxBytesError
	switch {
	case errors.Is(err, io.EOF):
		_ = p.conn.SetReadDeadline(time.Time{})
	case err != nil && p.of.Kind != nil && !errors.Is(err, os.ErrDeadlineExceeded) && !errors.As(err, &large):
		err = fmt.Errorf("request body: %w: %w", err, p.of.Kind)
	}
	return n, err
}

// allow moves the deadline, unless it would move by little: a message for
// each read would cost HTTP/2 more than it is worth. It never moves back.
func (p *paced) allow(now time.Time) {
	deadline := now.Add(max(p.credit, 0))
	if p.deadline.IsZero() || deadline.Sub(p.deadline) > p.of.Grace/8 {
		p.deadline = deadline
		_ = p.conn.SetReadDeadline(deadline) // what cannot be timed is read all the same
	}
}
