package backup

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/artifact/artifacttest"
	"github.com/oarlock/oarlock/registry/gc"
	"github.com/oarlock/oarlock/registry/registrytest"
	"github.com/oarlock/oarlock/registry/storage/driver"
)

// TestBackupsDuringAStorm_K6: while versions are pushed, tags moved and
// deleted, and garbage is collected with hardly any grace, each backup is whole and
// holds every version that was acknowledged before it began.
func TestBackupsDuringAStorm_K6(t *testing.T) {
	t.Parallel()
	dir, vault := t.TempDir(), filepath.Join(t.TempDir(), "vault")
	s := newSite(t, registrytest.Dir(dir))
	s.fill()
	ctx, stop := context.WithCancel(t.Context())
	var wind sync.WaitGroup
	defer wind.Wait()
	defer stop()
	var mu sync.Mutex
	acknowledged := map[string]digest.Digest{}
	for writer := range 2 {
		id := fmt.Sprintf("acme/storm-%d", writer)
		wind.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				v := fmt.Sprintf("1.0.%d", i)
				d := s.publish(artifacttest.Version{ID: id, Version: v, Files: map[string]string{"a": id + v}})
				s.note(id, "", "about "+v, d)
				mu.Lock()
				acknowledged[id+":"+v] = d
				mu.Unlock()
			}
		})
	}
	wind.Go(func() {
		for i := 0; ctx.Err() == nil; i++ {
			s.note("free/deep/er", "moving", fmt.Sprint("text ", i), "")
			if i%3 == 0 {
				s.send(http.MethodDelete, "free/deep/er/manifests/moving", "", nil)
			}
		}
	})
	collections := 0
	wind.Go(func() {
		for ctx.Err() == nil {
			c := gc.New(s.Storage, s.Blocks, s, gc.Options{Grace: time.Millisecond, Log: slog.New(slog.DiscardHandler)})
			if _, err := c.Run(ctx, false); err != nil && ctx.Err() == nil {
				t.Errorf("gc: %v", err)
				return
			}
			collections++
		}
	})
	g := beside(t, dir)
	var last string
	for i := range 8 {
		mu.Lock()
		before := maps.Clone(acknowledged)
		mu.Unlock()
		id, m, _, err := backUp(t.Context(), vault, g)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range m.Damage {
			t.Errorf("backup %d: %s", i, d)
		}
		holds(t, vault, id, before)
		last = id
	}
	stop()
	wind.Wait()
	t.Logf("%d versions, %d collections", len(acknowledged), collections)
	back, damage := restore(t, vault, last, t.TempDir())
	for _, d := range damage {
		t.Error(d)
	}
	if err := back.Checks.Fsck(t.Context(), func(d driver.Damage) { t.Errorf("restored: %+v", d) }); err != nil {
		t.Error(err)
	}
}

// holds checks the backup id and looks for tags in it.
func holds(t *testing.T, vault, id string, tags map[string]digest.Digest) {
	t.Helper()
	v, err := Open(vault)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = v.Close() }()
	if err := v.Verify(t.Context(), []string{id}, nil, func(id string, d Damage) { t.Errorf("%s: %s", id, d) }); err != nil {
		t.Fatal(err)
	}
	m, err := v.Load(id)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]digest.Digest{}
	for _, repo := range m.Repositories {
		l, err := v.listing(repo)
		if err != nil {
			t.Fatal(err)
		}
		for _, tag := range l.Tags {
			found[repo.Name+":"+tag.Name] = tag.Digest
		}
	}
	for tag, d := range tags {
		if found[tag] != d {
			t.Errorf("%s: %s is %q, expected %s", id, tag, found[tag], d)
		}
	}
}
