//go:build e2e

package pages_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/oarlock/oarlock/scripts/pages"
)

// limit is how long one chain of pages may take.
const limit = 4 * time.Minute

// TestPages pastes every chain of pages into a shell of its own, as a reader would.
func TestPages(t *testing.T) {
	build(t)
	chains, err := pages.Chains(documents(t))
	if err != nil {
		t.Fatal(err)
	}
	environment := environ(t)
	for _, chain := range chains {
		t.Run(chain[len(chain)-1].Path, func(t *testing.T) {
			t.Parallel()
			paste(t, environment, chain)
		})
	}
}

// TestConfigurations has the program read every configuration and trust policy that a
// page shows whole. All that it may find wrong is that a file is not here.
func TestConfigurations(t *testing.T) {
	build(t)
	for _, p := range documents(t) {
		for _, b := range p.Blocks {
			if b.Language != "yaml" || strings.HasPrefix(b.Text, " ") {
				continue
			}
			t.Run(b.At(), func(t *testing.T) {
				file := filepath.Join(t.TempDir(), "page.yaml")
				if err := os.WriteFile(file, []byte(b.Text), 0o600); err != nil {
					t.Fatal(err)
				}
				check := exec.Command("bin/oarlock", "config", "check", "--config", file)
				if isPolicy(b.Text) {
					check = exec.Command("bin/oarlock", "policy", "check", file)
				}
				check.Dir = top
				out, err := check.CombinedOutput()
				if wrong := notOfFiles(string(out)); err != nil && wrong != "" {
					t.Errorf("%v: %v: %s", check.Args[1:], err, wrong)
				}
			})
		}
	}
}

func isPolicy(text string) bool {
	return regexp.MustCompile(`(?m)^(platforms|trusted_roots):|^ +(signers|signature|ledger_keys):`).MatchString(text)
}

// notHere is what a check says of a file that only the reader has, and what follows from it.
var notHere = regexp.MustCompile("no such file or directory|no trusted_roots: is there")

// notOfFiles keeps of what a check found all but files that are missing: the problems,
// which are indented below a head, or everything where no problem is named.
func notOfFiles(found string) string {
	lines := strings.Split(strings.TrimSpace(found), "\n")
	if len(lines) == 1 {
		return found
	}
	return strings.Join(slices.DeleteFunc(lines[1:], notHere.MatchString), "\n")
}

// build makes bin/oarlock, so that the `make build` of each chain finds it done.
func build(t *testing.T) {
	t.Helper()
	make := exec.Command("make", "build")
	make.Dir = top
	if out, err := make.CombinedOutput(); err != nil {
		t.Fatalf("make build: %v\n%s", err, out)
	}
}

// environ is what every shell has: Go's caches and the pinned tools, and
// nothing of who runs the test.
func environ(t *testing.T) []string {
	t.Helper()
	var kept []string
	for _, entry := range os.Environ() {
		name, _, _ := strings.Cut(entry, "=")
		if !regexp.MustCompile(`^(OARLOCK|COSIGN|DOCKER|XDG|REGISTRY)_|^(HOME|TMPDIR|PATH)$`).MatchString(name) {
			kept = append(kept, entry)
		}
	}
	for _, name := range []string{"GOCACHE", "GOMODCACHE", "GOPATH", "GOENV"} {
		out, err := exec.Command("go", "env", name).Output()
		if err != nil {
			t.Fatal(err)
		}
		kept = append(kept, name+"="+strings.TrimSpace(string(out)))
	}
	tools, err := filepath.Abs(filepath.Join(top, ".cache/tools/bin"))
	if err != nil {
		t.Fatal(err)
	}
	return append(kept, "PATH="+tools+":"+os.Getenv("PATH"), "NO_PROXY=127.0.0.1,localhost", "no_proxy=127.0.0.1,localhost")
}

// paste runs the blocks of a chain in one shell and compares what they print with what
// the pages say they print.
func paste(t *testing.T, environment []string, chain []pages.Page) {
	work := t.TempDir()
	home, out := filepath.Join(work, "home"), filepath.Join(work, "out")
	for _, dir := range []string{home, out} {
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	blocks := blocksOf(chain)
	ports := newPorts(t)
	script := filepath.Join(work, "script")
	if err := os.WriteFile(script, []byte(ports.here(shell(blocks))), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithTimeout(context.Background(), limit)
	defer stop()
	bash := exec.CommandContext(ctx, "bash", script)
	bash.Dir = top
	bash.Env = append(append([]string{}, environment...), "HOME="+home, "TMPDIR="+work, "OUT="+out, ports.here("OARLOCK_SERVER=http://127.0.0.1:7117"))
	bash.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	bash.Cancel = func() error { return syscall.Kill(-bash.Process.Pid, syscall.SIGKILL) }
	bash.WaitDelay = 10 * time.Second
	err := bash.Run()
	printed := func(i int) string {
		text, _ := os.ReadFile(filepath.Join(out, strconv.Itoa(i)))
		return ports.there(string(text))
	}
	if err != nil {
		at, _ := os.ReadFile(filepath.Join(out, "at"))
		i, _ := strconv.Atoi(strings.TrimSpace(string(at)))
		t.Fatalf("%s: %v (limit %s)\n%s\nprinted:\n%s", blocks[i].At(), err, limit, blocks[i].Text, tail(printed(i)))
	}
	compare(t, blocks, printed)
}

func blocksOf(chain []pages.Page) []pages.Block {
	var blocks []pages.Block
	for _, p := range chain {
		for _, b := range p.Blocks {
			if b.Language == "sh" || b.Language == "output" {
				blocks = append(blocks, b)
			}
		}
	}
	return blocks
}

// shell is the script of a chain. What block i prints goes to $OUT/i, and $OUT/at
// has the block that is running.
func shell(blocks []pages.Block) string {
	var s strings.Builder
	s.WriteString("set -euo pipefail\ntrap 'code=$?; kill $(jobs -p) 2>/dev/null; wait; exit $code' EXIT\nexec </dev/null\n")
	for i, b := range blocks {
		if b.Language == "sh" {
			fmt.Fprintf(&s, "exec >\"$OUT/%d\" 2>&1\necho %d >\"$OUT/at\"\n%s\n", i, i, b.Text)
		}
	}
	return s.String()
}

func compare(t *testing.T, blocks []pages.Block, printed func(int) string) {
	last := 0
	for i, b := range blocks {
		if b.Language == "sh" {
			last = i
			continue
		}
		if line := pages.Missing(b.Text, printed(last)); line != "" {
			t.Errorf("%s: the page says that this is printed: %s\nprinted:\n%s", b.At(), line, tail(printed(last)))
		}
	}
}

func tail(text string) string {
	const most = 4000
	if len(text) > most {
		return "…" + text[len(text)-most:]
	}
	return text
}

// ports maps the loopback addresses of the pages, whose ports may be in use here, to free ones.
type ports map[string]string

func newPorts(t *testing.T) ports {
	t.Helper()
	p := ports{}
	var listeners []net.Listener // all are held until the end, so that no port comes twice
	defer func() {
		for _, l := range listeners {
			_ = l.Close()
		}
	}()
	for _, page := range []string{"127.0.0.1:7117", "127.0.0.1:7118", "127.0.0.1:7119"} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		listeners = append(listeners, l)
		p[page] = l.Addr().String()
	}
	return p
}

func (p ports) here(text string) string {
	for page, here := range p {
		text = strings.ReplaceAll(text, page, here)
	}
	return text
}

func (p ports) there(text string) string {
	for page, here := range p {
		text = strings.ReplaceAll(text, here, page)
	}
	return text
}
