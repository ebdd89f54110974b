//go:build e2e

package app

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	orasauth "oras.land/oras-go/v2/registry/remote/auth"

	format "github.com/oarlock/oarlock/artifact/ledger"
	"github.com/oarlock/oarlock/index/client"
	"github.com/oarlock/oarlock/index/lifecycle/table"
	"github.com/oarlock/oarlock/index/signed"
)

// A bench is a folder and home of its own for stock tools, with the logins that
// were written there.
type bench struct {
	t      *testing.T
	dir    string
	logins map[string]string // registry → password
}

func newBench(t *testing.T) *bench {
	t.Helper()
	return &bench{t: t, dir: t.TempDir(), logins: map[string]string{}}
}

// tool is where scripts/tools/install puts one.
func (b *bench) tool(name string) string {
	b.t.Helper()
	path := must(filepath.Abs(filepath.Join("..", "..", "..", ".cache", "tools", "bin", name)))
	if _, err := os.Stat(path); err != nil {
		b.t.Fatalf("%s is not installed, run `make e2e`: %v", name, err)
	}
	return path
}

// login writes a login as docker, oras and regsync read it.
func (b *bench) login(registry, password string) {
	b.t.Helper()
	b.logins[registry] = password
	auths := map[string]any{}
	for at, password := range b.logins {
		auths[at] = map[string]string{"auth": base64.StdEncoding.EncodeToString([]byte("x:" + password))}
	}
	raw := must(json.Marshal(map[string]any{"auths": auths}))
	if err := os.WriteFile(filepath.Join(b.dir, "config.json"), raw, 0o600); err != nil {
		b.t.Fatal(err)
	}
}

// run gives what a tool wrote, and an error with it where it failed.
func (b *bench) run(tool string, args ...string) (string, error) {
	b.t.Helper()
	cmd := exec.CommandContext(b.t.Context(), b.tool(tool), args...)
	cmd.Dir, cmd.Env = b.dir, []string{"HOME=" + b.dir, "DOCKER_CONFIG=" + b.dir, "PATH=" + os.Getenv("PATH"), "TMPDIR=" + os.TempDir()}
	out, err := cmd.CombinedOutput()
	if err != nil {
		err = fmt.Errorf("%s %s: %w\n%s", tool, strings.Join(args, " "), err, out)
	}
	return string(out), err
}

// bare runs a stock distribution registry, and gives its address.
func (b *bench) bare() string {
	b.t.Helper()
	l := must(net.Listen("tcp", "127.0.0.1:0"))
	addr := l.Addr().String()
	l.Close()
	dir := b.t.TempDir()
	config := filepath.Join(dir, "registry.yml")
	text := fmt.Sprintf("version: 0.1\nlog: {level: error}\nstorage: {filesystem: {rootdirectory: %s}}\nhttp: {addr: %q}\n", filepath.Join(dir, "bare"), addr)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		b.t.Fatal(err)
	}
	cmd := exec.Command(b.tool("registry"), "serve", config)
	cmd.Env = []string{"HOME=" + b.dir, "PATH=" + os.Getenv("PATH"), "OTEL_TRACES_EXPORTER=none"}
	if err := cmd.Start(); err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	tick, deadline := time.NewTicker(20*time.Millisecond), time.After(30*time.Second)
	defer tick.Stop()
	for {
		if resp, err := visitor.Get("http://" + addr + "/v2/"); err == nil {
			resp.Body.Close()
			return addr
		}
		select {
		case <-tick.C:
		case <-deadline:
			b.t.Fatal("distribution does not answer")
		}
	}
}

// stockMirrors copy repositories from registry to registry as docs/mirroring.md says,
// and give what the tool said of the tags that were refused.
var stockMirrors = map[string]func(b *bench, from, to string, repositories ...string) (refused string){
	"oras cp -r": func(b *bench, from, to string, repositories ...string) (refused string) {
		for _, repo := range repositories {
			tags, err := b.run("oras", "repo", "tags", "--plain-http", from+"/"+repo)
			if err != nil {
				b.t.Fatal(err)
			}
			for tag := range strings.FieldsSeq(tags) {
				if strings.HasPrefix(tag, "sha256-") && !strings.Contains(tag, ".") {
					continue // a list of referrers, which -r brings along
				}
				if _, err := b.run("oras", "cp", "-r", "--from-plain-http", "--to-plain-http", from+"/"+repo+":"+tag, to+"/"+repo+":"+tag); err != nil {
					refused += err.Error()
				}
			}
		}
		return refused
	},
	"regsync": func(b *bench, from, to string, repositories ...string) string {
		var config strings.Builder
		config.WriteString("version: 1\ncreds:\n")
		for _, at := range []string{from, to} {
			fmt.Fprintf(&config, "  - {registry: %q, tls: disabled, user: x, pass: %q}\n", at, b.logins[at])
		}
		config.WriteString("defaults: {digestTags: true, referrers: true}\nsync:\n")
		for _, repo := range repositories {
			fmt.Fprintf(&config, "  - {source: %s/%s, target: %s/%s, type: repository}\n", from, repo, to, repo)
		}
		if err := os.WriteFile(filepath.Join(b.dir, "regsync.yaml"), []byte(config.String()), 0o600); err != nil {
			b.t.Fatal(err)
		}
		if _, err := b.run("regsync", "once", "-c", "regsync.yaml"); err != nil {
			return err.Error()
		}
		return ""
	},
}

