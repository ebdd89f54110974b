//go:build e2e

// Package emergency is the drill of emergencies: how long it takes from the answer of a
// step until every replica refuses, says why, tells who follows its events, and until
// the signed catalog has it.
package emergency

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/signed"
	"github.com/oarlock/oarlock/scripts/drill"
)

const (
	// refusedWithin is how long after the answer any replica may go on as before.
	refusedWithin = time.Second
	// signedInFiles and signedInBucket are how long the signed catalog may.
	signedInFiles  = 5 * time.Second
	signedInBucket = 15 * time.Second
	rounds         = 10
	// quiet is for how many seconds nothing must follow before other changes are signed:
	// for longer than an emergency may take.
	quiet = 20
)

func TestMain(m *testing.M) { drill.Main(m) }

// Proves E5, E11 and K7: over one PostgreSQL and one bucket, every step of an emergency
// that one replica acknowledged holds at both.
func TestAnEmergencyHoldsAtEveryReplica_E5_E11_K7(t *testing.T) {
	openReplicas(t).rounds()
}

// openReplicas makes a site of two.
func openReplicas(t *testing.T) *site {
	t.Helper()
	bucket := os.Getenv("OARLOCK_TEST_S3")
	if bucket == "" {
		t.Skip("OARLOCK_TEST_S3 is not set: make drill-emergency runs this over a real S3 server")
	}
	name := "emergency_" + strings.ToLower(rand.Text())
	storage := "s3://oarlock/" + name + "?" + url.Values{"region": {"us-east-1"}, "endpoint": {bucket}, "redirect": {"true"}, "redirect_for": {"90s"}}.Encode()
	return open(t, 2, "storage: "+storage+"\ndb: "+database(t, name)+"\n", signedInBucket)
}

// Proves E5 and E11 where the bytes are files and the site has a PostgreSQL: one server,
// since several over one directory are refused.
func TestAnEmergencyIsInTheSignedCatalog_E5_E11(t *testing.T) {
	d := open(t, 1, "db: "+database(t, "emergency_"+strings.ToLower(rand.Text()))+"\n", signedInFiles)
	d.rounds()
}

// database makes one in the PostgreSQL of the run.
func database(t *testing.T, name string) string {
	t.Helper()
	server := os.Getenv("OARLOCK_TEST_POSTGRES")
	if server == "" {
		t.Skip("OARLOCK_TEST_POSTGRES is not set: make drill-emergency runs this over a PostgreSQL of its own")
	}
	if out, err := exec.CommandContext(t.Context(), "psql", "--no-psqlrc", "--dbname", server, "--command", "CREATE DATABASE "+name).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	own, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	own.Path = "/" + name
	return own.String()
}

// A site has two admins, ada and grace, and acme/hello 1.0.0 and 1.1.0.
type site struct {
	t            *testing.T
	all          []*replica
	ada, grace   string
	signedWithin time.Duration
	// steps counts those that were taken.
	steps int
}

func open(t *testing.T, replicas int, config string, signedWithin time.Duration) *site {
	t.Helper()
	keys := filepath.Join(t.TempDir(), "keys")
	d := &site{t: t, signedWithin: signedWithin}
	front := httptest.NewServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(&url.URL{Scheme: "http", Host: d.all[0].Addr})
	}})
	t.Cleanup(front.Close)
	for range replicas {
		d.all = append(d.all, &replica{Server: drill.Serve(t, config+"public_url: "+front.URL+"\n"+
			fmt.Sprintf("catalog: {keys: %s, quiet: %ds, at_most: %[2]ds}\n", keys, drill.N(quiet)))})
	}
	first := d.all[0]
	drill.Ask[any](t, first.Server, first.Admin, "POST", "/api/v1/namespaces", map[string]any{"name": "acme"})
	d.ada, d.grace = account(t, first.Server, first.Admin, "ada"), account(t, first.Server, first.Admin, "grace")
	for _, v := range []string{"1.0.0", "1.1.0"} {
		first.Publish(t, first.Admin, `{"id": "acme/hello", "version": "`+v+`", "engines": {"acme-editor": "*"}, "description": "`+v+`"}`, large(t))
	}
	pin, err := signed.ReadPin(filepath.Join(keys, "1.root.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range d.all {
		r.pin = pin
		drill.Until(t, "the replica offers it", r.offers)
		drill.Until(t, "the signed catalog offers it", r.signedOffers)
		r.follow(t)
	}
	return d
}

