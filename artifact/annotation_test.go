package artifact

import (
	"reflect"
	"testing"
)

// A key that is written and not known is refused by the server that it is pushed
// to: whatever a plugin manifest can say has annotations that may be published.
func TestEveryKeyThatIsWrittenIsKnown_A2(t *testing.T) {
	t.Parallel()
	id, err := ParseName("acme/lint")
	if err != nil {
		t.Fatal(err)
	}
	host, err := ParseHostID("acme-editor")
	if err != nil {
		t.Fatal(err)
	}
	p := &Plugin{ID: id, Engines: map[HostID]Range{host: {}}, Permissions: []Permission{{Name: "network"}}, Dependencies: []Dependency{{ID: id}}}
	all := reflect.ValueOf(p).Elem()
	for i := range all.NumField() {
		switch f := all.Field(i); {
		case f.Kind() == reflect.String:
			f.SetString("x")
		case f.Type() == reflect.TypeFor[[]string]():
			f.Set(reflect.ValueOf([]string{"x"}))
		}
	}
	written := p.Annotations()
	for _, key := range knownKeys {
		if written[key] == "" {
			t.Errorf("%s is known, and nothing writes it", key)
		}
	}
	for _, one := range UnknownKeys(written) {
		t.Errorf("%s is written, and refused: %s", one.Place, one.Detail)
	}
}
