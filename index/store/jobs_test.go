package store

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/oarlock/oarlock/index/jobs"
	"github.com/oarlock/oarlock/index/jobs/jobstest"
)

func TestJobsContract(t *testing.T) {
	t.Parallel()
	for database, fresh := range databases(t) {
		t.Run(database, func(t *testing.T) {
			t.Parallel()
			jobstest.Contract(t, func(t *testing.T) jobs.Queue { return open(t, fresh(t)).Jobs() })
		})
	}
}

// doJobsUntilKilled does jobs and says of each, as it does it, its kind, key,
// place and ID.
func doJobsUntilKilled(url string) {
	ctx := context.Background()
	s, err := Open(ctx, url)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	webhook := jobs.Kind{
		Name: "webhook", Workers: 4, Lease: 300 * time.Millisecond, First: time.Millisecond, Longest: time.Second,
		Do: func(_ context.Context, a jobs.Attempt) error {
			_, err := fmt.Println(a.Kind, a.Key, string(a.Payload), a.ID)
			return err
		},
	}
	ledger := webhook
	ledger.Name, ledger.InOrder = "ledger", true
	jobs.NewRunner(jobs.RunnerOptions{Queue: s.Jobs(), InTx: s.InTx, Log: slog.New(slog.DiscardHandler), Poll: 10 * time.Millisecond}, webhook, ledger).Run(ctx)
	os.Exit(1)
}

// TestJobsSurviveKill: of jobs that were asked for, none is lost when who does
// them is killed between the commit and the end of an attempt; one that is done
// again has the same ID, and those of a ledger keep their order. Proves E1, E8, K2.
func TestJobsSurviveKill(t *testing.T) {
	t.Parallel()
	for database, fresh := range databases(t) {
		t.Run(database, func(t *testing.T) {
			t.Parallel()
			url := fresh(t)
			s := open(t, url)
			const all = 60
			var keys []string
			for i := range all {
				keys = append(keys, strconv.Itoa(i%9))
			}
			jobstest.Put(t, s.Jobs(), "webhook", keys...)
			jobstest.Put(t, s.Jobs(), "ledger", keys...)
			done := map[string]int{}
			var order []string
			for round := range 20 {
				order = append(order, killAfter(t, url, 5+round, done)...)
				left := must(s.Backlog(t.Context(), "webhook", "")).Jobs + must(s.Backlog(t.Context(), "ledger", "")).Jobs
				if left == 0 {
					break
				}
			}
			if len(done) != 2*all {
				t.Errorf("%d different jobs were done, want %d", len(done), 2*all)
			}
			for _, kind := range []string{"webhook", "ledger"} {
				if b, err := s.Backlog(t.Context(), kind, ""); b.Jobs != 0 || err != nil {
					t.Errorf("%s: jobs wait: %+v, %v", kind, b, err)
				}
			}
			// Of each ledger, the first attempt of a job follows that of the one before.
			last := map[string]int{}
			for _, one := range order {
				words := strings.Fields(one)
				kind, key := words[0], words[1]
				if n := must(strconv.Atoi(words[2])); kind == "ledger" {
					if before, ok := last[key]; ok && n < before {
						t.Errorf("ledger %s: %d was done before %d", key, before, n)
					}
					last[key] = n
				}
			}
		})
	}
}

// killAfter runs a process that does jobs, kills it when it did so many, or
// when it has nothing to do for longer than a lease, and counts what it did; it
// gives what nobody had begun before, in order.
func killAfter(t *testing.T, url string, n int, done map[string]int) (first []string) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "STORE_TEST_JOBS="+url)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	kill := func() { _ = cmd.Process.Kill() } // it may have ended
	idle := time.AfterFunc(5*time.Second, kill)
	for lines := bufio.NewScanner(out); lines.Scan(); {
		idle.Reset(2 * time.Second)
		if done[lines.Text()]++; done[lines.Text()] == 1 {
			first = append(first, lines.Text())
		}
		if n--; n == 0 {
			kill()
		}
	}
	idle.Stop()
	_ = cmd.Wait()
	return first
}

