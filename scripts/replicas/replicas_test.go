//go:build e2e

package replicas

import (
	"bytes"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

var layer = []byte("hello\n")

// TestRacingPushesThroughTwoReplicas_B2_K7: of 64 different pushes of one
// version through two processes exactly one wins, and both serve that one.
func TestRacingPushesThroughTwoReplicas_B2_K7(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	both := []*replica{s.start(t), s.start(t)}
	for _, content := range [][]byte{empty, layer} {
		if err := both[0].blob("acme/raced", content); err != nil {
			t.Fatal(err)
		}
	}
	const pushes = 64
	var won, refused [pushes]bool
	gate := make(chan struct{})
	var done sync.WaitGroup
	for i := range pushes {
		content := version1("acme/raced", "1.0.0", layer, fmt.Sprint(i))
		done.Go(func() {
			<-gate
			status, body, err := both[i%2].manifest("acme/raced", "1.0.0", content)
			won[i], refused[i] = status == http.StatusCreated, status == http.StatusConflict
			if err != nil || !won[i] && !refused[i] {
				t.Errorf("push %d: status %d, %v: %s", i, status, err, body)
			}
		})
	}
	close(gate)
	done.Wait()
	winner, winners := "", 0
	for i := range won {
		if won[i] {
			winners++
			winner = digest.FromBytes(version1("acme/raced", "1.0.0", layer, fmt.Sprint(i))).String()
		}
	}
	if winners != 1 {
		t.Fatalf("%d pushes won, want 1", winners)
	}
	for i, r := range both {
		if got, err := r.at("acme/raced", "1.0.0"); err != nil || got != winner {
			t.Errorf("replica %d serves %s, %v; the push that won is %s", i, got, err, winner)
		}
		var v struct{ Digest string }
		until(t, patience, "the catalog has the version", func() error { return r.json("/api/v1/plugins/acme/raced/versions/1.0.0", &v) })
		if v.Digest != winner {
			t.Errorf("the catalog of replica %d says %s; the push that won is %s", i, v.Digest, winner)
		}
	}
}

// TestReplicaSeesWhatAnotherTook_B1_K7: tags, referrers and the catalog of one
// replica show at once, and within a second, what the other was told.
func TestReplicaSeesWhatAnotherTook_B1_K7(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	a, b := s.start(t), s.start(t)
	slowest := time.Duration(0)
	for i := range 10 {
		version := fmt.Sprintf("1.0.%d", i)
		if err := a.publish("acme/seen", version, layer); err != nil {
			t.Fatal(err)
		}
		took := time.Now()
		until(t, time.Second, version+" is in the catalog of the other replica", func() error { return b.listed("acme/seen", version) })
		slowest = max(slowest, time.Since(took))
	}
	t.Logf("acknowledged at one replica → in the catalog of the other: %v at most", slowest)
	subject := version1("acme/seen", "1.0.0", layer, "")
	want := map[digest.Digest]bool{}
	for i := range 8 {
		content := referrer(subject, fmt.Sprint(i))
		from := []*replica{a, b}[i%2]
		if status, body, err := from.manifest("acme/seen", "", content); err != nil || status != http.StatusCreated {
			t.Fatalf("referrer: status %d, %v: %s", status, err, body)
		}
		want[digest.FromBytes(content)] = true
		for _, r := range []*replica{a, b} {
			var got ocispec.Index
			if err := r.json("/v2/acme/seen/referrers/"+digest.FromBytes(subject).String(), &got); err != nil {
				t.Fatal(err)
			}
			found, others := 0, 0
			for _, d := range got.Manifests {
				switch {
				case want[d.Digest]:
					found++
				case d.ArtifactType != "application/vnd.oarlock.log.proof.v1": // which a replica attaches by itself
					others++
				}
			}
			if found != len(want) || others > 0 {
				t.Errorf("after %d referrers, a replica lists %d of them and %d others", len(want), found, others)
			}
		}
	}
}

// TestKilledReplicaLosesNothingAcknowledged_K7: one of two replicas is killed
// while it takes pushes; all that was acknowledged is whole at the other, in
// its catalog too, and what was not can be pushed again there.
func TestKilledReplicaLosesNothingAcknowledged_K7(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	a, b := s.start(t), s.start(t)
	const clients, each, before = 8, 40, 40
	var acknowledged sync.Map
	var count atomic.Int64
	enough := make(chan struct{})
	var done sync.WaitGroup
	for c := range clients {
		done.Go(func() {
			for i := range each {
				version := fmt.Sprintf("%d.0.%d", c+1, i)
				if a.publish("acme/killed", version, []byte(version)) != nil {
					return // it was killed
				}
				acknowledged.Store(version, true)
				if count.Add(1) == before {
					close(enough)
				}
			}
		})
	}
	<-enough
	a.kill(t)
	done.Wait()
	if n := count.Load(); n == clients*each {
		t.Fatalf("all %d pushes were over before the kill", n)
	}
	acknowledged.Range(func(v, _ any) bool {
		version := v.(string)
		want := digest.FromBytes(version1("acme/killed", version, []byte(version), "")).String()
		if got, err := b.at("acme/killed", version); err != nil || got != want {
			t.Errorf("%s: %s, %v", version, got, err)
		}
		status, _, content, err := b.send("GET", "/v2/acme/killed/blobs/"+digest.FromString(version).String(), nil)
		if err != nil || status != http.StatusOK || string(content) != version {
			t.Errorf("layer of %s: status %d, %q, %v", version, status, content, err)
		}
		until(t, patience, version+" is in the catalog", func() error { return b.listed("acme/killed", version) })
		return true
	})
	for c := range clients {
		for i := range each {
			version := fmt.Sprintf("%d.0.%d", c+1, i)
			if _, ok := acknowledged.Load(version); ok {
				continue
			}
			if err := b.publish("acme/killed", version, []byte(version)); err != nil {
				t.Errorf("%s again: %v", version, err)
			}
			break
		}
	}
	t.Logf("%d pushes were acknowledged before the kill", count.Load())
}

// TestBlobsComeFromTheBucket_B9: with redirects, a larger blob is read from
// the bucket by a signed URL, and manifests from the replica.
func TestBlobsComeFromTheBucket_B9(t *testing.T) {
	t.Parallel()
	r := newSite(t, "redirect").start(t)
	large := bytes.Repeat([]byte("oar"), 100_000)
	if err := r.publish("acme/large", "1.0.0", large); err != nil {
		t.Fatal(err)
	}
	plain := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	for path, want := range map[string]int{
		"/v2/acme/large/blobs/" + digest.FromBytes(large).String(): http.StatusTemporaryRedirect,
		"/v2/acme/large/manifests/1.0.0":                           http.StatusOK,
	} {
		resp, err := plain.Get("http://" + r.addr + path)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("%s: status %d, want %d", path, resp.StatusCode, want)
		}
	}
	if _, _, content, err := r.send("GET", "/v2/acme/large/blobs/"+digest.FromBytes(large).String(), nil); err != nil || !bytes.Equal(content, large) {
		t.Errorf("the bucket gave %d bytes, %v", len(content), err)
	}
}
