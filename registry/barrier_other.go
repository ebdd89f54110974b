//go:build !linux

package registry

// openBarrier makes none: every write is then synced by itself.
func openBarrier(string) (b *barrier, closer func() error, err error) {
	return nil, func() error { return nil }, nil
}
