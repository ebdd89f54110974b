package audit

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index/auth"
)

var errFull = errors.New("the log is full")

// paper is Rows that remember, and of which some cannot be written.
type paper struct {
	rows []string
	room int
}

func (p *paper) write(ctx context.Context, format string, args ...any) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if len(p.rows) == p.room {
		return errFull
	}
	p.rows = append(p.rows, fmt.Sprintf(format, args...))
	return nil
}

func (p *paper) Note(ctx context.Context, by auth.Principal, action auth.Action, r auth.Resource, before, after any) error {
	return p.write(ctx, "%s %s %s: %v, %v", by.Name, action, r, before, after)
}

func (p *paper) NoteFailure(ctx context.Context, by auth.Principal, action auth.Action, r auth.Resource, done any, cause error) error {
	return p.write(ctx, "%s %s %s: %v until %v", by.Name, action, r, done, cause)
}

// TestWhatIsDoneIsWrittenDown_K1: before and after it, however it ends.
func TestWhatIsDoneIsWrittenDown_K1(t *testing.T) {
	t.Parallel()
	errDisk := errors.New("the disk is gone")
	act := Act{Action: auth.RegistryGC, On: auth.Site(), Planned: "begun"}
	const begun = "admin:ada registry:gc site: <nil>, begun"
	for name, row := range map[string]struct {
		may   error
		room  int
		after any
		err   error
		want  []string
		ends  error
		done  bool
	}{
		"it goes well":                           {nil, 9, "7 removed", nil, []string{begun, "admin:ada registry:gc site: <nil>, 7 removed"}, nil, true},
		"nothing is to add":                      {nil, 9, nil, nil, []string{begun}, nil, true},
		"it ends early":                          {nil, 9, "3 removed", errDisk, []string{begun, "admin:ada registry:gc site: 3 removed until the disk is gone"}, errDisk, true},
		"who may not does not":                   {artifact.ErrDenied, 9, nil, nil, nil, artifact.ErrDenied, false},
		"what cannot be written is not done":     {nil, 0, nil, nil, nil, errFull, false},
		"that the end cannot be written is told": {nil, 1, "7 removed", nil, []string{begun}, errFull, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := &paper{room: row.room}
			l := Log{May: func(context.Context, auth.Action, auth.Resource) error { return row.may }, Rows: p}
			ctx, leave := context.WithCancel(auth.With(t.Context(), auth.Principal{Name: "admin:ada"}))
			done := false
			err := l.Do(ctx, act, func(context.Context) (any, error) {
				done = true
				leave() // the caller does not wait for the end
				return row.after, row.err
			})
			leave()
			if !errors.Is(err, row.ends) || err != nil && row.ends == nil || done != row.done {
				t.Errorf("error %v, done %t", err, done)
			}
			if diff := cmp.Diff(row.want, p.rows); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestAPanicIsWrittenDown_K1(t *testing.T) {
	t.Parallel()
	p := &paper{room: 9}
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic was swallowed")
			}
		}()
		l := Log{May: func(context.Context, auth.Action, auth.Resource) error { return nil }, Rows: p}
		_ = l.Do(t.Context(), Act{Action: auth.RegistryGC, On: auth.Site()}, func(context.Context) (any, error) { panic("oh") })
	}()
	if len(p.rows) != 2 {
		t.Errorf("rows %q", p.rows)
	}
}

// TestAMissingGuardDenies_K1: and the right that is asked for is the one that
// the act needs.
func TestAMissingGuardDenies_K1(t *testing.T) {
	t.Parallel()
	p := &paper{room: 9}
	never := func(context.Context) (any, error) { t.Error("done"); return nil, nil }
	if err := (Log{Rows: p}).Do(t.Context(), Act{}, never); !errors.Is(err, artifact.ErrDenied) {
		t.Errorf("without a guard: %v", err)
	}
	asked := auth.Action("")
	l := Log{Rows: p, May: func(_ context.Context, a auth.Action, _ auth.Resource) error { asked = a; return artifact.ErrDenied }}
	if err := l.Do(t.Context(), Act{Action: auth.PluginEmergency, Needs: &Right{auth.SiteManage, auth.Site()}}, never); !errors.Is(err, artifact.ErrDenied) || asked != auth.SiteManage {
		t.Errorf("asked for %q: %v", asked, err)
	}
	if len(p.rows) != 0 {
		t.Errorf("rows %q", p.rows)
	}
}
