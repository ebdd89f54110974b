package trust_test

import (
	"strings"
	"testing"

	"github.com/oarlock/oarlock/policy/trust"
)

func TestPlatformsAreTrustedByKey_G3(t *testing.T) {
	t.Parallel()
	const one = "platforms: [{name: plugins.example.org, key: {file: site.pub}}]\n"
	p := parse(t, one)
	if got := p.Platforms(); len(got) != 1 || got[0].Name != "plugins.example.org" || got[0].Key == nil {
		t.Errorf("got %+v", got)
	}
	namespaces := "namespaces: {acme: {signature: optional}}"
	if parse(t, one+namespaces).Digest() == parse(t, namespaces).Digest() {
		t.Error("a platform more gives the same digest")
	}
	for says, row := range map[string][2]string{
		"an identity":    {"platforms: [{name: a, identity: {issuer: x, subject: y}}]", "signs with a key"},
		"the same twice": {"platforms: [{name: a, key: {file: site.pub}}, {name: b, key: {file: site.pub}}]", "twice"},
		"without a name": {"platforms: [{key: {file: site.pub}}]", "platforms[0].name"},
	} {
		if _, err := trust.Parse([]byte(row[0]), readKey); err == nil || !strings.Contains(err.Error(), row[1]) {
			t.Errorf("%s: got %v, want what says %q", says, err, row[1])
		}
	}
}
