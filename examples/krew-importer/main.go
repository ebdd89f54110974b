// Krew-importer loads a copy of the public krew index, one JSON object a line
// (gzipped or not), into an Oarlock registry by plain OCI pushes: one artifact
// per version, whose payloads stay where they are, by URL and SHA-256.
//
//	go run ./examples/krew-importer --data krew-plugins.jsonl.gz --registry 127.0.0.1:7117
//
// It can be interrupted at any moment and started again: what is there is
// skipped by the journal, and what was half done is finished. Entries that it
// cannot take are named with the reason at the end.
//
// Exit codes: 0 all taken, 1 failure, 2 usage, 3 some not taken, 130 interrupted.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"time"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/registry/remote"
)

type flags struct {
	data, registry, publisher, journal, report, key string
	sign, plainHTTP                                 bool
	parallel, limit                                 int
}

const (
	exitFailure     = 1
	exitUsage       = 2
	exitPartial     = 3
	exitInterrupted = 130
)

func main() {
	var f flags
	flag.StringVar(&f.data, "data", "", "`FILE` of entries, .jsonl or .jsonl.gz")
	flag.StringVar(&f.registry, "registry", "127.0.0.1:7117", "`HOST:PORT` of the registry, or its URL")
	flag.StringVar(&f.publisher, "publisher", "krew", "`NAMESPACE` to publish in")
	flag.StringVar(&f.journal, "journal", "", "`FILE` of what is done; in the working directory by default; \"none\" keeps none")
	flag.StringVar(&f.report, "report", "", "write the report as JSON to `FILE`")
	flag.IntVar(&f.parallel, "parallel", 8, "versions on their way at once")
	flag.IntVar(&f.limit, "limit", 0, "take the first `N` entries only; 0 takes all")
	flag.BoolVar(&f.sign, "sign", false, "sign each version with --key")
	flag.StringVar(&f.key, "key", "", "private key `FILE`; its password is taken from COSIGN_PASSWORD")
	flag.BoolVar(&f.plainHTTP, "plain-http", false, "speak HTTP to a registry that is not on this machine")
	flag.Parse()
	if err := f.check(); err != nil {
		fmt.Fprintln(os.Stderr, "krew-importer:", err)
		flag.Usage()
		os.Exit(exitUsage)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	code := run(ctx, f, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

func (f *flags) check() error {
	switch {
	case f.data == "":
		return errors.New("--data is missing")
	case flag.NArg() > 0:
		return fmt.Errorf("unexpected %q", flag.Arg(0))
	case f.parallel < 1 || f.parallel > 256:
		return fmt.Errorf("--parallel %d: expected 1 to 256", f.parallel)
	case f.sign != (f.key != ""):
		return errors.New("--sign and --key go together")
	}
	f.registry = strings.TrimSuffix(strings.TrimPrefix(strings.TrimPrefix(f.registry, "http://"), "https://"), "/")
	if f.journal == "" {
		f.journal = fmt.Sprintf("%s.%s.journal", filepath.Base(f.data), strings.NewReplacer(":", "_", "/", "_").Replace(f.registry))
	}
	return artifact.CheckSegment(f.publisher)
}

// run imports and returns the exit code.
func run(ctx context.Context, f flags, out, log io.Writer) int {
	entries, err := readFile(f.data)
	if err != nil {
		fmt.Fprintln(log, "krew-importer:", err)
		return exitFailure
	}
	if f.limit > 0 {
		entries = entries[:min(f.limit, len(entries))]
	}
	im, err := newImporter(ctx, f, log)
	if err != nil {
		fmt.Fprintln(log, "krew-importer:", err)
		return exitFailure
	}
	p := startProgress(log, len(entries), time.Now)
	err = im.all(ctx, entries, p)
	r := p.finish()
	err = errors.Join(err, im.journal.close())
	if writeErr := r.write(out, f.report); writeErr != nil {
		err = errors.Join(err, writeErr)
	}
	switch {
	case errors.Is(err, context.Canceled) && ctx.Err() != nil:
		fmt.Fprintln(log, "krew-importer: interrupted; the same command goes on from here")
		return exitInterrupted
	case err != nil:
		fmt.Fprintln(log, "krew-importer:", err)
		fmt.Fprintln(log, "krew-importer: the same command goes on from here")
		return exitFailure
	case len(r.Refused) > 0:
		return exitPartial
	}
	return 0
}

// options keeps one connection pool for all pushes.
func (f *flags) options() (remote.Options, error) {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = 4 * f.parallel
	return withLogin(remote.Options{PlainHTTP: f.plainHTTP, UserAgent: "krew-importer", HTTPClient: &http.Client{Transport: transport}, Concurrency: 2})
}
