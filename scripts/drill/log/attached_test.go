//go:build e2e

package log

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/publog"
	"github.com/oarlock/oarlock/scripts/drill"
)

const (
	versions     = 300
	mostAttached = 200 * time.Millisecond
)

var errNoProof = errors.New("no proof refers to it yet")

// TestAProofIsAttachedInTime_G6 publishes versions one after the other, and measures
// from when each push was acknowledged until its proof is a referrer of it.
func TestAProofIsAttachedInTime_G6(t *testing.T) {
	s := drill.Serve(t, "")
	drill.Ask[any](t, s, s.Admin, "POST", "/api/v1/namespaces", map[string]any{"name": "acme"})
	var took []time.Duration
	for i := range drill.N(versions) {
		version := fmt.Sprintf("1.%d.0", i)
		s.Publish(t, s.Admin, `{"id": "acme/hello", "version": "`+version+`", "engines": {"acme-editor": "*"}}`)
		began := time.Now()
		drill.Until(t, "the proof of "+version, func(ctx context.Context) error {
			var v index.VersionDetail
			if err := s.Try(ctx, s.Admin, "GET", "/api/v1/plugins/acme/hello/versions/"+version, nil, &v); err != nil {
				return err
			}
			var list ocispec.Index
			if err := s.Try(ctx, s.Admin, "GET", "/v2/acme/hello/referrers/"+v.Digest.String(), nil, &list); err != nil {
				return err
			}
			if !slices.ContainsFunc(list.Manifests, func(d ocispec.Descriptor) bool { return d.ArtifactType == publog.TypeProof }) {
				return errNoProof
			}
			return nil
		})
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	t.Logf("median %v, longest %v", took[len(took)/2].Round(time.Millisecond), took[len(took)-1].Round(time.Millisecond))
	drill.Within(t, fmt.Sprintf("99 %% of the proofs of %d versions attached, from the acknowledged push", len(took)), took[len(took)*99/100], mostAttached)
}
