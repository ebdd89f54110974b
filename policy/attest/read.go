package attest

import (
	"fmt"
	"time"

	"github.com/opencontainers/go-digest"
)

func readNothing(map[string]any) (claims, error) { return claims{}, nil }

func readProvenanceV1(doc map[string]any) (claims, error) {
	return claims{builder: text(object(object(doc, "runDetails"), "builder"), "id")}, nil
}

func readProvenanceV02(doc map[string]any) (claims, error) {
	return claims{builder: text(object(doc, "builder"), "id")}, nil
}

func readTestResult(doc map[string]any) (claims, error) {
	failed := list(doc, "failedTests")
	switch result := text(doc, "result"); {
	case result != "FAILED" && len(failed) > 0:
		return claims{}, fmt.Errorf("failedTests: %d tests failed, but the result is %q", len(failed), result)
	case result == "FAILED":
		return claims{failed: "the tests failed"}, nil
	}
	return claims{}, nil
}

func readReview(doc map[string]any) (claims, error) {
	at, err := time.Parse(time.RFC3339, text(doc, "reviewed_at"))
	if err != nil {
		return claims{}, fmt.Errorf("reviewed_at: %s", err)
	}
	f := claims{at: at, reviewer: text(doc, "reviewer")}
	for _, one := range list(doc, "replaces") {
		d, _ := one.(string)
		f.replaces = append(f.replaces, digest.Digest(d))
	}
	if text(doc, "verdict") == "rejected" {
		f.failed = fmt.Sprintf("the review rejected it: %.200s", text(doc, "reason"))
	}
	return f, nil
}

// readCycloneDX looks for references that two components share.
func readCycloneDX(doc map[string]any) (claims, error) {
	refs := unique{}
	if err := refs.component("metadata.component", object(object(doc, "metadata"), "component")); err != nil {
		return claims{}, err
	}
	if err := refs.components("components", list(doc, "components")); err != nil {
		return claims{}, err
	}
	return claims{}, nil
}

// readSPDX looks for ids that two elements share.
func readSPDX(doc map[string]any) (claims, error) {
	ids := unique{"SPDXRef-DOCUMENT": "the document"}
	for _, part := range []string{"packages", "files"} {
		for i, one := range list(doc, part) {
			element, _ := one.(map[string]any)
			if err := ids.add(fmt.Sprintf("%s.%d.SPDXID", part, i), text(element, "SPDXID")); err != nil {
				return claims{}, err
			}
		}
	}
	return claims{}, nil
}

// unique is where each id was met.
type unique map[string]string

func (u unique) add(place, id string) error {
	if other := u[id]; other != "" && id != "" {
		return fmt.Errorf("%s: %.100q is that of %s as well", place, id, other)
	}
	u[id] = place
	return nil
}

func (u unique) component(place string, c map[string]any) error {
	if err := u.add(place+".bom-ref", text(c, "bom-ref")); err != nil {
		return err
	}
	return u.components(place+".components", list(c, "components"))
}

func (u unique) components(place string, all []any) error {
	for i, one := range all {
		c, _ := one.(map[string]any)
		if err := u.component(fmt.Sprintf("%s.%d", place, i), c); err != nil {
			return err
		}
	}
	return nil
}

func object(doc map[string]any, key string) map[string]any {
	v, _ := doc[key].(map[string]any)
	return v
}

func list(doc map[string]any, key string) []any {
	v, _ := doc[key].([]any)
	return v
}

func text(doc map[string]any, key string) string {
	v, _ := doc[key].(string)
	return v
}
