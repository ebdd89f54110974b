package signed

import (
	"fmt"

	"github.com/oarlock/oarlock/artifact"
)

// Why a catalog is refused. The codes are stable.
const (
	// RefusedRollback: it is older than what was seen before.
	RefusedRollback = "rollback"
	// RefusedExpired: nobody signed it anew in time, so a newer one may be held back.
	RefusedExpired = "expired"
	// RefusedMixed: its parts are of different publications.
	RefusedMixed = "mix_and_match"
	// RefusedTampered: bytes are not those that were signed.
	RefusedTampered = "tampered"
	// RefusedKey: too few of the trusted keys signed it.
	RefusedKey = "wrong_key"
	// RefusedEndless: more came than was signed, or than anything may have.
	RefusedEndless = "too_long"
	// RefusedMalformed: it cannot be read.
	RefusedMalformed = "malformed"
)

// A Refusal says why a catalog is not believed: what came, what was expected,
// what to do. It wraps artifact.ErrUnverified.
type Refusal struct {
	Code   string
	Detail string
	Fix    string
}

func (r *Refusal) Error() string {
	return fmt.Sprintf("catalog refused: %s: %s; %s", r.Code, r.Detail, r.Fix)
}

// Unwrap makes errors.Is(err, artifact.ErrUnverified) hold.
func (r *Refusal) Unwrap() error { return artifact.ErrUnverified }

// fixes say what to do about each code.
var fixes = map[string]string{
	RefusedRollback:  "copy the newest catalog to this registry again; after the site was restored from a backup its operator rotates the online keys: oarlock catalog root rotate --online-keys",
	RefusedExpired:   "copy the newest catalog to this registry again, or ask the site's operator whether it still publishes; check this machine's clock",
	RefusedMixed:     "copy the whole artifact again, by its manifest: oras cp -r",
	RefusedTampered:  "do not use this registry until it is known who changed it; copy the artifact again from the site",
	RefusedKey:       "compare the pinned root with the one that the site's operator shows: oarlock catalog root show",
	RefusedEndless:   "do not use this registry until it is known who changed it; copy the artifact again from the site",
	RefusedMalformed: "copy the artifact again from the site; a newer version of this program may be needed",
}

func refuse(code, format string, args ...any) *Refusal {
	return &Refusal{Code: code, Detail: fmt.Sprintf(format, args...), Fix: fixes[code]}
}
