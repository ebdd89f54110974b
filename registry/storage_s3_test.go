package registry_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"io"
	"maps"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/registry/registrytest"
	"github.com/oarlock/oarlock/registry/storage"
)

// onS3 keeps a registry in the bucket of the server that scripts/s3/test runs.
func onS3(t testing.TB) registrytest.Option {
	endpoint := os.Getenv("OARLOCK_TEST_S3")
	if endpoint == "" {
		t.Skip("OARLOCK_TEST_S3 is not set: make s3 runs this against a real S3 server")
	}
	parameters := map[string]any{
		"bucket": "oarlock", "region": "us-east-1", "regionendpoint": endpoint, "forcepathstyle": true,
		"secure": strings.HasPrefix(endpoint, "https:"), "rootdirectory": "/" + strings.ToLower(rand.Text()),
	}
	return registrytest.With(func(o *registrytest.Options) { o.Driver, o.Parameters = "s3", parameters })
}

// TestDistributionSpecOverS3_B9: every clause holds where the bytes are in a bucket.
func TestDistributionSpecOverS3_B9(t *testing.T) {
	t.Parallel()
	s := registrytest.New(t, registrytest.Free("free"), onS3(t))
	checkClauses(t, s)
}

func TestLargeBlobsRedirectToSignedURLs_B9(t *testing.T) {
	t.Parallel()
	c := newClient(t, registrytest.New(t, registrytest.Free("free"), onS3(t), registrytest.With(func(o *registrytest.Options) { o.Redirect = true })))
	large, small := bytes.Repeat([]byte("oar"), 50_000), []byte("small")
	d := c.blob("free/x", large).Digest
	m := c.pushed("free/x", "one", image(nil))
	got := direct(t, c, "GET", "/v2/free/x/blobs/"+d.String())
	if got.StatusCode != http.StatusTemporaryRedirect || !strings.Contains(got.Header.Get("Location"), "X-Amz-Signature=") {
		t.Fatalf("status %d, location %q", got.StatusCode, got.Header.Get("Location"))
	}
	signed, err := web.Get(got.Header.Get("Location"))
	if err != nil {
		t.Fatal(err)
	}
	defer signed.Body.Close()
	if body, err := io.ReadAll(signed.Body); err != nil || digest.FromBytes(body) != d {
		t.Errorf("the signed URL gave status %d, %d bytes, %v", signed.StatusCode, len(body), err)
	}
	for what, path := range map[string]string{
		"GET of a manifest by tag":    "/v2/free/x/manifests/one",
		"GET of a manifest by digest": "/v2/free/x/manifests/" + m.Digest.String(),
		"GET of a small blob":         "/v2/free/x/blobs/" + c.blob("free/x", small).Digest.String(),
		"HEAD of a large blob":        "/v2/free/x/blobs/" + d.String(),
	} {
		method, _, _ := strings.Cut(what, " ")
		if got := direct(t, c, method, path); got.StatusCode != http.StatusOK || got.ContentLength <= 0 {
			t.Errorf("%s: status %d, length %d", what, got.StatusCode, got.ContentLength)
		}
	}
	if got := direct(t, c, "GET", "/v2/free/other/blobs/"+d.String()); got.StatusCode != http.StatusNotFound {
		t.Errorf("a blob of another repository: status %d", got.StatusCode)
	}
}

// Proves E5: a signed URL of the bucket is good for as long as is set, five minutes where
// nothing is, and not after that; and it is one of the endpoint that clients reach.
func TestASignedURLEndsWhenItIsSaid_E5_B9(t *testing.T) {
	t.Parallel()
	for what, row := range map[string]struct {
		set     map[string]any
		expires string
	}{
		"nothing is set":   {nil, "300"},
		"a second":         {map[string]any{"redirectfor": time.Second}, "1"},
		"another endpoint": {map[string]any{"redirectfor": time.Hour, "redirectendpoint": "https://files.example.org"}, "3600"},
	} {
		c := newClient(t, registrytest.New(t, registrytest.Free("free"), onS3(t), registrytest.With(func(o *registrytest.Options) {
			o.Redirect = true
			o.Parameters = maps.Clone(o.Parameters)
			maps.Copy(o.Parameters, row.set)
		})))
		d := c.blob("free/x", bytes.Repeat([]byte("oar"), 50_000)).Digest
		got := direct(t, c, "GET", "/v2/free/x/blobs/"+d.String())
		to, err := got.Location()
		if err != nil || to.Query().Get("X-Amz-Expires") != row.expires {
			t.Fatalf("%s: %v, %v, expected %s seconds", what, to, err, row.expires)
		}
		if endpoint, is := row.set["redirectendpoint"]; is && to.Scheme+"://"+to.Host != endpoint {
			t.Errorf("%s: %s, expected one of %s", what, to, endpoint)
		}
		for row.expires == "1" { // until it is refused, which is within the test's time or never
			signed, err := web.Get(to.String())
			if err != nil {
				t.Fatal(err)
			}
			signed.Body.Close()
			if signed.StatusCode == http.StatusForbidden {
				break
			}
		}
	}
}

