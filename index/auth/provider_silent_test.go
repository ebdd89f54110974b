package auth

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
)

// A provider that does not answer is asked once for all who wait, and holds
// nobody up who gives up.
func TestASilentProviderIsAskedOnceForAll_K6(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	begun, over := make(chan struct{}, 16), make(chan struct{})
	silent := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		asked.Add(1)
		begun <- struct{}{}
		<-over
	}))
	t.Cleanup(silent.Close)
	t.Cleanup(func() { close(over) })
	p := &provider{o: ProviderOptions{Issuer: silent.URL, ClientID: "oarlock", Client: silent.Client()}}
	first, firstOver := context.WithCancel(t.Context())
	waits := make(chan error, 1)
	go func() {
		_, err := p.discover(first)
		waits <- err
	}()
	<-begun
	for range 8 {
		hasty, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := p.discover(hasty); !errors.Is(err, context.Canceled) {
			t.Errorf("who gave up: %v", err)
		}
	}
	firstOver()
	if err := <-waits; !errors.Is(err, context.Canceled) {
		t.Errorf("the first: %v", err)
	}
	if n := asked.Load(); n != 1 {
		t.Errorf("the provider was asked %d times", n)
	}
}
