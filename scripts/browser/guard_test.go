package browser

import (
	"context"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// guard fails the test at every request to another host, every breach of the
// Content-Security-Policy and every exception of a script.
func guard(ctx context.Context, t *testing.T) {
	chromedp.ListenTarget(ctx, func(event any) {
		switch e := event.(type) {
		case *network.EventRequestWillBeSent:
			if elsewhere(e.Request.URL) && strings.HasPrefix(e.Request.URL, "http") {
				t.Errorf("a page asks another host: %s", e.Request.URL)
			}
		case *log.EventEntryAdded:
			if strings.Contains(e.Entry.Text, "Content Security Policy") {
				t.Errorf("a page breaks its policy: %s", e.Entry.Text)
			}
		case *runtime.EventExceptionThrown:
			t.Errorf("a script fails: %s", e.ExceptionDetails.Error())
		}
	})
}

func prepare(width, height int64, dark bool) []chromedp.Action {
	scheme := "light"
	if dark {
		scheme = "dark"
	}
	return []chromedp.Action{
		network.Enable(), network.ClearBrowserCookies(), log.Enable(), page.Enable(),
		emulation.SetDeviceMetricsOverride(width, height, 1, width < 500),
		emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}),
	}
}

// scriptsOff is a reader who runs no scripts.
func scriptsOff() chromedp.Action { return emulation.SetScriptExecutionDisabled(true) }
