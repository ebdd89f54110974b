package app

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/notify"
)

// A hook is a receiver that verifies what it is sent, by the text of Standard
// Webhooks and not by our code.
type hook struct {
	*httptest.Server
	t  *testing.T
	mu sync.Mutex
	// secret verifies, status is the answer.
	secret string
	status int
	came   chan index.CloudEvent
}

func newHook(t *testing.T) *hook {
	h := &hook{t: t, status: 204, came: make(chan index.CloudEvent, 100)}
	h.Server = httptest.NewServer(h)
	t.Cleanup(h.Close)
	return h
}

func (h *hook) answer(secret string, status int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.secret, h.status = secret, status
}

func (h *hook) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	secret, status := h.secret, h.status
	h.mu.Unlock()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	if err != nil {
		h.t.Error(err)
	}
	m := hmac.New(sha256.New, key)
	m.Write([]byte(r.Header.Get("webhook-id") + "." + r.Header.Get("webhook-timestamp") + "." + string(body)))
	if want := "v1," + base64.StdEncoding.EncodeToString(m.Sum(nil)); !strings.Contains(" "+r.Header.Get("webhook-signature")+" ", " "+want+" ") {
		h.t.Errorf("signature %q does not hold", r.Header.Get("webhook-signature"))
	}
	var e index.CloudEvent
	if err := json.Unmarshal(body, &e); err != nil || e.SpecVersion != "1.0" || !strings.HasPrefix(r.Header.Get("Content-Type"), "application/cloudevents+json") {
		h.t.Errorf("%s: %s: %v", r.Header.Get("Content-Type"), body, err)
	}
	w.WriteHeader(status)
	_, _ = io.WriteString(w, "as told")
	h.came <- e
}

// next waits for one event.
func (h *hook) next(ctx context.Context) index.CloudEvent {
	h.t.Helper()
	select {
	case e := <-h.came:
		return e
	case <-ctx.Done():
		h.t.Fatal("nothing came")
		return index.CloudEvent{}
	}
}

// Proves K2, E8: over the real server a published version, a move and a yank reach
// who subscribed and may pull, signed, and nobody else; a secret is shown once.
func TestAWebhookIsToldOfWhatHappens_K2(t *testing.T) {
	t.Parallel()
	var notice strings.Builder
	c := configured(t)
	c.Dev, c.Trust = false, everybodyListed(t)
	c.Outbound.Networks = []string{"127.0.0.0/8"}
	s, _ := startBy(t, c, options(&notice))
	admin := tokenText.FindString(notice.String())
	for name, private := range map[string]bool{"acme": false, "hidden": true} {
		ask[any](t, s, admin, "POST", "/api/v1/namespaces", map[string]any{"name": name}, 201)
		ask[any](t, s, admin, "PATCH", "/api/v1/namespaces/"+name, map[string]any{"private": private}, 200)
	}
	ask[any](t, s, admin, "POST", "/api/v1/accounts", map[string]any{"name": "ada"}, 201)
	ada := ask[index.CreatedToken](t, s, admin, "POST", "/api/v1/accounts/person:ada/tokens", map[string]any{"label": "laptop", "expires_at": "2027-06-01T00:00:00Z"}, 201).Secret
	mine, theirs := newHook(t), newHook(t)
	add := func(token string, h *hook, body map[string]any) index.CreatedWebhook {
		t.Helper()
		body["url"] = h.URL + "/hook"
		w := ask[index.CreatedWebhook](t, s, token, "POST", "/api/v1/webhooks", body, 201)
		h.answer(w.Secret, 204)
		return w
	}
	of := add(admin, mine, map[string]any{"events": []string{"plugin.*"}})
	add(ada, theirs, map[string]any{"events": []string{"plugin.*"}})
	if test := ask[index.WebhookTest](t, s, admin, "POST", "/api/v1/webhooks/"+of.ID+"/test", nil, 200); !test.OK || test.Status != 204 {
		t.Errorf("test: %+v", test)
	}
	if e := mine.next(t.Context()); e.Type != string(notify.WebhookTested) {
		t.Errorf("test: %+v", e)
	}
	publish(t, s, admin, `{"id": "hidden/hello", "version": "1.0.0", "engines": {"acme-editor": "*"}}`)
	if e := mine.next(t.Context()); e.Type != string(notify.PluginPublished) || e.Subject != "hidden/hello@1.0.0" || e.Data.Digest == "" {
		t.Errorf("the private plugin: %+v", e)
	}
	publish(t, s, admin, `{"id": "acme/hello", "version": "1.0.0", "engines": {"acme-editor": "*"}}`)
	if e := mine.next(t.Context()); e.Subject != "acme/hello@1.0.0" || e.Source == "" {
		t.Errorf("%+v", e)
	}
	if e := theirs.next(t.Context()); e.Subject != "acme/hello@1.0.0" { // and not the private one, which was noted before
		t.Errorf("ada is told of %+v", e)
	}
	ask[any](t, s, admin, "POST", "/api/v1/plugins/acme/hello/lifecycle", map[string]any{"move": "deprecate", "reason": "superseded", "text": "see the guide"}, 200)
	if e := theirs.next(t.Context()); e.Type != string(notify.PluginDeprecated) || e.Data.Details["reason"] != "superseded" || e.Data.Statement == nil {
		t.Errorf("%+v", e)
	}
	ask[any](t, s, admin, "POST", "/api/v1/plugins/acme/hello/versions/1.0.0/yank", map[string]any{"reason": "broken"}, 200)
	if e := theirs.next(t.Context()); e.Type != string(notify.VersionYanked) || e.Subject != "acme/hello@1.0.0" {
		t.Errorf("%+v", e)
	}
	ownHooks(t, s, admin, ada, of)
}

