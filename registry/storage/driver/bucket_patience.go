package driver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go/aws/client"  //nolint:staticcheck // distribution's driver speaks version 1
	"github.com/aws/aws-sdk-go/aws/request" //nolint:staticcheck // as above
)

// Patience bounds how long a bucket may be silent: each time runs from the last
// byte that went either way.
const (
	bucketPatience = 10 * time.Second // for an answer, and for more of a body
	// bucketWork is for a request that the store works at: copies, and the
	// joining of parts.
	bucketWork = time.Minute
	// bucketRetries is how often a request that failed is sent again.
	bucketRetries = 2
)

// errSilent says that a bucket accepted a request and then said nothing.
var errSilent = errors.New("the bucket does not answer")

// errCut says that the answer of a bucket ended in the middle.
var errCut = errors.New("the bucket's answer was cut")

// A patientTransport gives up on a store that is silent: while a request goes
// out, while its answer is waited for, and while the answer comes in.
type patientTransport struct {
	http.RoundTripper
	patience, work time.Duration
}

// RoundTrip implements http.RoundTripper.
func (t *patientTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	most := t.patience
	if r.Header.Get("X-Amz-Copy-Source") != "" || r.Method == http.MethodPost {
		most = t.work
	}
	ctx, cancel := context.WithCancelCause(r.Context())
	why := fmt.Errorf("%w: silent for %s", errSilent, most)
	watch := &watch{most: most, timer: time.AfterFunc(most, func() { cancel(why) })}
	out := r.WithContext(ctx)
	if r.Body != nil && r.Body != http.NoBody {
		out.Body = &watched{ReadCloser: r.Body, watch: watch}
	}
	answer, err := t.RoundTripper.RoundTrip(out)
	watch.stop()
	if err != nil {
		if errors.Is(context.Cause(ctx), errSilent) {
			err = context.Cause(ctx)
		}
		cancel(nil)
		return nil, err
	}
	answer.Body = &waited{ReadCloser: answer.Body, watch: watch, ctx: ctx, cancel: func() { cancel(nil) }}
	return answer, nil
}

// A watch ends a request after a time in which nothing happened.
type watch struct {
	most time.Duration

	mu    sync.Mutex
	timer *time.Timer
	done  bool
}

func (w *watch) stop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.done = true
	w.timer.Stop()
}

// again begins the time anew, unless the answer is there.
func (w *watch) again() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.done {
		w.timer.Reset(w.most)
	}
}

// watched is the body of a request: each read of it is progress.
type watched struct {
	io.ReadCloser
	watch *watch
}

func (b *watched) Read(p []byte) (int, error) {
	b.watch.again()
	n, err := b.ReadCloser.Read(p)
	b.watch.again()
	return n, err
}

// waited is the body of an answer. Only while somebody reads may it not be
// silent: a slow client is no fault of the store.
type waited struct {
	io.ReadCloser
	watch  *watch
	ctx    context.Context //nolint:containedctx // of the request that it is the answer to
	cancel func()
}

func (b *waited) Read(p []byte) (int, error) {
	b.watch.timer.Reset(b.watch.most)
	n, err := b.ReadCloser.Read(p)
	b.watch.timer.Stop()
	switch {
	case err == nil || errors.Is(err, io.EOF):
	case errors.Is(context.Cause(b.ctx), errSilent):
		err = context.Cause(b.ctx)
	case b.ctx.Err() == nil:
		err = fmt.Errorf("%w: %w", errCut, err)
	}
	return n, err
}

func (b *waited) Close() error {
	b.watch.timer.Stop()
	b.cancel()
	return b.ReadCloser.Close()
}

// A bucketRetryer sends again what failed, and not what was met by silence:
// whoever asked has waited long enough.
type bucketRetryer struct{ client.DefaultRetryer }

// ShouldRetry implements request.Retryer.
func (b bucketRetryer) ShouldRetry(r *request.Request) bool {
	if r.Error != nil {
		for inner := error(r.Error); inner != nil; inner = within(inner) {
			if errors.Is(inner, errSilent) {
				return false
			}
		}
	}
	return b.DefaultRetryer.ShouldRetry(r)
}
