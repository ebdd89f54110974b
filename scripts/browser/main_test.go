package browser

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// patience bounds every wait; a wait ends as soon as its condition holds.
const patience = 30 * time.Second

var (
	site      string          // URL of the server under test
	guarded   string          // URL of one where people sign in
	bootstrap string          // the token that its first start printed
	axe       string          // the source of axe-core
	chromium  context.Context // the browser; each test has a window of it
)

func TestMain(m *testing.M) {
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "browser:", err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M) (int, error) {
	source, err := os.ReadFile(os.Getenv("AXE"))
	if err != nil {
		return 0, fmt.Errorf("run scripts/browser/test: %w", err)
	}
	axe = string(source)
	dir, err := os.MkdirTemp("", "oarlock-browser-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	var end func()
	if site, _, end, err = serve("--dev", "--data", filepath.Join(dir, "data")); err != nil {
		return 0, err
	}
	defer end()
	var printed string
	if guarded, printed, end, err = serve("--data", filepath.Join(dir, "guarded")); err != nil {
		return 0, err
	}
	defer end()
	if bootstrap = regexp.MustCompile(`oar_\w+`).FindString(printed); bootstrap == "" {
		return 0, fmt.Errorf("the first start printed no token: %s", printed)
	}
	if err := fill(dir); err != nil {
		return 0, err
	}
	end, err = launch(dir)
	if err != nil {
		return 0, fmt.Errorf("chromium: %w", err)
	}
	defer end()
	return m.Run(), nil
}

// serve starts a server, and gives its URL with what it printed until it listened.
func serve(args ...string) (address, printed string, end func(), err error) {
	server := exec.Command(os.Getenv("OARLOCK"), append([]string{"serve", "--listen", "127.0.0.1:0"}, args...)...)
	out, err := server.StderrPipe()
	if err != nil {
		return "", "", nil, err
	}
	if err := server.Start(); err != nil {
		return "", "", nil, err
	}
	end = func() { _ = server.Process.Kill(); _ = server.Wait() }
	listening := regexp.MustCompile(`listening.*address=(127\.0\.0\.1:[0-9]+)`)
	lines := bufio.NewScanner(out)
	for address == "" && lines.Scan() {
		printed += lines.Text() + "\n"
		if m := listening.FindStringSubmatch(lines.Text()); m != nil {
			address = "http://" + m[1]
		}
	}
	if address == "" {
		end()
		return "", "", nil, fmt.Errorf("the server ended before it listened: %s", printed)
	}
	go func() {
		for lines.Scan() { // so that the server never waits for a reader
		}
	}()
	return address, printed, end, nil
}

// launch starts Chromium with a profile below dir.
func launch(dir string) (end func(), err error) {
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true), chromedp.UserDataDir(filepath.Join(dir, "profile")))
	if path := os.Getenv("CHROMIUM"); path != "" {
		options = append(options, chromedp.ExecPath(path))
	}
	ctx, stop := chromedp.NewExecAllocator(context.Background(), options...)
	var closes context.CancelFunc
	chromium, closes = chromedp.NewContext(ctx)
	return func() { closes(); stop() }, chromedp.Run(chromium)
}

// hostile is what somebody may write to harm a reader.
const hostile = `<script>document.title='owned'</script><img src=x onerror="document.title='owned'"> [x](javascript:alert(1))`

