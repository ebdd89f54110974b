package resolve_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/resolve"
)

func TestResolveChoosesOneVersionOfEach_D2(t *testing.T) {
	t.Parallel()
	for title, row := range map[string]struct {
		world, wants, locked string
		prerelease           bool
		want                 string
	}{
		"the newest is chosen": {
			world: "acme/ant 1.0.0\nacme/ant 1.10.0\nacme/ant 1.9.0", wants: "acme/ant",
			want: "acme/ant 1.10.0 (request)",
		},
		"dependencies come before what needs them": {
			world: "acme/ant 1.0.0 needs acme/zoo ^1\nacme/zoo 1.0.0 needs acme/mid *\nacme/mid 3.0.0", wants: "acme/ant",
			want: "acme/mid 3.0.0 (acme/zoo), acme/zoo 1.0.0 (acme/ant), acme/ant 1.0.0 (request)",
		},
		"a newer version that cannot be completed gives way to an older one": {
			world: "acme/ant 2.0.0 needs acme/lib ^9\nacme/ant 1.0.0 needs acme/lib ^1\nacme/lib 1.4.0", wants: "acme/ant",
			want: "acme/lib 1.4.0 (acme/ant), acme/ant 1.0.0 (request)",
		},
		"a shared dependency satisfies both": {
			world: "acme/ant 1.0.0 needs acme/lib >=1.2\nacme/bee 1.0.0 needs acme/lib <1.4\nacme/lib 1.5.0\nacme/lib 1.3.0\nacme/lib 1.1.0",
			wants: "acme/bee, acme/ant",
			want:  "acme/lib 1.3.0 (acme/ant acme/bee), acme/ant 1.0.0 (request), acme/bee 1.0.0 (request)",
		},
		"a build published later does not change what an exact version means": {
			world: "acme/ant 1.0.0 needs acme/lib =1.0.0\nacme/lib 1.0.0+zzz\nacme/lib 1.0.0", wants: "acme/ant",
			want: "acme/lib 1.0.0 (acme/ant), acme/ant 1.0.0 (request)",
		},
		"a version with its build is exactly that": {
			world: "acme/lib 1.0.0+zzz\nacme/lib 1.0.0+10\nacme/lib 1.0.0", wants: "acme/lib 1.0.0+10", want: "acme/lib 1.0.0+10 (request)",
		},
		"builds are ordered by number": {
			world: "acme/lib 1.0.0+9\nacme/lib 1.0.0+10", wants: "acme/lib ^1.0.0", want: "acme/lib 1.0.0+10 (request)",
		},
		"a prerelease is not chosen unasked": {
			world: "acme/ant 2.0.0-rc.1\nacme/ant 1.0.0", wants: "acme/ant", want: "acme/ant 1.0.0 (request)",
		},
		"a prerelease is chosen when asked for": {
			world: "acme/ant 2.0.0-rc.1\nacme/ant 1.0.0", wants: "acme/ant", prerelease: true, want: "acme/ant 2.0.0-rc.1 (request)",
		},
		"a range that names a prerelease asks for it": {
			world: "acme/ant 2.0.0-rc.1\nacme/ant 1.0.0", wants: "acme/ant >=2.0.0-beta", want: "acme/ant 2.0.0-rc.1 (request)",
		},
		"a locked plugin stays though there is a newer one": {
			world: "acme/ant 1.0.0 needs acme/lib *\nacme/lib 2.0.0\nacme/lib 1.0.0", wants: "acme/ant", locked: "acme/lib 1.0.0",
			want: "acme/lib 1.0.0 (acme/ant), acme/ant 1.0.0 (request)",
		},
		"a locked plugin moves where a range asks for it": {
			world: "acme/ant 1.0.0 needs acme/lib ^2\nacme/lib 2.0.0\nacme/lib 1.0.0", wants: "acme/ant", locked: "acme/lib 1.0.0",
			want: "acme/lib 2.0.0 (acme/ant), acme/ant 1.0.0 (request)",
		},
		"an installed plugin stays when another is added": {
			world: "acme/ant 2.0.0\nacme/ant 1.0.0\nacme/bee 2.0.0 needs acme/ant ^2\nacme/bee 1.0.0 needs acme/ant ^1",
			wants: "acme/ant, acme/bee", locked: "acme/ant 1.0.0",
			want: "acme/ant 1.0.0 (request acme/bee), acme/bee 1.0.0 (request)",
		},
		"a yanked version is not chosen": {
			world: "acme/ant 2.0.0 held yanked\nacme/ant 1.0.0", wants: "acme/ant", want: "acme/ant 1.0.0 (request)",
		},
		"a yanked version stays when it is locked": {
			world: "acme/ant 2.0.0 held yanked\nacme/ant 1.0.0", wants: "acme/ant", locked: "acme/ant 2.0.0", want: "acme/ant 2.0.0 (request)",
		},
		"an optional dependency does not come along": {
			world: "acme/ant 1.0.0 with acme/opt ^1\nacme/opt 1.0.0", wants: "acme/ant", want: "acme/ant 1.0.0 (request)",
		},
		"an optional dependency limits what is there anyway": {
			world: "acme/ant 1.0.0 with acme/opt ^1\nacme/opt 2.0.0\nacme/opt 1.0.0", wants: "acme/ant, acme/opt",
			want: "acme/opt 1.0.0 (request), acme/ant 1.0.0 (request)",
		},
		"a cycle is no problem": {
			world: "acme/ant 1.0.0 needs acme/bee ^1\nacme/bee 1.0.0 needs acme/ant ^1", wants: "acme/ant",
			want: "acme/bee 1.0.0 (acme/ant), acme/ant 1.0.0 (request acme/bee)",
		},
		"what only a rejected version needed stays out": {
			world: "acme/ant 2.0.0 needs acme/xtr *, acme/lib ^9\nacme/ant 1.0.0\nacme/xtr 1.0.0\nacme/lib 1.0.0", wants: "acme/ant",
			want: "acme/ant 1.0.0 (request)",
		},
		"a plugin that needs another version of itself is passed over": {
			world: "acme/ant 2.0.0 needs acme/ant ^1\nacme/ant 1.0.0 needs acme/ant *", wants: "acme/ant", want: "acme/ant 1.0.0 (request)",
		},
		"two ranges for one plugin both hold": {
			world: "acme/ant 3.0.0\nacme/ant 2.0.0\nacme/ant 1.0.0", wants: "acme/ant >=2, acme/ant <3", want: "acme/ant 2.0.0 (request)",
		},
	} {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			r := request(t, row.wants)
			r.Prerelease = row.prerelease
			lock(t, &r, row.locked)
			got, err := resolve.Resolve(t.Context(), worldOf(t, row.world), r)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(row.want, said(got)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestConflictIsExplainedInSentences_D2(t *testing.T) {
	t.Parallel()
	for title, row := range map[string]struct{ world, wants, want string }{
		"two plugins want different versions of a third, and a newer one of them would do": {
			world: "acme/ant 2.1.0 needs acme/lib ^2\nacme/bee 2.0.0 needs acme/lib ^2\nacme/bee 1.0.0 needs acme/lib ^1\nacme/lib 2.0.0\nacme/lib 1.0.0",
			wants: "acme/ant, acme/bee ^1",
			want: "acme/ant 2.1.0 needs acme/lib ^2, acme/bee 1.0.0 needs acme/lib ^1; no version of acme/lib is in both, there is acme/lib 2.0.0 and 1.0.0. " +
				"Asking for acme/bee@^2 would help: it needs acme/lib ^2.",
		},
		"nothing is in the range": {
			world: "acme/ant 1.0.0\nacme/ant 1.1.0", wants: "acme/ant ^2",
			want: "the request asks for acme/ant ^2; there is acme/ant 1.1.0 and 1.0.0. Asking for acme/ant@^1 would help.",
		},
		"there is no such plugin": {
			world: "acme/ant 1.0.0", wants: "acme/zz, acme/ant",
			want: "the request asks for acme/zz; there is no acme/zz here. Without acme/zz the rest can be resolved.",
		},
		"a dependency is missing": {
			world: "acme/ant 1.0.0 needs acme/gone ^1", wants: "acme/ant",
			want: "acme/ant 1.0.0 needs acme/gone ^1; there is no acme/gone here.",
		},
		"only a prerelease would do": {
			world: "acme/ant 1.0.0 needs acme/lib ^2\nacme/lib 2.1.0-rc.1\nacme/lib 1.0.0", wants: "acme/ant",
			want: "acme/ant 1.0.0 needs acme/lib ^2; there is acme/lib 2.1.0-rc.1 and 1.0.0. " +
				"Taking prereleases would help: there is acme/lib 2.1.0-rc.1.",
		},
		"all that there is is yanked": {
			world: "acme/ant 1.0.0 held yanked", wants: "acme/ant",
			want: "the request asks for acme/ant; of acme/ant, 1.0.0 is yanked, and nothing else fits.",
		},
		"an optional dependency is at odds": {
			world: "acme/ant 1.0.0 with acme/opt ^1\nacme/opt 2.0.0", wants: "acme/ant, acme/opt",
			want: "acme/ant 1.0.0 goes only with acme/opt ^1; there is acme/opt 2.0.0. Without acme/ant the rest can be resolved. Without acme/opt the rest can be resolved.",
		},
	} {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			got, err := resolve.Resolve(t.Context(), worldOf(t, row.world), request(t, row.wants))
			var no *resolve.Unsatisfiable
			if !errors.As(err, &no) {
				t.Fatalf("got %s, %v, expected Unsatisfiable", said(got), err)
			}
			if diff := cmp.Diff(row.want, no.Error()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			var p *index.Problem
			if !errors.Is(err, artifact.ErrConflict) || !errors.As(err, &p) || p.Code != index.CodeUnsatisfiable ||
				strings.Join(append([]string{p.Explanation}, p.Fixes...), " ") != row.want {
				t.Errorf("got problem %+v", p)
			}
		})
	}
}

func TestSearchIsGivenUpInTime(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	w, r := pigeons(t, 12)
	if _, err := resolve.Resolve(ctx, w, r); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, expected the context's error", err)
	}
	_, err := resolve.Resolve(t.Context(), w, r)
	if !errors.Is(err, resolve.ErrExhausted) || errors.Is(err, artifact.ErrConflict) {
		t.Errorf("got %v, expected ErrExhausted and no kind", err)
	}
}

// pigeons is a universe in which n+1 plugins each want one of n holes alone,
// the hard case for every solver that learns by resolution.
func pigeons(t testing.TB, n int) (world, resolve.Request) {
	var lines, wants []string
	for p := range n + 1 {
		wants = append(wants, fmt.Sprintf("acme/pigeon%d", p))
		for h := range n {
			lines = append(lines, fmt.Sprintf("acme/pigeon%d %d.0.0 needs acme/hole%d =%d.0.0", p, h+1, h, p+1))
		}
	}
	for h := range n {
		for p := range n + 1 {
			lines = append(lines, fmt.Sprintf("acme/hole%d %d.0.0", h, p+1))
		}
	}
	return worldOf(t, strings.Join(lines, "\n")), request(t, strings.Join(wants, ", "))
}