// Proves E1, E12, B3, B11 and H3 with stock tools: a mirror that they made before the
// moves and again after them, straight or by way of a bare registry, answers every cell
// to every role as the source does. The source gives them no more what is withdrawn, and
// the rest, the ledgers first of all, arrives.
func TestEveryCellOfTheTableOnAMirrorByStockTools_E1_E12_H3(t *testing.T) {
	t.Parallel()
	for tool, copied := range stockMirrors {
		for _, by := range []string{"", "a bare registry"} {
			t.Run(tool+" "+by, func(t *testing.T) {
				t.Parallel()
				b := newBench(t)
				bare := ""
				if by != "" {
					bare = b.bare()
				}
				bring := func(w *cellWorld, to *Server, repositories ...string) string {
					if bare == "" {
						return copied(b, w.Addr(), to.Addr(), repositories...)
					}
					return copied(b, w.Addr(), bare, repositories...) + copied(b, bare, to.Addr(), repositories...)
				}
				mirrored(t, b, bring)
			})
		}
	}
}

// mirrored has a mirror made by bring, and asks it each cell.
func mirrored(t *testing.T, b *bench, bring func(w *cellWorld, to *Server, repositories ...string) (refused string)) {
	t.Helper()
	var here *cellWorld
	w := openCells(t, func(w *cellWorld) {
		b.login(w.Addr(), w.tokens[table.Admin])
		here = openMirror(w, func(to *Server, admin string) error {
			b.login(to.Addr(), admin)
			if refused := bring(w, to, format.PublishersRepository); refused != "" {
				return errors.New(refused)
			}
			return nil
		})
		if refused := bring(w, here.Server, w.ids...); refused != "" {
			t.Fatal(refused)
		}
	})
	refused := bring(w, here.Server, append([]string{format.PublishersRepository}, w.ids...)...)
	for _, tag := range w.withdrawn() {
		if !strings.Contains(refused, w.Addr()+"/"+tag) {
			t.Errorf("the tool does not say that %s is refused:\n%s", tag, refused)
		}
	}
	if err := here.index.ingest.Settled(t.Context()); err != nil {
		t.Fatal(err)
	}
	here.everyCell()
	_, c := published(t, here.Server)
	here.toldTo(c, there)
}

// Proves C7, E1 and E12: a copy of the signed catalog that stock tools made answers each
// cell when the site is gone, and the publication log is copied beside it.
func TestEveryCellOfTheTableByACopiedCatalog_E1_E12_C7(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	w := openCells(t)
	published(t, w.Server)
	pin := must(signed.ReadPin(filepath.Join(w.cfg.Data, "catalog-keys", "1.root.json")))
	b.login(w.Addr(), w.tokens[table.Admin])
	at := map[string]string{}
	for tool, copied := range stockMirrors {
		at[tool] = b.bare()
		if refused := copied(b, w.Addr(), at[tool], "oarlock/catalog", "oarlock/log"); refused != "" {
			t.Fatal(refused)
		}
	}
	if err := w.stop(); err != nil {
		t.Fatal(err)
	}
	for tool, bare := range at {
		nobody := client.RepositoryOptions{HTTPClient: visitor, Credential: orasauth.StaticCredential("", orasauth.EmptyCredential)}
		c, err := signed.OpenRemote(t.Context(), bare, nobody, signed.Options{Root: pin})
		if err != nil {
			t.Fatalf("%s: %v", tool, err)
		}
		w.toldTo(c, func(s table.State) table.State { return s })
		if _, err := b.run("oras", "manifest", "fetch", "--plain-http", bare+"/oarlock/log:latest"); err != nil {
			t.Errorf("%s: the log: %v", tool, err)
		}
	}
}
