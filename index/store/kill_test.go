package store

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/oarlock/oarlock/index/auth"
)

// TestMain lets the test binary be the process that is killed.
func TestMain(m *testing.M) {
	if path := os.Getenv("STORE_TEST_WRITE"); path != "" {
		writeUntilKilled(path)
	}
	if url := os.Getenv("STORE_TEST_JOBS"); url != "" {
		doJobsUntilKilled(url)
	}
	os.Exit(m.Run())
}

// writeUntilKilled appends rows and says each number once it is acknowledged.
func writeUntilKilled(path string) {
	ctx := context.Background()
	s, err := Open(ctx, "sqlite://"+path)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	for i := 1; ; i++ {
		if err := s.AppendAudit(ctx, auth.AuditRecord{At: noon, Actor: strconv.Itoa(i)}); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		fmt.Println(i)
	}
}

// TestAcknowledgedSurvivesKill: what a process acknowledged before kill -9 is
// there afterwards, and the chain holds.
func TestAcknowledgedSurvivesKill(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "x.db")
	last := 0
	for round := range 3 {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), "STORE_TEST_WRITE="+path)
		cmd.Stderr = os.Stderr
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		acknowledged := 0
		for lines := bufio.NewScanner(out); lines.Scan(); {
			if acknowledged, err = strconv.Atoi(lines.Text()); err != nil {
				t.Error(err)
			}
			if acknowledged == 20+round*7 {
				if err := cmd.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
		}
		_ = cmd.Wait()
		s, err := Open(t.Context(), "sqlite://"+path)
		if err != nil {
			t.Fatal(err)
		}
		head, err := s.VerifyAudit(t.Context())
		if err != nil || head.Seq < int64(last+acknowledged) {
			t.Errorf("round %d: the log ends at %d, %d were acknowledged: %v", round, head.Seq, last+acknowledged, err)
		}
		last = int(head.Seq)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
