package outbound

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/oarlock/oarlock/artifact"
)

// A Pace is how slowly an answer may come: Bytes in each Window that is spent
// waiting for them. What the caller does between two reads does not count. The
// zero Pace is DefaultPace.
type Pace struct {
	Window time.Duration
	Bytes  int64
}

// DefaultPace is far below any line that is worth using, and above what keeps
// a connection open for ever.
var DefaultPace = Pace{30 * time.Second, 16 << 10}

// Bounded bounds what next answers: the time until an answer begins, by the
// window of pace, how slowly it comes and, above 0, how long it is.
func Bounded(next http.RoundTripper, pace Pace, bytes int64) http.RoundTripper {
	if bytes <= 0 {
		bytes = -1
	}
	return &bounded{next: next, bytes: bytes, pace: pace}
}

type bounded struct {
	next  http.RoundTripper
	bytes int64 // 0 is DefaultBytes, below 0 none
	pace  Pace
}

// RoundTrip implements http.RoundTripper.
func (b *bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	pace := Pace{cmp.Or(b.pace.Window, DefaultPace.Window), cmp.Or(b.pace.Bytes, DefaultPace.Bytes)}
	most := cmp.Or(b.bytes, DefaultBytes)
	ctx, cancel := context.WithCancelCause(r.Context())
	body := &body{pace: pace, most: most, ctx: ctx, cancel: cancel}
	body.timer = time.AfterFunc(time.Hour, func() {
		cancel(fmt.Errorf("%s: less than %d bytes came in %s", r.URL.Redacted(), pace.Bytes, pace.Window))
	})
	body.timer.Stop()
	if r.Body == nil || r.Body == http.NoBody { // else the time goes into sending it
		body.timer.Reset(pace.Window)
	}
	resp, err := b.next.RoundTrip(r.WithContext(ctx))
	body.timer.Stop()
	if err != nil {
		if cause := context.Cause(ctx); cause != nil {
			err = cause
		}
		cancel(err)
		return nil, err
	}
	if most >= 0 && resp.ContentLength > most {
		resp.Body.Close()
		err := tooLong(most)
		cancel(err)
		return nil, err
	}
	if resp.StatusCode == http.StatusSwitchingProtocols {
		return resp, nil
	}
	body.ReadCloser = resp.Body
	resp.Body = body
	return resp, nil
}

func tooLong(most int64) error {
	return fmt.Errorf("the answer has more than %d bytes: %w", most, artifact.ErrInvalid)
}

// body holds an answer to its bounds.
type body struct {
	io.ReadCloser
	pace   Pace
	most   int64
	ctx    context.Context
	cancel context.CancelCauseFunc
	timer  *time.Timer

	read   int64         // in all
	came   int64         // in this window
	waited time.Duration // of this window
}

// Read implements io.Reader.
func (b *body) Read(p []byte) (int, error) {
	from := time.Now()
	b.timer.Reset(max(b.pace.Window-b.waited, time.Millisecond))
	n, err := b.ReadCloser.Read(p)
	b.timer.Stop()
	b.read += int64(n)
	b.came += int64(n)
	b.waited += time.Since(from)
	if b.most >= 0 && b.read > b.most {
		return n, tooLong(b.most)
	}
	if b.came >= b.pace.Bytes {
		b.came, b.waited = 0, 0
	}
	if err != nil && err != io.EOF {
		if cause := context.Cause(b.ctx); cause != nil {
			return n, cause
		}
	}
	return n, err
}

// Close implements io.Closer.
func (b *body) Close() error {
	b.timer.Stop()
	err := b.ReadCloser.Close()
	b.cancel(context.Canceled)
	return err
}
