//go:build e2e

// Package outbox is the drill of a server that dies between a commit and what is
// told of it.
package outbox

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/oarlock/oarlock/scripts/drill"
)

const (
	kills = 10
	each  = 5 // versions before each
)

func TestMain(m *testing.M) { drill.Main(m) }

// TestNothingIsLostBetweenCommitAndDelivery_K2 kills the server with kill -9 each time
// when its webhook was called and it does not know yet that this was taken. After
// the last start every version that was acknowledged was told, and what was told
// twice has one id.
func TestNothingIsLostBetweenCommitAndDelivery_K2(t *testing.T) {
	s := drill.Serve(t, "outbound: {networks: [127.0.0.0/8]}\n")
	r := newReceiver(t)
	drill.Ask[any](t, s, s.Admin, "POST", "/api/v1/namespaces", map[string]any{"name": "acme"})
	drill.Ask[any](t, s, s.Admin, "POST", "/api/v1/webhooks", map[string]any{"url": r.URL, "events": []string{"plugin.published"}})
	admin, n, want := s.Admin, drill.N(kills), 0
	publish := func(plugin string) {
		t.Helper()
		s.Publish(t, admin, fmt.Sprintf(`{"id": "acme/%s", "version": "1.%d.0", "engines": {"acme-editor": "*"}}`, plugin, want))
		want++
	}
	for i := range n {
		for range each {
			publish("hello")
		}
		r.hold(true)
		publish("held")
		if i == n-1 {
			<-r.called // and the others anywhere before
		}
		s.Kill(t)
		r.hold(false)
		s.Start(t)
	}
	// What the dead server had leased is free after a minute.
	drill.Until(t, "every version was told", func(context.Context) error { return r.told(want) })
	r.check(t, want)
}

// A receiver takes what it is told; while it holds, it takes it and does not answer.
type receiver struct {
	*httptest.Server
	called chan struct{}

	mu      sync.Mutex
	holding chan struct{}
	// ids are those of each body, with how often it came.
	ids map[string]map[string]int
}

func newReceiver(t *testing.T) *receiver {
	r := &receiver{ids: map[string]map[string]int{}, called: make(chan struct{}, 1000)}
	r.Server = httptest.NewServer(r)
	t.Cleanup(func() { r.hold(false); r.Close() })
	return r
}

func (r *receiver) hold(on bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if on {
		for len(r.called) > 0 {
			<-r.called
		}
		r.holding = make(chan struct{})
	} else if r.holding != nil {
		close(r.holding)
		r.holding = nil
	}
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	body, err := io.ReadAll(q.Body)
	if err != nil {
		return // it was killed while it told
	}
	r.mu.Lock()
	if r.ids[string(body)] == nil {
		r.ids[string(body)] = map[string]int{}
	}
	r.ids[string(body)][q.Header.Get("webhook-id")]++
	holding := r.holding
	r.mu.Unlock()
	if holding != nil {
		r.called <- struct{}{}
		<-holding
	}
	w.WriteHeader(http.StatusNoContent)
}

func (r *receiver) told(n int) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.ids) < n {
		return fmt.Errorf("%d of %d were", len(r.ids), n)
	}
	return nil
}

// check wants each told with one id, and some told twice: else nothing was cut.
func (r *receiver) check(t *testing.T, n int) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	twice := 0
	for body, ids := range r.ids {
		if len(ids) != 1 {
			t.Errorf("%s was told with the ids %v, expected one", body, ids)
		}
		for _, times := range ids {
			if times > 1 {
				twice++
			}
		}
	}
	if len(r.ids) != n || twice == 0 {
		t.Errorf("%d of %d were told, %d of them twice, expected some", len(r.ids), n, twice)
	}
	t.Logf("%d were told, %d of them twice, each with one id", len(r.ids), twice)
}
