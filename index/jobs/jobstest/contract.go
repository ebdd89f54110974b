// Package jobstest holds every queue of jobs to the same promises.
package jobstest

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index/jobs"
)

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

// Contract tests the queues that fresh makes.
func Contract(t *testing.T, fresh func(*testing.T) jobs.Queue) {
	for name, test := range map[string]func(*testing.T, jobs.Queue){
		"a job is handed out once until its lease ends": leased,
		"jobs of a key run one at a time":               oneOfAKey,
		"in order, a job that waits holds up its key":   inOrder,
		"a lost lease changes nothing":                  lost,
		"a lease is extended by who has it":             extended,
		"concurrent asks share without overlap":         concurrent,
		"bad jobs are refused":                          refused,
	} {
		t.Run(name, func(t *testing.T) { test(t, fresh(t)) })
	}
}

// Put enqueues a job of a kind for each key, with its place as the payload.
func Put(t *testing.T, q jobs.Queue, kind string, keys ...string) {
	t.Helper()
	var all []jobs.Job
	for i, key := range keys {
		all = append(all, jobs.Job{Kind: kind, Key: key, Payload: fmt.Append(nil, i), AskedAt: noon})
	}
	if err := q.Enqueue(t.Context(), all...); err != nil {
		t.Fatal(err)
	}
}

func ask(kind string, now time.Time, limit int) jobs.Ask {
	return jobs.Ask{Kind: kind, Limit: limit, Now: now, Until: now.Add(time.Minute)}
}

