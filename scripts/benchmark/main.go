// Command benchmark measures Oarlock beside its peers in one run and prints
// tables with ratios. It asserts nothing: a benchmark is not a test.
//
//	go run ./scripts/benchmark -oarlock bin/oarlock -registry .cache/tools/bin/registry
//	    [-zot /path/to/zot] [-nginx /usr/sbin/nginx] [-wrk /usr/bin/wrk]
//	    [-importer bin/krew-importer -krew krew-plugins.jsonl.gz] [-seconds 5]
//	    [-only bytes,push,visible,krew]
//
// All servers listen on loopback and keep their data below a temporary folder.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"time"
)

type options struct {
	oarlock, registry, zot, nginx, wrk string
	importer, krew, only               string
	seconds                            int
	dir                                string
}

func main() {
	var o options
	flag.StringVar(&o.oarlock, "oarlock", "bin/oarlock", "the oarlock binary")
	flag.StringVar(&o.registry, "registry", "", "distribution's registry binary; empty leaves its column out")
	flag.StringVar(&o.zot, "zot", "", "zot's binary; empty leaves its column out")
	flag.StringVar(&o.nginx, "nginx", "", "nginx's binary; empty leaves its column out")
	flag.StringVar(&o.wrk, "wrk", "wrk", "the wrk binary")
	flag.StringVar(&o.importer, "importer", "", "the krew importer's binary")
	flag.StringVar(&o.krew, "krew", "", "krew-plugins.jsonl.gz; empty leaves the krew rows out")
	flag.StringVar(&o.only, "only", "bytes,push,visible,krew", "the parts to run")
	flag.IntVar(&o.seconds, "seconds", 5, "length of each measurement in seconds")
	bare := flag.String("bare", "", "ADDRESS=DIRECTORY: be the bare Go server")
	flag.Parse()
	if addr, dir, ok := strings.Cut(*bare, "="); ok {
		fmt.Fprintln(os.Stderr, "benchmark:", serveBare(addr, dir))
		os.Exit(1)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "benchmark:", err)
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) error {
	dir, err := os.MkdirTemp("", "oarlock-bench-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	o.dir = dir
	fmt.Printf("benchmark %s, %d s a row\n", time.Now().UTC().Format(time.RFC3339), o.seconds)
	parts := map[string]func(context.Context, options) error{
		"bytes": benchBytes, "push": benchPush, "visible": benchVisible, "krew": benchKrew,
	}
	for _, name := range strings.Split(o.only, ",") {
		part, ok := parts[name]
		if !ok {
			return fmt.Errorf("part %q: expected bytes, push, visible or krew", name)
		}
		if err := part(ctx, o); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}
