package signature_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	gcrname "github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	gcr "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/policy"
	"github.com/oarlock/oarlock/policy/signature"
	"github.com/oarlock/oarlock/policy/trust"
)

// site is a registry on loopback with one image, and a key in cosign's form.
type site struct {
	host, key, public string
	image             gcr.Image
}

func password(text string) signature.Password {
	return func(bool) ([]byte, error) { return []byte(text), nil }
}

// newSite serves a registry with or without the referrers API.
func newSite(t testing.TB, referrers bool) *site {
	t.Helper()
	server := httptest.NewServer(registry.New(registry.WithReferrersSupport(referrers), registry.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(server.Close)
	pair, err := signature.GenerateKeyPair(password("secret"))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	s := &site{host: strings.TrimPrefix(server.URL, "http://"), key: filepath.Join(dir, "cosign.key"), public: filepath.Join(dir, "cosign.pub")}
	if err := errors.Join(os.WriteFile(s.key, pair.Private, 0o600), os.WriteFile(s.public, pair.Public, 0o600)); err != nil {
		t.Fatal(err)
	}
	s.image, err = random.Image(64, 1)
	if err != nil {
		t.Fatal(err)
	}
	s.push(t, "acme/hello:1.0.0", s.image)
	return s
}

func (s *site) push(t testing.TB, ref string, image gcr.Image) {
	t.Helper()
	to, err := gcrname.ParseReference(s.host + "/" + ref)
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(to, image); err != nil {
		t.Fatal(err)
	}
}

func (s *site) trust(t *testing.T) *trust.Policy {
	t.Helper()
	p, err := trust.Parse([]byte("namespaces: {acme: {signers: [{name: release, key: {file: cosign.pub}}]}}"),
		func(string) ([]byte, error) { return os.ReadFile(s.public) })
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func (s *site) verify(t *testing.T, ref string) (signature.Verified, error) {
	t.Helper()
	return signature.VerifyRemote(t.Context(), signature.VerifyOptions{Reference: s.host + "/" + ref, Trust: s.trust(t)})
}

func (s *site) sign(ctx context.Context, ref, format string) (signature.Signed, error) {
	return signature.Sign(ctx, signature.SignOptions{Reference: s.host + "/" + ref, Key: s.key, Password: password("secret"), Format: format})
}

func TestWhatIsSignedVerifies_G1(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		format    string
		referrers bool
		want      string
	}{
		"as nobody said how":                       {"", true, policy.FormatBundle},
		"in the tag":                               {policy.FormatCosignTag, true, policy.FormatCosignTag},
		"as a referrer":                            {policy.FormatCosignReferrer, true, policy.FormatCosignReferrer},
		"as a bundle":                              {policy.FormatBundle, true, policy.FormatBundle},
		"in the tag, without the referrers API":    {policy.FormatCosignTag, false, policy.FormatCosignTag},
		"as a referrer, without the referrers API": {policy.FormatCosignReferrer, false, policy.FormatCosignReferrer},
		"as a bundle, without the referrers API":   {policy.FormatBundle, false, policy.FormatBundle},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, row.referrers)
			v, err := s.verify(t, "acme/hello:1.0.0")
			if !errors.Is(err, artifact.ErrUnverified) || v.Signature.Status != policy.Unsigned {
				t.Fatalf("before: got %+v, %v, want unsigned", v, err)
			}
			signed, err := s.sign(t.Context(), "acme/hello:1.0.0", row.format)
			if err != nil {
				t.Fatal(err)
			}
			v, err = s.verify(t, "acme/hello:1.0.0")
			if err != nil || v.Signature.Signer != "release" || v.Signature.Format != row.want || v.Digest != signed.Digest {
				t.Fatalf("after: got %+v, %v, want verified in %s", v, err, row.want)
			}
			if public, err := os.ReadFile(s.public); err != nil || signed.PublicKey != string(public) {
				t.Errorf("public key: got %q, want %q", signed.PublicKey, public)
			}
		})
	}
}

