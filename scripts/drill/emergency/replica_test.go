//go:build e2e

package emergency

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	orasauth "oras.land/oras-go/v2/registry/remote/auth"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/client"
	"github.com/oarlock/oarlock/index/signed"
	"github.com/oarlock/oarlock/scripts/drill"
)

// A replica is asked by nobody in particular.
type replica struct {
	*drill.Server
	pin signed.Pin
	// large is the largest blob of 1.1.0.
	large digest.Digest

	mu sync.Mutex
	// events are when the first one of each kind came since the last forget.
	events map[string]time.Time
}

// get wants an answer of a status.
func (r *replica) get(ctx context.Context, path string, want int) (string, error) {
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+r.Addr+path, http.NoBody)
	if err != nil {
		return "", err
	}
	resp, err := drill.Web.Do(q)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != want {
		err = fmt.Errorf("%s: %s, expected %d: %.300s", path, resp.Status, want, raw)
	}
	return string(raw), err
}

// pulls wants pulls answered as an emergency in a state has it: of 1.1.0, and no other.
func (r *replica) pulls(ctx context.Context, state index.EmergencyState) error {
	want := http.StatusOK
	if state.Holds() {
		want = http.StatusForbidden
	}
	if _, err := r.get(ctx, "/v2/acme/hello/manifests/1.0.0", http.StatusOK); err != nil {
		return err
	}
	_, err := r.get(ctx, "/v2/acme/hello/manifests/1.1.0", want)
	return err
}

// blob asks for the largest blob of 1.1.0, and says when the URL ends that the answer
// leads to; the zero time is that it leads nowhere.
func (r *replica) blob(t *testing.T) (status int, ends time.Time) {
	t.Helper()
	if r.large == "" {
		raw, err := r.get(t.Context(), "/v2/acme/hello/manifests/1.1.0", http.StatusOK)
		var m ocispec.Manifest
		if err == nil {
			err = json.Unmarshal([]byte(raw), &m)
		}
		if err != nil {
			t.Fatal(err)
		}
		r.large = slices.MaxFunc(m.Layers, func(a, b ocispec.Descriptor) int { return cmp.Compare(a.Size, b.Size) }).Digest
	}
	q, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+r.Addr+"/v2/acme/hello/blobs/"+r.large.String(), http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := drill.Web.Transport.RoundTrip(q) // follows no redirect
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	to, err := resp.Location()
	if err != nil {
		return resp.StatusCode, ends
	}
	signed, err := time.Parse("20060102T150405Z", to.Query().Get("X-Amz-Date"))
	good, err2 := strconv.Atoi(to.Query().Get("X-Amz-Expires"))
	if err != nil || err2 != nil {
		t.Fatalf("%s: %v, %v", to, err, err2)
	}
	return resp.StatusCode, signed.Add(time.Duration(good) * time.Second)
}

// offers wants 1.1.0 resolved and included.
func (r *replica) offers(ctx context.Context) error { return r.says(ctx, "1.1.0", "") }

// stopped wants 1.0.0 resolved, and 1.1.0 left out for a reason.
func stopped(code string) func(*replica, context.Context) error {
	return func(r *replica, ctx context.Context) error { return r.says(ctx, "1.0.0", code) }
}

// says wants a version resolved, and code as why 1.1.0 is out; "" is that it is in.
func (r *replica) says(ctx context.Context, resolved, code string) error {
	var got index.Resolution
	if err := r.Try(ctx, "", "POST", "/api/v1/resolve", index.ResolveRequest{Plugins: []index.Want{{ID: "acme/hello"}}}, &got); err != nil {
		return err
	}
	if len(got.Resolved) != 1 || got.Resolved[0].Version != resolved {
		return fmt.Errorf("resolve gives %+v, expected %s", got.Resolved, resolved)
	}
	var why index.Why
	if err := r.Try(ctx, "", "GET", "/api/v1/plugins/acme/hello/why", nil, &why); err != nil {
		return err
	}
	return outFor(why, code)
}

// outFor wants code as why 1.1.0 is out; "" is that it is in.
func outFor(why index.Why, code string) error {
	for _, v := range why.Versions {
		if v.Version != "1.1.0" {
			continue
		}
		for _, one := range v.Reasons {
			if one.Code == code && !v.Included {
				return nil
			}
		}
		if code == "" && v.Included {
			return nil
		}
	}
	return fmt.Errorf("why says %+v, expected %q", why.Versions, code)
}

// catalog reads the signed catalog as the replica gives it.
func (r *replica) catalog(ctx context.Context) (string, error) {
	nobody := client.RepositoryOptions{HTTPClient: drill.Web, PlainHTTP: true, Credential: orasauth.StaticCredential("", orasauth.EmptyCredential)}
	c, err := signed.OpenRemote(ctx, r.Addr, nobody, signed.Options{Root: r.pin})
	if err != nil {
		return "", err
	}
	id, err := artifact.ParseName("acme/hello")
	if err != nil {
		return "", err
	}
	d, err := c.Show(ctx, id, index.Query{})
	if err != nil {
		return "", err
	}
	return d.Version, nil
}

func (r *replica) signedOffers(ctx context.Context) error { return r.signedSays(ctx, "1.1.0") }

func (r *replica) signedStops(ctx context.Context) error { return r.signedSays(ctx, "1.0.0") }

func (r *replica) signedSays(ctx context.Context, want string) error {
	got, err := r.catalog(ctx)
	if err == nil && got != want {
		err = fmt.Errorf("it offers %s, expected %s", got, want)
	}
	return err
}

// follow reads the event stream of the replica until the test ends, from the generation
// on that serves.
func (r *replica) follow(t *testing.T) {
	t.Helper()
	q, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+r.Addr+"/api/v1/events", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := streams.Do(q)
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(resp.Body)
	begun := make(chan struct{})
	go func() {
		defer resp.Body.Close()
		kind, first := "", sync.OnceFunc(func() { close(begun) })
		for lines.Scan() {
			switch key, value, _ := strings.Cut(lines.Text(), ": "); key {
			case "event":
				kind = value
			case "data":
				r.note(kind, value)
				first()
			}
		}
	}()
	select {
	case <-begun:
	case <-time.After(drill.Patience):
		t.Fatal("the stream tells nothing")
	}
}

// streams stay open.
var streams = &http.Client{Transport: http.DefaultTransport.(*http.Transport).Clone()}

// note keeps when an event came: a generation, or what happened, by its type.
func (r *replica) note(kind, data string) {
	var e index.CloudEvent
	if kind == "lifecycle" && json.Unmarshal([]byte(data), &e) == nil {
		kind = e.Type
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, had := r.events[kind]; !had && r.events != nil {
		r.events[kind] = time.Now()
	}
}

// forget has told speak of what comes from now on.
func (r *replica) forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = map[string]time.Time{}
}

func (r *replica) toldAt(kind string) time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.events[kind]
}

func (r *replica) told(kind string) error {
	if r.toldAt(kind).IsZero() {
		return fmt.Errorf("nothing of it came")
	}
	return nil
}
