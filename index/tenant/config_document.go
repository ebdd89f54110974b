package tenant

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	jsoncanonicalizer "github.com/cyberphone/json-canonicalization/go/src/webpki.org/jsoncanonicalizer"
	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/artifact/configschema"
	"github.com/oarlock/oarlock/index"
)

// canonical is the one form of a JSON value (RFC 8785).
func canonical(v any) ([]byte, error) {
	raw, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	return jsoncanonicalizer.Transform(raw)
}

// hostDocument is what a host is given, with its digest. Where there are secrets a
// new nonce is drawn.
func hostDocument(config []byte, secret bool) (raw []byte, sum string, err error) {
	doc := index.HostConfig{Config: config}
	if secret {
		nonce := make([]byte, 16)
		_, _ = rand.Read(nonce) // never fails
		doc.Nonce = base64.StdEncoding.EncodeToString(nonce)
	}
	if raw, err = canonical(doc); err != nil {
		return nil, "", err
	}
	return raw, digest.FromBytes(raw).String(), nil
}

// configIn is the configuration in what a host is given.
func configIn(raw []byte) (any, error) {
	var doc index.HostConfig
	if err := json.Unmarshal(raw, &doc); err != nil {
		return nil, fmt.Errorf("a configuration cannot be read: %w", err)
	}
	d := json.NewDecoder(bytes.NewReader(doc.Config))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, fmt.Errorf("a configuration cannot be read: %w", err)
	}
	return v, nil
}

// segments are those of a JSON pointer.
func segments(pointer string) []string {
	if pointer == "" {
		return nil
	}
	out := strings.Split(pointer[1:], "/")
	for i := range out {
		out[i] = strings.NewReplacer("~1", "/", "~0", "~").Replace(out[i])
	}
	return out
}

// step is the value below v, an object or a list, that a segment names.
func step(v any, segment string) (any, bool) {
	switch v := v.(type) {
	case map[string]any:
		next, is := v[segment]
		return next, is
	case []any:
		if i, err := strconv.Atoi(segment); err == nil && i >= 0 && i < len(v) {
			return v[i], true
		}
	}
	return nil, false
}

// has reports whether a document has a value at a place.
func has(doc any, pointer string) bool {
	for _, s := range segments(pointer) {
		next, is := step(doc, s)
		if !is {
			return false
		}
		doc = next
	}
	return true
}

// copied is a deep copy.
func copied(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, item := range v {
			out[k] = copied(item)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, item := range v {
			out[i] = copied(item)
		}
		return out
	}
	return v
}

// without is a document without the values at those places: members of objects are
// left out, and items of lists are null. "" leaves nothing.
func without(doc any, places []string) any {
	doc = copied(doc)
	for _, pointer := range places {
		path := segments(pointer)
		if len(path) == 0 {
			return nil
		}
		at, is := doc, true
		for _, s := range path[:len(path)-1] {
			if at, is = step(at, s); !is {
				break
			}
		}
		if !is {
			continue
		}
		last := path[len(path)-1]
		switch at := at.(type) {
		case map[string]any:
			delete(at, last)
		case []any:
			if i, err := strconv.Atoi(last); err == nil && i >= 0 && i < len(at) {
				at[i] = nil
			}
		}
	}
	return doc
}

// dropNulls takes from doc, in place, the members at those places that are null: who
// writes null for a secret clears it. Items of lists stay.
func dropNulls(doc any, places []string) (cleared map[string]bool) {
	cleared = map[string]bool{}
	for _, pointer := range places {
		path := segments(pointer)
		at := doc
		for i, s := range path {
			m, object := at.(map[string]any)
			if i == len(path)-1 && object {
				if v, there := m[s]; there && v == nil {
					delete(m, s)
					cleared[pointer] = true
				}
			}
			next, is := step(at, s)
			if !is {
				break
			}
			at = next
		}
	}
	return cleared
}

// keep puts into next, in place, the secrets of was that next leaves out: those whose
// object is still there. Within a list a secret is kept only where its item is
// otherwise as it was, since nothing else says that it is the same item; where it is
// not, the secret has to be given again, or cleared by null.
func keep(was any, secrets []string, next any, cleared map[string]bool) (kept []string, bad []artifact.Problem) {
	before, now := without(was, secrets), without(next, secrets)
	for _, pointer := range secrets {
		path := segments(pointer)
		if len(path) == 0 || cleared[pointer] {
			continue
		}
		old, into, then, here := was, next, before, now
		ok, same := true, true
		for _, s := range path[:len(path)-1] {
			if _, list := into.([]any); list {
				then, _ = step(then, s)
				here, _ = step(here, s)
				same = same && alikeJSON(then, here)
			} else {
				then, _ = step(then, s)
				here, _ = step(here, s)
			}
			var is [2]bool
			old, is[0] = step(old, s)
			into, is[1] = step(into, s)
			if ok = is[0] && is[1]; !ok {
				break
			}
		}
		if !ok {
			continue // what it was in is not there any more
		}
		last := path[len(path)-1]
		value, set := step(old, last)
		switch into := into.(type) {
		case map[string]any:
			if _, given := into[last]; given || !set {
				continue
			}
			if !same {
				bad = append(bad, artifact.Problem{Place: pointer,
					Detail: "a secret was set here, and its item of the list is another now: give it again, or null to clear it"})
				continue
			}
			into[last], kept = copied(value), append(kept, pointer)
		case []any:
			n, err := strconv.Atoi(last)
			if list, is := old.([]any); err == nil && is && set && len(list) == len(into) && into[n] == nil && value != nil {
				into[n], kept = copied(value), append(kept, pointer)
			}
		}
	}
	return kept, bad
}

func alikeJSON(x, y any) bool {
	a, err := canonical(x)
	b, err2 := canonical(y)
	return err == nil && err2 == nil && bytes.Equal(a, b)
}

// secretsOf are the places of a document's secrets: those that its schema marks, and
// those that were one before and are there still. Without a schema it is the whole.
func secretsOf(schema *configschema.Schema, doc any, before []string) ([]string, error) {
	if schema == nil {
		return []string{""}, nil
	}
	out, err := schema.Secrets(doc)
	if err != nil {
		return nil, err
	}
	for _, pointer := range before {
		if pointer != "" && has(doc, pointer) {
			out = append(out, pointer)
		}
	}
	slices.Sort(out)
	out = slices.Compact(out)
	return slices.DeleteFunc(out, func(pointer string) bool {
		return slices.ContainsFunc(out, func(above string) bool {
			return above != pointer && (above == "" || strings.HasPrefix(pointer, above+"/"))
		})
	}), nil
}
