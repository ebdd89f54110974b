package app

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/notify"
	"github.com/oarlock/oarlock/index/notify/mail/mailtest"
)

var linkText = regexp.MustCompile(`https?://\S+/mail/\S+`)

// visit opens a link of a letter, or sends its form, as who is not logged in.
func visit(t *testing.T, method, link, form string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, link, strings.NewReader(form))
	if err != nil {
		t.Fatal(err)
	}
	if form != "" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	resp, err := visitor.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

// Proves E8, K1: over the real server, which shows nothing without a login, an address
// is confirmed by its link, told, and unsubscribed by one click; opening a link does
// nothing; each act is written down.
func TestPeopleAreToldByMail_E8_K1(t *testing.T) {
	t.Parallel()
	post := mailtest.New(t, mailtest.Options{})
	var notice strings.Builder
	c := configured(t)
	c.Dev, c.Trust, c.Anonymous = false, everybodyListed(t), "none"
	c.Mail.Host, c.Mail.Port, c.Mail.TLS, c.Mail.From = post.Host, post.Port, "none", "plugins@example.org"
	s, _ := startBy(t, c, options(&notice))
	admin := tokenText.FindString(notice.String())
	ask[any](t, s, admin, "POST", "/api/v1/namespaces", map[string]any{"name": "acme"}, 201)
	wrote := func(says string, do func()) {
		t.Helper()
		last := newest(t, s, admin, 0)
		do()
		rows := newest(t, s, admin, last[0].Seq)
		if len(rows) != 1 || rows[0].Action != "notifications:personal" || !strings.Contains(string(rows[0].Before)+string(rows[0].After), says) {
			t.Errorf("%s: %+v", says, rows)
		}
	}
	var sub index.Subscription
	wrote("subscription_added", func() {
		sub = ask[index.Subscription](t, s, admin, "POST", "/api/v1/subscriptions", map[string]any{
			"channel": "email", "receiver": "ada@example.org", "publisher": "acme", "events": []string{"plugin.published"}}, 201)
	})
	if sub.State != "unconfirmed" {
		t.Errorf("%+v", sub)
	}
	link := linkText.FindString(post.Next(t.Context(), t, 1).Body)
	for range 2 { // as programs do that look at mail
		if code, page := visit(t, "GET", link, ""); code != 200 || !strings.Contains(page, "<form") {
			t.Errorf("%d %s", code, page)
		}
	}
	if all := ask[index.SubscriptionList](t, s, admin, "GET", "/api/v1/subscriptions", nil, 200).Items; all[0].State != "unconfirmed" {
		t.Errorf("to open the link confirms: %+v", all)
	}
	u, err := url.Parse(link)
	if err != nil {
		t.Fatal(err)
	}
	wrote("address_confirmed", func() {
		if code, page := visit(t, "POST", link, "token="+u.Query().Get("token")); code != 200 {
			t.Errorf("%d %s", code, page)
		}
	})
	if code, _ := visit(t, "POST", link, ""); code != 404 {
		t.Errorf("a token confirms twice: %d", code)
	}
	publish(t, s, admin, `{"id": "acme/hello", "version": "1.0.0", "engines": {"acme-editor": "*"}}`)
	letter := post.Next(t.Context(), t, 2)
	if !strings.Contains(letter.Header.Get("Subject"), "acme/hello@1.0.0 was published") {
		t.Errorf("%s", letter.Raw)
	}
	link = strings.Trim(letter.Header.Get("List-Unsubscribe"), "<>")
	if code, page := visit(t, "GET", link, ""); code != 200 || !strings.Contains(page, "ada@example.org") {
		t.Errorf("%d %s", code, page)
	}
	if code, _ := visit(t, "POST", link[:len(link)-1], "List-Unsubscribe=One-Click"); code != 404 {
		t.Errorf("a link that is not whole: %d", code)
	}
	wrote("unsubscribed_by_link", func() {
		if code, page := visit(t, "POST", link, "List-Unsubscribe=One-Click"); code != 200 {
			t.Errorf("%d %s", code, page)
		}
	})
	if all := ask[index.SubscriptionList](t, s, admin, "GET", "/api/v1/subscriptions", nil, 200).Items; len(all) != 0 {
		t.Errorf("%+v", all)
	}
	for _, body := range []map[string]any{
		{"channel": "email", "receiver": "ada"}, {"channel": "email", "receiver": "ada@example.org\r\nBcc: eve@example.org"},
		{"channel": "email", "receiver": "eve@example.org", "frequency": "never"}, {"receiver": "wh_0", "frequency": "daily"},
	} {
		if p := ask[index.Problem](t, s, admin, "POST", "/api/v1/subscriptions", body, 400); p.Detail == "" {
			t.Errorf("%v: %+v", body, p)
		}
	}
	again := ask[index.Subscription](t, s, admin, "POST", "/api/v1/subscriptions", map[string]any{"channel": "email", "receiver": "ADA@example.org"}, 201)
	if p := ask[index.Problem](t, s, admin, "POST", "/api/v1/subscriptions/"+again.ID+"/resend", nil, 429); p.Code != index.CodeTooManyRequests {
		t.Errorf("asked again at once: %+v", p)
	}
}

// Proves K2: a mail server that hangs delays no webhook.
func TestASlowMailServerDelaysNoWebhook_K2(t *testing.T) {
	t.Parallel()
	post := mailtest.New(t, mailtest.Options{})
	hangs, hanging := make(chan struct{}), make(chan struct{}, 100)
	t.Cleanup(func() { close(hangs) })
	c := configured(t)
	c.Mail.Host, c.Mail.Port, c.Mail.TLS, c.Mail.From = post.Host, post.Port, "none", "plugins@example.org"
	s, _ := start(t, c)
	for i := range 20 {
		id := string(rune('a' + i))
		ask[index.Subscription](t, s, "", "POST", "/api/v1/subscriptions", map[string]any{"channel": "email", "receiver": "reader@" + id + ".example.org"},
			map[bool]int{true: 201, false: 429}[i < 10])
	}
	for i := range 10 {
		link := linkText.FindString(post.Next(t.Context(), t, i+1).Body)
		if code, page := visit(t, "POST", link, ""); code != 200 {
			t.Fatalf("%d %s", code, page)
		}
	}
	post.Answer(nil, func(string) error {
		hanging <- struct{}{}
		<-hangs
		return nil
	})
	h := newHook(t)
	w := ask[index.CreatedWebhook](t, s, "", "POST", "/api/v1/webhooks", map[string]any{"url": h.URL}, 201)
	h.answer(w.Secret, 204)
	publish(t, s, "", `{"id": "acme/hello", "version": "1.0.0", "engines": {"acme-editor": "*"}}`)
	for range 10 {
		<-hanging
	}
	publish(t, s, "", `{"id": "acme/hello", "version": "1.1.0", "engines": {"acme-editor": "*"}}`)
	within, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for {
		if e := h.next(within); e.Type == string(notify.PluginPublished) && e.Subject == "acme/hello@1.1.0" {
			return
		}
	}
}
