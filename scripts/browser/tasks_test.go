package browser

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// Proves L5: what readers come for is done by keyboard alone, at phone width,
// and with scripts off.
func TestReadersTasks_L5(t *testing.T) { doTasks(t, tasks) }

// A task is what somebody comes for.
type task struct {
	name string
	do   func(context.Context, *testing.T)
}

// doTasks does each in three ways.
func doTasks(t *testing.T, tasks []task) {
	for _, way := range []string{"keyboard", "phone", "no scripts"} {
		t.Run(way, func(t *testing.T) {
			width := int64(1280)
			if way == "phone" {
				width = 360
			}
			for _, task := range tasks {
				t.Run(task.name, func(t *testing.T) {
					ctx := open(t, width, 800, false)
					if way == "no scripts" {
						do(ctx, t, scriptsOff())
					}
					task.do(ctx, t)
				})
			}
		})
	}
}

var tasks = []task{
	{"find what fits my host", func(ctx context.Context, t *testing.T) {
		visit(ctx, t, "/")
		press(ctx, t, "summary", kb.Enter)
		press(ctx, t, `select[name="host"]`, "acme-editor")
		press(ctx, t, `input[name="host_version"]`, "1.5"+kb.Enter)
		shows(ctx, t, "Shown for", "acme/hello")
		hides(ctx, t, "acme/late")
	}},
	{"learn why a plugin does not fit", func(ctx context.Context, t *testing.T) {
		visit(ctx, t, "/plugins/acme/late?host=acme-editor&host_version=1.5")
		follow(ctx, t, `nav.toc a[href="#why"]`)
		shows(ctx, t, "no version fits", ">=9.0.0")
	}},
	{"search", func(ctx context.Context, t *testing.T) {
		visit(ctx, t, "/")
		press(ctx, t, "#q", "hello"+kb.Enter)
		shows(ctx, t, "q=hello", "acme/hello") // the page before shows the plugin too
		hides(ctx, t, "other/long")
	}},
	{"read the permissions", func(ctx context.Context, t *testing.T) {
		visit(ctx, t, "/?q=hello")
		follow(ctx, t, `a[href="/plugins/acme/hello"]`)
		follow(ctx, t, `nav.toc a[href="#permissions"]`)
		shows(ctx, t, "network", "What changed since 1.0.0")
	}},
	{"compare two versions", func(ctx context.Context, t *testing.T) {
		visit(ctx, t, "/plugins/acme/hello")
		press(ctx, t, `select[name="from"]`, "1.0.0")
		follow(ctx, t, `form[action$="/compare"] button`)
		shows(ctx, t, "From 1.0.0 to 1.1.0", "network")
	}},
	{"copy the digest", func(ctx context.Context, t *testing.T) {
		visit(ctx, t, "/plugins/acme/hello/1.1.0")
		shows(ctx, t, "sha256:", "acme/hello@sha256:")
	}},
	{"see who signed", func(ctx context.Context, t *testing.T) {
		visit(ctx, t, "/plugins/acme/hello")
		follow(ctx, t, `nav.toc a[href="#trust"]`)
		shows(ctx, t, "Nobody signed this version.")
	}},
	{"browse a category", func(ctx context.Context, t *testing.T) {
		visit(ctx, t, "/plugins/acme/hello")
		follow(ctx, t, `aside a[href="/?category=editing"]`)
		shows(ctx, t, "acme/late", "acme/hello")
	}},
}

func visit(ctx context.Context, t *testing.T, path string) {
	t.Helper()
	do(ctx, t, chromedp.Navigate(site+path), chromedp.WaitReady("footer"))
}

// press moves to the element with the Tab key, as a person without a mouse
// does, and types.
func press(ctx context.Context, t *testing.T, selector, keys string) {
	t.Helper()
	reach(ctx, t, selector)
	do(ctx, t, chromedp.KeyEvent(keys))
}

// follow moves to a link or button with the Tab key and presses Enter.
func follow(ctx context.Context, t *testing.T, selector string) {
	t.Helper()
	press(ctx, t, selector, kb.Enter)
	do(ctx, t, chromedp.WaitReady("footer"))
}

// reach presses Tab until the element has the focus. It asks the page through
// the debugger, which answers with scripts off too.
func reach(ctx context.Context, t *testing.T, selector string) {
	t.Helper()
	for range 200 {
		do(ctx, t, chromedp.KeyEvent(kb.Tab))
		var there bool
		do(ctx, t, chromedp.Evaluate(fmt.Sprintf("document.activeElement != null && document.activeElement.matches(%q)", selector), &there))
		if there {
			return
		}
	}
	t.Fatalf("Tab never comes to %s", selector)
}

func shows(ctx context.Context, t *testing.T, texts ...string) {
	t.Helper()
	for _, want := range texts {
		text := ""
		for end := time.Now().Add(patience / 3); !strings.Contains(text, want); time.Sleep(20 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("the page does not show %q:\n%s", want, text)
			}
			text = textOf(ctx, t)
		}
	}
}

func hides(ctx context.Context, t *testing.T, want string) {
	t.Helper()
	if strings.Contains(textOf(ctx, t), want) {
		t.Errorf("the page shows %q", want)
	}
}

// textOf is what the page shows; nothing while it loads.
func textOf(ctx context.Context, t *testing.T) (text string) {
	t.Helper()
	err := chromedp.Run(ctx, chromedp.Evaluate(`document.body ? location.href + "\n" + document.body.innerText : ""`, &text))
	if err != nil && strings.Contains(err.Error(), "navigated or closed") { // Chromium's words for a page that just went
		return ""
	}
	if err != nil {
		t.Fatal(err)
	}
	return text
}