// direct sends a request and follows no redirect.
func direct(t *testing.T, c *client, method, path string) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, c.url+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	got, err := web.Transport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	got.Body.Close()
	return got
}

func TestUnusableS3SaysWhy_B9(t *testing.T) {
	t.Parallel()
	with := onS3(t)
	for what, wrong := range map[string]struct {
		set  map[string]any
		want string
	}{
		"a bucket that is not there": {map[string]any{"bucket": "no-such-bucket"}, "make the bucket first"},
		"a wrong secret":             {map[string]any{"accesskey": os.Getenv("AWS_ACCESS_KEY_ID"), "secretkey": "not-the-secret"}, "check AWS_ACCESS_KEY_ID"},
		"nobody at the endpoint":     {map[string]any{"regionendpoint": "http://127.0.0.1:1"}, "check the endpoint"},
	} {
		_, err := registrytest.Open(t.Context(), with, func(o *registrytest.Options) {
			o.Parameters = maps.Clone(o.Parameters)
			maps.Copy(o.Parameters, wrong.set)
		})
		if err == nil || !strings.Contains(err.Error(), wrong.want) {
			t.Errorf("%s: %v, want %q", what, err, wrong.want)
			continue
		}
		for _, secret := range []string{"not-the-secret", os.Getenv("AWS_SECRET_ACCESS_KEY")} {
			if strings.Contains(err.Error(), secret) {
				t.Errorf("%s: the error tells a secret", what)
			}
		}
	}
}

func TestReplicasOverOneBucket_K7(t *testing.T) {
	t.Parallel()
	a, b := replicasOver(t, onS3(t))
	checkAgreement(t, a, b)
	checkOneWinner(t, a, b)
}

// TestReplicasPrepareOneBucket_K7: replicas that start at once over an empty
// bucket agree on the key of upload sessions, so that one goes on where the
// other began.
func TestReplicasPrepareOneBucket_K7(t *testing.T) {
	t.Parallel()
	with, locker := onS3(t), storage.NewLocker()
	opened := make(chan *registrytest.Opened, 4)
	for range cap(opened) {
		go func() {
			g, err := registrytest.Open(context.WithoutCancel(t.Context()), with, func(o *registrytest.Options) { o.Replicated, o.Locker = true, locker })
			if err != nil {
				t.Error(err)
			}
			opened <- g
		}()
	}
	for range cap(opened) {
		if g := <-opened; g != nil {
			t.Cleanup(func() { _ = g.Close() })
		}
	}
	a, b := replicasOver(t, with)
	content := []byte("begun here, ended there")
	start := a.send("POST", "/v2/free/x/blobs/uploads/", nil)
	at := path(start.header.Get("Location"))
	next := b.send("PATCH", at, content, "Content-Type", "application/octet-stream")
	b.want(next, http.StatusAccepted)
	at = path(next.header.Get("Location"))
	a.want(a.send("PUT", at+"&digest="+digest.FromBytes(content).String(), nil), http.StatusCreated)
	if got := b.get("free/x", "blobs", digest.FromBytes(content).String()); string(got.body) != string(content) {
		t.Errorf("got %q", got.body)
	}
}

// path drops scheme and host of a location.
func path(location string) string {
	if _, rest, ok := strings.Cut(location, "://"); ok {
		return rest[strings.IndexByte(rest, '/'):]
	}
	return location
}
