package registry_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/registry"
	"github.com/oarlock/oarlock/registry/registrytest"
)

func TestTransportNeedsNoSocket(t *testing.T) {
	t.Parallel()
	s := registrytest.New(t, registrytest.InMemory())
	c := &client{t: t, url: "http://anything.example", do: (&http.Client{Transport: s.Transport()}).Do}
	content := []byte(strings.Repeat("0123456789", 1<<17))
	d := c.blob("acme/hello", content)
	a := c.want(c.get("acme/hello", "blobs", d.Digest.String()), http.StatusOK)
	if digest.FromBytes(a.body) != d.Digest {
		t.Error("the blob came back different")
	}
	a = c.want(c.send("HEAD", "/v2/acme/hello/blobs/"+d.Digest.String(), nil), http.StatusOK)
	if a.header.Get("Content-Length") != "1310720" || len(a.body) != 0 {
		t.Errorf("HEAD: %v, %d bytes", a.header, len(a.body))
	}
	c.refused(c.get("acme/hello", "manifests", "none"), http.StatusNotFound, "NAME_UNKNOWN")
}

func TestTransportEndsWithItsRequest(t *testing.T) {
	t.Parallel()
	left := make(chan error, 1)
	rt := registry.HandlerTransport(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for {
			if _, err := w.Write(make([]byte, 1<<10)); err != nil {
				left <- err
				return
			}
		}
	}))
	req, err := http.NewRequestWithContext(t.Context(), "GET", "http://x/", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := rt.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.CopyN(io.Discard, resp.Body, 5000); err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if err := <-left; !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("the handler's write ended with %v", err)
	}

	ctx, cancel := context.WithCancel(t.Context())
	waits := registry.HandlerTransport(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	cancel()
	if _, err := waits.RoundTrip(req.WithContext(ctx)); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want canceled", err)
	}
	broken := registry.HandlerTransport(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
	if resp, err := broken.RoundTrip(req); err == nil {
		if _, err := io.ReadAll(resp.Body); err == nil {
			t.Error("an aborted answer looks whole")
		}
	}
}