// ownHooks looks at webhooks and deliveries as their owners, and others, see them.
func ownHooks(t *testing.T, s *Server, admin, ada string, of index.CreatedWebhook) {
	_, text := textOf(t, s, admin, "GET", "/api/v1/webhooks")
	if !strings.Contains(text, of.ID) || strings.Contains(text, "whsec_") || strings.Contains(text, of.Secret) {
		t.Errorf("a listing shows %s", text)
	}
	all := ask[index.WebhookList](t, s, ada, "GET", "/api/v1/webhooks", nil, 200)
	if len(all.Items) != 1 || all.Items[0].ID == of.ID || len(all.Items[0].Subscriptions) != 1 {
		t.Errorf("ada has %+v", all)
	}
	if page := ask[index.DeliveryPage](t, s, ada, "GET", "/api/v1/webhooks/"+all.Items[0].ID+"/deliveries", nil, 200); strings.Contains(jsonOf(t, page), "hidden") {
		t.Errorf("ada sees %+v", page)
	}
	for _, c := range []struct{ method, path string }{
		{"GET", "/deliveries"}, {"POST", "/test"}, {"POST", "/rotate"}, {"POST", "/replay"}, {"DELETE", ""},
	} {
		if p := ask[index.Problem](t, s, ada, c.method, "/api/v1/webhooks/"+of.ID+c.path, map[string]any{}, 404); p.Code != index.CodeNotFound {
			t.Errorf("%+v: %+v", c, p)
		}
	}
	for _, c := range []struct {
		want int
		body map[string]any
	}{
		{403, map[string]any{"url": "http://192.168.1.1/"}},
		{400, map[string]any{"url": "ftp://example.org/"}},
		{400, map[string]any{"url": "https://a:b@example.org/"}},
		{400, map[string]any{"url": "https://example.org/#x"}},
		{400, map[string]any{"url": "nothing"}},
		{400, map[string]any{"url": "http://example.org/"}},
		{400, map[string]any{"url": "https://example.org/", "events": []string{"published"}}},
		{400, map[string]any{"url": "https://example.org/", "plugin": "acme/hello", "publisher": "acme"}},
	} {
		if p := ask[index.Problem](t, s, ada, "POST", "/api/v1/webhooks", c.body, c.want); p.Detail == "" {
			t.Errorf("%v: %+v", c.body, p)
		}
	}
	ask[index.Problem](t, s, ada, "POST", "/api/v1/subscriptions", map[string]any{"receiver": of.ID}, 404)
	ask[index.Problem](t, s, ada, "POST", "/api/v1/subscriptions", map[string]any{"receiver": all.Items[0].ID, "plugin": "hidden/hello"}, 404)
	ask[index.Problem](t, s, "", "GET", "/api/v1/webhooks", nil, 401)
	ask[any](t, s, admin, "DELETE", "/api/v1/webhooks/"+of.ID, nil, 204)
}

func jsonOf(t *testing.T, v any) string {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// TestEachChangeOfWebhooksIsWrittenDown_K1: each writes one row of what was changed,
// and what is refused none of a change.
func TestEachChangeOfWebhooksIsWrittenDown_K1(t *testing.T) {
	t.Parallel()
	var notice strings.Builder
	c := configured(t)
	c.Dev, c.Outbound.Networks = false, []string{"127.0.0.0/8"}
	s, _ := startBy(t, c, options(&notice))
	admin := tokenText.FindString(notice.String())
	ask[any](t, s, admin, "POST", "/api/v1/namespaces", map[string]any{"name": "acme"}, 201)
	h := newHook(t)
	wrote := func(says string, do func()) {
		t.Helper()
		last := newest(t, s, admin, 0)
		do()
		rows := newest(t, s, admin, last[0].Seq)
		if len(rows) != 1 || rows[0].Action != "notifications:personal" || !strings.Contains(string(rows[0].Before)+string(rows[0].After), says) {
			t.Errorf("%s: %+v", says, rows)
		}
	}
	other := ask[index.CreatedWebhook](t, s, admin, "POST", "/api/v1/webhooks", map[string]any{"url": h.URL, "events": []string{"plugin.published"}}, 201) // told nothing, so nothing is told again
	var w index.CreatedWebhook
	wrote("webhook_added", func() {
		w = ask[index.CreatedWebhook](t, s, admin, "POST", "/api/v1/webhooks", map[string]any{"url": h.URL, "events": []string{"plugin.*"}}, 201)
	})
	h.answer(w.Secret, 204)
	at := "/api/v1/webhooks/" + w.ID
	wrote("webhook_tested", func() { ask[index.WebhookTest](t, s, admin, "POST", at+"/test", nil, 200) })
	delivery := h.next(t.Context())
	wrote("webhook_rotated", func() { w = ask[index.CreatedWebhook](t, s, admin, "POST", at+"/rotate", nil, 200) })
	var sub index.Subscription
	wrote("subscription_added", func() {
		sub = ask[index.Subscription](t, s, admin, "POST", "/api/v1/subscriptions", map[string]any{"receiver": w.ID, "publisher": "acme"}, 201)
	})
	wrote("subscription_removed", func() { ask[any](t, s, admin, "DELETE", "/api/v1/subscriptions/"+sub.ID, nil, 204) })
	wrote("webhook_removed", func() { ask[any](t, s, admin, "DELETE", at, nil, 204) })
	last := newest(t, s, admin, 0)
	ask[any](t, s, admin, "POST", "/api/v1/webhooks/"+other.ID+"/replay", map[string]any{}, 200)
	ask[index.Problem](t, s, admin, "DELETE", at, nil, 404)
	if rows := newest(t, s, admin, last[0].Seq); len(rows) != 0 {
		t.Errorf("what changes nothing: %+v, told %s", rows, delivery.ID)
	}
}