// fill pushes the plugins that the tests look at.
func fill(dir string) error {
	if out, err := oarlock("publisher", "claim", "acme", "--server", site); err != nil {
		return fmt.Errorf("claim: %w\n%s", err, out)
	}
	long := strings.TrimSuffix(strings.Repeat("a long description without an end ", 12), " ")
	for _, p := range []struct{ id, version, name, about, readme string }{
		{"acme/hello", "1.0.0", "Hello", "Says hello to the editor.", "# Hello\n\nIt says **hello**.\n\n| a | b |\n|---|---|\n| 1 | 2 |\n"},
		{"acme/hello", "1.1.0", "Hello", "Says hello to the editor.", "# Hello\n\nIt says **hello** twice.\n"},
		{"acme/late", "2.0.0", "Late", "Needs a newer host.", "# Late\n"},
		{"acme/old", "1.0.0", "Old", "What came before.", "# Old\n"},
		{"other/hostile", "1.0.0", `<script>document.title='owned'</script>`, `<img src=x onerror="document.title='owned'">`, hostile},
		{"other/arabic", "1.0.0", "محرر النصوص", "إضافة تحية للمحرر", "# مرحبا\n\nنص طويل\n"},
		{"other/long", "1.0.0", strings.Repeat("verylongname", 8), long, strings.Repeat("word", 400) + "\n"},
	} {
		at := filepath.Join(dir, strings.ReplaceAll(p.id, "/", "-")+p.version)
		if out, err := oarlock("init", at, "--id", p.id, "--quiet"); err != nil {
			return fmt.Errorf("init %s: %w\n%s", p.id, err, out)
		}
		if err := describe(at, p.version, p.name, p.about, p.readme); err != nil {
			return err
		}
		ref := strings.TrimPrefix(site, "http://") + "/" + p.id + ":" + p.version
		if out, err := oarlock("push", at, ref, "--quiet"); err != nil {
			return fmt.Errorf("push %s: %w\n%s", ref, err, out)
		}
	}
	if err := listed(7); err != nil {
		return err
	}
	out, err := oarlock("deprecate", "acme/old", "--server", site, "--reason", "superseded", "--replacement", "acme/hello", "--text", "Use Hello.")
	if err != nil {
		return fmt.Errorf("deprecate: %w\n%s", err, out)
	}
	return nil
}

func describe(dir, version, name, about, readme string) error {
	path := filepath.Join(dir, "plugin.json")
	raw, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	m := map[string]any{}
	if err := json.Unmarshal(raw, &m); err != nil {
		return err
	}
	host := ">=1.0.0 <2.0.0"
	if name == "Late" {
		host = ">=9.0.0"
	}
	m["version"], m["name"], m["description"] = version, name, about
	m["engines"], m["categories"] = map[string]string{"acme-editor": host}, []string{"examples", "editing"}
	if version == "1.1.0" {
		m["permissions"] = []map[string]any{{"name": "network", "reason": "asks the weather"}}
	}
	if raw, err = json.Marshal(m); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "README.md"), []byte(readme), 0o600); err != nil {
		return err
	}
	return os.WriteFile(path, raw, 0o600)
}

func oarlock(args ...string) (string, error) {
	out, err := exec.Command(os.Getenv("OARLOCK"), args...).CombinedOutput()
	return string(out), err
}

// listed waits until the catalog holds n versions.
func listed(n int) error {
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		resp, err := http.Get(site + "/api/v1/catalog")
		if err != nil {
			return err
		}
		var sum struct{ Versions int }
		err = json.NewDecoder(resp.Body).Decode(&sum)
		resp.Body.Close()
		if err == nil && sum.Versions >= n {
			return nil
		}
	}
	return fmt.Errorf("the catalog does not hold %d versions after %v", n, patience)
}

// open is a browser window of its own, whose every request and broken policy
// fails the test.
func open(t *testing.T, width, height int64, dark bool) context.Context {
	t.Helper()
	ctx, cancel := chromedp.NewContext(chromium)
	t.Cleanup(cancel)
	ctx, cancel = context.WithTimeout(ctx, 5*patience)
	t.Cleanup(cancel)
	guard(ctx, t)
	do(ctx, t, prepare(width, height, dark)...)
	return ctx
}

func do(ctx context.Context, t *testing.T, actions ...chromedp.Action) {
	t.Helper()
	if err := chromedp.Run(ctx, actions...); err != nil {
		t.Fatal(err)
	}
}

// elsewhere reports whether address is on another host than the site.
func elsewhere(address string) bool {
	u, err := url.Parse(address)
	return err != nil || u.Host != "" && u.Host != strings.TrimPrefix(site, "http://") && u.Host != strings.TrimPrefix(guarded, "http://")
}
