package browser

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp"
)

// TestScreenshots makes the pictures of the documents. It looks at nothing:
// people do.
func TestScreenshots(t *testing.T) {
	dir := os.Getenv("SCREENSHOTS")
	if dir == "" {
		t.Skip("SCREENSHOTS=DIR makes pictures")
	}
	for name, path := range map[string]string{"browse": "/", "plugin": "/plugins/acme/hello", "why": "/plugins/acme/late?host=acme-editor&host_version=1.5"} {
		for suffix, dark := range map[string]bool{"": false, "-dark": true} {
			ctx := open(t, 1280, 900, dark)
			var picture []byte
			do(ctx, t, chromedp.Navigate(site+path), chromedp.WaitReady("footer"), chromedp.CaptureScreenshot(&picture))
			if err := os.WriteFile(filepath.Join(dir, name+suffix+".png"), picture, 0o644); err != nil { //nolint:gosec // a picture for everybody
				t.Fatal(err)
			}
		}
	}
}
