package client_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/artifact"
	format "github.com/oarlock/oarlock/artifact/ledger"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/client"
)

// onlineKey signs by repeating what is signed, which is enough to see what is verified.
type onlineKey struct{}

func (onlineKey) VerifyOnline(signed []byte, by []client.OnlineSignature) (int64, error) {
	for _, s := range by {
		if bytes.Equal(s.Sig, signed) {
			return 3, nil
		}
	}
	return 0, fmt.Errorf("no key signed it: %w", artifact.ErrUnverified)
}

var noon = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

func someDesired() index.DesiredState {
	return index.DesiredState{Tenant: "north", Host: "editor-1", Epoch: index.Epoch{Key: 1, Counter: 5}, Generation: 7, CatalogDigest: digest.FromString("c"),
		IssuedAt: noon, ExpiresAt: noon.Add(24 * time.Hour), GraceUntil: noon.Add(8 * 24 * time.Hour), Notices: []index.DesiredNotice{},
		Items: []index.DesiredItem{{Plugin: "acme/hello", Version: "1.0.0", Digest: digest.FromString("d"), Action: index.DesiredRun}}}
}

// sealedDesired is the envelope of a payload.
func sealedDesired(t testing.TB, payload []byte) []byte {
	t.Helper()
	raw, err := json.Marshal(map[string]any{"payloadType": index.DesiredStateType, "payload": base64.StdEncoding.EncodeToString(payload),
		"signatures": []any{map[string]any{"keyid": "k", "sig": base64.StdEncoding.EncodeToString(format.PAE(index.DesiredStateType, payload))}}})
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// TestADesiredStateIsBelievedOrRefused_I6_I10: only what the site's key signed for this
// host, that has not ended, and does not go back.
func TestADesiredStateIsBelievedOrRefused_I6_I10(t *testing.T) {
	t.Parallel()
	last := someDesired()
	for name, row := range map[string]struct {
		change func(*index.DesiredState)
		edit   func(payload string) string
		last   *index.DesiredState
		now    time.Time
		code   string
		late   bool
	}{
		"the first one":                     {},
		"the same again, signed later":      {last: &last, change: func(d *index.DesiredState) { d.IssuedAt = noon.Add(time.Minute) }},
		"a licence that was renewed":        {last: &last, change: func(d *index.DesiredState) { d.Items[0].License = json.RawMessage(`{"jti":"2"}`) }},
		"a later epoch":                     {last: &last, change: func(d *index.DesiredState) { d.Epoch.Counter++; d.Items = []index.DesiredItem{} }},
		"a later key begins anew":           {last: &last, change: func(d *index.DesiredState) { d.Epoch = index.Epoch{Key: 2, Counter: 1} }},
		"in its grace":                      {now: noon.Add(48 * time.Hour), late: true},
		"a field that is not known":         {edit: func(p string) string { return strings.Replace(p, `"items"`, `"more":{"a":1},"items"`, 1) }},
		"an earlier epoch":                  {last: &last, change: func(d *index.DesiredState) { d.Epoch.Counter-- }, code: client.DesiredRollback},
		"something else under the epoch":    {last: &last, change: func(d *index.DesiredState) { d.Items = []index.DesiredItem{} }, code: client.DesiredMixed},
		"a key that the root does not know": {change: func(d *index.DesiredState) { d.Epoch.Key = 4 }, code: client.DesiredMalformed},
		"another host's":                    {change: func(d *index.DesiredState) { d.Host = "editor-2" }, code: client.DesiredWhose},
		"another tenant's":                  {change: func(d *index.DesiredState) { d.Tenant = "south" }, code: client.DesiredWhose},
		"after its grace":                   {now: noon.Add(30 * 24 * time.Hour), code: client.DesiredExpired},
		"signed far ahead":                  {now: noon.Add(-48 * time.Hour), code: client.DesiredFuture},
		"an action that is not known":       {change: func(d *index.DesiredState) { d.Items[0].Action = "dance" }, code: client.DesiredMalformed},
		"a plugin twice":                    {change: func(d *index.DesiredState) { d.Items = append(d.Items, d.Items[0]) }, code: client.DesiredMalformed},
		"nothing to run":                    {change: func(d *index.DesiredState) { d.Items[0].Digest = "" }, code: client.DesiredMalformed},
		"a digest that is none":             {change: func(d *index.DesiredState) { d.Items[0].ConfigDigest = "x" }, code: client.DesiredMalformed},
		"without its items":                 {edit: func(p string) string { return strings.Replace(p, `"items"`, `"itemz"`, 1) }, code: client.DesiredMalformed},
		"its epoch twice": {edit: func(p string) string {
			return strings.Replace(p, `"epoch"`, `"epoch":{"key":1,"counter":9},"epoch"`, 1)
		}, code: client.DesiredMalformed},
		"an end before it was signed": {change: func(d *index.DesiredState) { d.ExpiresAt = noon.Add(-time.Hour) }, code: client.DesiredMalformed},
	} {
		d := someDesired()
		if row.change != nil {
			row.change(&d)
		}
		payload, err := json.Marshal(d)
		if err != nil {
			t.Fatal(err)
		}
		if row.edit != nil {
			payload = []byte(row.edit(string(payload)))
		}
		if row.now.IsZero() {
			row.now = noon.Add(time.Hour)
		}
		got, err := client.VerifyDesired(sealedDesired(t, payload), client.DesiredOptions{Keys: onlineKey{}, Tenant: "north", Host: "editor-1", Last: row.last, Now: row.now})
		var why *client.DesiredError
		switch errors.As(err, &why); {
		case row.code == "" && (err != nil || got.Late != row.late || got.Host != "editor-1"):
			t.Errorf("%s: %+v, %v", name, got, err)
		case row.code != "" && (why == nil || why.Code != row.code || got != nil):
			t.Errorf("%s: %v, expected %s", name, err, row.code)
		}
	}
	forged := bytes.Replace(sealedDesired(t, []byte(`{}`)), []byte(`"payload":"e30="`), []byte(`"payload":"e30K"`), 1)
	if _, err := client.VerifyDesired(forged, client.DesiredOptions{Keys: onlineKey{}}); !errors.Is(err, artifact.ErrUnverified) {
		t.Errorf("what nobody signed: %v", err)
	}
}

func FuzzDesiredStatesAreReadOrRefused(f *testing.F) {
	good, err := json.Marshal(someDesired())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(sealedDesired(f, good))
	f.Add(sealedDesired(f, []byte(`{"items":null}`)))
	f.Add([]byte(`{"payloadType":"x","payload":"","signatures":[]}`))
	f.Add([]byte(`[`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		o := client.DesiredOptions{Keys: onlineKey{}, Tenant: "north", Host: "editor-1", Now: noon}
		for _, envelope := range [][]byte{raw, sealedDesired(t, raw)} {
			d, err := client.VerifyDesired(envelope, o)
			var why *client.DesiredError
			if err != nil && !errors.As(err, &why) || err == nil && (d.Tenant != "north" || d.Host != "editor-1") {
				t.Errorf("%q: %+v, %v", raw, d, err)
			}
		}
	})
}
