package driver

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	storagedriver "github.com/distribution/distribution/v3/registry/storage/driver"

	"github.com/oarlock/oarlock/artifact/durable"
)

// fenceFolder keeps the files that a dirFence locks, below its root.
const fenceFolder = "oarlock/fence"

// fenceWait bounds the wait for somebody who writes a file right now.
const fenceWait = 10 * time.Second

// A dirFence fences a directory that several processes write to. What it holds
// while it compares and writes is a lock of the file system: a process that is
// stopped there keeps the others out, and one that ends writes no more.
type dirFence struct {
	root   string
	driver storagedriver.StorageDriver
}

func (f *dirFence) read(_ context.Context, at string) (Held, error) {
	content, err := os.ReadFile(filepath.Join(f.root, at))
	if errors.Is(err, fs.ErrNotExist) {
		return Held{}, storagedriver.PathNotFoundError{Path: at, DriverName: f.driver.Name()}
	}
	if err != nil {
		return Held{}, err
	}
	return Held{There: true, version: string(content), Content: string(content)}, nil
}

func (f *dirFence) replace(ctx context.Context, at string, content []byte, was Held) error {
	unlock, err := f.lock(ctx, at)
	if err != nil {
		return err
	}
	defer unlock()
	now, err := f.read(ctx, at)
	if err != nil && !IsNotFound(err) {
		return err
	}
	if now != was {
		return ErrMoved
	}
	return f.driver.PutContent(ctx, at, content)
}

func (f *dirFence) remove(ctx context.Context, dir, at string, was Held) error {
	unlock, err := f.lock(ctx, at)
	if err != nil {
		return err
	}
	defer unlock()
	now, err := f.read(ctx, at)
	if err != nil && !IsNotFound(err) {
		return err
	}
	if now != was {
		return ErrMoved
	}
	return f.driver.Delete(ctx, dir)
}

// lock excludes all others who replace the file at path. Many files share a lock.
func (f *dirFence) lock(ctx context.Context, at string) (unlock func(), err error) {
	dir := filepath.Join(f.root, fenceFolder)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	sum := fnv.New32a()
	sum.Write([]byte(at))
	file := filepath.Join(dir, fmt.Sprintf("%02x.lock", sum.Sum32()%64))
	ctx, cancel := context.WithTimeout(ctx, fenceWait)
	defer cancel()
	for {
		unlock, err := durable.Lock(file)
		if err == nil {
			return func() { _ = unlock() }, nil
		}
		if !errors.Is(err, durable.ErrLocked) {
			return nil, err
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("%w for %s: %w", err, fenceWait, ctx.Err())
		case <-time.After(2 * time.Millisecond):
		}
	}
}