// Statements that waited in the table of a time before there were jobs are jobs
// afterwards: those of one ledger in their order, with what is known of them.
func TestStatementsThatWaitedBecomeJobs_E1(t *testing.T) {
	t.Parallel()
	for database, fresh := range databases(t) {
		t.Run(database, func(t *testing.T) {
			t.Parallel()
			ctx := t.Context()
			s, err := connect(ctx, fresh(t))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = s.Close() })
			if err := s.migrate(ctx, 22); err != nil {
				t.Fatal(err)
			}
			for i, name := range []string{"zeta", "acme", "zeta"} {
				payload := fmt.Sprintf(`{"ledger":"oarlock/publishers:%s","kind":"member.set","n":%d}`, name, i)
				_, err := s.write.ExecContext(ctx, "INSERT INTO outbox (topic, payload, created_at, due_at, attempts, last_error) VALUES ('ledger', ?, ?, 7, 2, 'no answer')", []byte(payload), micro(noon)+int64(i))
				if err != nil {
					t.Fatal(err)
				}
			}
			if err := s.migrate(ctx, latest); err != nil {
				t.Fatal(err)
			}
			ask := jobs.Ask{Kind: "ledger", InOrder: true, Limit: 9, Now: noon.Add(time.Second), Until: noon.Add(time.Minute)}
			first, err := s.Jobs().Lease(ctx, ask)
			if err != nil || len(first) != 2 || first[0].Key != "oarlock/publishers:zeta" || first[1].Key != "oarlock/publishers:acme" {
				t.Fatalf("%+v, %v", first, err)
			}
			if a := first[0]; string(a.Payload) != `{"ledger":"oarlock/publishers:zeta","kind":"member.set","n":0}` || !a.AskedAt.Equal(noon) || a.Number != 3 || a.LastError != "no answer" {
				t.Errorf("%+v", a)
			}
			want(t, "done", s.Jobs().Done(ctx, first[0]), nil)
			next, err := s.Jobs().Lease(ctx, ask)
			if err != nil || len(next) != 1 || !strings.Contains(string(next[0].Payload), `"n":2`) {
				t.Errorf("%+v, %v", next, err)
			}
		})
	}
}

// A job that failed with what a foreign server said, whatever its bytes, is kept with that
// and due later, in every database.
func TestWhatAForeignServerSaidIsKept_K2(t *testing.T) {
	t.Parallel()
	for database, fresh := range databases(t) {
		t.Run(database, func(t *testing.T) {
			t.Parallel()
			s := open(t, fresh(t))
			tried := 0
			r := jobs.NewRunner(jobs.RunnerOptions{Queue: s.Jobs(), InTx: s.InTx, Log: slog.New(slog.DiscardHandler), Poll: time.Second},
				jobs.Kind{Name: "webhook", Workers: 1, Lease: time.Minute, First: time.Hour, Longest: time.Hour,
					Do: func(context.Context, jobs.Attempt) error { tried++; return errors.New("bad header \x00\xff") }})
			jobstest.Put(t, s.Jobs(), "webhook", "one")
			if err := r.Drain(t.Context(), "webhook"); err == nil || strings.Contains(err.Error(), "job 1") {
				t.Errorf("how it ended: %v", err)
			}
			if b := must(s.Backlog(t.Context(), "webhook", "")); b.Jobs != 1 || b.LastError != "bad header \uFFFD" || tried != 1 {
				t.Errorf("%+v after %d attempts", b, tried)
			}
			if again := must(s.Jobs().Lease(t.Context(), jobs.Ask{Kind: "webhook", Limit: 1, Now: time.Now(), Until: time.Now().Add(time.Minute)})); len(again) != 0 {
				t.Errorf("it is due again at once: %+v", again)
			}
		})
	}
}
