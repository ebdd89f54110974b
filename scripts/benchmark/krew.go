package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// benchKrew imports the krew set, beside bare distribution, and asks the
// catalog about it.
func benchKrew(ctx context.Context, o options) error {
	if o.krew == "" || o.importer == "" {
		fmt.Println("\nkrew: left out (give DATA=krew-plugins.jsonl.gz)")
		return nil
	}
	dir := filepath.Join(o.dir, "krew-oarlock")
	s, err := startOarlock(ctx, o, dir)
	if err != nil {
		return err
	}
	ours, err := importInto(ctx, o, s)
	if err != nil {
		s.stop()
		return err
	}
	fmt.Printf("\nkrew import into oarlock: %s\n", ours.Round(10*time.Millisecond))
	if o.registry != "" {
		d, err := startDistribution(ctx, o, filepath.Join(o.dir, "krew-distribution"))
		if err != nil {
			s.stop()
			return err
		}
		theirs, err := importInto(ctx, o, d)
		d.stop()
		if err != nil {
			s.stop()
			return err
		}
		fmt.Printf("krew import into distribution: %s, ratio %.2f (ours/theirs, less is better)\n", theirs.Round(10*time.Millisecond), ours.Seconds()/theirs.Seconds())
	}
	s.stop()
	began := time.Now()
	s, err = startOarlock(ctx, o, dir)
	if err != nil {
		return err
	}
	defer s.stop()
	fmt.Printf("restart to ready with the set: %s\n", time.Since(began).Round(time.Millisecond))
	if err := idle(ctx, s); err != nil {
		return err
	}
	for _, r := range []row{
		{"catalog: host + platform", "/api/v1/plugins?host=kubectl&host_version=1.31.0&platform=darwin/arm64", "", 16},
		{"catalog: text + facets", "/api/v1/plugins?host=kubectl&host_version=1.31.0&q=secret&facets=license,platform", "", 16},
		{"catalog: one plugin", "/api/v1/plugins/krew/krew", "", 16},
	} {
		l, err := wrk(ctx, o, s.base+r.path, r.connections)
		if err != nil {
			return err
		}
		fmt.Printf("%-28s %10.0f requests/s, p99 %s %s\n", r.what, l.perSecond, l.p99, l.failed)
	}
	varied, err := variedLoad(ctx, s.base, time.Duration(o.seconds)*time.Second)
	if err != nil {
		return err
	}
	fmt.Println(varied)
	return idle(ctx, s)
}

// idle waits until the runtime has given memory back, and says what is left.
func idle(ctx context.Context, s *server) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(5 * time.Second):
	}
	fmt.Printf("memory with the set, idle: %.0f MiB\n", s.rss())
	return nil
}

func importInto(ctx context.Context, o options, s *server) (time.Duration, error) {
	cmd := exec.CommandContext(ctx, o.importer, "--data", o.krew, "--registry", strings.TrimPrefix(s.base, "http://"), "--journal", filepath.Join(s.dir, "journal"))
	log, err := os.Create(filepath.Join(s.dir, "import.log"))
	if err != nil {
		return 0, err
	}
	defer func() { _ = log.Close() }()
	cmd.Stdout, cmd.Stderr = log, log
	began := time.Now()
	err = cmd.Run()
	if exit, ok := err.(*exec.ExitError); ok && exit.ExitCode() == 3 { //nolint:errorlint // exec documents this very type
		err = nil // partial: five entries are not SemVer
	}
	if err != nil {
		return 0, fmt.Errorf("importer: %w, see %s", err, log.Name())
	}
	return time.Since(began), nil
}
