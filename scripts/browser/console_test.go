package browser

import (
	"context"
	"crypto/rand"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// consolePages are those that axe reads beside the pages of readers.
var consolePages = []string{"/login", "/console", "/console/tokens", "/console/namespaces/acme", "/console/plugins/acme/hello",
	"/console/plugins/acme/hello/move?move=deprecate", "/console/plugins/acme/hello/move?move=suspend", "/console/plugins/acme/hello/move?move=yank&version=1.0.0",
	"/console/audit", "/console/site", "/console/site/namespaces", "/console/site/people", "/console/namespaces/none"}

// Proves L5: what publishers come for is done by keyboard alone, at phone width, and
// with scripts off.
func TestPublishersTasks_L5(t *testing.T) { doTasks(t, publisherTasks) }

var publisherTasks = []task{
	{"follow a deprecation", func(ctx context.Context, t *testing.T) {
		visit(ctx, t, "/plugins/acme/old")
		shows(ctx, t, "Deprecated since", "Use Hello.")
		follow(ctx, t, `.notice a[href="/plugins/acme/hello"]`)
		shows(ctx, t, "/plugins/acme/hello", "Says hello to the editor.")
	}},
	{"claim a namespace", func(ctx context.Context, t *testing.T) {
		name := word()
		visit(ctx, t, "/console")
		press(ctx, t, "#claim-name", name+kb.Enter)
		shows(ctx, t, "The namespace is yours.", "/console/namespaces/"+name)
	}},
	{"invite a member", func(ctx context.Context, t *testing.T) {
		visit(ctx, t, "/console/namespaces/acme")
		press(ctx, t, "#invite-role", "reader")
		follow(ctx, t, `form[action$="/invite"] button`)
		shows(ctx, t, "The invitation is ready.", "oar_")
	}},
	{"promote a channel", func(ctx context.Context, t *testing.T) {
		channel := word()
		visit(ctx, t, "/console/namespaces/acme")
		follow(ctx, t, `a[href="/console/plugins/acme/hello"]`)
		press(ctx, t, `form[action$="/promote"] select`, "1.0.0")
		press(ctx, t, `form[action$="/promote"] input`, channel+kb.Enter)
		shows(ctx, t, "The channel points to the version.", channel)
	}},
	{"revoke a token", func(ctx context.Context, t *testing.T) {
		label := word()
		visit(ctx, t, "/console/tokens")
		press(ctx, t, "#label", label+kb.Enter)
		shows(ctx, t, "Token "+label+" was made.", "oar_")
		follow(ctx, t, `button[aria-label="Revoke `+label+`"]`)
		shows(ctx, t, "The token was revoked.")
	}},
	{"sign in and out with a token", func(ctx context.Context, t *testing.T) {
		do(ctx, t, chromedp.Navigate(guarded+"/console"), chromedp.WaitReady("footer"))
		press(ctx, t, "#token", "oar_wrong"+kb.Enter)
		shows(ctx, t, "or it has ended")
		press(ctx, t, "#token", bootstrap+kb.Enter)
		shows(ctx, t, "You are", "admin:bootstrap")
		follow(ctx, t, `form[action="/auth/logout"] button`)
		shows(ctx, t, "Sign in")
		hides(ctx, t, "admin:bootstrap")
	}},
}

// word is a name that nobody has yet.
func word() string { return strings.ToLower(strings.Map(letter, rand.Text()))[:12] }

func letter(r rune) rune {
	if r >= 'A' && r <= 'Z' {
		return r
	}
	return 'x'
}
