package client_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
)

// Proves D3, L1: whoever resolves through the client is given what was asked for, or an
// error: an answer that lacks it, has it in another range or twice, or names another
// plugin's bytes holds for nobody.
func TestAnAnswerHoldsWhatWasAsked(t *testing.T) {
	t.Parallel()
	for title, row := range map[string]struct{ was, is string }{
		"it lacks what was asked":   {`"resolved":[`, `"resolved":[],"were":[`},
		"it is of another plugin":   {`"id":"acme/hello"`, `"id":"acme/other"`},
		"it is in another range":    {`"version":"1.0.0"`, `"version":"2.0.0"`},
		"its digest is none":        {`"digest":"sha256:`, `"digest":"sha256:zz`},
		"it refers to other digest": {`@sha256:`, `@sha256:0`},
	} {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			s := newShop(t)
			s.publish(t, "acme/hello", "1.0.0", release{})
			asked := index.ResolveRequest{Plugins: []index.Want{{ID: "acme/hello", Range: "^1"}}}
			if got, err := s.client(t).Resolve(t.Context(), asked); err != nil || len(got.Resolved) != 1 {
				t.Fatalf("an honest answer: %+v, %v", got, err)
			}
			s.lies(swap("/resolve", func(b []byte) []byte { return bytes.ReplaceAll(b, []byte(row.was), []byte(row.is)) }))
			if got, err := s.client(t).Resolve(t.Context(), asked); err == nil || !errors.Is(err, artifact.ErrUnverified) && !errors.Is(err, artifact.ErrInvalid) {
				t.Errorf("got %+v, %v", got, err)
			}
		})
	}
}
