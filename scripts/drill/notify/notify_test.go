//go:build e2e

// Package notify is the drill of notifications: many who subscribed are told of
// one event by a real server.
package notify

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/scripts/drill"
)

const (
	subscribers = 1000
	// each account has as many webhooks as it may have.
	each = 20
	most = 10 * time.Second
)

func TestMain(m *testing.M) { drill.Main(m) }

// TestEverySubscriberIsTold_K2 has one version published, and every webhook told
// of it once, with one id.
func TestEverySubscriberIsTold_K2(t *testing.T) {
	s := drill.Serve(t, "outbound: {networks: [127.0.0.0/8]}\n")
	r := newReceiver(t)
	drill.Ask[any](t, s, s.Admin, "POST", "/api/v1/namespaces", map[string]any{"name": "acme"})
	n := drill.N(subscribers)
	for i := range n {
		if i%each == 0 {
			r.token = account(t, s, i/each)
		}
		drill.Ask[any](t, s, r.token, "POST", "/api/v1/webhooks", map[string]any{"url": fmt.Sprintf("%s/%d", r.URL, i), "events": []string{"plugin.published"}})
	}
	began := time.Now()
	s.Publish(t, s.Admin, `{"id": "acme/hello", "version": "1.0.0", "engines": {"acme-editor": "*"}}`)
	drill.Until(t, "every webhook was called", func(context.Context) error { return r.told(n) })
	drill.Within(t, fmt.Sprintf("%d subscribers told of one version, from the beginning of its push", n), r.last().Sub(began), most)
	r.check(t, n)
}

// account makes one, and gives a token of it.
func account(t *testing.T, s *drill.Server, i int) string {
	t.Helper()
	name := fmt.Sprintf("reader-%d", i)
	drill.Ask[any](t, s, s.Admin, "POST", "/api/v1/accounts", map[string]any{"name": name})
	return drill.Ask[index.CreatedToken](t, s, s.Admin, "POST", "/api/v1/accounts/person:"+name+"/tokens",
		map[string]any{"label": "drill", "expires_at": time.Now().Add(time.Hour)}).Secret
}

// A receiver is the endpoint of all webhooks, each at a path of its own.
type receiver struct {
	*httptest.Server
	token string

	mu sync.Mutex
	// calls count those of each path, ids those with each event.
	calls, ids map[string]int
	at         time.Time
}

func newReceiver(t *testing.T) *receiver {
	r := &receiver{calls: map[string]int{}, ids: map[string]int{}}
	r.Server = httptest.NewServer(r)
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	_, _ = io.Copy(io.Discard, q.Body)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.calls[q.URL.Path]++
	r.ids[q.Header.Get("webhook-id")]++
	r.at = time.Now()
	w.WriteHeader(http.StatusNoContent)
}

func (r *receiver) last() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.at
}

func (r *receiver) told(n int) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.calls) < n {
		return fmt.Errorf("%d of %d were", len(r.calls), n)
	}
	return nil
}

// check wants each called once, and all with one id.
func (r *receiver) check(t *testing.T, n int) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	for path, calls := range r.calls {
		if calls != 1 {
			t.Errorf("%s was called %d times", path, calls)
		}
	}
	if len(r.calls) != n || len(r.ids) != 1 {
		t.Errorf("%d of %d were called, with the ids %v, expected one", len(r.calls), n, r.ids)
	}
}
