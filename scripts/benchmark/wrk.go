package main

import (
	"context"
	"fmt"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
)

// A row is one thing read from every peer.
type row struct {
	what, path  string
	static      string // the path at nginx, "" where it has none
	connections int
}

type load struct {
	perSecond float64
	requests  float64
	p99       string
	bytes     string
	failed    string
}

var (
	wrkRate  = regexp.MustCompile(`Requests/sec:\s+([0-9.]+)`)
	wrkCount = regexp.MustCompile(`(\d+) requests in`)
	wrkP99   = regexp.MustCompile(`99%\s+(\S+)`)
	wrkBytes = regexp.MustCompile(`Transfer/sec:\s+(\S+)`)
	wrkBad   = regexp.MustCompile(`(?m)^\s*(Non-2xx.*|Socket errors.*)$`)
)

// wrk loads one URL for o.seconds with two threads.
func wrk(ctx context.Context, o options, url string, connections int) (load, error) {
	out, err := exec.CommandContext(ctx, o.wrk, "-t2", "-c"+strconv.Itoa(connections), "-d"+strconv.Itoa(o.seconds)+"s", "--latency",
		"-H", "Accept: application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json, */*", url).CombinedOutput()
	if err != nil {
		return load{}, fmt.Errorf("wrk %s: %w: %s", url, err, out)
	}
	var l load
	if m := wrkRate.FindSubmatch(out); m != nil {
		l.perSecond, _ = strconv.ParseFloat(string(m[1]), 64)
	}
	if m := wrkCount.FindSubmatch(out); m != nil {
		l.requests, _ = strconv.ParseFloat(string(m[1]), 64)
	}
	if m := wrkP99.FindSubmatch(out); m != nil {
		l.p99 = string(m[1])
	}
	if m := wrkBytes.FindSubmatch(out); m != nil {
		l.bytes = string(m[1])
	}
	if m := wrkBad.FindSubmatch(out); m != nil {
		l.failed = strings.TrimSpace(string(m[1]))
	}
	return l, nil
}

// readTable measures every row on every peer in turn and prints a line each,
// with the ratio of oarlock to the peer.
func readTable(ctx context.Context, o options, up []*server, rows []row) error {
	fmt.Printf("\n%-32s %-13s %12s %10s %10s %10s %8s\n", "read", "server", "requests/s", "p99", "bytes/s", "cpu each", "ratio")
	for _, r := range rows {
		var ours float64
		for _, s := range up {
			path := r.path
			if s.name == "nginx" || s.name == "bare Go" {
				if r.static == "" {
					continue
				}
				path = r.static
			}
			before := s.cpu()
			l, err := wrk(ctx, o, s.base+path, r.connections)
			if err != nil {
				return err
			}
			ratio := ""
			switch {
			case l.failed != "":
				ratio = l.failed
			case s.name == "oarlock":
				ours = l.perSecond
			case l.perSecond > 0:
				ratio = fmt.Sprintf("%.2f×", ours/l.perSecond)
			}
			fmt.Printf("%-32s %-13s %12.0f %10s %10s %10s %8s\n", r.what, s.name, l.perSecond, l.p99, l.bytes, each(s.cpu()-before, l.requests), ratio)
		}
	}
	for _, s := range up {
		fmt.Printf("%-32s %-13s %9.0f MiB\n", "memory after it", s.name, s.rss())
	}
	return nil
}
