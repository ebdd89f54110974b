package store

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"strconv"
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

// doJobsUntilKilled does jobs and says the ID of each as it does it.
func doJobsUntilKilled(url string) {
	ctx := context.Background()
	s, err := Open(ctx, url)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	jobs.NewRunner(jobs.RunnerOptions{Queue: s.Jobs(), InTx: s.InTx, Log: slog.New(slog.DiscardHandler), Poll: 10 * time.Millisecond}, jobs.Kind{
		Name: "webhook", Workers: 4, Lease: 300 * time.Millisecond, First: time.Millisecond, Longest: time.Second,
		Do: func(_ context.Context, a jobs.Attempt) error {
			_, err := fmt.Println(a.ID)
			return err
		},
	}).Run(ctx)
	os.Exit(1)
}

// TestJobsSurviveKill: of jobs that were asked for, none is lost when who does
// them is killed between the commit and the end of an attempt; one that is done
// again has the same ID. Proves E8, K2.
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
			done := map[string]int{}
			for round := range 20 {
				killAfter(t, url, 5+round, done)
				if n, _, err := s.WaitingJobs(t.Context(), "webhook"); err != nil || n == 0 {
					if err != nil {
						t.Fatal(err)
					}
					break
				}
			}
			if len(done) != all {
				t.Errorf("%d different jobs were done, want %d", len(done), all)
			}
			if n, oldest, err := s.WaitingJobs(t.Context(), "webhook"); n != 0 || err != nil {
				t.Errorf("%d jobs wait since %s, %v", n, oldest, err)
			}
		})
	}
}

// killAfter runs a process that does jobs, kills it when it did so many, or
// when it has nothing to do for longer than a lease, and counts what it did.
func killAfter(t *testing.T, url string, n int, done map[string]int) {
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
		done[lines.Text()]++
		if n--; n == 0 {
			kill()
		}
	}
	idle.Stop()
	_ = cmd.Wait()
}
