package app

import (
	"net/http"
	"sync"
	"testing"

	"github.com/oarlock/oarlock/cmd/internal/config"
	"github.com/oarlock/oarlock/index"
)

// Proves E2: deprecations that are made at once close no circle of replacements either.
func TestReplacementsAtOnceCloseNoCircle_E2(t *testing.T) {
	t.Parallel()
	s, admin := startGuarded(t, func(c *config.Config) { c.Trust = everybodyListed(t) })
	ask[any](t, s, admin, "POST", "/api/v1/namespaces", map[string]any{"name": "acme"}, http.StatusCreated)
	next := map[string]string{"one": "two", "two": "three", "three": "one"}
	for name := range next {
		publish(t, s, admin, `{"id": "acme/`+name+`", "version": "1.0.0", "engines": {"acme-editor": "*"}}`)
	}
	var group sync.WaitGroup
	codes := make(chan int, len(next))
	for name, to := range next {
		group.Go(func() {
			code, _ := sent(t, s, admin, "POST", "/api/v1/plugins/acme/"+name+"/lifecycle",
				index.NewMove{Move: index.MoveDeprecate, Reason: "superseded", Replacement: "acme/" + to})
			codes <- code
		})
	}
	group.Wait()
	close(codes)
	made := map[int]int{}
	for code := range codes {
		made[code]++
	}
	if made[http.StatusOK] != 2 || made[http.StatusConflict] != 1 {
		t.Errorf("three deprecations at once: %v, expected two and one that is refused", made)
	}
}
