package artifact_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/oarlock/oarlock/artifact"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// held checks what every parser of text promises: a refusal is ErrInvalid and
// quotes safely; what is taken reads back as itself.
func held[T fmt.Stringer](t *testing.T, parse func(string) (T, error), s string) {
	t.Helper()
	v, err := parse(s)
	if err != nil {
		if !errors.Is(err, artifact.ErrInvalid) {
			t.Errorf("%q: %v is not invalid", s, err)
		}
		if strings.ContainsAny(err.Error(), "\x00\n") || !utf8.ValidString(err.Error()) {
			t.Errorf("%q: the error %q is not one clean line", s, err)
		}
		return
	}
	back, err := parse(v.String())
	if err != nil || back.String() != v.String() {
		t.Errorf("%q was read as %q, which is read as %q, %v", s, v, back, err)
	}
}

func FuzzParseName(f *testing.F) {
	for _, s := range []string{"acme/hello", "a/b", "acme/he--llo", "ACME/x", "/", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) { held(t, artifact.ParseName, s) })
}

func FuzzParseVersion(f *testing.F) {
	for _, s := range []string{"1.2.3", "1.2.3-rc.1+5", "1.2", "v1.2.3", "1.2.3_5", "1.0.0-18446744073709551616"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		held(t, artifact.ParseVersion, s)
		held(t, artifact.ParseHostVersion, s)
		if v, err := artifact.ParseVersion(s); err == nil {
			if back, err := artifact.ParseVersionTag(v.Tag()); err != nil || back.Compare(v) != 0 {
				t.Errorf("%s: its tag %s is read as %s, %v", v, v.Tag(), back, err)
			}
		}
	})
}

func FuzzParseRange(f *testing.F) {
	for _, s := range []string{">=1.2 <3", "^1 || ~2.3", "1 - 2", "*", "1.x", "", ">= ,"} {
		f.Add(s, "1.2.3")
	}
	f.Fuzz(func(t *testing.T, s, version string) {
		held(t, artifact.ParseRange, s)
		r, err := artifact.ParseRange(s)
		v, errV := artifact.ParseVersion(version)
		if err == nil && errV == nil && r.Contains(v, false) && v.IsPrerelease() && !strings.Contains(s, "-") {
			t.Errorf("%q holds the prerelease %s unasked", s, v)
		}
	})
}

func FuzzParsePlatform(f *testing.F) {
	for _, s := range []string{"linux/amd64", "linux/arm/v7", "linux/x86_64", "darwin/arm64/v8", "linux", "//"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) { held(t, artifact.ParsePlatform, s) })
}

func FuzzParseTag(f *testing.F) {
	for _, s := range []string{"1.2.3", "1.2.3_5", "stable", "oarlock-state", "sha256-" + strings.Repeat("0a", 32) + ".sig", "sha256-"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		held(t, artifact.ParseTag, s)
		held(t, artifact.ParseChannel, s)
		tag, err := artifact.ParseTag(s)
		if err != nil {
			return
		}
		if tag.Kind() == artifact.TagDigest && artifact.DigestTag(tag.Subject(), tag.Suffix()) != s {
			t.Errorf("%q is about %s %q, whose tag is another", s, tag.Subject(), tag.Suffix())
		}
		if len(s) > 128 || (tag.Kind() == artifact.TagVersion) != !tag.Version().IsZero() {
			t.Errorf("%q is of kind %d with version %s", s, tag.Kind(), tag.Version())
		}
	})
}

func FuzzFromAnnotations(f *testing.F) {
	f.Add(`{"dev.oarlock.plugin.id":"acme/hello","org.opencontainers.image.version":"1.0.0","dev.oarlock.plugin.engine.acme":">=1"}`)
	f.Add(`{"dev.oarlock.plugin.requires.acme.base":"^1","dev.oarlock.plugin.permissions":"net, fs"}`)
	f.Fuzz(func(t *testing.T, s string) {
		var a map[string]string
		if json.Unmarshal([]byte(s), &a) != nil {
			return
		}
		p, err := artifact.FromAnnotations(a)
		if err != nil {
			problems(t, err)
			return
		}
		if d := artifact.Disagreements(p, a); len(d) > 0 {
			t.Errorf("what was read from %s disagrees with it: %v", s, d)
		}
		if _, err := artifact.FromAnnotations(p.Annotations()); err != nil {
			t.Errorf("its own annotations are not read: %v", err)
		}
	})
}