// large is what is read from a bucket by a signed URL, where there is one.
func large(t *testing.T) []byte {
	content := make([]byte, 200_000)
	if _, err := rand.Read(content); err != nil {
		t.Fatal(err)
	}
	return content
}

// account makes one of an admin, and gives a token of it.
func account(t *testing.T, s *drill.Server, admin, name string) string {
	t.Helper()
	drill.Ask[any](t, s, admin, "POST", "/api/v1/accounts", map[string]any{"name": name, "roles": []string{"admin"}})
	return drill.Ask[index.CreatedToken](t, s, admin, "POST", "/api/v1/accounts/person:"+name+"/tokens",
		map[string]any{"label": "drill", "expires_at": time.Now().Add(time.Hour)}).Secret
}

func (d *site) rounds() {
	n := drill.N(rounds)
	for range n {
		d.round()
	}
	for i, r := range d.all {
		what := fmt.Sprintf("replica %d of %d counts until when it refused", i+1, len(d.all))
		drill.Until(d.t, what, func(ctx context.Context) error { return r.counted(ctx, n) })
	}
}

// round is an emergency and its end, on the words of two people.
func (d *site) round() {
	d.t.Helper()
	ends := d.lastURL()
	e := d.step("proposed", d.ada, "", d.names(), stopped("blocked"), "generation")
	d.namesEnd(e, ends)
	e = d.step("in_force", d.grace, "/"+e.ID+"/confirm", nil, stopped("emergency_removed"), "dev.oarlock.plugin.emergency.declared.v1")
	d.namesEnd(e, ends)
	half := d.ask(d.all[0], d.ada, "/"+e.ID+"/undo", map[string]any{})
	for _, r := range d.all {
		if err := stopped("emergency_removed")(r, d.t.Context()); err != nil || half.State != index.EmergencyInForce {
			d.t.Fatalf("one person's word ends it: %+v, %v", half, err)
		}
	}
	e = d.step("undone", d.grace, "/"+e.ID+"/undo", nil, (*replica).offers, "dev.oarlock.plugin.emergency.undone.v1")
	if e.SignedURLsUntil != nil {
		d.t.Errorf("it is over, and URLs are said to end: %+v", e)
	}
}

// names is what the emergencies of the drill name.
func (d *site) names() map[string]any {
	return map[string]any{"plugin": "acme/hello", "version": "1.1.0", "reason": "malware"}
}

// ask takes a step at a replica.
func (d *site) ask(by *replica, token, path string, body map[string]any) index.Emergency {
	d.t.Helper()
	return drill.Ask[index.Emergency](d.t, by.Server, token, "POST", "/api/v1/emergencies"+path, body)
}

// lastURL is when the last signed URL ends that any replica hands out now for the large
// blob of 1.1.0; the zero time is that the replicas give it themselves.
func (d *site) lastURL() (ends time.Time) {
	d.t.Helper()
	for _, r := range d.all {
		_, at := r.blob(d.t)
		if at.After(ends) {
			ends = at
		}
	}
	return ends
}

// namesEnd wants e to name until when the URLs work that were handed out before it, and
// no replica to hand out another one.
func (d *site) namesEnd(e index.Emergency, ends time.Time) {
	d.t.Helper()
	if bucket := d.signedWithin == signedInBucket; bucket == ends.IsZero() {
		d.t.Errorf("a URL of a bucket was handed out before: %t, expected %t", !ends.IsZero(), bucket)
	}
	if until := e.SignedURLsUntil; (until == nil) != ends.IsZero() || until != nil && until.Before(ends) {
		d.t.Errorf("%s: it says that signed URLs end at %v; the last one ends at %v", e.State, until, ends)
	}
	for i, r := range d.all {
		if status, _ := r.blob(d.t); status != http.StatusForbidden {
			d.t.Errorf("%s: replica %d answers %d for a blob of what is held", e.State, i+1, status)
		}
	}
}

