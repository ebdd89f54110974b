package cli

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	// Nobody sends requests to a test's server while it leaves.
	if _, set := os.LookupEnv("OARLOCK_LIMITS_UNREADY"); !set {
		if err := os.Setenv("OARLOCK_LIMITS_UNREADY", "0s"); err != nil {
			panic(err)
		}
	}
	// Under the race detector a program sleeps a second at its end, in case a
	// goroutine still races; hundreds of short programs run here.
	if err := os.Setenv("GORACE", strings.TrimSpace(os.Getenv("GORACE")+" atexit_sleep_ms=0")); err != nil {
		panic(err)
	}
	testscript.Main(m, map[string]func(){
		"oarlock": func() { os.Exit(Main(os.Args[1:], Streams{os.Stdin, os.Stdout, os.Stderr}, "v0.0.0-test")) },
	})
}

// The scripts are the contract of the command line. They run the program's own
// main against a server that the script starts with the command "server".
func TestScripts_L3(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(e *testscript.Env) error {
			e.Setenv("HOME", e.WorkDir)
			e.Setenv("DOCKER_CONFIG", filepath.Join(e.WorkDir, ".docker"))
			e.Setenv("COSIGN_PASSWORD", "")
			e.Setenv("OARLOCK_LIMITS_UNREADY", "0s")
			e.Setenv("GORACE", os.Getenv("GORACE"))
			e.Values[serversKey{}] = map[string]*server{}
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"server": startServer,
			"stop":   stopServer,
			"exits":  exitsWith,
			"digest": digestOf,
			"logged": logged,
			"until":  until,

			"captured": captured,
		},
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
	})
}

type serversKey struct{}

// server is a running "oarlock serve".
type server struct {
	cancel context.CancelFunc
	code   chan int
	log    *logTail
}

// startServer runs serve with the given flags on a free port until the script
// ends or says stop. It sets SERVER and REGISTRY, OARLOCK_SERVER, and TOKEN on
// a first start.
//
//	server [flags…]
func startServer(ts *testscript.TestScript, neg bool, args []string) {
	if neg {
		ts.Fatalf("server cannot be negated: use exits")
	}
	ctx, cancel := context.WithCancel(context.Background())
	log := newLogTail()
	s := &server{cancel: cancel, code: make(chan int, 1), log: log}
	abs := make([]string, len(args))
	for i, a := range args {
		abs[i] = a
		if i > 0 && (args[i-1] == "--data" || args[i-1] == "--trust" || args[i-1] == "--config") {
			abs[i] = ts.MkAbs(a)
		}
	}
	go func() {
		s.code <- Run(ctx, append([]string{"serve", "--listen", "127.0.0.1:0"}, abs...), Streams{strings.NewReader(""), io.Discard, log}, "v0.0.0-test")
	}()
	url, err := log.wait(regexp.MustCompile(`msg=listening.* url=(\S+)`), s.code)
	if err != "" {
		cancel()
		ts.Fatalf("server: %s", err)
	}
	ts.Setenv("SERVER", url)
	ts.Setenv("OARLOCK_SERVER", url)
	ts.Setenv("REGISTRY", strings.TrimPrefix(url, "http://"))
	if m := regexp.MustCompile(`\boar_\w+`).FindString(log.String()); m != "" {
		ts.Setenv("TOKEN", m)
	}
	if _, err := log.wait(regexp.MustCompile(`msg="(catalog serves|checkpoint serves)"()`), s.code); err != "" {
		ts.Fatalf("server: %s", err)
	}
	ts.Value(serversKey{}).(map[string]*server)["now"] = s
	ts.Defer(func() {
		s.stop()
		if ts.Value(serversKey{}).(map[string]*server)["now"] == s {
			ts.Logf("%s", log)
		}
	})
}

func (s *server) stop() int {
	s.cancel()
	code := <-s.code
	s.code <- code
	return code
}

