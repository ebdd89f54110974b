package browser

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

var pages = []string{"/", "/?q=hello", "/?category=editing", "/?q=nothingatall", "/?sort=bad", "/plugins/acme/hello", "/plugins/acme/hello/1.1.0",
	"/plugins/acme/hello/compare?from=1.0.0&to=1.1.0", "/plugins/acme/late?host=acme-editor&host_version=1.5", "/publishers", "/publishers/acme",
	"/plugins/other/hostile", "/plugins/other/arabic", "/plugins/other/long", "/plugins/acme/none"}

// Proves L5: axe-core finds nothing on any page, wide and narrow, light and
// dark, and no page is wider than its window.
func TestEveryPageIsAccessible_L5(t *testing.T) {
	for _, screen := range []struct {
		name          string
		width, height int64
		dark          bool
	}{{"wide and light", 1280, 900, false}, {"narrow and dark", 360, 740, true}} {
		t.Run(screen.name, func(t *testing.T) {
			ctx := open(t, screen.width, screen.height, screen.dark)
			for _, path := range slices.Concat(pages, consolePages) {
				var found string
				var width int64
				var title string
				do(ctx, t, chromedp.Navigate(site+path), chromedp.WaitReady("footer"), chromedp.Title(&title),
					chromedp.Evaluate("document.documentElement.scrollWidth", &width), chromedp.Evaluate(axe+";0", nil),
					chromedp.Evaluate(audit, &found, func(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }))
				for _, v := range violations(t, found) {
					t.Errorf("%s: %s", path, v)
				}
				if width > screen.width {
					t.Errorf("%s is %d wide in a window of %d", path, width, screen.width)
				}
				if title == "owned" {
					t.Errorf("%s ran a publisher's script", path)
				}
			}
		})
	}
}

const audit = `axe.run(document, {runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]})
	.then(r => JSON.stringify(r.violations.map(v => ({id: v.id, help: v.help, nodes: v.nodes.map(n => n.html + " " + n.failureSummary)}))))`

func violations(t *testing.T, found string) (out []string) {
	t.Helper()
	var all []struct {
		ID, Help string
		Nodes    []string
	}
	if err := json.Unmarshal([]byte(found), &all); err != nil {
		t.Fatalf("axe said %.200q: %v", found, err)
	}
	for _, v := range all {
		out = append(out, fmt.Sprintf("%s: %s: %.400v", v.ID, v.Help, v.Nodes))
	}
	return out
}
