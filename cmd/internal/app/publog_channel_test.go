package app

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/oarlock/oarlock/cmd/internal/config"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/publog"
)

// Proves G6: a channel that is moved by the API, by a tag that is pushed where a
// namespace lets anybody who may push do that, or removed, leaves a leaf each time.
func TestChannelsLeaveLeaves_G6(t *testing.T) {
	t.Parallel()
	var notice strings.Builder
	c := configured(t)
	c.Dev, c.Trust = false, everybodyListed(t)
	c.Namespaces = map[string]config.Settings{"acme": {FreeTags: true}}
	s, _ := startBy(t, c, options(&notice))
	admin := tokenText.FindString(notice.String())
	ask[any](t, s, admin, "POST", "/api/v1/namespaces", map[string]any{"name": "acme"}, 201)
	for _, v := range []string{"1.0.0", "1.1.0"} {
		publish(t, s, admin, `{"id": "acme/hello", "version": "`+v+`", "engines": {"acme-editor": "*"}}`)
	}
	var want []string
	digests := map[string]string{}
	for _, v := range []string{"1.0.0", "1.1.0", "1.0.0"} {
		done := ask[index.Promotion](t, s, admin, "POST", "/api/v1/plugins/acme/hello/channels/stable", map[string]any{"version": v}, 200)
		digests[v] = done.Digest
		want = append(want, "stable channel.set "+done.Digest)
	}
	ask[any](t, s, admin, "DELETE", "/api/v1/plugins/acme/hello/channels/stable", nil, 200)
	want = append(want, "stable channel.removed "+digests["1.0.0"])
	if status, text := pushed(t, s, admin, "acme/hello", "beta"); status != 201 {
		t.Fatalf("push of a channel: %d %s", status, text)
	}
	beta, err := s.engines.stored.Storage.Resolve(t.Context(), "acme/hello", "beta")
	if err != nil {
		t.Fatal(err)
	}
	want = append(want, "beta channel.set "+beta.String())
	if err := s.index.publog.Advance(t.Context()); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, row := range ask[index.LogPage](t, s, admin, "GET", "/api/v1/log/leaves?limit=1000", nil, 200).Items {
		e, err := publog.ReadEvent(row.Event)
		if err != nil {
			t.Fatal(err)
		}
		if e.Channel != "" {
			got = append(got, fmt.Sprintf("%s %s %s", e.Channel, e.Statement, e.Digest))
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("leaves of channels:\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
