package app

import (
	"strings"
	"testing"

	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/publog"
)

// Proves G6: an owner is told the leaves about his names, with what shows that the
// log has them, and nobody else is.
func TestAnOwnerIsToldTheLeavesAboutHisNames_G6(t *testing.T) {
	t.Parallel()
	var notice strings.Builder
	c := configured(t)
	c.Dev, c.Trust = false, everybodyListed(t)
	s, _ := startBy(t, c, options(&notice))
	admin := tokenText.FindString(notice.String())
	ask[any](t, s, admin, "POST", "/api/v1/namespaces", map[string]any{"name": "acme", "private": true}, 201)
	ask[any](t, s, admin, "POST", "/api/v1/namespaces", map[string]any{"name": "other"}, 201)
	publish(t, s, admin, `{"id": "acme/hello", "version": "1.0.0", "engines": {"acme-editor": "*"}}`)
	publish(t, s, admin, `{"id": "other/hello", "version": "1.0.0", "engines": {"acme-editor": "*"}}`)
	if status, text := textOf(t, s, admin, "GET", "/api/v1/plugins/other/hello/versions/1.0.0/proof"); status != 200 {
		t.Fatalf("%d %s", status, text)
	}
	tokens := map[string]string{}
	for name, role := range map[string]string{"ada": "owner", "ben": "reader", "eve": ""} {
		ask[any](t, s, admin, "POST", "/api/v1/accounts", map[string]any{"name": name}, 201)
		if role != "" {
			ask[any](t, s, admin, "PUT", "/api/v1/namespaces/acme/members/person:"+name, map[string]any{"role": role}, 204)
		}
		tokens[name] = ask[index.CreatedToken](t, s, admin, "POST", "/api/v1/accounts/person:"+name+"/tokens", map[string]any{"label": "test", "expires_at": soon()}, 201).Secret
	}
	v := wholeLog(t, s, "")
	page := ask[index.LogPage](t, s, tokens["ada"], "GET", "/api/v1/log/leaves?publisher=acme", nil, 200)
	kinds := map[publog.Kind]int{}
	for _, one := range page.Items {
		e, err := v.CheckRow(publog.Row{Number: one.Number, Salt: one.Salt, Event: one.Event})
		if err != nil || e.Publisher() != "acme" {
			t.Errorf("told %+v: %v", e, err)
		}
		kinds[e.Kind]++
	}
	if kinds[publog.Published] != 1 || kinds[publog.Owner] == 0 {
		t.Errorf("told %v", kinds)
	}
	for _, who := range []string{"ben", "eve"} {
		ask[any](t, s, tokens[who], "GET", "/api/v1/log/leaves?publisher=acme", nil, 403)
	}
	ask[any](t, s, tokens["ada"], "GET", "/api/v1/log/leaves?publisher=other", nil, 403)
	ask[any](t, s, tokens["ada"], "GET", "/api/v1/log/leaves", nil, 403)
	ask[any](t, s, "", "GET", "/api/v1/log/leaves?publisher=acme", nil, 401)
}
