package reserve

import (
	"os"
	"path/filepath"
	"testing"
)

// diskOf makes the disk of r as free as said, with the reserve's room besides.
func diskOf(t *testing.T, size int64) (r *Reserve, free *int64) {
	t.Helper()
	dir := t.TempDir()
	r, err := Open(dir, size)
	if err != nil {
		t.Fatal(err)
	}
	if r == nil {
		t.Skip("this system does not say how much is free")
	}
	free = new(int64)
	r.free = func(string) (int64, error) { return *free, nil }
	return r, free
}

// TestReserveIsGivenUpOnlyWhenNeeded: the states of the package comment (A8).
func TestReserveIsGivenUpOnlyWhenNeeded(t *testing.T) {
	t.Parallel()
	const size = 1 << 20
	r, free := diskOf(t, size)
	file := func() int64 {
		info, err := os.Stat(filepath.Join(filepath.Dir(r.path), Name))
		if err != nil {
			return 0
		}
		return info.Size()
	}
	if !r.Held() || file() != size || r.Bytes() != size {
		t.Fatalf("nothing is kept at first: %d bytes", file())
	}
	*free = size
	if given, err := r.Yield(); given || err != nil || !r.Held() {
		t.Fatalf("given up with room left: %v, %v", given, err)
	}
	*free = size/4 - 1
	if given, err := r.Yield(); !given || err != nil || r.Held() || file() != 0 {
		t.Fatalf("kept on a full disk: %v, %v, %d bytes", given, err, file())
	}
	if err := r.Refill(); err != nil || r.Held() {
		t.Fatalf("taken back without room: %v", err)
	}
	*free = size + size/2
	if err := r.Refill(); err != nil || !r.Held() || file() != size {
		t.Fatalf("not taken back: %v, %d bytes", err, file())
	}
}

// TestNoReserve: nil never refuses anything, and 0 removes an earlier one.
func TestNoReserve(t *testing.T) {
	t.Parallel()
	r, _ := diskOf(t, 1<<20)
	none, err := Open(filepath.Dir(r.path), 0)
	if err != nil || none != nil || !none.Held() || none.Bytes() != 0 {
		t.Fatalf("%v, %v", none, err)
	}
	if _, err := os.Stat(r.path); !os.IsNotExist(err) {
		t.Errorf("the earlier one stays: %v", err)
	}
}