func problems(t *testing.T, err error) {
	t.Helper()
	several, ok := errors.AsType[*artifact.ProblemsError](err)
	if !ok || !errors.Is(err, artifact.ErrInvalid) || len(several.Problems) == 0 {
		t.Fatalf("%v is not a list of problems", err)
	}
	for _, p := range several.Problems {
		if p.Place == "" || p.Detail == "" {
			t.Errorf("%+v says no place or no detail", p)
		}
	}
}

func FuzzParsePlugin(f *testing.F) {
	for _, row := range schemaRows {
		f.Add([]byte(row.document))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		p, err := artifact.ParsePlugin(raw)
		if err != nil {
			problems(t, err)
			return
		}
		again, err := json.Marshal(p)
		if err != nil {
			t.Fatalf("%s is read, but not written: %v", raw, err)
		}
		back, err := artifact.ParsePlugin(again)
		if err != nil {
			t.Fatalf("%s is written as %s, which is not read: %v", raw, again, err)
		}
		third, _ := json.Marshal(back)
		if diff := cmp.Diff(string(again), string(third)); diff != "" {
			t.Errorf("not stable (-once +twice):\n%s", diff)
		}
	})
}

const someDigest = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

func FuzzParseManifest(f *testing.F) {
	f.Add(ocispec.MediaTypeImageManifest, []byte(`{"schemaVersion":2,"config":{"mediaType":"x","digest":"`+someDigest+`","size":0}}`))
	f.Add(ocispec.MediaTypeImageIndex, []byte(`{"schemaVersion":2,"manifests":[{"mediaType":"x","digest":"`+someDigest+`","size":0}]}`))
	f.Add("", []byte(`{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","subject":{}}`))
	f.Fuzz(func(t *testing.T, mediaType string, raw []byte) {
		m, err := artifact.ParseManifest(mediaType, raw)
		if err != nil {
			if !errors.Is(err, artifact.ErrInvalid) {
				t.Errorf("%v is not invalid", err)
			}
			return
		}
		if m.Descriptor.Digest != digest.FromBytes(raw) || m.IsIndex() != (m.Config == nil) {
			t.Errorf("%s: descriptor %v, index %v, config %v", raw, m.Descriptor, m.IsIndex(), m.Config)
		}
	})
}

// Whatever a manifest says, reading it gives a plugin, a refusal, or the
// fetch's own error: nothing else.
func FuzzReadContent(f *testing.F) {
	const head = `{"schemaVersion":2,"artifactType":"application/vnd.oarlock.plugin.v1",`
	for _, tail := range []string{
		`"config":{"mediaType":"application/vnd.oci.empty.v1+json","digest":"` + someDigest + `","size":2},"annotations":{"dev.oarlock.plugin.id":"acme/hello","org.opencontainers.image.version":"1.0.0"}}`,
		`"config":{"mediaType":"application/vnd.oarlock.plugin.config.v1+json","digest":"` + someDigest + `","size":2}}`,
	} {
		f.Add(ocispec.MediaTypeImageManifest, []byte(head+tail), []byte(`{"id":"acme/hello","version":"1.0.0"}`))
	}
	f.Add(ocispec.MediaTypeImageIndex, []byte(head+`"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"`+someDigest+`","size":2,"platform":{"os":"linux","architecture":"amd64"}}]}`), []byte(head))
	missing := errors.New("missing")
	f.Fuzz(func(t *testing.T, mediaType string, raw, blob []byte) {
		asked := 0
		fetch := func(_ context.Context, d ocispec.Descriptor) ([]byte, error) {
			asked++
			if asked > 2*artifact.MaxBuilds {
				t.Fatalf("more than %d fetches", asked)
			}
			if d.Size == 0 {
				return nil, missing
			}
			return blob, nil
		}
		c, err := artifact.ReadContent(t.Context(), mediaType, raw, fetch)
		switch {
		case err == nil && (c.Plugin.ID.IsZero() || c.Plugin.Version.IsZero() || len(c.Builds) == 0):
			t.Errorf("%s gave %+v", raw, c)
		case err != nil && !errors.Is(err, artifact.ErrInvalid) && !errors.Is(err, missing) && !errors.Is(err, artifact.ErrUnverified):
			t.Errorf("%v is neither a refusal nor the fetch's own", err)
		}
	})
}