// got leases, and wants these payloads in this order.
func got(t *testing.T, q jobs.Queue, a jobs.Ask, want ...string) []jobs.Attempt {
	t.Helper()
	attempts, err := q.Lease(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	payloads := make([]string, len(attempts))
	for i, a := range attempts {
		payloads[i] = string(a.Payload)
	}
	if !slices.Equal(payloads, want) {
		t.Fatalf("%+v handed out %q, want %q", a, payloads, want)
	}
	return attempts
}

func is(t *testing.T, what string, err, kind error) {
	t.Helper()
	if !errors.Is(err, kind) {
		t.Errorf("%s: %v, want %v", what, err, kind)
	}
}

func leased(t *testing.T, q jobs.Queue) {
	Put(t, q, "mail", "a", "b", "c")
	Put(t, q, "other", "a")
	got(t, q, ask("mail", noon.Add(-time.Second), 9))
	first := got(t, q, ask("mail", noon, 2), "0", "1")
	if a := first[0]; a.Number != 1 || !a.AskedAt.Equal(noon) || !a.Until.Equal(noon.Add(time.Minute)) || a.Key != "a" || a.Kind != "mail" {
		t.Errorf("the first attempt is %+v", a)
	}
	got(t, q, ask("mail", noon, 9), "2")
	got(t, q, ask("mail", noon.Add(59*time.Second), 9))
	again := got(t, q, ask("mail", noon.Add(time.Minute), 1), "0")
	if again[0].ID != first[0].ID || again[0].Number != 2 {
		t.Errorf("after its lease the job is %+v, want ID %d, attempt 2", again[0], first[0].ID)
	}
	is(t, "done", q.Done(t.Context(), again[0]), nil)
	is(t, "retry", q.Retry(t.Context(), first[1], noon.Add(time.Hour), "no answer"), nil)
	got(t, q, ask("mail", noon.Add(time.Hour-time.Microsecond), 9), "2")
	later := got(t, q, ask("mail", noon.Add(2*time.Hour), 9), "1", "2")
	if later[0].LastError != "no answer" || later[0].Number != 2 || !later[0].At.Equal(noon.Add(time.Hour)) {
		t.Errorf("after a failure the job is %+v", later[0])
	}
	got(t, q, ask("other", noon, 9), "0")
}

func oneOfAKey(t *testing.T, q jobs.Queue) {
	Put(t, q, "webhook", "slow", "slow", "fast", "slow", "fast")
	first := got(t, q, ask("webhook", noon, 9), "0", "2")
	got(t, q, ask("webhook", noon, 9))
	is(t, "done", q.Done(t.Context(), first[1]), nil)
	got(t, q, ask("webhook", noon, 9), "4")
	is(t, "retry", q.Retry(t.Context(), first[0], noon.Add(time.Hour), ""), nil)
	next := got(t, q, ask("webhook", noon, 9), "1")
	is(t, "done", q.Done(t.Context(), next[0]), nil)
	got(t, q, ask("webhook", noon, 9), "3")
}

func inOrder(t *testing.T, q jobs.Queue) {
	Put(t, q, "ledger", "stuck", "stuck", "free")
	a := ask("ledger", noon, 9)
	a.InOrder = true
	first := got(t, q, a, "0", "2")
	is(t, "retry", q.Retry(t.Context(), first[0], noon.Add(time.Hour), ""), nil)
	got(t, q, a)
	a.Now, a.Until = noon.Add(time.Hour), noon.Add(2*time.Hour)
	again := got(t, q, a, "0", "2")
	is(t, "done", q.Done(t.Context(), again[0]), nil)
	got(t, q, a, "1")
}

func lost(t *testing.T, q jobs.Queue) {
	Put(t, q, "mail", "a")
	old := got(t, q, ask("mail", noon, 1), "0")[0]
	held := got(t, q, ask("mail", noon.Add(time.Minute), 1), "0")[0]
	is(t, "done by the one before", q.Done(t.Context(), old), jobs.ErrLeaseLost)
	is(t, "retry by the one before", q.Retry(t.Context(), old, noon, ""), jobs.ErrLeaseLost)
	got(t, q, ask("mail", noon.Add(time.Minute), 1))
	is(t, "done by the one who has it", q.Done(t.Context(), held), nil)
	is(t, "done twice", q.Done(t.Context(), held), jobs.ErrLeaseLost)
	got(t, q, ask("mail", noon.Add(time.Hour), 1))
}

func extended(t *testing.T, q jobs.Queue) {
	Put(t, q, "mail", "a", "a")
	first := got(t, q, ask("mail", noon, 1), "0")[0]
	is(t, "extended", q.Extend(t.Context(), first, noon.Add(3*time.Minute)), nil)
	got(t, q, ask("mail", noon.Add(3*time.Minute-time.Microsecond), 9))
	is(t, "extended again", q.Extend(t.Context(), first, noon.Add(5*time.Minute)), nil)
	held := got(t, q, ask("mail", noon.Add(5*time.Minute), 1), "0")[0]
	is(t, "extended by the one before", q.Extend(t.Context(), first, noon.Add(time.Hour)), jobs.ErrLeaseLost)
	is(t, "done by the one before", q.Done(t.Context(), first), jobs.ErrLeaseLost)
	is(t, "extended by the one who has it", q.Extend(t.Context(), held, noon.Add(7*time.Minute)), nil)
	is(t, "retried by the one who has it", q.Retry(t.Context(), held, noon, ""), nil)
	is(t, "extended after it was given back", q.Extend(t.Context(), held, noon.Add(time.Hour)), jobs.ErrLeaseLost)
	again := got(t, q, ask("mail", noon.Add(time.Minute), 1), "0")[0]
	is(t, "extended", q.Extend(t.Context(), again, noon.Add(time.Hour)), nil)
	is(t, "done after it was extended", q.Done(t.Context(), again), nil)
	is(t, "extended when it is done", q.Extend(t.Context(), again, noon.Add(time.Hour)), jobs.ErrLeaseLost)
	got(t, q, ask("mail", noon.Add(time.Minute), 1), "1")
}

func concurrent(t *testing.T, q jobs.Queue) {
	const keys, each = 7, 6
	var all []string
	for i := range keys * each {
		all = append(all, fmt.Sprint(i%keys))
	}
	Put(t, q, "mail", all...)
	var mu sync.Mutex
	running, did := map[string]bool{}, map[int64]int{}
	var workers sync.WaitGroup
	for range 4 {
		workers.Go(func() {
			for {
				attempts, err := q.Lease(t.Context(), ask("mail", noon, 2))
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				for _, a := range attempts {
					if running[a.Key] {
						t.Errorf("two jobs of key %s run at the same time", a.Key)
					}
					running[a.Key] = true
					did[a.ID]++
				}
				over := len(did) == keys*each
				mu.Unlock()
				for _, a := range attempts {
					mu.Lock() // nobody may lease its key before it is done
					running[a.Key] = false
					err := q.Done(t.Context(), a)
					mu.Unlock()
					if err != nil {
						t.Error(err)
						return
					}
				}
				if over {
					return
				}
			}
		})
	}
	workers.Wait()
	for id, n := range did {
		if n != 1 {
			t.Errorf("job %d was handed out %d times", id, n)
		}
	}
	if len(did) != keys*each {
		t.Errorf("%d jobs were done, want %d", len(did), keys*each)
	}
}

func refused(t *testing.T, q jobs.Queue) {
	for _, j := range []jobs.Job{{Key: "a", AskedAt: noon}, {Kind: "mail", AskedAt: noon}, {Kind: "mail", Key: "a"}} {
		is(t, fmt.Sprintf("%+v", j), q.Enqueue(t.Context(), jobs.Job{Kind: "mail", Key: "good", AskedAt: noon}, j), artifact.ErrInvalid)
	}
	got(t, q, ask("mail", noon, 9))
	is(t, "no jobs", q.Enqueue(t.Context()), nil)
}
