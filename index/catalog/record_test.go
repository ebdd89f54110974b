package catalog

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
	"github.com/opencontainers/go-digest"
	"pgregory.net/rapid"
)

// parsed compares values that keep their fields to themselves by their text.
var parsed = cmp.Options{
	cmp.Comparer(func(a, b artifact.Name) bool { return a == b }),
	cmp.Comparer(func(a, b artifact.HostID) bool { return a == b }),
	cmp.Comparer(func(a, b artifact.Platform) bool { return a == b }),
	cmp.Comparer(func(a, b artifact.Version) bool { return a.String() == b.String() }),
	cmp.Comparer(func(a, b artifact.Range) bool { return a.String() == b.String() }),
}

// fill puts a value into every field of v, so that a field which no record
// keeps is noticed the day it is added.
func fill(t *testing.T, v reflect.Value) {
	switch at := v.Addr().Interface().(type) {
	case *artifact.Name:
		*at = name("acme/hello")
		return
	case *artifact.Version:
		*at = version("1.2.3")
		return
	case *artifact.Range:
		*at = rangeOf("^1 || ^2")
		return
	case *artifact.HostID:
		*at = host("acme-editor")
		return
	case *artifact.Platform:
		*at = platformOf("linux/arm/v7")
		return
	case *digest.Digest:
		*at = digestOf("some content")
		return
	case *time.Time:
		*at = time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString("text of " + v.Type().String())
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int64:
		v.SetInt(42)
	case reflect.Uint8:
		v.SetUint('1')
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(t, v.Elem())
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		fill(t, v.Index(0))
		fill(t, v.Index(1))
	case reflect.Map:
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		fill(t, key)
		fill(t, value)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(key, value)
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[index.Reason]() { // Until is of an answer alone
			v.Set(reflect.ValueOf(index.Reason{Code: "code", Detail: "text of string"}))
			return
		}
		for i := range v.NumField() {
			fill(t, v.Field(i))
		}
	default:
		t.Fatalf("no value for a %s", v.Type())
	}
}

func TestRecordKeepsEveryField(t *testing.T) {
	t.Parallel()
	var p Plugin
	fill(t, reflect.ValueOf(&p).Elem())
	p.Versions = p.Versions[:1]
	p.Versions[0].Plugin.Changelog, p.Versions[0].Plugin.Readme = "", "" // stripped by promise
	p.Versions[0].PublishedAt, p.UpdatedAt = time.Time{}, nil            // beside the record by promise
	p = p.normal()
	record, _ := encodeRecord(&p)
	got, _, err := decodeRecord(string(record), newWords())
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(&p, got, parsed); d != "" {
		t.Fatalf("(- put in, + read back):\n%s", d)
	}
}

func TestRecordRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := drawPlugin(t)
		p = p.normal()
		record, masks := encodeRecord(&p)
		got, again, err := decodeRecord(string(record), newWords())
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(masks, again) || !encodesAs(got, string(record)) {
			t.Fatalf("%s reads as another record", p.ID)
		}
		if got.ID != p.ID || len(got.Versions) != len(p.Versions) {
			t.Fatalf("read back %+v", got)
		}
	})
}

// The masks name fields by their bit; a field that moves would make traits stale.
func TestMasksNameTheFieldsOfFacts(t *testing.T) {
	t.Parallel()
	base := Version{Version: version("1.0.0"), Plugin: &artifact.Plugin{}}
	for what, c := range map[string]struct {
		change func(*Version)
		mask   uint64
	}{
		"builds":     {func(v *Version) { v.Builds = []artifact.Build{{Digest: digestOf("x")}} }, maskBuilds},
		"engines":    {func(v *Version) { v.Plugin.Engines = map[artifact.HostID]artifact.Range{host("shell"): rangeOf("*")} }, maskEngines},
		"no plugin":  {func(v *Version) { v.Plugin = nil }, maskEngines & maskMeta},
		"signature":  {func(v *Version) { v.Signature.Status = index.SignatureVerified }, maskMeta},
		"attested":   {func(v *Version) { v.Attestations = []index.Attestation{{Kind: "sbom", Verified: true}} }, maskMeta},
		"categories": {func(v *Version) { v.Plugin.Categories = []string{"ui"} }, maskMeta},
		"niches":     {func(v *Version) { v.Plugin.Niches = []string{"health"} }, maskMeta},
		"license":    {func(v *Version) { v.Plugin.License = "MIT" }, maskMeta},
		"tier":       {func(v *Version) { v.Plugin.Tier = "pro" }, maskMeta},
	} {
		changed := base
		said := *base.Plugin
		changed.Plugin = &said
		c.change(&changed)
		var d deltas
		d.put(new(writer), &base)
		if mask := d.put(new(writer), &changed); mask == 0 || mask&^c.mask != 0 {
			t.Errorf("%s: fields %b changed, facts look at %b", what, mask, c.mask)
		}
	}
}

// C1: texts that differ in form only are one content.
func TestDigestIgnoresOrderAndRepetition_C1(t *testing.T) {
	t.Parallel()
	a := Plugin{ID: name("acme/hello"), Versions: []Version{{Version: version("1.0.0"), Digest: digestOf(1)}, {Version: version("2.0.0"), Digest: digestOf(2)}}}
	b := Plugin{ID: a.ID, State: index.StateActive, Versions: []Version{a.Versions[1], a.Versions[0], a.Versions[1]}}
	s := Empty().With([]Plugin{a}, nil)
	if got := s.With([]Plugin{b}, nil); got.Digest() != s.Digest() || got.Versions() != 2 {
		t.Fatalf("digest %s with %d versions, expected %s with 2", got.Digest(), got.Versions(), s.Digest())
	}
	c := a
	c.State = index.StateDeprecated
	if got := s.With([]Plugin{c}, nil); got.Digest() == s.Digest() {
		t.Fatal("another state has the same digest")
	}
	if got := s.With(nil, []artifact.Name{a.ID}); got.Digest() != Empty().Digest() {
		t.Fatalf("emptied: %s, empty: %s", got.Digest(), Empty().Digest())
	}
}

func TestDamagedRecordIsAnErrorWithItsPlace(t *testing.T) {
	t.Parallel()
	p := Plugin{ID: name("acme/hello"), Versions: []Version{{Version: version("1.0.0"), Digest: digestOf(1)}}}
	p = p.normal()
	record, _ := encodeRecord(&p)
	for n := range record {
		if _, _, err := decodeRecord(string(record[:n]), newWords()); err == nil || !strings.Contains(err.Error(), "byte") {
			t.Fatalf("cut to %d bytes: %v", n, err)
		}
	}
}