// stopServer ends the server and expects exit code 0.
func stopServer(ts *testscript.TestScript, neg bool, _ []string) {
	s := ts.Value(serversKey{}).(map[string]*server)["now"]
	if s == nil || neg {
		ts.Fatalf("there is no server")
	}
	if code := s.stop(); code != 0 {
		ts.Fatalf("serve ended with exit code %d:\n%s", code, s.log)
	}
}

// exitsWith runs a command that must end with the given code; its output goes to
// stdout and stderr as with exec.
//
//	exits 11 oarlock push …
func exitsWith(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	script := ts.MkAbs("exit.sh")
	ts.Check(os.WriteFile(script, []byte("\"$@\"; code=$?; echo \"exit code $code\" >&2; test $code = "+strconv.Itoa(want)+"\n"), 0o644))
	if err := ts.Exec("sh", append([]string{script}, args[1:]...)...); err != nil {
		ts.Fatalf("expected exit code %d: %v", want, err)
	}
}

// logged waits for a line in the log of the server.
//
//	logged 'signed catalog: published'
func logged(ts *testscript.TestScript, _ bool, args []string) {
	s := ts.Value(serversKey{}).(map[string]*server)["now"]
	if _, err := s.log.wait(regexp.MustCompile(args[0]+"()"), s.code); err != "" {
		ts.Fatalf("server: %s", err)
	}
}

// captured sets a variable to what a file has that matches a pattern.
//
//	captured NAME PATTERN FILE
func captured(ts *testscript.TestScript, _ bool, args []string) {
	found := regexp.MustCompile(args[1]).FindString(ts.ReadFile(args[2]))
	if found == "" {
		ts.Fatalf("%s: nothing matches %s", args[2], args[1])
	}
	ts.Setenv(args[0], found)
}

// until runs a command again until its output matches: what was pushed a moment
// ago is in the catalog a moment later.
//
//	until PATTERN oarlock search …
func until(ts *testscript.TestScript, _ bool, args []string) {
	want := regexp.MustCompile("(?m)" + args[0])
	for end := time.Now().Add(20 * time.Second); ; {
		err := ts.Exec(args[1], args[2:]...)
		if err == nil && want.MatchString(ts.ReadFile("stdout")) {
			return
		}
		if time.Now().After(end) {
			ts.Fatalf("the output never matched %s: %v", args[0], err)
		}
	}
}

// digestOf keeps the first digest in a file as an environment variable.
//
//	digest D stdout
func digestOf(ts *testscript.TestScript, _ bool, args []string) {
	d := regexp.MustCompile(`sha256:[0-9a-f]{64}`).FindString(ts.ReadFile(args[1]))
	if d == "" {
		ts.Fatalf("no digest in %s", args[1])
	}
	ts.Setenv(args[0], d)
}

// logTail is the stderr of a server, which others may wait on.
type logTail struct {
	mu   sync.Mutex
	all  bytes.Buffer
	more chan struct{}
}

func newLogTail() *logTail { return &logTail{more: make(chan struct{})} }

func (l *logTail) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	close(l.more)
	l.more = make(chan struct{})
	return l.all.Write(b)
}

func (l *logTail) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.String()
}

// wait gives the first group of the first line that matches, or a problem.
func (l *logTail) wait(line *regexp.Regexp, ended chan int) (string, string) {
	timeout := time.After(time.Minute)
	for {
		l.mu.Lock()
		text, more := l.all.String(), l.more
		l.mu.Unlock()
		for s := bufio.NewScanner(strings.NewReader(text)); s.Scan(); {
			if m := line.FindStringSubmatch(s.Text()); m != nil {
				return m[1], ""
			}
		}
		select {
		case <-more:
		case code := <-ended:
			ended <- code
			return "", "ended with exit code " + strconv.Itoa(code) + ":\n" + l.String()
		case <-timeout:
			return "", "no line matches " + line.String() + ":\n" + l.String()
		}
	}
}