func TestSigningTwiceAddsNothing(t *testing.T) {
	t.Parallel()
	s := newSite(t, true)
	for _, format := range []string{policy.FormatCosignReferrer, policy.FormatBundle} {
		s := newSite(t, true)
		for range 2 {
			if _, err := s.sign(t.Context(), "acme/hello:1.0.0", format); err != nil {
				t.Fatal(err)
			}
		}
		if v, err := s.verify(t, "acme/hello:1.0.0"); err != nil || len(v.Signature.Evidence) != 1 {
			t.Errorf("%s: got %+v, %v, want one signature", format, v.Signature.Evidence, err)
		}
	}
	for range 2 {
		if _, err := s.sign(t.Context(), "acme/hello:1.0.0", ""); err != nil {
			t.Fatal(err)
		}
	}
	v, err := s.verify(t, "acme/hello:1.0.0")
	if err != nil || len(v.Signature.Evidence) != 1 {
		t.Errorf("got %+v, %v, want one signature", v.Signature.Evidence, err)
	}
	stranger := newSite(t, true)
	if _, err := signature.Sign(t.Context(), signature.SignOptions{Reference: s.host + "/acme/hello:1.0.0", Key: stranger.key, Password: password("secret")}); err != nil {
		t.Fatal(err)
	}
	if v, err := s.verify(t, "acme/hello:1.0.0"); err != nil || len(v.Signature.Evidence) != 2 {
		t.Errorf("with a stranger's beside it: got %+v, %v, want two", v.Signature.Evidence, err)
	}
}

func TestRefusalsOfSigningSayWhy(t *testing.T) {
	t.Parallel()
	s := newSite(t, true)
	plain := filepath.Join(t.TempDir(), "plain.key")
	if err := os.WriteFile(plain, []byte("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	at := s.host + "/acme/hello:1.0.0"
	for name, row := range map[string]struct {
		opts signature.SignOptions
		kind error
		want string
	}{
		"a reference that is none":    {signature.SignOptions{Reference: "hello", Key: s.key}, artifact.ErrInvalid, "expected HOST"},
		"a version that is not there": {signature.SignOptions{Reference: s.host + "/acme/hello:9.9.9", Key: s.key}, artifact.ErrNotFound, "9.9.9"},
		"a key that is not there":     {signature.SignOptions{Reference: at, Key: "/nowhere.key"}, artifact.ErrNotFound, `"/nowhere.key"`},
		"a variable that is not set":  {signature.SignOptions{Reference: at, Key: "env://OARLOCK_NO_SUCH_KEY"}, artifact.ErrNotFound, "OARLOCK_NO_SUCH_KEY"},
		"a key at a URL":              {signature.SignOptions{Reference: at, Key: "https://localhost/k"}, artifact.ErrInvalid, "expected a file"},
		"a key in another form":       {signature.SignOptions{Reference: at, Key: plain}, artifact.ErrInvalid, "cosign import-key-pair"},
		"a public key":                {signature.SignOptions{Reference: at, Key: s.public}, artifact.ErrInvalid, `"PUBLIC KEY"`},
		"a wrong password":            {signature.SignOptions{Reference: at, Key: s.key, Password: password("other")}, artifact.ErrInvalid, "wrong password"},
		"a form that nobody knows":    {signature.SignOptions{Reference: at, Key: s.key, Format: "pgp"}, artifact.ErrInvalid, `"pgp"`},
		"a bundle with annotations":   {signature.SignOptions{Reference: at, Key: s.key, Format: policy.FormatBundle, Annotations: map[string]any{"a": "b"}}, artifact.ErrInvalid, "annotations"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if row.opts.Password == nil {
				row.opts.Password = password("secret")
			}
			_, err := signature.Sign(t.Context(), row.opts)
			if !errors.Is(err, row.kind) || !strings.Contains(err.Error(), row.want) {
				t.Errorf("got %v, want %v that says %q", err, row.kind, row.want)
			}
		})
	}
}

func TestAnUnreachableRegistryCannotBeTold(t *testing.T) {
	t.Parallel()
	s := newSite(t, true)
	gone := httptest.NewServer(nil)
	gone.Close()
	_, err := signature.VerifyRemote(t.Context(), signature.VerifyOptions{Reference: strings.TrimPrefix(gone.URL, "http://") + "/acme/hello:1.0.0", Trust: s.trust(t)})
	for _, kind := range []error{artifact.ErrInvalid, artifact.ErrNotFound, artifact.ErrDenied, artifact.ErrUnverified} {
		if err == nil || errors.Is(err, kind) {
			t.Errorf("got %v, want an error without kind", err)
		}
	}
}

func TestPasswordsComeFromTheEnvironmentFirst(t *testing.T) {
	asked := signature.EnvPassword(func(confirm bool) ([]byte, error) { return []byte("typed"), nil })
	if got, err := asked(false); err != nil || !bytes.Equal(got, []byte("typed")) {
		t.Errorf("not set: got %q, %v", got, err)
	}
	if _, err := signature.EnvPassword(nil)(false); !errors.Is(err, artifact.ErrDenied) {
		t.Errorf("not set and nobody to ask: got %v", err)
	}
	t.Setenv(signature.PasswordVariable, "")
	if got, err := asked(false); err != nil || len(got) != 0 {
		t.Errorf("set and empty: got %q, %v", got, err)
	}
}
