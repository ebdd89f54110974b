package quota

import (
	"fmt"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
)

// Limits are what a namespace may hold and what one artifact may be. Zero does
// not limit.
type Limits struct {
	Bytes         int64 // all that the namespace holds
	Versions      int64
	ArtifactBytes int64 // one version with its layers
	ManifestBytes int64
	Layers        int
}

// An Error names the limit that was met. It wraps artifact.ErrDenied.
type Error struct {
	Limit     string
	Namespace string
	// Max is the limit, Have what is used or reserved, Want what was asked for.
	Max, Have, Want int64
}

func (e *Error) Error() string {
	if e.Namespace == "" {
		return fmt.Sprintf("limit %q: %d, expected at most %d", e.Limit, e.Want, e.Max)
	}
	return fmt.Sprintf("quota %q of namespace %s: %d used, %d asked for, at most %d; see oarlock publisher usage %s, and ask the operator of this registry for more", e.Limit, e.Namespace, e.Have, e.Want, e.Max, e.Namespace)
}

// Unwrap makes errors.Is(err, artifact.ErrDenied) hold.
func (e *Error) Unwrap() error { return artifact.ErrDenied }

// Problem says it in the codes of the API.
func (e *Error) Problem() *index.Problem { return index.NewProblem(index.CodeQuota, e.Error()) }

// CheckArtifact holds one artifact to the limits; what is not known yet is 0.
func (l Limits) CheckArtifact(artifactBytes, manifestBytes int64, layers int) error {
	for _, c := range []struct {
		limit     string
		max, want int64
	}{
		{"artifact bytes", l.ArtifactBytes, artifactBytes},
		{"manifest bytes", l.ManifestBytes, manifestBytes},
		{"layers", int64(l.Layers), int64(layers)},
	} {
		if c.max > 0 && c.want > c.max {
			return &Error{Limit: c.limit, Max: c.max, Want: c.want}
		}
	}
	return nil
}
