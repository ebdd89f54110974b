package artifact_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/oarlock/oarlock/artifact"
)

// Proves B6: a digest stands for one content, whoever reads the JSON.
func TestAmbiguousJSONIsRefusedWhereItIsSigned(t *testing.T) {
	t.Parallel()
	const digest = `"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"`
	layer := `{"mediaType":"application/wasm","digest":` + digest + `,"size":1}`
	config := `{"mediaType":"application/vnd.oci.empty.v1+json","digest":` + digest + `,"size":2}`
	const oci = "application/vnd.oci.image.manifest.v1+json"
	manifest := func(more string) func() error {
		return func() error {
			_, err := artifact.ParseManifest(oci, []byte(`{"schemaVersion":2,"config":`+config+`,"layers":[`+layer+`]`+more+`}`))
			return err
		}
	}
	plugin := func(more string) func() error {
		return func() error {
			_, err := artifact.ParsePlugin([]byte(`{"id":"acme/hello","version":"1.0.0","permissions":["fs"]` + more + `}`))
			return err
		}
	}
	characters := func(object string) func() error {
		return func() error { return artifact.CheckCharacters([]byte(`{` + object + `}`)) }
	}
	for name, row := range map[string]struct {
		read func() error
		want string // in the refusal; "" is that it is taken
	}{
		"a manifest as it should be":           {manifest(""), ""},
		"unknown keys are left alone":          {manifest(`,"unknown":1,"Unknown":2`), ""},
		"layers twice":                         {manifest(`,"layers":[]`), `/layers: the key is there twice`},
		"Layers beside layers":                 {manifest(`,"Layers":[]`), `"Layers", expected "layers"`},
		"layers with a long s":                 {manifest(",\"layer\u017f\":[]"), `expected "layers"`},
		"layers twice, once escaped":           {manifest(`,"l\u0061yers":[]`), `/layers: the key is there twice`},
		"an annotation twice":                  {manifest(`,"annotations":{"a":"1","a":"2"}`), `/annotations/a: the key is there twice`},
		"annotations that differ in case":      {manifest(`,"annotations":{"a":"1","A":"2"}`), ""},
		"a descriptor with Digest":             {manifest(`,"subject":{"mediaType":"x","digest":` + digest + `,"size":1,"Digest":"x"}`), `/subject/Digest: the key "Digest", expected "digest"`},
		"a config as it should be":             {plugin(""), ""},
		"Permissions beside permissions":       {plugin(`,"Permissions":[]`), `"Permissions", expected "permissions"`},
		"permissions twice":                    {plugin(`,"permissions":[]`), `/permissions: the key is there twice`},
		"a permission's name twice":            {plugin(`,"dependencies":[],"support":{"url":"https://a.example","url":"https://b.example"}`), `/support/url: the key is there twice`},
		"a setting's schema may have any case": {plugin(`,"config_schema":{"properties":{"Name":{},"name":{}}}`), ""},
		"a setting's schema has no key twice":  {plugin(`,"config_schema":{"properties":{"name":{},"name":{}}}`), `/config_schema/properties/name: the key is there twice`},
		"half a character":                     {characters(`"vendor":"\ud800"`), `/vendor: a text has half a character (\ud800)`},
		"the other half alone":                 {characters(`"vendor":"\udc00x"`), `/vendor: a text has half a character`},
		"two first halves":                     {characters(`"vendor":"\ud83d\ud83d\ude00"`), `/vendor: a text has half a character`},
		"half a character in a key":            {characters(`"config_schema":{"\uDBFF":1}`), `a text has half a character`},
		"half a character in an annotation":    {characters(`"annotations":{"a":"\ud800"}`), `/annotations/a: a text has half a character`},
		"both halves":                          {characters(`"annotations":{"a":"\ud83d\ude00\u00e9"}`), ""},
		"a backslash before what looks so":     {characters(`"annotations":{"a":"\\ud800"}`), ""},
		"a NUL":                                {characters(`"annotations":{"a":"\u0000"}`), `/annotations/a: a text has a NUL character`},
		"no JSON is left to its reader":        {characters(`"a":"\ud800"` + "}"), ""},
		"stored: a plugin with half a letter":  {plugin(`,"vendor":"\ud800"`), ""},
		"stored: a plugin with a NUL":          {plugin(`,"vendor":"\u0000"`), ""},
		"stored: a manifest with either":       {manifest(`,"annotations":{"a":"\ud800","b":"\u0000"}`), ""},
		"bytes that are not UTF-8":             {plugin(",\"vendor\":\"\xff\""), "UTF-8"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := row.read()
			switch {
			case row.want == "" && err != nil:
				t.Errorf("refused: %v", err)
			case row.want != "" && (!errors.Is(err, artifact.ErrInvalid) || !strings.Contains(err.Error(), row.want)):
				t.Errorf("got %v, expected an invalid that says %q", err, row.want)
			}
		})
	}
}

// The scanner takes whatever JSON is valid, and what it takes reads the same
// with the keys in the order of another reader: first one wins or last one wins.
func FuzzUnmarshalStrict(f *testing.F) {
	for _, seed := range []string{`{}`, `[1,{"a":[true,null,-1.5e3]}]`, `{"a":{"a":"\"\\"},"b":[]}`, ` { "a" : 1 , "a" : 2 } `, `"x"`, `1`, `{"\u0061":1,"a":2}`, "{\"\xff\":1}"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		var v any
		err := artifact.UnmarshalStrict(raw, &v)
		if valid := json.Valid(raw); !valid && err == nil {
			t.Fatalf("%q is no JSON", raw)
		}
		if err == nil && members(v) != keysIn(t, raw) {
			t.Fatalf("%q has keys that are lost when it is read", raw)
		}
	})
}

// members counts the members of all objects in v.
func members(v any) (n int) {
	switch v := v.(type) {
	case map[string]any:
		for _, one := range v {
			n += 1 + members(one)
		}
	case []any:
		for _, one := range v {
			n += members(one)
		}
	}
	return n
}

// keysIn counts the keys as they are written.
func keysIn(t *testing.T, raw []byte) (n int) {
	d := json.NewDecoder(strings.NewReader(string(raw)))
	var inObject []bool
	key := false
	for {
		token, err := d.Token()
		if err != nil {
			return n
		}
		if _, ok := token.(string); ok && key {
			n, key = n+1, false
			continue
		}
		switch token {
		case json.Delim('{'):
			inObject = append(inObject, true)
		case json.Delim('['):
			inObject = append(inObject, false)
		case json.Delim('}'), json.Delim(']'):
			inObject = inObject[:len(inObject)-1]
		}
		key = len(inObject) > 0 && inObject[len(inObject)-1] && d.More()
	}
}