// step takes one at a replica, another one each time, and wants every replica to answer
// so and to tell who follows its events, and then the signed catalog to agree.
func (d *site) step(state index.EmergencyState, token, path string, body map[string]any, answers func(*replica, context.Context) error, event string) index.Emergency {
	d.t.Helper()
	by := d.all[d.steps%len(d.all)]
	d.steps++
	for _, r := range d.all {
		r.forget()
	}
	if body == nil {
		body = map[string]any{}
	}
	e := d.ask(by, token, path, body)
	acknowledged := time.Now()
	if e.State != state || !e.Settled {
		d.t.Fatalf("%s: %+v", state, e)
	}
	if err := by.pulls(d.t.Context(), state); err != nil { // no later than it is answered
		d.t.Errorf("%s, at the replica that answered: %v", state, err)
	}
	for i, r := range d.all {
		what := fmt.Sprintf("%s, at replica %d of %d", state, i+1, len(d.all))
		drill.Until(d.t, what+" a pull is answered so", func(ctx context.Context) error { return r.pulls(ctx, state) })
		drill.Until(d.t, what+" resolve and why answer so", func(ctx context.Context) error { return answers(r, ctx) })
		drill.Within(d.t, what+": pull, resolve and why", time.Since(acknowledged), refusedWithin)
		drill.Until(d.t, what+" its stream tells "+event, func(context.Context) error { return r.told(event) })
		drill.Within(d.t, what+": the stream", r.toldAt(event).Sub(acknowledged), refusedWithin)
	}
	want := (*replica).signedOffers
	if state.Holds() {
		want = (*replica).signedStops
	}
	for i, r := range d.all {
		what := fmt.Sprintf("%s, read at replica %d", state, i+1)
		drill.Until(d.t, what+" the signed catalog has it", func(ctx context.Context) error { return want(r, ctx) })
		drill.Within(d.t, what+": the signed catalog", time.Since(acknowledged), d.signedWithin)
		if err := r.pulls(d.t.Context(), state); err != nil {
			d.t.Errorf("%s: what held does not any more: %v", what, err)
		}
	}
	drill.Until(d.t, "how long it took is counted", d.counted)
	return e
}

// counted wants so many times until the replica refused in its numbers.
func (r *replica) counted(ctx context.Context, want int) error {
	text, err := r.get(ctx, "/metrics", http.StatusOK)
	if got := int(number(text, "oarlock_emergency_refused_seconds_count")); err == nil && got != want {
		err = fmt.Errorf("it counts %d, expected %d", got, want)
	}
	return err
}

// counted wants every step in the times of the replicas until the signed catalog had it,
// once, and says where one took too long.
func (d *site) counted(ctx context.Context) error {
	counted, inTime := 0.0, 0.0
	for _, r := range d.all {
		text, err := r.get(ctx, "/metrics", http.StatusOK)
		if err != nil {
			return err
		}
		counted += number(text, "oarlock_emergency_signed_seconds_count")
		inTime += number(text, `oarlock_emergency_signed_seconds_bucket{le="`+strconv.Itoa(bucketOf(d.signedWithin))+`"}`)
	}
	if int(counted) != d.steps {
		return fmt.Errorf("%v of %d steps are counted", counted, d.steps)
	}
	if late := int(counted - inTime); late > 0 {
		drill.Within(d.t, fmt.Sprintf("by the numbers of the replicas, %d of %d steps", late, d.steps), d.signedWithin+1, d.signedWithin)
	}
	return nil
}

// bucketOf is the smallest bound of the histogram that is not below d, in seconds.
func bucketOf(d time.Duration) int {
	for _, s := range []int{1, 5, 10, 30, 60} {
		if d <= time.Duration(s)*time.Second {
			return s
		}
	}
	return 300
}

// number is that of a line of metrics; 0 where there is none.
func number(metrics, name string) float64 {
	for line := range strings.Lines(metrics) {
		if rest, is := strings.CutPrefix(line, name+" "); is {
			n, _ := strconv.ParseFloat(strings.TrimSpace(rest), 64)
			return n
		}
	}
	return 0
}
